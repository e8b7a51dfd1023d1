// The copy's disk, by what is asked of device-mapper. That the kernel's keeps
// what it should is tests/nested/'s.
#include "disks/kept_disk.h"

#include <algorithm>

#include "fake_device_mapper.h"

#include "check.h"  // last: its fail() is a macro

using namespace xl_colo;

namespace {

using Names = std::vector<std::string>;

class NamedStore : public CowStore {
public:
    NamedStore(std::string device, unsigned& cleared, const bool& has_room)
        : device_(std::move(device)), cleared_(cleared), has_room_(has_room)
    {
    }
    std::string device() const override { return device_; }
    Status clear() override
    {
        ++cleared_;
        return {};
    }
    Status check_room() const override
    {
        return has_room_ ? Status() : Error(ErrorKind::refused, "is full");
    }

private:
    std::string device_;
    unsigned& cleared_;
    const bool& has_room_;
};

struct Bed {
    Bed()
        : disk(dm,
               {"xl-colo-r0-0", "vg-r0", "147:0", 1000, Bytes{1 << 20}},
               [this](size_t, const std::string& name, Bytes)
                   -> Result<std::unique_ptr<CowStore>> {
                   if (auto s = dm.faults.pass("store"); !s) {
                       return s.error();
                   }
                   // Where a test wants them to be device-mapper's, too.
                   if (stores_are_devices) {
                       (void)dm.create(name, {{0, 8, "linear", "8:0 0"}});
                   }
                   return std::unique_ptr<CowStore>(
                       std::make_unique<NamedStore>(
                           "7:" + std::to_string(stores++), cleared, has_room));
               })
    {
        dm.devices["vg-r0"].active = {{0, 1064, "linear", "254:0 2048"}};
    }

    // What device-mapper has, but for the lower device.
    Names devices() const
    {
        Names names;
        for (const auto& [name, device] : dm.devices) {
            if (name != "vg-r0") {
                names.push_back(name);
            }
        }
        return names;
    }
    bool is_as_before() const
    {
        return devices().empty() && dm.active("vg-r0") == "linear 254:0 2048";
    }

    FakeDeviceMapper dm;
    unsigned stores = 0, cleared = 0;
    bool has_room = true;
    bool stores_are_devices = false;
    KeptDisk disk;
};

constexpr const char* copy = "xl-colo-r0-0";
constexpr const char* on_kept_0 =
    "linear /dev/mapper/xl-colo-r0-0-kept-0 0";
constexpr const char* origin = "snapshot-origin /dev/mapper/xl-colo-r0-0-real";

}  // namespace

static void layers_come_and_go(void**)
{
    Bed bed;
    assert_true(bool(bed.disk.build()));
    assert_true(bed.devices() ==
                Names({copy, "xl-colo-r0-0-kept-0", "xl-colo-r0-0-real"}));
    assert_text(bed.dm.active(copy), on_kept_0);
    assert_text(bed.dm.active("vg-r0"), origin);
    // The origin splits writes for the snapshots that it had when it began.
    assert_text(bed.dm.done.back(), "swap vg-r0");
    assert_text(bed.dm.active("xl-colo-r0-0-real"), "linear 254:0 2048");
    // DRBD's metadata lie behind the disk, and go the same way.
    assert_int_equal(bed.dm.devices["vg-r0"].active.front().length, 1064);
    assert_int_equal(bed.dm.devices[copy].active.front().length, 1000);
    assert_true(bool(bed.disk.take_away()));
    assert_true(bed.is_as_before());
}

static void layers_that_fail_leave_nothing(void**)
{
    for (const char* what : {"store", "create", "load", "swap"}) {
        for (const unsigned nth : {1u, 2u, 3u}) {
            Bed bed;
            bed.stores_are_devices = std::string(what) == "store";
            bed.dm.faults.let_fail(what, nth, Error(ErrorKind::io, "no"));
            const Status s = bed.disk.build();
            assert_true(s || bed.is_as_before());
            assert_true(!s || nth > 1);
        }
    }
}

// Two of a mirror's would each write to what is on its halves.
static void lower_device_of_another_kind_is_refused(void**)
{
    for (const char* type : {"raid", "cache", "thin", "mirror"}) {
        Bed bed;
        bed.dm.devices["vg-r0"].active.front().type = type;
        const Status built = bed.disk.build();
        assert_false(bool(built));
        assert_contains(built.error().text(),
                        "only linear, striped and crypt can have layers");
        assert_true(bed.dm.done.empty());
    }
}

