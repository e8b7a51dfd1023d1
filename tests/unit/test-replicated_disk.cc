// A disk on DRBD, on either host, with programs in drbdsetup's and drbdadm's
// place that keep a state in files, and no kernel: what is asked of which, and
// what becomes of the disk when one of them fails. That the real ones do the
// same is tests/nested/'s.
#include "disks/replicated_disk.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <deque>
#include <thread>

#include "disks/block_contents.h"
#include "disks/block_devices.h"
#include "disks/cow_store.h"
#include "disks/device_mapper.h"

#include "fake_device_mapper.h"
#include "fake_host.h"
#include "fake_log.h"

#include "check.h"  // last: its fail() is a macro

using namespace xl_colo;
using namespace std::chrono_literals;

namespace {

using Words = std::vector<std::string>;

const dev_t lower_device = makedev(253, 7);
FakeDeviceMapper* kernel = nullptr;  // that of the bed that there is
// What DRBD's device is found to be doing, look after look; the last one stays.
std::deque<BlockActivity> activities{{}};
std::string opened;  // to read a disk's contents

class BorrowedDeviceMapper : public DeviceMapper {
public:
    Result<std::optional<DmTable>> table(const std::string& name) override
    {
        return kernel->table(name);
    }
    Result<DmTable> status(const std::string& name) override
    {
        return kernel->status(name);
    }
    Result<bool> is_open(const std::string& name) override
    {
        return kernel->is_open(name);
    }
    Result<std::string> device_of(const std::string& name) override
    {
        return kernel->device_of(name);
    }
    Result<std::optional<std::string>> name_of(dev_t device) override
    {
        return kernel->name_of(device);
    }
    Status create(const std::string& name, const DmTable& table) override
    {
        return kernel->create(name, table);
    }
    Status load(const std::string& name, const DmTable& table) override
    {
        return kernel->load(name, table);
    }
    Status suspend(const std::string& name) override
    {
        return kernel->suspend(name);
    }
    Status swap(const std::string& name) override { return kernel->swap(name); }
    Status remove(const std::string& name) override
    {
        return kernel->remove(name);
    }
};

class NoStore : public CowStore {
public:
    std::string device() const override { return "7:0"; }
    Status clear() override { return {}; }
};

// Says what it finds in files of its folder; "fail-COMMAND" holds what the next
// one of that says when it fails, "fails-COMMAND" what each of them says.
// "looks" has a line for each look once discards are to be none: how many
// writes are not acknowledged then, and what was written.
constexpr const char* drbdsetup = R"(#!/bin/sh
cd "${0%/*}" || exit
if [ -e fails-setup ]; then cat fails-setup >&2; exit 1; fi
if [ -e "fails-$1" ]; then cat "fails-$1" >&2; exit 1; fi
unacked=0 written=100
if [ "$1" = events2 ] && [ -s looks ] && grep -q no discards; then
    read -r unacked written <looks
    sed -i 1d looks
fi
case $1 in
disk-options) printf '%s' "${3#--discard-zeroes-if-aligned=}" >discards ;;
show) echo "resource r0 { net { protocol $(cat protocol); } }" ;;
events2) echo "exists resource name:$(cat resource) role:$(cat role)
exists connection name:$(cat resource) peer-node-id:0 \
connection:$(cat connection) role:Secondary
exists device name:$(cat resource) volume:0 minor:0 disk:$(cat disk) \
written:$written
exists peer-device name:$(cat resource) peer-node-id:0 volume:0 \
replication:Established peer-disk:$(cat peer) out-of-sync:4 unacked:$unacked
exists -" ;;
esac
)";
constexpr const char* drbdadm = R"(#!/bin/sh
cd "${0%/*}" || exit
if [ "$1" = -d ]; then shift; fi
case $1 in sh-ll-dev | dump) ;; *) echo "$*" >>calls ;; esac
if [ "$1" = connect ]; then printf '%s' Connecting >connection; fi
for said in "fail-$1" "fails-$1"; do
    if [ -e "$said" ]; then
        cat "$said" >&2
        rm -f "fail-$1"
        exit 1
    fi
done
case $1 in
sh-ll-dev) cat lower ;;
dump) echo "resource r0 { disk { discard-zeroes-if-aligned $(cat configured); \
} }" ;;
primary) printf '%s' Primary >role ;;
secondary) printf '%s' Secondary >role ;;
disconnect) printf '%s' StandAlone >connection ;;
esac
)";

