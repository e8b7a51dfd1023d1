// A device on each host is told of each moment, in the protocol's order, and
// may end an interval early.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <thread>

#include "base/bytes.h"

#include "session_pair.h"
#include "session_rules.h"
#include "test_device.h"

#include "check.h"  // last: its fail() is a macro

using namespace xl_colo;
using namespace std::chrono_literals;

namespace {

using Notes = std::vector<std::string>;

// Asks for a checkpoint when it may run after number 0, on one of the hosts.
class AskingDevice : public TestDevice {
public:
    AskingDevice(DeviceNotes& notes, Faults& faults, bool asks,
                 std::function<void(const std::string&)> ask)
        : TestDevice("disk", notes, faults), asks_(asks), ask_(std::move(ask))
    {
    }
    Status may_run(CheckpointNumber n) override
    {
        if (asks_ && n == CheckpointNumber{0}) {
            ask_("a block differs");
        }
        return TestDevice::may_run(n);
    }
    DeviceStatus status() const override
    {
        ++looks;
        return TestDevice::status();
    }

    static inline std::atomic<unsigned> looks{0};  // at the status of any

private:
    bool asks_;
    std::function<void(const std::string&)> ask_;
};

// Says when it stands, and hears what the other one says.
class TalkingDevice : public TestDevice {
public:
    TalkingDevice(DeviceNotes& notes, Faults& faults,
                  const DeviceContext& context)
        : TestDevice("disk", notes, faults), notes_(notes), context_(context)
    {
    }
    Status set_up(Domain& domain) override
    {
        context_.channel->listen(context_.place, [this](View words) {
            notes_.note("disk heard " + text_of(words));
            return text_of(words) == "lie"
                       ? Status(Error(ErrorKind::protocol, "that is a lie"))
                       : Status();
        });
        return TestDevice::set_up(domain);
    }
    Status guest_stands(CheckpointNumber n) override
    {
        const Status said = context_.channel->tell(
            context_.place, view_of(says.empty() ? std::to_string(n.value())
                                                 : says));
        return said ? TestDevice::guest_stands(n) : said;
    }
    void tear_down() override
    {
        context_.channel->listen(context_.place, {});
        TestDevice::tear_down();
    }

    std::string says;  // empty: the checkpoint's number

private:
    DeviceNotes& notes_;
    const DeviceContext context_;
};

class AnyDisk : public DeviceKind {
public:
    explicit AnyDisk(SessionPair& pair) : pair_(pair) {}

    bool takes(const DeviceFacts& device) const override
    {
        return device.type == DeviceType::disk;
    }
    Status check(const std::vector<DeviceFacts>&) const override { return {}; }
    std::unique_ptr<CheckpointDevice> make(
        const DeviceFacts&, const DeviceContext& context) const override
    {
        const bool primary = context.role == Role::primary;
        DeviceNotes& notes = primary ? on_primary : on_secondary;
        Faults& faults = primary ? pair_.primary_host.faults
                                 : pair_.secondary_host.faults;
        if (talks) {
            auto device =
                std::make_unique<TalkingDevice>(notes, faults, context);
            device->says = context.role == liar ? "lie" : "";
            return device;
        }
        return std::make_unique<AskingDevice>(
            notes, faults, asker == context.role, context.ask_for_checkpoint);
    }

    mutable DeviceNotes on_primary, on_secondary;
    std::optional<Role> asker;
    bool talks = false;
    std::optional<Role> liar;  // of those that talk

private:
    SessionPair& pair_;
};

// Two hosts, and a guest with one device.
struct WithDisk {
    WithDisk() : kind(pair)
    {
        pair.options.settings.devices = {{DeviceType::disk, "disk", true}};
        pair.options.kinds = kinds;
        pair.options.max_checkpoints = 2;
    }
    Faults& faults(Role host)
    {
        return host == Role::primary ? pair.primary_host.faults
                                     : pair.secondary_host.faults;
    }

    SessionPair pair;
    AnyDisk kind;
    const DeviceKind* const kinds[1] = {&kind};
};

size_t count(const Notes& notes, const std::string& what)
{
    return static_cast<size_t>(std::ranges::count(notes, "disk " + what));
}

}  // namespace

