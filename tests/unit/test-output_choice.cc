// Which of the two modes is chosen for guests of whom it is known what either
// costs, how soon, and how much of the time goes into finding out.
#include "session/output_choice.h"

#include <functional>
#include <random>
#include <vector>

#include "check.h"

using namespace xl_colo;
using namespace std::chrono_literals;

namespace {

using Interval = OutputChoice::Interval;
using Time = OutputChoice::Time;

// What a guest's frames wait, in the mean, and how many it sends, from one
// checkpoint to the next, where the copy runs or stands.
struct Guest {
    Time runs, stands;
    uint64_t frames_runs = 400, frames_stands = 7;
    double noise = 0;  // by so much of it at most
    Time stood = 5ms;
};

// A session: the figures of an interval are there when the next one has begun.
class Session {
public:
    explicit Session(unsigned seed = 1) : random_(seed) {}

    void checkpoint(const Guest& guest)
    {
        std::uniform_real_distribution<double> noise(1 - guest.noise,
                                                     1 + guest.noise);
        const bool runs = choice.copy_runs();
        if (last_) {
            const bool before = choice.chosen_runs();
            choice.add(*last_);
            changes += choice.chosen_runs() != before ? 1 : 0;
        }
        const uint64_t frames =
            runs ? guest.frames_runs : guest.frames_stands;
        const Time wait = runs ? guest.runs : guest.stands;
        const auto waited = static_cast<double>(frames * wait.count());
        last_ = Interval{
            .copy_ran = runs,
            .output = {frames,
                       Time(static_cast<int64_t>(waited * noise(random_)))},
            .stood = guest.stood,
            .length = runs ? 1000ms : 60ms};
        ran += runs ? 1 : 0;
        ++all;
    }
    void checkpoints(unsigned count, const Guest& guest)
    {
        ran = all = changes = 0;
        for (unsigned i = 0; i < count; ++i) {
            checkpoint(guest);
        }
    }

    OutputChoice choice;
    unsigned ran = 0, all = 0, changes = 0;  // since checkpoints() began

private:
    std::mt19937 random_;
    std::optional<Interval> last_;
};

const Guest alike{.runs = 2ms, .stands = 80ms};
const Guest differs{.runs = 900ms, .stands = 80ms, .frames_runs = 3};
const Guest silent{.runs = 0ms, .stands = 0ms, .frames_runs = 0,
                   .frames_stands = 0};

}  // namespace

static void copy_stands_until_something_is_known(void**)
{
    OutputChoice choice;
    assert_false(choice.copy_runs());
    assert_false(choice.cost(true).has_value());
    assert_false(choice.cost(false).has_value());
    assert_text(choice.why(), "the other has not been measured yet");
}

static void guest_that_answers_alike_has_its_copy_run_soon(void**)
{
    Session session;
    session.checkpoints(10, alike);
    assert_true(session.choice.chosen_runs());
    assert_int_equal(session.changes, 1);
    session.checkpoints(2000, alike);
    assert_int_equal(session.changes, 0);
    assert_true(session.ran >= 1960);
    assert_text(session.choice.why(),
                "an answer waits 2 ms where the copy runs, 80 ms where it "
                "stands");
}

static void guest_that_answers_otherwise_keeps_a_copy_that_stands(void**)
{
    Session session;
    session.checkpoints(2000, differs);
    assert_int_equal(session.changes, 0);
    // After 4, 8, 16, ... 512, and each 512.
    assert_true(session.ran >= 8 * 3 && session.ran <= 11 * 3);
}

// The one that costs a tenth less is not worth a change, whatever chance does
// to the figures; nor are two that are no different to anybody.
static void noise_changes_nothing(void**)
{
    const std::vector<Guest> guests{
        {.runs = 74ms, .stands = 80ms, .noise = 0.1},
        {.runs = 86ms, .stands = 80ms, .noise = 0.1},
        {.runs = 80ms, .stands = 80ms, .noise = 0.12},
        {.runs = 100us, .stands = 900us, .noise = 0.1, .stood = 0ms},
    };
    for (const Guest& guest : guests) {
        for (unsigned seed = 0; seed < 20; ++seed) {
            Session session(seed);
            session.checkpoints(2000, guest);
            assert_int_equal(session.changes, 0);
        }
    }
}