class Bed {
public:
    explicit Bed(Role role, bool verify_contents = false)
        : context_{role, log, [](const std::string&) {}, {}, {}, {},
                   verify_contents}
    {
        kernel = &dm;
        dm.devices["vg-r0"].active = {{0, 1064, "linear", "254:0 2048"}};
        dm.names[lower_device] = "vg-r0";
        install("drbdsetup", drbdsetup);
        install("drbdadm", drbdadm);
        setenv("PATH", (folder_.path() + ":" + path_).c_str(), 1);
        for (const auto& [key, value] :
             {std::pair("resource", "r0"), {"role", "Primary"},
              {"connection", "Connected"}, {"disk", "UpToDate"},
              {"peer", "UpToDate"}, {"protocol", "C"},
              {"lower", "/dev/vg/r0"}, {"configured", "yes"},
              {"discards", "yes"}}) {
            set(key, value);
        }
        if (role == Role::secondary) {
            set("role", "Secondary");
        }
    }
    ~Bed() { setenv("PATH", path_.c_str(), 1); }

    void set(const std::string& key, const std::string& value)
    {
        std::ofstream(folder_.path() + "/" + key) << value;
    }
    void forget(const std::string& key)
    {
        std::filesystem::remove(folder_.path() + "/" + key);
    }
    std::string get(const std::string& key) const
    {
        std::ostringstream text;
        text << std::ifstream(folder_.path() + "/" + key).rdbuf();
        return text.str();
    }
    // Of drbdadm since the last time.
    Words calls()
    {
        Words lines;
        std::istringstream all(get("calls"));
        for (std::string line; std::getline(all, line);) {
            lines.push_back(line);
        }
        set("calls", "");
        return lines;
    }
    std::unique_ptr<CheckpointDevice> make() const
    {
        return replicated_disk_kind().make(facts, context_);
    }
    std::string refused() const
    {
        const Status s = replicated_disk_kind().check_host({facts});
        return s ? "" : s.error().text();
    }
    std::string warnings() const
    {
        std::string all;
        for (const auto& line : log.lines()) {
            if (line.level >= LogLevel::warn) {
                all += line.text + "\n";
            }
        }
        return all;
    }
    // Only the lower device, as it was.
    bool has_no_layers() const
    {
        return dm.devices.size() == 1 &&
               dm.active("vg-r0") == "linear 254:0 2048";
    }

    FakeDeviceMapper dm;
    FakeLog log;
    DeviceFacts facts{DeviceType::disk, "xvda", true, true, {},
                      {"/dev/drbd0", true, false, "r0", 0}};

private:
    void install(const std::string& name, const char* text)
    {
        set(name, text);
        chmod((folder_.path() + "/" + name).c_str(), 0700);
    }

    const ScratchFolder folder_;
    const std::string path_ = std::getenv("PATH");
    const DeviceContext context_;
};

Domain& domain()  // no disk looks at it
{
    static FakeHost host("host");
    static auto its_domain = host.open(host.add_guest("guest")->domid, {});
    return **its_domain;
}

// Until the copy's disk is that of checkpoint 1.
std::unique_ptr<CheckpointDevice> kept(Bed& bed)
{
    auto disk = bed.make();
    DiskPaths instead;
    const CheckpointNumber first{0}, second{1};
    assert_true(bool(disk->prepare(instead)));
    assert_text(instead["xvda"], "/dev/mapper/xl-colo-r0-0");
    assert_true(bool(disk->other_stands(first)));
    assert_true(bool(disk->set_up(domain())));
    assert_true(bool(disk->other_stands(second)));
    assert_true(bool(disk->committed(second)));
    return disk;
}

template <typename Condition>
bool comes_true(const Condition& condition)
{
    for (int i = 0; i < 1000 && !condition(); ++i) {
        std::this_thread::sleep_for(10ms);
    }
    return condition();
}

}  // namespace

