// A plain disk that is put on DRBD and taken off it, on either host, over fakes
// of device-mapper and DRBD: what the tables are afterwards, and that they are
// what they were when a step fails. That the real ones do the same is
// tests/nested/'s.
#include "replication/replica.h"

#include <sys/sysmacros.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "disks/block_contents.h"
#include "disks/block_devices.h"
#include "disks/loop_device.h"
#include "replication/resource_file.h"

#include "fake_device_mapper.h"

#include "check.h"  // last: its fail() is a macro

using namespace xl_colo;

namespace {

const char* const vg = "/dev/vg/web1";
const Route route{"ipv4 10.0.0.1", "ipv4 10.0.0.2", 7800};

std::map<std::string, dev_t> nodes;  // by path
std::map<std::string, std::string> heads;  // what a disk begins with
Sectors drbd_size = 1000;
uint64_t changes = 0;  // of a disk, as the kernel counts them

class FakeDrbd : public Drbd {
public:
    Result<std::vector<DrbdVolume>> volumes() override { return all; }
    Result<char> protocol(const std::string&) override { return 'C'; }
    Result<std::string> lower_device(const std::string&, unsigned) override
    {
        return std::string();
    }
    Status send_copies() override { return {}; }
    Status zero_what_is_discarded(const DrbdVolume&) override { return {}; }
    Status discard_as_configured(const DrbdVolume&) override { return {}; }
    Status promote(const std::string&) override { return {}; }
    Status demote(const std::string&) override { return {}; }
    Status disconnect(const std::string&) override { return {}; }
    Status connect(const std::string&, bool) override { return {}; }
    Status create_metadata(const std::string&) override
    {
        return faults.pass("create-md");
    }
    Status up(const std::string& resource) override
    {
        const Status s = faults.pass("up");
        if (s) {
            all.push_back(
                {resource, 0, 1000, "Secondary", "Inconsistent", 0, {}});
        }
        return s;
    }
    Status down(const std::string& resource) override
    {
        const Status s = faults.pass("down");
        if (s) {
            std::erase_if(all, [&](const DrbdVolume& one) {
                return one.resource == resource;
            });
        }
        return s;
    }
    Status promote_first(const std::string&) override
    {
        const Status s = faults.pass("promote");
        if (s) {
            all.front().role = "Primary";
            all.front().disk = "UpToDate";
        }
        return s;
    }

    std::vector<DrbdVolume> all;
    Faults faults;
};

class Bed {
public:
    Bed()
    {
        setenv("XL_COLO_STATE_DIR", (folder_.path() + "/state").c_str(), 1);
        setenv("XL_COLO_DRBD_DIR", folder_.path().c_str(), 1);
        nodes = {{vg, makedev(253, 7)}, {"/dev/sda1", makedev(8, 1)}};
        heads = {{vg, std::string(2 << 20, '\0')}};
        drbd_size = 1000;
        dm.names[makedev(253, 7)] = "vg-web1";
        dm.devices["vg-web1"].active = {{0, 1000, "linear", "8:1 2048"}};
    }

    bool has_resource_file() const
    {
        return std::filesystem::exists(folder_.path() +
                                       "/xl-colo-web1-xvda.res");
    }
    void configure(const char* resource) const
    {
        std::ofstream(folder_.path() + "/r0.res") << resource << '\n';
    }
    // As before any of it.
    void assert_untouched() const
    {
        assert_int_equal(dm.devices.size(), 1);
        assert_text(dm.active("vg-web1"), "linear 8:1 2048");
        assert_true(drbd.all.empty());
        assert_false(has_resource_file());
        assert_false(std::filesystem::exists(folder_.path() +
                                             "/state/web1-xvda.drbd"));
        assert_true(records_of_guest("web1").empty());
    }
    void take_over()
    {
        dm.devices["xl-colo-web1-xvda-0"].active = {
            {0, 1000, "linear", "147:1000 0"}};
    }