// With any costs that differ enough, and any seed: the better one, soon.
static void the_one_that_costs_clearly_less_is_chosen(void**)
{
    std::mt19937 random(7);
    std::uniform_int_distribution<int> us(2000, 2'000'000);
    std::uniform_int_distribution<uint64_t> frames(1, 5000);
    unsigned tried = 0;
    while (tried < 500) {
        const Guest guest{.runs = Time(us(random)),
                          .stands = Time(us(random)),
                          .frames_runs = frames(random),
                          .frames_stands = frames(random),
                          .noise = 0.1,
                          .stood = 0ms};
        const auto [less, more] = std::minmax(guest.runs, guest.stands);
        if (less * 2 > more) {
            continue;
        }
        ++tried;
        Session session(tried);
        session.checkpoints(12, guest);
        assert_true(session.choice.chosen_runs() ==
                    (guest.runs < guest.stands));
        session.checkpoints(1000, guest);
        assert_int_equal(session.changes, 0);
        const unsigned in_use = guest.runs < guest.stands
                                    ? session.ran
                                    : session.all - session.ran;
        assert_true(in_use >= 960);
    }
}

static void guest_that_comes_to_answer_otherwise_is_noticed_at_once(void**)
{
    Session session;
    session.checkpoints(1500, alike);
    assert_true(session.choice.chosen_runs());
    // A copy that runs is seen to cost more: no need to wait for a try.
    session.checkpoints(512 / 8 + 8, differs);
    assert_false(session.choice.chosen_runs());
    assert_int_equal(session.changes, 1);
}

static void guest_that_comes_to_answer_alike_is_noticed_by_a_try(void**)
{
    Session session;
    session.checkpoints(1500, differs);
    session.checkpoints(512 + 8, alike);
    assert_true(session.choice.chosen_runs());
}

// One that is never what it seemed a moment ago: each change is what was
// measured, but there are few.
static void guest_that_turns_all_the_time_is_followed_ever_more_slowly(void**)
{
    Session session;
    unsigned changes = 0, all = 0;
    for (; all < 4000; ++all) {
        // Whatever is chosen is worse.
        const bool runs = session.choice.chosen_runs();
        const bool before = session.choice.chosen_runs();
        session.checkpoint(runs ? differs : alike);
        changes += session.choice.chosen_runs() != before ? 1 : 0;
    }
    print_message("  %u changes\n", changes);
    assert_true(changes < 80);
}

static void copy_of_a_guest_that_sends_nothing_stands(void**)
{
    Session session;
    session.checkpoints(100, alike);
    session.checkpoints(100, silent);
    assert_true(session.ran <= 5);
    assert_true(session.choice.because() == OutputChoice::Because::silent);
    assert_text(session.choice.why(), "the guest sends nothing");
    // It is tried no more, and what was found is not forgotten.
    assert_true(session.choice.chosen_runs());
    session.checkpoint(alike);
    session.checkpoint(alike);
    assert_true(session.choice.copy_runs());
}

// A checkpoint a second that has the guest stand for 400 ms, or one each ten
// seconds: a question waits 80 ms in the mean, or 8.
static void standstill_counts_for_the_part_of_the_time_that_it_takes(void**)
{
    for (const auto& [length, cost] :
         {std::pair(Time(1s), Time(80ms)), std::pair(Time(10s), Time(8ms)),
          std::pair(Time(400ms), Time(200ms)), std::pair(Time(0), Time(200ms)),
          // Clocks that are none.
          std::pair(Time(1ms), Time(200ms))}) {
        OutputChoice choice;
        choice.add({.copy_ran = true,
                    .output = {10, 0ms},
                    .stood = 400ms,
                    .length = length});
        assert_int_equal(choice.cost(true)->count(), cost.count());
        assert_false(choice.cost(false).has_value());
    }
    OutputChoice choice;
    choice.add({.copy_ran = false, .output = {10, 30ms}, .stood = 0ms,
                .length = 0ms});
    assert_int_equal(choice.cost(false)->count(), 3000);
}

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(copy_stands_until_something_is_known),
        cmocka_unit_test(guest_that_answers_alike_has_its_copy_run_soon),
        cmocka_unit_test(
            guest_that_answers_otherwise_keeps_a_copy_that_stands),
        cmocka_unit_test(noise_changes_nothing),
        cmocka_unit_test(the_one_that_costs_clearly_less_is_chosen),
        cmocka_unit_test(
            guest_that_comes_to_answer_otherwise_is_noticed_at_once),
        cmocka_unit_test(guest_that_comes_to_answer_alike_is_noticed_by_a_try),
        cmocka_unit_test(
            guest_that_turns_all_the_time_is_followed_ever_more_slowly),
        cmocka_unit_test(copy_of_a_guest_that_sends_nothing_stands),
        cmocka_unit_test(
            standstill_counts_for_the_part_of_the_time_that_it_takes),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