static void states_take_turns_and_count_when_committed(void**)
{
    Bed bed;
    assert_true(bool(bed.disk.build()));
    for (const unsigned next : {1u, 0u, 1u}) {
        const std::string number = std::to_string(next);
        const std::string kept = "xl-colo-r0-0-kept-" + number;
        const std::string before = bed.dm.active(copy);
        bed.dm.done.clear();
        assert_true(bool(bed.disk.keep()));
        assert_true(bed.dm.active(copy) == before);
        assert_true(bool(bed.disk.commit()));
        // There has been one all the time, so the origin need not start anew.
        const std::string last = "xl-colo-r0-0-kept-" +
                                 std::to_string(1 - next);
        assert_true(bed.dm.done ==
                    Names({"create " + kept + " snapshot "
                           "/dev/mapper/xl-colo-r0-0-real 7:" + number + " P 8",
                           "load xl-colo-r0-0 linear /dev/mapper/" + kept +
                               " 0",
                           "swap xl-colo-r0-0", "remove " + last}));
    }
    assert_true(bool(bed.disk.keep()));
    assert_true(bed.devices() ==
                Names({copy, "xl-colo-r0-0-kept-0", "xl-colo-r0-0-kept-1",
                       "xl-colo-r0-0-real"}));
    assert_true(bool(bed.disk.take_away()));
    assert_true(bed.is_as_before());
}

// That of the moment at which the layers came goes with no state of a guest.
static void nothing_that_was_not_committed_is_merged(void**)
{
    Bed bed;
    assert_true(bool(bed.disk.build()));
    assert_contains(bed.disk.begin_merge().error().text(), "no state");
    assert_true(bool(bed.disk.keep()));
    assert_contains(bed.disk.begin_merge().error().text(), "no state");
}

static void state_that_was_not_committed_is_given_up(void**)
{
    Bed bed;
    assert_true(bool(bed.disk.build()));
    assert_true(bool(bed.disk.keep()));
    assert_true(bool(bed.disk.commit()));
    assert_true(bool(bed.disk.keep()));
    bed.dm.done.clear();
    assert_true(bool(bed.disk.begin_merge()));
    // The snapshot is none any more before anything is merged: what is merged
    // would be kept by it, in the store that is being emptied.
    assert_true(bed.dm.done ==
                Names({"remove xl-colo-r0-0-kept-0", "suspend xl-colo-r0-0",
                       "load xl-colo-r0-0 snapshot-merge 147:0 7:1 P 8",
                       "load xl-colo-r0-0-kept-1 error",
                       "swap xl-colo-r0-0-kept-1", "swap xl-colo-r0-0",
                       "remove xl-colo-r0-0-kept-1"}));
    bed.dm.devices[copy].status = "32/2048 16";
    assert_false(*bed.disk.is_merged());
    bed.dm.devices[copy].status = "16/2048 16";
    assert_true(*bed.disk.is_merged());
    assert_true(bool(bed.disk.finish_merge()));
    assert_true(bed.devices() == Names({copy}));
    assert_text(bed.dm.active(copy), "linear 147:0 0");
    assert_text(bed.dm.active("vg-r0"), "linear 254:0 2048");
}

// A takeover is tried again each second.
static void merge_that_fails_may_be_begun_again(void**)
{
    for (const char* what : {"suspend", "load", "swap"}) {
        for (const unsigned nth : {1u, 2u}) {
            if (what == std::string("suspend") && nth == 2) {
                continue;  // there is one
            }
            Bed bed;
            assert_true(bool(bed.disk.build()));
            assert_true(bool(bed.disk.keep()));
            assert_true(bool(bed.disk.commit()));
            bed.dm.faults.let_fail(what, bed.dm.faults.calls(what) + nth,
                                   Error(ErrorKind::io, "no"));
            assert_false(bool(bed.disk.begin_merge()));
            // What the copy wrote now would not be merged once its exceptions
            // are read, and until then it is in nobody's way.
            assert_int_equal(bed.dm.devices[copy].suspended,
                             !bed.dm.devices[copy].next.empty());
            assert_true(bool(bed.disk.begin_merge()));
            assert_text(bed.dm.active(copy), "snapshot-merge 147:0 7:1 P 8");
            assert_false(bed.dm.devices[copy].suspended);
        }
    }
}