    FakeDeviceMapper dm;
    FakeDrbd drbd;
    ReplicaHost host{dm, drbd, std::chrono::milliseconds(0)};
    ReplicaRecord record{"web1-xvda", "web1", vg, "beta", "ssh", 7800};

private:
    const ScratchFolder folder_;
};

std::string why(const Status& s)
{
    return s ? "" : s.error().text();
}

class HeadOnly : public DeviceContents {
public:
    explicit HeadOnly(std::string head) : head_(std::move(head)) {}
    Bytes size() const override { return Bytes{head_.size()}; }
    Status read(uint64_t begin, std::span<uint8_t> to) override
    {
        std::copy_n(head_.begin() + static_cast<std::ptrdiff_t>(begin),
                    to.size(), to.begin());
        return {};
    }

private:
    const std::string head_;
};

}  // namespace

namespace xl_colo {

// In the place of those that ask the kernel.
std::optional<dev_t> block_device_at(const std::string& path)
{
    const auto node = nodes.find(path);
    return node == nodes.end() ? std::nullopt : std::optional(node->second);
}
std::string number_of(dev_t device)
{
    return std::to_string(major(device)) + ":" + std::to_string(minor(device));
}
Result<Sectors> size_of_block_device(const std::string&)
{
    return drbd_size;
}
Result<BlockActivity> block_activity(const std::string&)
{
    return BlockActivity{changes, 0};
}
Result<LoopDevice> make_loop_device(int)
{
    return LoopDevice{{}, "/dev/loop5", "7:5"};
}
Result<std::unique_ptr<DeviceContents>> open_contents(const std::string& path)
{
    return std::unique_ptr<DeviceContents>(
        std::make_unique<HeadOnly>(heads.at(path)));
}

}  // namespace xl_colo

// ---- where the guest is -----------------------------------------------------

static void disk_is_put_on_drbd_and_taken_off(void**)
{
    Bed bed;
    assert_text(why(bed.host.put_in(bed.record, route)), "");
    assert_text(bed.dm.active("vg-web1"), "linear 147:1000 0");
    assert_text(bed.dm.active("xl-colo-web1-xvda-plain"), "linear 8:1 2048");
    assert_text(bed.drbd.all.front().role, "Primary");
    assert_true(bed.has_resource_file());
    const auto records = records_of_guest("web1");
    assert_int_equal(records.size(), 1);
    assert_text(records.front().device, vg);
    assert_text(records.front().peer, "beta");
    assert_int_equal(records.front().port, 7800);
    assert_true(records.front().is_alone);

    assert_text(why(bed.host.take_out("web1-xvda")), "");
    bed.assert_untouched();
    assert_contains(why(bed.host.take_out("web1-xvda")),
                    "nothing here was put on DRBD");
}

// The guest's writes must not pass DRBD by once anybody reads what it sends.
static void guest_writes_to_drbd_only_once_it_is_primary(void**)
{
    Bed bed;
    std::string then;
    bed.drbd.faults.at("promote", 1,
                       [&] { then = bed.dm.active("vg-web1"); });
    assert_true(bool(bed.host.put_in(bed.record, route)));
    assert_text(then, "linear 8:1 2048");
}

static void step_that_fails_leaves_the_disk_as_it_was(void**)
{
    const Error fault(ErrorKind::io, "a fault");
    for (const char* call : {"create-md", "up", "promote"}) {
        print_message("  %s\n", call);
        Bed bed;
        bed.drbd.faults.let_fail(call, 1, fault);
        assert_contains(why(bed.host.put_in(bed.record, route)), "a fault");
        bed.assert_untouched();
    }
    for (const char* call : {"create", "load", "swap"}) {
        print_message("  %s\n", call);
        Bed bed;
        bed.dm.faults.let_fail(call, 1, fault);
        assert_contains(why(bed.host.put_in(bed.record, route)), "a fault");
        bed.assert_untouched();
    }
    Bed bed;
    drbd_size = 992;
    assert_contains(why(bed.host.put_in(bed.record, route)),
                    "a disk of 992 sectors of one of 1000");
    bed.assert_untouched();
}

