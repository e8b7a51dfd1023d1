// The request to suspend, against guests and toolstacks that come between.
#include "domain/suspend_request.h"

#include <deque>
#include <thread>

#include "check.h"

using namespace xl_colo;
using namespace std::chrono_literals;

namespace {

// A node in which others do, one after another, what the test says: each time
// that somebody waits for it, one of them.
class SharedNode : public ShutdownNode {
public:
    using Doing = std::function<void(SharedNode&)>;

    explicit SharedNode(std::deque<Doing> others)
        : others_(std::move(others))
    {
    }

    Result<std::string> read() override
    {
        if (broken) {
            return Error(ErrorKind::io, "xenstored is gone");
        }
        return word;
    }
    Result<bool> replace(const std::string& from,
                         const std::string& to) override
    {
        if (broken || fixed) {
            return Error(ErrorKind::io, "xenstored is gone");
        }
        if (disturbed) {
            disturbed = false;
            return false;
        }
        if (word != from) {
            return false;
        }
        word = to;
        written.push_back(to);
        return true;
    }
    void wait(Clock::time_point) override
    {
        waits++;
        if (others_.empty()) {
            std::this_thread::sleep_for(1ms);
            return;
        }
        const Doing next = others_.front();
        others_.pop_front();
        next(*this);
    }

    // What a guest does with any word: first it takes that out.
    void guest_takes()
    {
        taken.push_back(word);
        word.clear();
    }
    void guest_stands() { runs = false; }