static void store_that_is_full_ends_it(void**)
{
    Bed bed;
    assert_true(bool(bed.disk.build()));
    assert_true(bool(bed.disk.keep()));
    assert_true(bool(bed.disk.commit()));
    bed.dm.devices["xl-colo-r0-0-kept-1"].status = "1600/2048 16";
    assert_int_equal(bed.disk.fill()->used, 1600);
    assert_true(bool(bed.disk.keep()));
    // While a checkpoint is under way, that of the state before matters no more
    // once this one is committed.
    bed.dm.devices["xl-colo-r0-0-kept-1"].status = "Invalid";
    assert_true(bed.disk.fill()->overflown);
    assert_true(bool(bed.disk.commit()));
    assert_false(bed.disk.fill()->overflown);

    assert_true(bool(bed.disk.keep()));
    bed.dm.devices["xl-colo-r0-0-kept-1"].status = "Overflow";
    assert_contains(bed.disk.commit().error().text(), "store");
    bed.dm.devices["xl-colo-r0-0-kept-0"].status = "Invalid";
    assert_contains(bed.disk.begin_merge().error().text(), "was full");
    // There was nothing to take over with since, and nobody was told.
    assert_contains(bed.disk.keep().error().text(), "was full");
}

// The kernel would say that there was an I/O error.
static void store_that_can_not_grow_is_named(void**)
{
    Bed bed;
    bed.has_room = false;
    assert_text(bed.disk.build().error().text(), "is full");
    assert_true(bed.devices().empty());
    bed.has_room = true;
    assert_true(bool(bed.disk.build()));
    bed.has_room = false;
    assert_text(bed.disk.keep().error().text(), "is full");
    bed.has_room = true;
    assert_true(bool(bed.disk.keep()));
    assert_true(bool(bed.disk.commit()));
}

// From then on nothing is kept of what the primary overwrites: there is no
// state any more to go on from. What the admin has made of the device stays.
static void lower_device_that_others_change_ends_it(void**)
{
    const DmTable changes[] = {
        {{0, 2064, "linear", "254:0 2048"}},             // lvextend
        {{0, 1064, "snapshot-origin", "/dev/mapper/x"}}  // lvcreate -s
    };
    for (const DmTable& change : changes) {
        Bed bed;
        assert_true(bool(bed.disk.build()));
        assert_true(bool(bed.disk.keep()));
        assert_true(bool(bed.disk.commit()));
        assert_true(bool(bed.disk.keep()));
        bed.dm.devices["vg-r0"].active = change;
        const std::string why = "somebody has changed vg-r0";
        assert_contains(bed.disk.keep().error().text(), why);
        assert_contains(bed.disk.commit().error().text(), why);
        assert_contains(bed.disk.begin_merge().error().text(), why);
        assert_true(bool(bed.disk.take_away()));
        assert_true(bed.devices().empty());
        assert_true(*bed.dm.table("vg-r0") == change);
    }
    Bed bed;
    assert_true(bool(bed.disk.build()));
    assert_true(bool(bed.disk.keep()));
    assert_true(bool(bed.disk.commit()));
    assert_true(bool(bed.disk.begin_merge()));
    bed.dm.devices["vg-r0"].active = changes[0];
    assert_true(bool(bed.disk.finish_merge()));
    assert_true(*bed.dm.table("vg-r0") == changes[0]);
}

static void leftovers_are_cleared_unless_they_are_in_use(void**)
{
    Bed bed;
    assert_true(bool(bed.disk.build()));
    assert_true(bool(bed.disk.keep()));
    assert_true(bool(bed.disk.commit()));
    // By a process that was killed; its copy is there yet.
    bed.dm.devices[copy].open = true;
    Bed next;
    next.dm.devices = bed.dm.devices;
    assert_contains(next.disk.build().error().text(), "in use");
    assert_true(next.dm.devices.size() == bed.dm.devices.size());
    next.dm.devices[copy].open = false;
    assert_true(bool(next.disk.build()));
    assert_text(next.dm.active("vg-r0"), origin);
    assert_text(next.dm.active("xl-colo-r0-0-real"), "linear 254:0 2048");
    assert_true(bool(next.disk.take_away()));
    assert_true(next.is_as_before());
}