// Two of a mirror's would each write to what is on its halves.
static void disk_that_must_not_be_there_twice_is_refused(void**)
{
    Bed bed;
    bed.dm.devices["vg-web1"].active = {
        {0, 500, "linear", "8:1 2048"}, {500, 500, "raid", "raid1 3 0"}};
    assert_contains(why(bed.host.put_in(bed.record, route)),
                    "is of device-mapper's kind \"raid\" here");
    assert_int_equal(bed.dm.devices.size(), 1);
    assert_true(bed.dm.done.empty());
}

static void disk_that_was_taken_over_is_the_plain_one_again(void**)
{
    Bed bed;
    // The plain disk is DRBD's own here: it was the replica.
    assert_true(bool(bed.host.join(bed.record, 1000, route)));
    bed.drbd.all.front().role = "Primary";
    bed.drbd.all.front().disk = "UpToDate";
    bed.take_over();
    assert_text(why(bed.host.take_out("web1-xvda")), "");
    assert_text(bed.dm.active("xl-colo-web1-xvda-0"),
                "linear /dev/mapper/vg-web1 0");
    assert_text(bed.dm.active("vg-web1"), "linear 8:1 2048");
    assert_true(bed.drbd.all.empty());

    // And the way in again, from beneath what the guest uses.
    nodes["/dev/mapper/xl-colo-web1-xvda-0"] = makedev(253, 9);
    bed.dm.names[makedev(253, 9)] = "xl-colo-web1-xvda-0";
    bed.dm.devices["xl-colo-web1-xvda-0"].active.front().parameters =
        "253:7 0";
    const auto plain =
        bed.host.plain_disk("/dev/mapper/xl-colo-web1-xvda-0");
    assert_true(bool(plain) && plain->has_value());
    assert_text(**plain, "/dev/mapper/vg-web1");
    assert_true(bool(bed.host.put_in(bed.record, route)));
    assert_text(bed.dm.active("xl-colo-web1-xvda-0"), "linear 147:1000 0");
    assert_text(bed.dm.active("vg-web1"), "linear 147:1000 0");
}

// A failover closed it: it must not serve anybody, and is back at the end.
static void disk_that_was_closed_is_opened_when_drbd_goes(void**)
{
    Bed bed;
    assert_true(bool(bed.host.put_in(bed.record, route)));
    bed.dm.devices["vg-web1"].active = {{0, 1000, "error", ""}};
    assert_text(why(bed.host.take_out("web1-xvda")), "");
    bed.assert_untouched();
}

static void disk_stays_on_drbd_while_it_serves_a_copy(void**)
{
    Bed bed;
    assert_true(bool(bed.host.put_in(bed.record, route)));
    bed.dm.devices["xl-colo-web1-xvda-0-kept-1"].active = {
        {0, 1000, "snapshot", ""}};
    assert_contains(why(bed.host.take_out("web1-xvda")),
                    "a copy's disk is kept on");
    bed.dm.devices.erase("xl-colo-web1-xvda-0-kept-1");
    bed.drbd.all.front().role = "Secondary";
    assert_contains(why(bed.host.take_out("web1-xvda")),
                    "is the replica here");
}

static void only_what_is_device_mappers_has_a_plain_disk(void**)
{
    Bed bed;
    const auto plain = bed.host.plain_disk("/dev/sda1");
    assert_true(bool(plain) && !plain->has_value());
    const auto none = bed.host.plain_disk("/var/lib/web1.img");
    assert_true(bool(none) && !none->has_value());
    const auto own = bed.host.plain_disk(vg);
    assert_true(bool(own) && own->has_value());
    assert_text(**own, vg);
}

// ---- the other one ----------------------------------------------------------