namespace xl_colo {

// In the place of those that ask the kernel.
std::unique_ptr<DeviceMapper> make_device_mapper()
{
    return std::make_unique<BorrowedDeviceMapper>();
}
std::optional<dev_t> block_device_at(const std::string& path)
{
    return path == "/dev/vg/r0"   ? std::optional(lower_device)
           : path == "/dev/drbd0" ? std::optional(makedev(147, 0))
                                  : std::nullopt;
}
std::string number_of(dev_t device)
{
    return std::to_string(major(device)) + ":" + std::to_string(minor(device));
}
Result<Sectors> size_of_block_device(const std::string&)
{
    return Sectors{1000};
}
Result<BlockActivity> block_activity(const std::string& number)
{
    assert_text(number, "147:0");
    if (activities.size() > 1) {
        activities.pop_front();
    }
    return activities.front();
}
Result<std::unique_ptr<DeviceContents>> open_contents(const std::string& path)
{
    opened = path;
    return std::unique_ptr<DeviceContents>();
}
Result<std::unique_ptr<CowStore>> make_memory_store(Bytes)
{
    return std::unique_ptr<CowStore>(std::make_unique<NoStore>());
}
Result<std::unique_ptr<CowStore>> make_file_store(const std::string&, Bytes)
{
    return std::unique_ptr<CowStore>(std::make_unique<NoStore>());
}

}  // namespace xl_colo

static void host_is_refused_what_is_not_in_step(void**)
{
    const struct {
        const char* key;
        const char* value;
        const char* why;
    } cases[] = {
        {"connection", "StandAlone", "is not connected (StandAlone)"},
        {"connection", "Connecting", "is not connected (Connecting)"},
        {"disk", "Diskless", "is Diskless here"},
        {"disk", "Inconsistent", "is Inconsistent here"},
        {"peer", "Inconsistent", "is Inconsistent on the other host"},
        {"peer", "Outdated", "is Outdated on the other host"},
        {"protocol", "A", "uses protocol A: only with protocol C"},
        {"protocol", "B", "uses protocol B"},
        {"resource", "r9", "no resource r0 with a volume 0: \"drbdadm up r0\""},
        {"lower", "/dev/sdb1", "is kept on /dev/sdb1 here: it must be a volume "
                               "of LVM's"},
        {"fails-setup", "no module", "drbdsetup events2 --now --statistics: "
                                     "no module"},
    };
    assert_text(Bed(Role::primary).refused(), "");
    for (const auto& c : cases) {
        print_message("  %s is %s\n", c.key, c.value);
        Bed bed(Role::primary);
        bed.set(c.key, c.value);
        assert_contains(bed.refused(), c.why);
        assert_true(bed.calls().empty());
    }
    Bed bed(Role::primary);
    bed.set("disk", "Inconsistent");
    bed.set("peer", "Inconsistent");
    assert_contains(bed.refused(), "never been synchronised");
}

static void original_that_falls_out_of_step_ends_protection(void**)
{
    const CheckpointNumber n{1};
    for (const auto& [key, value] :
         {std::pair("disk", "Diskless"), {"peer", "Diskless"},
          {"connection", "StandAlone"}, {"peer", "Inconsistent"}}) {
        print_message("  %s is %s\n", key, value);
        Bed bed(Role::primary);
        const auto disk = bed.make();
        assert_true(bool(disk->set_up(domain())));
        assert_true(bool(disk->may_commit(n)));
        bed.set(key, value);
        assert_contains(disk->may_commit(n).error().text(), value);
        disk->protection_ended(State::unprotected);
        disk->tear_down();
        // An admin's affair: nothing is connected or demoted behind his back.
        assert_true(bed.calls().empty());
        assert_text(bed.get("role"), "Primary");
    }
}

static void lost_secondary_is_waited_for_by_drbd_alone(void**)
{
    Bed bed(Role::primary);
    const auto disk = bed.make();
    assert_true(bool(disk->set_up(domain())));
    disk->other_is_lost();
    assert_true(bed.calls() ==
                Words({"disconnect --force r0", "connect r0"}));
    bed.set("fail-disconnect", "no such thing");
    disk->other_is_lost();
    assert_true(bed.calls() == Words({"disconnect --force r0"}));
    assert_contains(bed.warnings(),
                    "drbdadm disconnect --force r0: no such thing");
}

// drbdadm takes what needs more than 5 seconds for a failure.
static void connection_that_takes_its_time_is_none_that_fails(void**)
{
    Bed bed(Role::primary);
    const auto disk = bed.make();
    bed.set("fails-connect", "Command timed out");
    disk->other_is_lost();
    assert_text(bed.warnings(), "");
}

