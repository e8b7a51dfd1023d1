// The walk over a guest's devices, and how a guest is refused by it.
#include "devices/device_set.h"

#include "fake_host.h"
#include "fake_log.h"
#include "test_device.h"

#include "check.h"  // last: its fail() is a macro

using namespace xl_colo;

namespace {

using Notes = std::vector<std::string>;

struct Two {
    Two()
    {
        set.add("a", std::make_unique<TestDevice>("a", notes, faults));
        set.add("b", std::make_unique<TestDevice>("b", notes, faults));
    }

    DeviceNotes notes;
    Faults faults;
    DeviceSet set;
};

// No device of this test looks at it.
Domain& domain()
{
    static FakeHost host("host");
    static auto its_domain =
        host.open(host.add_guest("guest")->domid, {});
    return **its_domain;
}

Error made_to_fail()
{
    return {ErrorKind::io, "made to fail"};
}

}  // namespace

static void moments_come_in_order_and_the_end_backwards(void**)
{
    Two two;
    const CheckpointNumber n{3};
    assert_true(bool(two.set.set_up(domain())));
    assert_true(bool(two.set.guest_stands(n)));
    assert_true(bool(two.set.committed(n)));
    assert_true(bool(two.set.may_run(n)));
    assert_true(bool(two.set.may_take_over()));
    two.set.take_over();
    two.set.protection_ended(State::taken_over);
    two.set.tear_down();
    two.set.tear_down();
    two.set.protection_ended(State::taken_over);
    assert_true(two.notes.all() ==
                Notes({"a set_up", "b set_up", "a guest_stands 3",
                       "b guest_stands 3", "a committed 3", "b committed 3",
                       "a may_run 3", "b may_run 3", "a may_take_over",
                       "b may_take_over", "a take_over", "b take_over",
                       "b protection_ended taken-over",
                       "a protection_ended taken-over", "b tear_down",
                       "a tear_down"}));
}

static void failed_set_up_is_undone_as_far_as_it_came(void**)
{
    for (const unsigned nth : {1u, 2u}) {
        Two two;
        two.faults.let_fail("device.set_up", nth, made_to_fail());
        const Status s = two.set.set_up(domain());
        assert_text(s.error().text(), std::string(nth == 1 ? "a" : "b") +
                                          ": cannot be set up: made to fail");
        assert_true(two.notes.all() ==
                    (nth == 1 ? Notes({"a set_up", "a tear_down"})
                              : Notes({"a set_up", "b set_up", "b tear_down",
                                       "a tear_down"})));
    }
}

static void failed_moment_names_the_device_and_ends_the_walk(void**)
{
    Two two;
    assert_true(bool(two.set.set_up(domain())));
    two.faults.let_fail("device.guest_stands", 1, made_to_fail());
    const Status s = two.set.guest_stands(CheckpointNumber{1});
    assert_text(s.error().text(),
                "a: cannot be stopped for a checkpoint: made to fail");
    two.set.tear_down();
    assert_true(two.notes.all() ==
                Notes({"a set_up", "b set_up", "a guest_stands 1",
                       "b tear_down", "a tear_down"}));
}

static void set_that_goes_out_of_scope_is_torn_down(void**)
{
    DeviceNotes notes;
    Faults faults;
    {
        DeviceSet set;
        set.add("a", std::make_unique<TestDevice>("a", notes, faults));
        assert_true(bool(set.set_up(domain())));
        DeviceSet other = std::move(set);
        assert_int_equal(notes.all().size(), 1);
    }
    assert_true(notes.all() == Notes({"a set_up", "a tear_down"}));
}

static void status_has_a_line_for_each(void**)
{
    Two two;
    const auto status = two.set.status();
    assert_int_equal(status.size(), 2);
    assert_true(status[1] == (DeviceStatus{"b", "test", "well"}));
}

// ---- kinds -----------------------------------------------------------------

namespace {

// Takes disks, and makes a TestDevice of each that is writable.
class TestKind : public DeviceKind {
public:
    explicit TestKind(DeviceNotes& notes, Faults& faults)
        : notes_(notes), faults_(faults)
    {
    }
    bool takes(const DeviceFacts& device) const override
    {
        return device.type == DeviceType::disk;
    }
    Status check(const std::vector<DeviceFacts>& mine) const override
    {
        return mine.size() <= 2 ? Status()
                                : Error(ErrorKind::refused, "too many disks");
    }
    std::unique_ptr<CheckpointDevice> make(
        const DeviceFacts& device, const DeviceContext& context) const override
    {
        notes_.note(device.name + " is " + std::to_string(context.nth) +
                    " of " + std::to_string(context.of));
        return device.writable ? std::make_unique<TestDevice>(device.name,
                                                              notes_, faults_)
                               : nullptr;
    }

private:
    DeviceNotes& notes_;
    Faults& faults_;
};

}  // namespace

static void device_that_no_kind_takes_is_refused(void**)
{
    DeviceNotes notes;
    Faults faults;
    const TestKind kind(notes, faults);
    const DeviceKind* const kinds[] = {&kind};
    const DeviceFacts disk{DeviceType::disk, "xvda", true};
    const DeviceFacts card{DeviceType::network_card, "00:16:3e:00:00:01"};
    assert_true(bool(check_devices(kinds, {})));
    assert_true(bool(check_devices(kinds, {disk, disk})));
    assert_text(check_devices(kinds, {disk, disk, disk}).error().text(),
                "too many disks");
    assert_contains(check_devices(kinds, {disk, card}).error().text(),
                    "knows how to protect (00:16:3e:00:00:01)");
}

// Devices that share something know their part of it.
static void each_knows_which_of_its_kind_it_is(void**)
{
    DeviceNotes notes;
    Faults faults;
    FakeLog log;
    const TestKind kind(notes, faults);
    const DeviceKind* const kinds[] = {&kind};
    const auto set = DeviceSet::make(
        kinds,
        {{DeviceType::disk, "xvda", true}, {DeviceType::disk, "xvdb", true}},
        {Role::primary, log, {}, {}, {}});
    assert_true(bool(set));
    assert_true(notes.all() == Notes({"xvda is 0 of 2", "xvdb is 1 of 2"}));
}

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(moments_come_in_order_and_the_end_backwards),
        cmocka_unit_test(failed_set_up_is_undone_as_far_as_it_came),
        cmocka_unit_test(failed_moment_names_the_device_and_ends_the_walk),
        cmocka_unit_test(set_that_goes_out_of_scope_is_torn_down),
        cmocka_unit_test(status_has_a_line_for_each),
        cmocka_unit_test(device_that_no_kind_takes_is_refused),
        cmocka_unit_test(each_knows_which_of_its_kind_it_is),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