static void what_cannot_be_a_replica_is_refused(void**)
{
    const struct {
        const char* name;
        std::function<void(Bed&)> change;
        const char* why;
    } cases[] = {
        {"missing", [](Bed&) { nodes.erase(vg); },
         "there is no block device /dev/vg/web1 here: it must have a volume"},
        {"none of device-mapper's",
         [](Bed& bed) { bed.record.device = "/dev/sda1"; },
         "no volume of LVM's"},
        {"too small",
         [](Bed& bed) { bed.dm.devices["vg-web1"].active.front().length = 9; },
         "has 9 sectors here, and must have 1000"},
        {"of another kind",
         [](Bed& bed) {
             bed.dm.devices["vg-web1"].active.front().type = "thin";
         },
         "is of device-mapper's kind \"thin\" here"},
        {"in use", [](Bed& bed) { bed.dm.devices["vg-web1"].open = true; },
         "is in use here"},
        {"not blank", [](Bed&) { heads[vg][5000] = 'x'; },
         "holds something here"},
        {"of a host that had the guest alone when it went down",
         [](Bed& bed) {
             bed.record.in_use = bed.record.is_alone = true;
             (void)save(bed.record);
         },
         "\"xl-colo-replicate forget web1-xvda\" here"},
        {"not blank, and another disk was the replica",
         [](Bed& bed) {
             ReplicaRecord other = bed.record;
             other.device = "/dev/vg/other";
             other.in_use = true;
             (void)save(other);
             nodes["/dev/vg/other"] = makedev(253, 8);
             bed.dm.names[makedev(253, 8)] = "vg-other";
             heads[vg][0] = 'x';
         },
         "holds something here"},
        {"Primary here",
         [](Bed& bed) {
             bed.drbd.all = {
                 {"web1-xvda", 0, 1000, "Primary", "UpToDate", 0, {}}};
         },
         "has the guest run on both hosts"},
    };
    for (const auto& c : cases) {
        print_message("  %s\n", c.name);
        Bed bed;
        c.change(bed);
        assert_contains(why(bed.host.check(bed.record, 1000)), c.why);
        assert_contains(why(bed.host.join(bed.record, 1000, route)), c.why);
        assert_false(bed.has_resource_file());
        assert_int_equal(bed.drbd.faults.calls("create-md"), 0);
    }
}

static void replica_is_left_and_known_again(void**)
{
    Bed bed;
    assert_text(why(bed.host.join(bed.record, 1000, route)), "");
    assert_true(bed.has_resource_file());
    assert_text(bed.drbd.all.front().role, "Secondary");
    assert_text(bed.dm.active("vg-web1"), "linear 8:1 2048");
    // Again: it is up.
    assert_text(why(bed.host.join(bed.record, 1000, route)), "");
    assert_int_equal(bed.drbd.faults.calls("create-md"), 1);

    heads[vg] = "the guest's" + std::string(2 << 20, '\0');
    assert_text(why(bed.host.leave("web1-xvda")), "");
    assert_false(bed.has_resource_file());
    assert_true(records_of_guest("web1").empty());
    assert_text(why(bed.host.check(bed.record, 1000)), "");
    // Unless somebody has used it since, though it begins as it did.
    ++changes;
    assert_contains(why(bed.host.check(bed.record, 1000)),
                    "holds something here");
    --changes;
    heads[vg][7] = '!';
    assert_contains(why(bed.host.check(bed.record, 1000)),
                    "holds something here");
}

// Whoever is asked to leave it by the other host does not give up what that one
// may not know.
static void what_was_written_alone_goes_by_word_only(void**)
{
    Bed bed;
    heads[vg] = "the guest's" + std::string(2 << 20, '\0');
    bed.record.in_use = bed.record.is_alone = true;
    assert_true(bool(save(bed.record)));
    assert_text(why(bed.host.leave("web1-xvda")), "");
    assert_contains(why(bed.host.check(bed.record, 1000)),
                    "holds something here");
    assert_true(bool(save(bed.record)));
    assert_text(why(bed.host.leave("web1-xvda",
                                   ReplicaHost::WhatItHolds::may_go)), "");
    assert_text(why(bed.host.check(bed.record, 1000)), "");
}

