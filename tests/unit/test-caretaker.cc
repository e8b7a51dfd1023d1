// What is done for a guest after its protection has ended: its shutdowns, and a
// suspend that comes too late.
#include "process/caretaker.h"

#include <thread>

#include "fake_host.h"
#include "fake_log.h"

#include "check.h"  // last: its fail() is a macro

using namespace xl_colo;

namespace {

// A caretaker at work, with a watch on the fake host's domains.
class Care {
public:
    explicit Care(bool may_suspend)
        : guest(host.add_guest("g")),
          thread_([this, may_suspend] {
              caretaker_.run(guest->domid, may_suspend);
          })
    {
    }

    void shut_down(GuestState state)
    {
        host.shut_down(guest->domid, state);
        caretaker_.domains_changed();
    }

    // What was reported until here has been looked at when this returns.
    void finish()
    {
        caretaker_.request_stop("test");
        thread_.join();
    }

    FakeHost host{"alpha"};
    FakeLog log;
    StatusBoard board{SessionStatus{}};
    std::shared_ptr<FakeGuest> guest;

private:
    Caretaker caretaker_{host, board, log};
    std::thread thread_;
};

void guest_that_suspends_too_late_is_resumed(void**)
{
    Care care(true);
    care.shut_down(GuestState::suspended);
    care.finish();
    assert_true(care.guest->runs());
    assert_true(care.log.says(LogLevel::notice, "suspended after all"));
}

void suspend_before_the_caretaker_came_counts(void**)
{
    FakeHost host("alpha");
    FakeLog log;
    StatusBoard board{SessionStatus{}};
    const auto guest = host.add_guest("g");
    host.shut_down(guest->domid, GuestState::suspended);
    Caretaker caretaker(host, board, log);
    caretaker.request_stop("test");
    caretaker.run(guest->domid, true);
    assert_true(guest->runs());
}

void suspend_of_somebody_else_is_left_alone(void**)
{
    Care care(false);
    care.shut_down(GuestState::suspended);
    care.finish();
    assert_int_equal(care.guest->state(), GuestState::suspended);
}

void only_one_suspend_was_asked_for(void**)
{
    Care care(true);
    care.shut_down(GuestState::suspended);
    while (!care.guest->runs()) {
        std::this_thread::yield();
    }
    care.shut_down(GuestState::suspended);
    care.finish();
    assert_int_equal(care.guest->state(), GuestState::suspended);
}

void guest_that_cannot_be_resumed_is_warned_of(void**)
{
    Care care(true);
    care.host.faults.let_fail("resume", 1, {ErrorKind::libxl, "injected"});
    care.shut_down(GuestState::suspended);
    care.finish();
    assert_int_equal(care.guest->state(), GuestState::suspended);
    const SessionStatus status = care.board.read();
    const Warning* warning = status.warning(WarningKind::guest_stands);
    assert_non_null(warning);
    assert_contains(warning->text, "cannot be resumed: injected");
}

void reboot_is_carried_out_and_its_domain_looked_after(void**)
{
    Care care(true);
    care.shut_down(GuestState::reboot);
    care.finish();
    assert_int_equal(care.guest->state(), GuestState::gone);
    assert_int_equal(care.host.last_guest()->state(), GuestState::running);
    assert_int_equal(care.board.read().domid.value(),
                     care.host.last_guest()->domid.value());
}

void poweroff_is_carried_out_and_ends_the_care(void**)
{
    Care care(false);
    care.shut_down(GuestState::poweroff);
    care.finish();
    assert_int_equal(care.guest->state(), GuestState::gone);
    assert_true(care.log.says(LogLevel::notice, "poweroff"));
}

}  // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(guest_that_suspends_too_late_is_resumed),
        cmocka_unit_test(suspend_before_the_caretaker_came_counts),
        cmocka_unit_test(suspend_of_somebody_else_is_left_alone),
        cmocka_unit_test(only_one_suspend_was_asked_for),
        cmocka_unit_test(guest_that_cannot_be_resumed_is_warned_of),
        cmocka_unit_test(reboot_is_carried_out_and_its_domain_looked_after),
        cmocka_unit_test(poweroff_is_carried_out_and_ends_the_care),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