    std::string word;
    bool runs = true;
    bool disturbed = false;  // somebody writes during the next transaction
    bool broken = false;
    bool fixed = false;      // nothing can be written
    std::vector<std::string> written, taken;
    unsigned waits = 0;

private:
    std::deque<Doing> others_;
};

void guest_takes(SharedNode& node) { node.guest_takes(); }
void guest_stands(SharedNode& node) { node.guest_stands(); }
void nothing(SharedNode&) {}

using Words = std::vector<std::string>;

Result<SuspendAnswer> ask(SharedNode& node)
{
    return ask_to_suspend(node, [&node] { return node.runs; }, 60s);
}

// The same with a guest that is not going to do it.
Result<SuspendAnswer> ask_in_vain(SharedNode& node)
{
    return ask_to_suspend(node, [&node] { return node.runs; }, 30ms);
}

void a_guest_suspends(void**)
{
    SharedNode node({nothing, guest_takes, guest_stands});
    const auto answer = ask(node);
    assert_true(answer->stood && answer->taken);
    assert_false(answer->instead.has_value());
    assert_true(*answer->taken <= *answer->stood);
    assert_true(node.written == Words{"suspend"});
    assert_true(node.taken == Words{"suspend"});
}

// Before we have looked at the word again.
void a_guest_may_be_quick(void**)
{
    SharedNode node({[](SharedNode& n) {
        n.guest_takes();
        n.guest_stands();
    }});
    const auto answer = ask(node);
    assert_true(answer->stood && answer->taken);
    assert_true(node.written == Words{"suspend"});
}

// "xl shutdown" was a moment earlier.
void another_word_is_not_written_over(void**)
{
    SharedNode node({nothing, guest_takes, nothing, guest_stands});
    node.word = "poweroff";
    assert_true(ask(node)->stood.has_value());
    assert_true(node.taken == Words{"poweroff"});
}

// It comes between our look and our word, as a transaction finds out.
void another_word_that_comes_between_is_not_written_over(void**)
{
    SharedNode node({[](SharedNode& n) { n.word = "reboot"; }, guest_takes,
                     guest_takes, guest_stands});
    node.disturbed = true;
    assert_true(ask(node)->stood.has_value());
    assert_true(node.taken == (Words{"reboot", "suspend"}));
    assert_true(node.written == Words{"suspend"});
}

// xl does write over ours; the guest is about to shut down then.
void a_word_written_over_ours_is_left_there(void**)
{
    SharedNode node({[](SharedNode& n) { n.word = "poweroff"; }, guest_takes,
                     nothing, guest_stands});
    assert_true(ask(node)->stood.has_value());
    assert_true(node.taken == Words{"poweroff"});
    assert_true(node.written == Words{"suspend"});
}

// It takes nothing out any more, and nobody is to find the request there.
void a_guest_that_shuts_down_meanwhile_is_not_waited_for(void**)
{
    SharedNode node({guest_stands});
    const auto answer = ask(node);
    assert_true(answer->stood.has_value());
    assert_false(answer->taken.has_value());
    assert_true(node.written == (Words{"suspend", ""}));
    SharedNode stands({});
    stands.runs = false;
    assert_true(ask(stands)->stood.has_value());
    assert_true(stands.written.empty());
}

// An "xl save"'s, for one. The guest that suspends by it is not ours.
void a_request_of_somebody_else_is_not_ours(void**)
{
    SharedNode node({guest_stands});
    node.word = "suspend";
    const auto answer = ask(node);
    assert_true(answer->stood.has_value());
    assert_text(answer->instead.value(), "suspend");
    assert_true(node.written.empty());
    assert_text(node.word, "suspend");
}

void an_ignored_request_is_taken_back(void**)
{
    SharedNode node({});
    const auto answer = ask_in_vain(node);
    assert_false(answer->stood || answer->taken);
    assert_false(answer->instead.has_value());
    assert_true(node.written == (Words{"suspend", ""}));
    assert_text(node.word, "");
}

void a_request_that_was_taken_cannot_be_taken_back(void**)
{
    SharedNode node({guest_takes});
    const auto answer = ask_in_vain(node);
    assert_false(answer->stood.has_value());
    assert_true(answer->taken.has_value());
    assert_true(node.written == Words{"suspend"});
}

// It has as long as it had for taking the request.
void a_guest_that_has_taken_the_request_has_time(void**)
{
    const auto a_second = [](SharedNode&) { std::this_thread::sleep_for(1s); };
    SharedNode node({a_second, guest_takes, a_second, guest_stands});
    const auto answer =
        ask_to_suspend(node, [&node] { return node.runs; }, 1500ms);
    assert_true(answer->stood && answer->taken);
}

void a_word_that_the_guest_never_takes_leaves_no_room(void**)
{
    SharedNode node({});
    node.word = "poweroff";
    const auto answer = ask_in_vain(node);
    assert_false(answer->stood || answer->taken);
    assert_text(answer->instead.value(), "poweroff");
    assert_text(node.word, "poweroff");
    assert_true(node.written.empty());
}

// The node is the guest's as well: it could write there all day.
void a_guest_that_writes_without_end_is_given_up(void**)
{
    struct Busy : SharedNode {
        Busy() : SharedNode({}) {}
        void wait(Clock::time_point) override
        {
            waits++;
            word = word == "suspend" ? "nonsense" : "suspend";
        }
    } node;
    const auto answer = ask_in_vain(node);
    assert_false(answer->stood.has_value());
    assert_true(node.waits > 1);
}

// Whatever had been done before.
void a_broken_node_is_an_error(void**)
{
    SharedNode at_once({});
    at_once.broken = true;
    SharedNode after_the_request({[](SharedNode& n) { n.broken = true; }});
    SharedNode at_the_end({[](SharedNode& n) { n.fixed = true; }});
    for (SharedNode* node : {&at_once, &after_the_request, &at_the_end}) {
        const auto answer = ask_in_vain(*node);
        assert_false(static_cast<bool>(answer));
        assert_contains(answer.error().text(), "xenstored is gone");
    }
    assert_true(at_the_end.written == Words{"suspend"});
}

}  // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_guest_suspends),
        cmocka_unit_test(a_guest_may_be_quick),
        cmocka_unit_test(another_word_is_not_written_over),
        cmocka_unit_test(another_word_that_comes_between_is_not_written_over),
        cmocka_unit_test(a_word_written_over_ours_is_left_there),
        cmocka_unit_test(a_guest_that_shuts_down_meanwhile_is_not_waited_for),
        cmocka_unit_test(a_request_of_somebody_else_is_not_ours),
        cmocka_unit_test(an_ignored_request_is_taken_back),
        cmocka_unit_test(a_request_that_was_taken_cannot_be_taken_back),
        cmocka_unit_test(a_guest_that_has_taken_the_request_has_time),
        cmocka_unit_test(a_word_that_the_guest_never_takes_leaves_no_room),
        cmocka_unit_test(a_guest_that_writes_without_end_is_given_up),
        cmocka_unit_test(a_broken_node_is_an_error),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