// Two starts at the same time have chosen the same one.
static void port_that_was_taken_meanwhile_is_refused(void**)
{
    Bed bed;
    bed.configure("resource r0 { on a { address 10.0.0.1:7800; } }");
    assert_contains(why(bed.host.put_in(bed.record, route)),
                    "has been taken meanwhile");
    bed.assert_untouched();
}

// What a volume holds that was being copied, or merged.
static void disk_in_pieces_is_overwritten_and_no_source(void**)
{
    Bed bed;
    heads[vg] = "half of it" + std::string(2 << 20, '\0');
    bed.record.in_use = true;
    bed.record.is_whole = false;
    assert_true(bool(save(bed.record)));
    assert_contains(why(bed.host.put_in(bed.record, route)),
                    "holds no state of the disk");
    assert_text(bed.dm.active("vg-web1"), "linear 8:1 2048");
    bed.record.is_alone = true;
    assert_true(bool(save(bed.record)));
    assert_text(why(bed.host.check(bed.record, 1000)), "");
}

static void disk_whose_newest_is_elsewhere_stays_on_drbd(void**)
{
    Bed bed;
    assert_true(bool(bed.host.put_in(bed.record, route)));
    for (const char* state : {"Diskless", "Inconsistent", "Failed"}) {
        bed.drbd.all.front().disk = state;
        assert_contains(why(bed.host.take_out("web1-xvda")), state);
        assert_text(bed.dm.active("vg-web1"), "linear 147:1000 0");
    }
}

// Whoever is killed in put_in() leaves what take_out() undoes.
static void what_was_begun_can_be_taken_off(void**)
{
    Bed bed;
    bed.record.in_use = true;
    assert_true(bool(save(bed.record)));
    bed.dm.devices["xl-colo-web1-xvda-plain"].active =
        bed.dm.devices["vg-web1"].active;
    bed.drbd.all = {{"web1-xvda", 0, 1000, "Secondary", "Inconsistent", 0, {}}};
    assert_text(why(bed.host.take_out("web1-xvda")), "");
    bed.assert_untouched();
}

static void disk_that_was_taken_over_keeps_its_size(void**)
{
    Bed bed;
    bed.dm.devices["vg-web1"].active = {{0, 700, "linear", "8:1 2048"},
                                        {700, 800, "linear", "8:1 9000"}};
    assert_true(bool(bed.host.join(bed.record, 1000, route)));
    bed.drbd.all.front().role = "Primary";
    bed.drbd.all.front().disk = "UpToDate";
    bed.take_over();
    assert_text(why(bed.host.take_out("web1-xvda")), "");
    const auto& table = bed.dm.devices["xl-colo-web1-xvda-0"].active;
    assert_int_equal(table.size(), 1);
    assert_int_equal(table.front().length, 1000);
}

// Nobody knows what has been done with the disk since: all is copied anew.
static void host_that_went_down_begins_anew(void**)
{
    Bed bed;
    heads[vg] = "the guest's" + std::string(2 << 20, '\0');
    bed.record.in_use = true;
    assert_true(bool(save(bed.record)));
    assert_text(why(bed.host.join(bed.record, 1000, route)), "");
    assert_int_equal(bed.drbd.faults.calls("create-md"), 1);

    // As what its configuration says when it boots comes to.
    bed.drbd.all.front().disk = "Diskless";
    assert_text(why(bed.host.join(bed.record, 1000, route)), "");
    assert_int_equal(bed.drbd.faults.calls("create-md"), 2);
}

