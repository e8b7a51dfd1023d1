// Which requests reach a session, in which state, and what is answered.
#include "process/requests.h"

#include <thread>

#include "check.h"

using namespace xl_colo;

namespace {

class FakeCaretaker : public SessionControl {
public:
    void request_stop(const std::string& reason) override { asked = reason; }
    void request_failover() override { asked = "failover"; }
    void domains_changed() override { asked = "domains"; }

    std::string asked;
};

// Ends as soon as it is told to.
class FakeSession : public FakeCaretaker {
public:
    explicit FakeSession(Requests& requests) : requests_(requests) {}

    void request_stop(const std::string& reason) override
    {
        asked = reason;
        end({State::unprotected, reason, true});
    }
    void request_failover() override
    {
        asked = "failover";
        end({State::taken_over, "failover was asked for here", true});
    }

private:
    // From another thread, like a session, while somebody asks.
    void end(SessionEnd how)
    {
        thread_ = std::jthread([this, how] { requests_.session_ended(how); });
    }

    Requests& requests_;
    std::jthread thread_;
};

struct Served {
    explicit Served(Role role, State state)
    {
        SessionStatus status;
        status.role = role;
        status.peer = "beta";
        status.state = state;
        board = std::make_unique<StatusBoard>(status);
        requests = std::make_unique<Requests>(*board);
        control = std::make_unique<FakeSession>(*requests);
        requests->hand_to(control.get());
    }

    std::unique_ptr<StatusBoard> board;
    std::unique_ptr<Requests> requests;
    std::unique_ptr<FakeSession> control;
};

void primary_is_stopped(void**)
{
    Served served(Role::primary, State::protecting);
    assert_text(*served.requests->stop(), "protection ended: xl-colo-stop");
    assert_text(served.control->asked, "xl-colo-stop");
}

void secondary_is_not_stopped_behind_its_primarys_back(void**)
{
    Served served(Role::secondary, State::protecting);
    assert_contains(served.requests->stop().error().text(),
                    "run xl-colo-stop on beta");
    assert_text(served.control->asked, "");
}

// Its primary is lost, and nobody says that it is off.
void secondary_that_waits_for_the_fence_is_stopped(void**)
{
    Served served(Role::secondary, State::fencing);
    assert_contains(*served.requests->stop(), "protection ended");
    assert_text(served.control->asked, "xl-colo-stop");
}

void failover_is_for_the_secondary(void**)
{
    Served primary(Role::primary, State::protecting);
    assert_contains(primary.requests->failover().error().text(),
                    "run xl-colo-failover on beta");
    assert_text(primary.control->asked, "");

    Served secondary(Role::secondary, State::protecting);
    assert_contains(*secondary.requests->failover(), "the guest runs here");
}

void failover_wants_a_checkpoint(void**)
{
    Served served(Role::secondary, State::copying);
    assert_contains(served.requests->failover().error().text(),
                    "no checkpoint stands yet");
    assert_text(served.control->asked, "");
}

void stop_after_the_end_is_for_the_caretaker(void**)
{
    Served served(Role::primary, State::protecting);
    served.requests->session_ended(
        {State::unprotected, "secondary lost", false});
    FakeCaretaker caretaker;
    served.requests->hand_to(&caretaker);
    assert_contains(*served.requests->stop(), "had ended (secondary lost)");
    assert_text(caretaker.asked, "xl-colo-stop");
}

void request_with_nobody_there_waits(void**)
{
    Served served(Role::primary, State::protecting);
    served.requests->hand_to(nullptr);
    served.requests->signalled("SIGTERM");
    assert_text(served.control->asked, "");
    FakeCaretaker next;
    served.requests->hand_to(&next);
    assert_text(next.asked, "SIGTERM");

    served.requests->hand_to(nullptr);
    served.requests->domains_changed();
    FakeCaretaker another;
    served.requests->hand_to(&another);
    assert_text(another.asked, "domains");
}

void wish_to_stop_is_fulfilled_once(void**)
{
    Served served(Role::primary, State::protecting);
    served.requests->hand_to(nullptr);
    served.requests->signalled("SIGTERM");
    // Protection ends, by whatever it was.
    served.requests->session_ended(
        {State::unprotected, "secondary lost", false});
    FakeCaretaker caretaker;
    served.requests->hand_to(&caretaker);
    assert_text(caretaker.asked, "");
}

void caretaker_hears_of_a_stop_from_before_it_came(void**)
{
    Served served(Role::primary, State::protecting);
    served.requests->session_ended(
        {State::unprotected, "secondary lost", false});
    assert_contains(*served.requests->stop(), "had ended (secondary lost)");
    FakeCaretaker caretaker;
    served.requests->hand_to(&caretaker);
    assert_text(caretaker.asked, "xl-colo-stop");
}

}  // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(primary_is_stopped),
        cmocka_unit_test(secondary_is_not_stopped_behind_its_primarys_back),
        cmocka_unit_test(secondary_that_waits_for_the_fence_is_stopped),
        cmocka_unit_test(failover_is_for_the_secondary),
        cmocka_unit_test(failover_wants_a_checkpoint),
        cmocka_unit_test(stop_after_the_end_is_for_the_caretaker),
        cmocka_unit_test(request_with_nobody_there_waits),
        cmocka_unit_test(wish_to_stop_is_fulfilled_once),
        cmocka_unit_test(caretaker_hears_of_a_stop_from_before_it_came),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