static void moments_of_a_session(void**)
{
    WithDisk with;
    const PairOutcome outcome = with.pair.run();
    assert_text(states(outcome), "unprotected/ended");
    assert_true(with.kind.on_primary.all() ==
                Notes({"disk set_up", "disk guest_will_stand 0",
                       "disk guest_stands 0", "disk may_run 0",
                       "disk may_commit 0", "disk committed 0",
                       "disk guest_will_stand 1", "disk guest_stands 1",
                       "disk may_run 1", "disk may_commit 1",
                       "disk committed 1", "disk guest_will_stand 2",
                       "disk guest_stands 2", "disk may_run 2",
                       "disk may_commit 2", "disk committed 2",
                       "disk protection_ended unprotected", "disk tear_down"}));
    assert_true(with.kind.on_secondary.all() ==
                Notes({"disk prepare", "disk other_stands 0", "disk set_up",
                       "disk may_run 0", "disk guest_stands 1",
                       "disk other_stands 1", "disk committed 1",
                       "disk may_run 1", "disk guest_stands 2",
                       "disk other_stands 2", "disk committed 2",
                       "disk may_run 2", "disk protection_ended ended",
                       "disk tear_down"}));
    for (const SideOutcome* side : {&outcome.primary, &outcome.secondary}) {
        assert_true(side->status.devices ==
                    std::vector<DeviceStatus>({{"disk", "test", "well"}}));
    }
}

// What a copy's device says before that stands has been heard before the
// primary's guest is to stand.
static void what_devices_say_to_each_other_comes_in_its_order(void**)
{
    WithDisk with;
    with.kind.talks = true;
    const PairOutcome outcome = with.pair.run();
    assert_text(states(outcome), "unprotected/ended");
    const Notes primary = with.kind.on_primary.all();
    const Notes secondary = with.kind.on_secondary.all();
    for (const std::string n : {"1", "2"}) {
        const auto heard = std::ranges::find(primary, "disk heard " + n);
        assert_true(heard != primary.end());
        assert_true(heard < std::ranges::find(
                                primary, "disk guest_will_stand " + n));
        const auto told = std::ranges::find(secondary, "disk heard " + n);
        assert_true(told != secondary.end());
        assert_true(told < std::ranges::find(secondary, "disk committed " + n));
    }
}

static void device_that_lies_ends_protection(void**)
{
    for (const Role liar : {Role::primary, Role::secondary}) {
        print_message("  %s\n", to_string(liar));
        WithDisk with;
        with.kind.talks = true;
        with.kind.liar = liar;
        const PairOutcome outcome = with.pair.run();
        assert_true(outcome.primary.end.state == State::unprotected);
        assert_contains(liar == Role::primary ? outcome.secondary.end.why
                                              : outcome.primary.end.why,
                        "that is a lie");
    }
}

// Not only at checkpoints, which may be far apart.
static void status_tells_of_devices_all_the_time(void**)
{
    WithDisk with;
    with.pair.options.max_checkpoints = 1;
    with.pair.options.settings.interval = std::chrono::milliseconds{3500};
    AskingDevice::looks = 0;
    const PairOutcome outcome = with.pair.run();
    assert_text(states(outcome), "unprotected/ended");
    // Each host at the two checkpoints, the secondary once more at the end, and
    // three times in between.
    assert_true(AskingDevice::looks >= 2 + 3 + 6);
}

static void device_that_cannot_be_set_up_ends_the_start(void**)
{
    for (const Role host : {Role::primary, Role::secondary}) {
        print_message("  %s\n", to_string(host));
        WithDisk with;
        with.faults(host).let_fail("device.set_up", 1,
                                   Error(ErrorKind::io, "no snapshot"));
        const PairOutcome outcome = with.pair.run();
        assert_text(states(outcome), "unprotected/ended");
        assert_contains(outcome.primary.end.why,
                        "disk: cannot be set up: no snapshot");
        assert_true(outcome.primary.runs);
        assert_true(outcome.secondary.guest == GuestState::gone);
        // On the primary before anything: its guest was not even suspended.
        assert_int_equal(count(with.kind.on_primary.all(), "guest_stands 0"),
                         host == Role::primary ? 0 : 1);
        assert_int_equal(count(with.kind.on_primary.all(), "tear_down"), 1);
        // The copy's has been prepared by then.
        assert_int_equal(count(with.kind.on_secondary.all(), "tear_down"), 1);
    }
}