static void primary_without_its_guest_follows_the_other(void**)
{
    Bed bed(Role::primary);
    bed.dm.devices["xl-colo-r0-0"].active = {{0, 1000, "linear", "147:0 0"}};
    const auto disk = bed.make();
    bed.set("connection", "StandAlone");
    // The backend has it open for a moment yet.
    bed.set("fail-secondary", "State change failed: Device is held open");
    disk->protection_ended(State::ended);
    disk->tear_down();
    assert_true(bed.calls() ==
                Words({"secondary r0", "secondary r0", "disconnect --force r0",
                       "connect --discard-my-data r0"}));
    assert_text(bed.get("role"), "Secondary");
    assert_true(bed.has_no_layers());
    assert_text(bed.warnings(), "");
}

// What is compared must be what the other host has kept: nothing may be under
// way then, and nothing may come after it.
static void original_is_compared_when_all_of_it_was_kept(void**)
{
    const CheckpointNumber n{1};
    Bed bed(Role::primary, true);
    const auto disk = bed.make();
    assert_true(disk->has_contents());
    activities = {{0, 0}, {7, 3}, {9, 1}, {10, 0}, {11, 0}};
    assert_true(bool(disk->guest_stands(n)));
    assert_int_equal(activities.size(), 1);  // it has waited for the last
    opened = "";
    assert_true(bool(disk->contents()));
    assert_text(opened, "/dev/drbd0");

    activities = {{12, 0}};  // one more, that the backend had not begun
    opened = "";
    const auto none = disk->contents();
    assert_true(none && *none == nullptr);
    assert_text(opened, "");
    assert_true(bool(disk->guest_stands(n)));
    assert_true(bool(disk->contents()));
    assert_text(opened, "/dev/drbd0");
}

static void nobody_waits_where_nothing_is_compared(void**)
{
    Bed bed(Role::primary);
    activities = {{0, 0}, {0, 9}, {0, 9}};
    assert_true(bool(bed.make()->guest_stands(CheckpointNumber{1})));
    assert_int_equal(activities.size(), 3);
    activities = {{}};
}

static void copy_is_compared_as_of_the_checkpoint(void**)
{
    Bed bed(Role::secondary);
    const auto disk = kept(bed);
    assert_true(bool(disk->contents()));
    assert_text(opened, "/dev/mapper/xl-colo-r0-0");
}

static void copy_is_refused_what_is_not_in_step(void**)
{
    for (const auto& [key, value] :
         {std::pair("connection", "StandAlone"), {"disk", "Inconsistent"},
          {"disk", "Diskless"}, {"lower", "/dev/sdb1"}}) {
        Bed bed(Role::secondary);
        bed.set(key, value);
        const auto disk = bed.make();
        DiskPaths instead;
        assert_contains(disk->prepare(instead).error().text(), value);
        disk->tear_down();
        assert_true(instead.empty());
        assert_true(bed.has_no_layers());
        assert_true(bed.calls().empty());
    }
}

// With --output=compare: its backend must have let go of it before anybody
// looks at what it has written to, and the disk's contents are changed beneath
// a backend that waits.
static void copy_that_runs_is_released_and_begins_anew(void**)
{
    FakeHost host("host");
    const auto guest = host.add_guest("copy");
    const auto its_domain = host.open(guest->domid, {});
    Bed bed(Role::secondary);
    auto disk = bed.make();
    DiskPaths instead;
    const CheckpointNumber first{0}, second{1}, third{2};
    assert_true(bool(disk->prepare(instead)));
    assert_true(bool(disk->other_stands(first)));
    assert_true(bool(disk->set_up(**its_domain)));
    assert_true(bool(disk->may_run(first)));

    assert_true(bool(disk->guest_stands(second)));
    assert_true(guest->disk("xvda") == DiskConnection::released);
    assert_true(bool(disk->other_stands(second)));
    assert_true(bool(disk->committed(second)));
    assert_true(guest->disk("xvda") == DiskConnection::begins_anew);
    assert_text(bed.dm.active("xl-colo-r0-0"),
                "linear /dev/mapper/xl-colo-r0-0-kept-0 0");
    assert_true(bool(disk->may_run(second)));
    assert_true(guest->disk("xvda") == DiskConnection::made);

    // The primary is lost before the next is committed: it goes on as it was,
    // with its own writes, which are merged.
    assert_true(bool(disk->guest_stands(third)));
    assert_true(bool(disk->other_stands(third)));
    assert_true(bool(disk->may_take_over()));
    assert_text(bed.dm.active("xl-colo-r0-0"), "snapshot-merge 147:0 7:0 P 8");
    assert_true(bool(disk->may_run(second)));
    assert_true(guest->disk("xvda") == DiskConnection::restored);
}

