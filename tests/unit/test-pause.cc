// What the primary notes of a checkpoint, and what the status says of it.
#include "session/pause.h"

#include "check.h"

using namespace xl_colo;
using namespace std::chrono_literals;

namespace {

using TimePoint = CheckpointNotes::TimePoint;

constexpr TimePoint begun{1000s};

CheckpointNotes notes_of_a_checkpoint()
{
    CheckpointNotes notes;
    notes.number = CheckpointNumber{3};
    notes.begun = begun;
    notes.suspension = {begun + 2us, begun + 5us};
    notes.stood = begun + 9us;
    notes.a = Pages{11};
    notes.b = Pages{13};
    notes.copied = begun + 19us;
    notes.disk_wait = 1us;
    notes.may_run = begun + 22us;
    notes.resumed = begun + 25us;
    notes.sent = {Pages{20}, Pages{4}, Pages{3}, Bytes{4096}, Bytes{90000},
                  7us};
    notes.all_sent = begun + 33us;
    notes.committed = begun + 38us;
    notes.ran = begun + 47us;
    notes.copy = CopyPause{60us, 6us, 8us};
    notes.to_secondary = Bytes{500};
    notes.to_primary = Bytes{60};
    return notes;
}

void times_are_counted_from_where_they_begin(void**)
{
    const auto figures = figures_of(notes_of_a_checkpoint(), begun, {});
    assert_int_equal(figures.number.value(), 3);
    assert_int_equal(figures.acknowledge->count(), 2);
    assert_int_equal(figures.guest_suspend.count(), 5);
    assert_int_equal(figures.suspend.count(), 9);
    assert_int_equal(figures.copy.count(), 10);
    assert_int_equal(figures.buffer_wait.count(), 7);
    assert_int_equal(figures.disk_wait->count(), 1);
    assert_int_equal(figures.resume.count(), 3);
    assert_int_equal(figures.pause.count(), 25);
    assert_int_equal(figures.send.count(), 33);
    assert_int_equal(figures.commit.count(), 38);
    assert_int_equal(figures.both_run.count(), 47);
    assert_int_equal(figures.copy_pause->count(), 60);
    assert_int_equal(figures.copy_suspend->count(), 6);
    assert_int_equal(figures.copy_load->count(), 8);
}

void counts_are_handed_on(void**)
{
    const auto figures = figures_of(notes_of_a_checkpoint(), begun, {});
    assert_int_equal(figures.a->value(), 11);
    assert_int_equal(figures.b->value(), 13);
    assert_int_equal(figures.d.value(), 20);
    assert_int_equal(figures.left_out.value(), 4);
    assert_int_equal(figures.zeros.value(), 3);
    assert_int_equal(figures.saved.value(), 4096);
    assert_int_equal(figures.copied.value(), 90000);
    assert_int_equal(figures.to_secondary.value(), 500);
    assert_int_equal(figures.to_primary.value(), 60);
}

void guest_that_is_not_asked_acknowledges_nothing(void**)
{
    CheckpointNotes notes = notes_of_a_checkpoint();
    notes.suspension.acknowledged.reset();
    assert_false(figures_of(notes, begun, {}).acknowledge.has_value());
}

void taken_is_when_it_began_by_the_wall(void**)
{
    const WallClock::time_point wall{5000s};
    const auto figures =
        figures_of(notes_of_a_checkpoint(), begun + 60s, wall);
    assert_true(figures.taken == wall - 60s);
}

void growth_is_since_the_last_time(void**)
{
    Growth sent;
    assert_int_equal(sent.since_last(Bytes{100}).value(), 100);
    assert_int_equal(sent.since_last(Bytes{100}).value(), 0);
    assert_int_equal(sent.since_last(Bytes{107}).value(), 7);
}

}  // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(times_are_counted_from_where_they_begin),
        cmocka_unit_test(counts_are_handed_on),
        cmocka_unit_test(guest_that_is_not_asked_acknowledges_nothing),
        cmocka_unit_test(taken_is_when_it_began_by_the_wall),
        cmocka_unit_test(growth_is_since_the_last_time),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