static void moment_that_fails_ends_protection(void**)
{
    for (const Role host : {Role::primary, Role::secondary}) {
        for (const char* moment :
             {"guest_stands", "committed", "may_run",
              host == Role::primary ? "may_commit" : "other_stands"}) {
            print_message("  %s: %s\n", to_string(host), moment);
            WithDisk with;
            with.faults(host).let_fail(std::string("device.") + moment, 2,
                                       Error(ErrorKind::io, "made to fail"));
            const PairOutcome outcome = with.pair.run();
            assert_text(states(outcome), "unprotected/ended");
            assert_contains(outcome.primary.end.why, "made to fail");
            assert_true(outcome.primary.runs);
            assert_true(outcome.secondary.guest == GuestState::gone);
            assert_int_equal(count(with.kind.on_primary.all(), "tear_down"),
                             1);
            assert_int_equal(count(with.kind.on_secondary.all(), "tear_down"),
                             1);
        }
    }
}

static void copy_that_takes_over_tells_its_device(void**)
{
    WithDisk with;
    with.pair.wire.fault(FrameType::SUSPENDED, 2, WireFault::cut);
    const PairOutcome outcome = with.pair.run();
    assert_true(outcome.secondary.end.state == State::taken_over);
    const Notes notes = with.kind.on_secondary.all();
    // From its own state: number 2 was not committed.
    assert_int_equal(count(with.kind.on_primary.all(), "other_is_lost"), 1);
    const Notes end(notes.end() - 6, notes.end());
    assert_true(end == Notes({"disk guest_stands 2", "disk may_take_over",
                              "disk may_run 1", "disk take_over",
                              "disk protection_ended taken-over",
                              "disk tear_down"}));
}

// Before libxl builds anything.
static void device_that_cannot_be_prepared_ends_the_start(void**)
{
    WithDisk with;
    with.faults(Role::secondary)
        .let_fail("device.prepare", 1, Error(ErrorKind::io, "no store"));
    const PairOutcome outcome = with.pair.run();
    assert_text(states(outcome), "unprotected/ended");
    assert_contains(outcome.primary.end.why,
                    "disk: cannot be prepared: no store");
    assert_true(outcome.primary.runs);
    // The primary, which does not know yet, may come as far as STANDS.
    const Notes notes = with.kind.on_secondary.all();
    assert_text(notes.front().c_str(), "disk prepare");
    assert_int_equal(count(notes, "tear_down"), 1);
    assert_int_equal(count(notes, "set_up"), 0);
    assert_null(with.pair.secondary_host.last_guest().get());
}

// The primary's guest does not go on before the copy's device has kept what
// there is, and that is after it stands.
static void primary_waits_until_the_other_has_kept(void**)
{
    WithDisk with;
    with.pair.wire.fault(FrameType::KEPT, 2, WireFault::cut);
    const PairOutcome outcome = with.pair.run();
    const Notes notes = with.kind.on_primary.all();
    assert_int_equal(count(notes, "guest_stands 1"), 1);
    assert_int_equal(count(notes, "may_commit 1"), 0);
    assert_true(outcome.secondary.end.state == State::taken_over);
    assert_int_equal(count(with.kind.on_secondary.all(), "other_stands 1"), 1);
    assert_int_equal(count(with.kind.on_secondary.all(), "committed 1"), 0);
}

// The interval would be an hour.
static void device_has_a_checkpoint_begin_early(void**)
{
    for (const Role host : {Role::primary, Role::secondary}) {
        print_message("  %s\n", to_string(host));
        WithDisk with;
        with.kind.asker = host;
        with.pair.options.settings.interval = 1h;
        with.pair.options.max_checkpoints = 1;
        const PairOutcome outcome = with.pair.run();
        assert_text(states(outcome), "unprotected/ended");
        assert_true(outcome.primary.end.orderly);
        assert_int_equal(outcome.primary.status.checkpoints, 2);
    }
}

static void guest_with_a_device_of_no_kind_is_not_protected(void**)
{
    WithDisk with;
    with.pair.options.settings.devices.push_back(
        {DeviceType::network_card, "00:16:3e:00:00:01"});
    const PairOutcome outcome = with.pair.run();
    assert_text(states(outcome), "unprotected/ended");
    assert_contains(outcome.primary.end.why, "00:16:3e:00:00:01");
    assert_true(with.kind.on_primary.all().empty());
}

// ---- what others attach and detach ------------------------------------------

namespace {

const char* const attached = "network card 00:16:3e:00:00:02 was attached";

// Once the primary has nothing to do for an hour; its session is on the thread
// that runs the pair.
void once_protected(SessionPair& pair, std::function<void()> action)
{
    pair.options.settings.interval = 1h;
    pair.options.on_protected = [primary = std::this_thread::get_id(),
                                 action = std::move(action)] {
        if (std::this_thread::get_id() == primary) {
            action();
        }
    };
}

void expect_ended_for_devices(const PairOutcome& outcome)
{
    assert_text(states(outcome), "unprotected/ended");
    assert_false(outcome.primary.end.orderly);
    assert_contains(outcome.primary.end.why, attached);
    assert_contains(outcome.primary.end.why, "start protection again");
    assert_contains(outcome.secondary.end.why, attached);
    assert_true(outcome.primary.runs);
    assert_true(outcome.secondary.guest == GuestState::gone);
    assert_true(broken_rules(outcome).empty());
}

}  // namespace