// One that does not run has nothing to be let go of.
static void copy_that_stands_is_left_alone(void**)
{
    FakeHost host("host");
    const auto guest = host.add_guest("copy");
    const auto its_domain = host.open(guest->domid, {});
    Bed bed(Role::secondary);
    auto disk = bed.make();
    DiskPaths instead;
    assert_true(bool(disk->prepare(instead)));
    assert_true(bool(disk->other_stands(CheckpointNumber{0})));
    assert_true(bool(disk->set_up(**its_domain)));
    assert_true(bool(disk->guest_stands(CheckpointNumber{1})));
    assert_true(guest->disk("xvda") == DiskConnection::made);
}

static void copy_that_is_given_up_leaves_drbd_alone(void**)
{
    Bed bed(Role::secondary);
    const auto disk = kept(bed);
    assert_true(bed.dm.devices.size() > 1);
    disk->protection_ended(State::ended);
    disk->tear_down();
    assert_true(bed.has_no_layers());
    assert_true(bed.calls().empty());
}

// What is discarded while the lower device becomes an origin would be dropped,
// and the two disks differ; a longer one has DRBD give up its disk.
static void nothing_is_discarded_from_before_the_layers_on(void**)
{
    DiskPaths instead;
    {
        Bed bed(Role::secondary);
        bed.set("fails-disk-options", "no disk");
        assert_contains(bed.make()->prepare(instead).error().text(),
                        "drbdsetup disk-options 0 "
                        "--discard-zeroes-if-aligned=no: no disk");
        assert_true(bed.has_no_layers());
    }
    {
        Bed bed(Role::secondary);
        std::string discards;
        bed.dm.faults.at("create", 1, [&] { discards = bed.get("discards"); });
        bed.dm.faults.let_fail("create", 2, Error(ErrorKind::io, "no"));
        assert_false(bool(bed.make()->prepare(instead)));
        assert_text(discards, "no");
        assert_text(bed.get("discards"), "yes");
    }
    for (const char* configured : {"yes", "no"}) {
        Bed bed(Role::secondary);
        bed.set("configured", configured);
        const auto disk = kept(bed);
        assert_text(bed.get("discards"), "no");
        disk->protection_ended(State::ended);
        disk->tear_down();
        assert_true(bed.has_no_layers());
        assert_text(bed.get("discards"), configured);
    }
    // One that lost its disk meanwhile is not asked.
    Bed bed(Role::secondary);
    const auto disk = kept(bed);
    bed.set("disk", "Diskless");
    bed.set("fails-disk-options", "no disk");
    disk->protection_ended(State::ended);
    disk->tear_down();
    assert_text(bed.warnings(), "");
}

static void what_has_begun_to_be_discarded_is_waited_for(void**)
{
    for (const char* looks :
         {"1 100\n2 100\n0 100\n", "1 100\n1 100\n1 104\n"}) {
        Bed bed(Role::secondary);
        bed.set("looks", looks);
        const auto disk = bed.make();
        DiskPaths instead;
        assert_true(bool(disk->prepare(instead)));
        assert_text(bed.get("looks"), "");
        bed.set("looks", "1 104\n");  // the next one is not waited for
        assert_true(bool(disk->other_stands(CheckpointNumber{0})));
        assert_text(bed.get("looks"), "1 104\n");
    }
}

static void copy_that_is_held_keeps_its_state(void**)
{
    Bed bed(Role::secondary);
    const auto disk = kept(bed);
    const std::string state = bed.dm.active("xl-colo-r0-0");
    disk->protection_ended(State::held);
    disk->tear_down();
    assert_text(bed.dm.active("xl-colo-r0-0"), state);
    assert_true(bed.calls().empty());
}