static void join_that_fails_leaves_nothing(void**)
{
    const Error fault(ErrorKind::io, "a fault");
    for (const char* call : {"create-md", "up"}) {
        Bed bed;
        bed.drbd.faults.let_fail(call, 1, fault);
        assert_contains(why(bed.host.join(bed.record, 1000, route)),
                        "a fault");
        bed.assert_untouched();
    }
}

static void primary_is_not_left(void**)
{
    Bed bed;
    assert_true(bool(bed.host.put_in(bed.record, route)));
    assert_contains(why(bed.host.leave("web1-xvda")), "is Primary here");
    assert_text(bed.dm.active("vg-web1"), "linear 147:1000 0");
    assert_text(why(Bed().host.leave("nothing")), "");
}

// ---- names and text ---------------------------------------------------------

static void names_that_drbd_cannot_have_are_refused(void**)
{
    assert_text(*replica_name("web1", "xvda"), "web1-xvda");
    assert_contains(replica_name("web 1", "xvda").error().text(),
                    "\"xl rename\" it");
}

static void resource_says_both_addresses_and_protocol(void**)
{
    const std::string text = resource_text(
        {"web1-xvda", 1001, "/dev/mapper/x-plain", "/dev/loop5",
         {"ipv6 [fe80::1]", "ipv6 [fe80::2]", 7801}});
    for (const char* part :
         {"resource \"web1-xvda\" {", "protocol C;", "on-io-error pass_on;",
          "device minor 1001;",
          "floating ipv6 [fe80::1]:7801 {", "floating ipv6 [fe80::2]:7801 {",
          "disk \"/dev/mapper/x-plain\";",
          "flexible-meta-disk \"/dev/loop5\";"}) {
        assert_contains(text, part);
    }
}

static void loopback_is_reached_from_loopback(void**)
{
    const auto there = route_to("root@127.0.0.1");
    assert_true(bool(there));
    assert_text(there->here, "ipv4 127.0.0.1");
    assert_text(there->there, "ipv4 127.0.0.1");
    assert_text(bare_address(there->there), "127.0.0.1");
    assert_text(bare_address("ipv6 [fe80::1]"), "fe80::1");
    assert_contains(route_to("no such host").error().text(),
                    "DRBD needs an address of no such host");
}

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(disk_is_put_on_drbd_and_taken_off),
        cmocka_unit_test(guest_writes_to_drbd_only_once_it_is_primary),
        cmocka_unit_test(step_that_fails_leaves_the_disk_as_it_was),
        cmocka_unit_test(disk_that_must_not_be_there_twice_is_refused),
        cmocka_unit_test(disk_that_was_taken_over_is_the_plain_one_again),
        cmocka_unit_test(disk_that_was_closed_is_opened_when_drbd_goes),
        cmocka_unit_test(disk_stays_on_drbd_while_it_serves_a_copy),
        cmocka_unit_test(only_what_is_device_mappers_has_a_plain_disk),
        cmocka_unit_test(what_cannot_be_a_replica_is_refused),
        cmocka_unit_test(replica_is_left_and_known_again),
        cmocka_unit_test(what_was_written_alone_goes_by_word_only),
        cmocka_unit_test(port_that_was_taken_meanwhile_is_refused),
        cmocka_unit_test(disk_in_pieces_is_overwritten_and_no_source),
        cmocka_unit_test(disk_whose_newest_is_elsewhere_stays_on_drbd),
        cmocka_unit_test(what_was_begun_can_be_taken_off),
        cmocka_unit_test(disk_that_was_taken_over_keeps_its_size),
        cmocka_unit_test(host_that_went_down_begins_anew),
        cmocka_unit_test(join_that_fails_leaves_nothing),
        cmocka_unit_test(primary_is_not_left),
        cmocka_unit_test(names_that_drbd_cannot_have_are_refused),
        cmocka_unit_test(resource_says_both_addresses_and_protocol),
        cmocka_unit_test(loopback_is_reached_from_loopback),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