static void other_devices_end_protection_at_once(void**)
{
    WithDisk with;
    once_protected(with.pair,
                   [&] { with.pair.guest().change_devices(attached); });
    const PairOutcome outcome = with.pair.run();
    expect_ended_for_devices(outcome);
    assert_int_equal(outcome.primary.status.checkpoints, 1);
}

// Nobody has heard of them when the guest has stood for checkpoint 1.
static void checkpoint_with_other_devices_is_not_committed(void**)
{
    WithDisk with;
    with.faults(Role::primary).at("device.may_run", 2, [&] {
        with.pair.guest().change_devices(attached, FakeGuest::Heard::later);
    });
    const PairOutcome outcome = with.pair.run();
    expect_ended_for_devices(outcome);
    const auto& frames = outcome.frames;
    assert_int_equal(frames.at(FrameType::DEVICE_STATE), 1);
    assert_int_equal(frames.at(FrameType::COMMITTED), 1);
    assert_int_equal(count(with.kind.on_primary.all(), "may_commit 1"), 0);
}

static void devices_that_changed_before_the_start_end_it(void**)
{
    WithDisk with;
    with.pair.guest().change_devices(attached, FakeGuest::Heard::later);
    const PairOutcome outcome = with.pair.run();
    expect_ended_for_devices(outcome);
    assert_int_equal(count(with.kind.on_primary.all(), "set_up"), 0);
}

// What is detached fails at the next moment: that is not what the admin is to
// look into.
static void other_devices_are_named_before_what_fails_of_them(void**)
{
    WithDisk with;
    with.faults(Role::primary).at("device.guest_will_stand", 2, [&] {
        with.pair.guest().change_devices(attached, FakeGuest::Heard::later);
    });
    with.faults(Role::primary)
        .let_fail("device.guest_stands", 2, Error(ErrorKind::io, "no such"));
    expect_ended_for_devices(with.pair.run());
}

// "xl destroy" pauses the guest, then takes its devices, then it.
static void guest_that_is_destroyed_is_not_one_with_other_devices(void**)
{
    WithDisk with;
    std::thread destroyer;
    with.pair.options.until_gone = 20s;
    once_protected(with.pair, [&] {
        (void)with.pair.guest().pause();
        with.pair.guest().change_devices("disk xvda was detached");
        destroyer = std::thread([&] {
            std::this_thread::sleep_for(300ms);
            with.pair.guest().destroy();
        });
    });
    const PairOutcome outcome = with.pair.run();
    destroyer.join();
    assert_contains(outcome.primary.end.why, "the guest has stopped: ");
    assert_true(outcome.primary.end.orderly);
    assert_true(outcome.secondary.guest == GuestState::gone);
}

int main()
{
    std::signal(SIGPIPE, SIG_IGN);
    alarm(300);  // a session that does not end fails
    const CMUnitTest tests[] = {
        cmocka_unit_test(moments_of_a_session),
        cmocka_unit_test(what_devices_say_to_each_other_comes_in_its_order),
        cmocka_unit_test(device_that_lies_ends_protection),
        cmocka_unit_test(status_tells_of_devices_all_the_time),
        cmocka_unit_test(device_that_cannot_be_set_up_ends_the_start),
        cmocka_unit_test(device_that_cannot_be_prepared_ends_the_start),
        cmocka_unit_test(moment_that_fails_ends_protection),
        cmocka_unit_test(primary_waits_until_the_other_has_kept),
        cmocka_unit_test(copy_that_takes_over_tells_its_device),
        cmocka_unit_test(device_has_a_checkpoint_begin_early),
        cmocka_unit_test(guest_with_a_device_of_no_kind_is_not_protected),
        cmocka_unit_test(other_devices_end_protection_at_once),
        cmocka_unit_test(checkpoint_with_other_devices_is_not_committed),
        cmocka_unit_test(devices_that_changed_before_the_start_end_it),
        cmocka_unit_test(other_devices_are_named_before_what_fails_of_them),
        cmocka_unit_test(guest_that_is_destroyed_is_not_one_with_other_devices),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