// By a process that was killed, of a copy that is to go on, or to go.
static void what_was_left_can_be_adopted(void**)
{
    for (const bool goes_on : {true, false}) {
        Bed bed;
        assert_true(bool(bed.disk.build()));
        for (int i = 0; i < 2; ++i) {
            assert_true(bool(bed.disk.keep()));
            assert_true(bool(bed.disk.commit()));
        }
        assert_true(bool(bed.disk.keep()));
        Bed next;
        assert_false(bool(next.disk.adopt()));
        next.dm.devices = bed.dm.devices;
        assert_true(bool(next.disk.adopt()));
        if (!goes_on) {
            assert_true(bool(next.disk.take_away()));
            assert_true(next.is_as_before());
            continue;
        }
        assert_true(bool(next.disk.begin_merge()));
        // The last one that was committed.
        assert_text(next.dm.active(copy), "snapshot-merge 147:0 7:0 P 8");
        Bed third;
        third.dm.devices = next.dm.devices;
        assert_true(bool(third.disk.adopt()));
        assert_true(bool(third.disk.begin_merge()));
        assert_true(third.dm.done.empty());
        assert_true(*third.disk.is_merged());
        assert_true(bool(third.disk.finish_merge()));
        assert_text(third.dm.active("vg-r0"), "linear 254:0 2048");
    }
}

// Each that is on an admin's device is one of device-mapper's.
static void stores_on_a_device_go_with_the_layers(void**)
{
    const Names both{"xl-colo-r0-0-store-0", "xl-colo-r0-0-store-1"};
    const auto has_stores = [&](const FakeDeviceMapper& dm) {
        return std::ranges::any_of(
            both, [&](auto& name) { return dm.devices.contains(name); });
    };
    Bed bed;
    bed.stores_are_devices = true;
    assert_true(bool(bed.disk.build()));
    assert_true(bed.dm.devices.contains(both[0]) &&
                bed.dm.devices.contains(both[1]));
    assert_true(bool(bed.disk.keep()));
    assert_true(bool(bed.disk.commit()));

    Bed next;  // the process that made them was killed, and nobody adopts them
    next.dm.devices = bed.dm.devices;
    next.stores_are_devices = true;
    assert_true(bool(next.disk.build()));
    assert_true(bool(next.disk.take_away()));
    assert_true(next.is_as_before());

    Bed heir;  // or somebody does, and the copy goes on
    heir.dm.devices = bed.dm.devices;
    assert_true(bool(heir.disk.adopt()));
    assert_true(bool(heir.disk.begin_merge()));
    assert_true(has_stores(heir.dm));
    assert_true(bool(heir.disk.finish_merge()));
    assert_false(has_stores(heir.dm));

    assert_true(bool(bed.disk.begin_merge()));
    assert_true(has_stores(bed.dm));  // what is merged is in one of them
    assert_true(bool(bed.disk.finish_merge()));
    assert_false(has_stores(bed.dm));
}

static void merge_under_way_is_no_leftover(void**)
{
    Bed bed;
    assert_true(bool(bed.disk.build()));
    assert_true(bool(bed.disk.keep()));
    assert_true(bool(bed.disk.commit()));
    assert_true(bool(bed.disk.begin_merge()));
    bed.dm.devices[copy].status = "160/2048 16";
    Bed next;
    next.dm.devices = bed.dm.devices;
    assert_contains(next.disk.build().error().text(), "being merged");
    next.dm.devices[copy].status = "16/2048 16";
    assert_true(bool(next.disk.build()));
}

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(layers_come_and_go),
        cmocka_unit_test(layers_that_fail_leave_nothing),
        cmocka_unit_test(lower_device_of_another_kind_is_refused),
        cmocka_unit_test(states_take_turns_and_count_when_committed),
        cmocka_unit_test(nothing_that_was_not_committed_is_merged),
        cmocka_unit_test(state_that_was_not_committed_is_given_up),
        cmocka_unit_test(merge_that_fails_may_be_begun_again),
        cmocka_unit_test(store_that_is_full_ends_it),
        cmocka_unit_test(store_that_can_not_grow_is_named),
        cmocka_unit_test(lower_device_that_others_change_ends_it),
        cmocka_unit_test(leftovers_are_cleared_unless_they_are_in_use),
        cmocka_unit_test(stores_on_a_device_go_with_the_layers),
        cmocka_unit_test(merge_under_way_is_no_leftover),
        cmocka_unit_test(what_was_left_can_be_adopted),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