// Never before DRBD here is Primary and alone: what is merged would go past it.
static void nothing_is_merged_before_drbd_is_primary(void**)
{
    Bed bed(Role::secondary);
    const auto disk = kept(bed);
    const std::string state = bed.dm.active("xl-colo-r0-0");
    bed.set("fail-disconnect", "busy");
    assert_contains(disk->may_take_over().error().text(), "busy");
    bed.set("fails-primary", "State change failed: Need access to UpToDate "
                             "data");
    assert_contains(disk->may_take_over().error().text(),
                    "drbdadm primary r0: State change failed: Need access to "
                    "UpToDate data");
    assert_contains(disk->may_take_over().error().text(), "Need access");
    assert_text(bed.dm.active("xl-colo-r0-0"), state);
    assert_true(bed.calls() ==
                Words({"disconnect --force r0", "disconnect --force r0",
                       "primary r0", "primary r0"}));

    // It is tried again, and goes on where it had got to.
    bed.forget("fails-primary");
    assert_true(bool(disk->may_take_over()));
    assert_true(bed.calls() == Words({"primary r0"}));
    assert_text(bed.dm.active("xl-colo-r0-0"), "snapshot-merge 147:0 7:0 P 8");
    disk->take_over();
    disk->protection_ended(State::taken_over);
    disk->tear_down();
    assert_true(comes_true([&] {
        return bed.get("calls").find("connect r0") != std::string::npos;
    }));
    assert_text(bed.dm.active("xl-colo-r0-0"), "linear 147:0 0");
    assert_text(bed.dm.active("vg-r0"), "linear 254:0 2048");
    assert_int_equal(bed.dm.devices.size(), 2);
    assert_text(bed.get("role"), "Primary");
    assert_text(bed.get("discards"), "yes");
    assert_true(bed.calls() == Words({"connect r0"}));
}

// The primary has its guest back, though DRBD here was promoted for the copy.
static void promotion_for_nothing_is_taken_back(void**)
{
    Bed bed(Role::secondary);
    const auto disk = kept(bed);
    assert_true(bool(disk->may_take_over()));
    (void)bed.calls();
    disk->protection_ended(State::ended);
    disk->tear_down();
    assert_true(bed.calls() ==
                Words({"secondary r0", "connect --discard-my-data r0"}));
    assert_true(bed.has_no_layers());
}

static void what_a_killed_process_left_is_gone_on_with(void**)
{
    Bed bed(Role::secondary);
    {
        const auto disk = kept(bed);
        disk->protection_ended(State::held);  // as good as killed
        disk->tear_down();
    }
    bed.set("connection", "Connecting");  // the primary is dead
    DeviceFacts facts = bed.facts;
    facts.disk = {"/dev/mapper/xl-colo-r0-0", true, false, "", 0};
    DeviceSet disks =
        adopt_disks(Role::secondary, domain(), {facts}, bed.log);
    assert_text(bed.warnings(), "");
    assert_true(bool(disks.may_take_over()));
    assert_true(bed.calls() == Words({"disconnect --force r0", "primary r0"}));
    assert_contains(bed.dm.active("xl-colo-r0-0"), "snapshot-merge 147:0");
}

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(host_is_refused_what_is_not_in_step),
        cmocka_unit_test(original_that_falls_out_of_step_ends_protection),
        cmocka_unit_test(lost_secondary_is_waited_for_by_drbd_alone),
        cmocka_unit_test(connection_that_takes_its_time_is_none_that_fails),
        cmocka_unit_test(primary_without_its_guest_follows_the_other),
        cmocka_unit_test(original_is_compared_when_all_of_it_was_kept),
        cmocka_unit_test(nobody_waits_where_nothing_is_compared),
        cmocka_unit_test(copy_is_compared_as_of_the_checkpoint),
        cmocka_unit_test(copy_is_refused_what_is_not_in_step),
        cmocka_unit_test(copy_that_runs_is_released_and_begins_anew),
        cmocka_unit_test(copy_that_stands_is_left_alone),
        cmocka_unit_test(copy_that_is_given_up_leaves_drbd_alone),
        cmocka_unit_test(nothing_is_discarded_from_before_the_layers_on),
        cmocka_unit_test(what_has_begun_to_be_discarded_is_waited_for),
        cmocka_unit_test(copy_that_is_held_keeps_its_state),
        cmocka_unit_test(nothing_is_merged_before_drbd_is_primary),
        cmocka_unit_test(promotion_for_nothing_is_taken_back),
        cmocka_unit_test(what_a_killed_process_left_is_gone_on_with),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
