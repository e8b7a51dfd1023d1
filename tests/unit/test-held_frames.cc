// What waits, in which order it goes, and which checkpoint lets it go.
#include "network/held_frames.h"

#include <algorithm>
#include <deque>
#include <vector>

#include "check.h"

using namespace xl_colo;
using namespace std::chrono_literals;

namespace {


// Bytes that tell which frame it is, and of which length.
Buffer frame(unsigned number, size_t size = 64)
{
    Buffer bytes(size, static_cast<uint8_t>(number * 37));
    bytes[20] = static_cast<uint8_t>(number);
    bytes[21] = static_cast<uint8_t>(number >> 8);
    return bytes;
}

void push(HeldFrames& held, unsigned number, size_t size = 64)
{
    const Buffer bytes = frame(number, size);
    held.push(TapFrame(bytes));
}

struct Gone {
    std::vector<Buffer> frames;

    HeldFrames::Sink sink()
    {
        return [this](TapFrame one) {
            frames.emplace_back(one.bytes().begin(), one.bytes().end());
        };
    }
    std::string numbers() const
    {
        std::string text;
        for (const Buffer& one : frames) {
            text += std::to_string(one[20] + one[21] * 256) + " ";
        }
        return text;
    }
};

void a_checkpoint_lets_go_what_was_pushed_before_its_mark(void**)
{
    HeldFrames held;
    Gone gone;
    push(held, 1);
    push(held, 2);
    held.mark(CheckpointNumber(7));
    push(held, 3);
    const auto first = held.release(CheckpointNumber(7), gone.sink());
    const auto again = held.release(CheckpointNumber(7), gone.sink());
    const auto left = held.figures().frames;
    assert_int_equal(first, 2);
    assert_int_equal(again, 0);
    assert_int_equal(left, 1);
    assert_text(gone.numbers(), "1 2 ");
}

void without_a_mark_nothing_goes(void**)
{
    HeldFrames held;
    Gone gone;
    push(held, 1);
    const auto unmarked = held.release(CheckpointNumber(9), gone.sink());
    held.mark(CheckpointNumber(9));
    const auto before = held.release(CheckpointNumber(8), gone.sink());
    assert_int_equal(unmarked, 0);
    assert_int_equal(before, 0);
    assert_int_equal(held.figures().frames, 1);
}

void a_later_checkpoint_lets_go_what_belongs_to_earlier_ones(void**)
{
    HeldFrames held;
    Gone gone;
    for (unsigned n = 1; n <= 5; ++n) {
        push(held, n);
        held.mark(CheckpointNumber(n));
    }
    held.release(CheckpointNumber(3), gone.sink());
    assert_text(gone.numbers(), "1 2 3 ");
    held.release(CheckpointNumber(2), gone.sink());
    assert_text(gone.numbers(), "1 2 3 ");
    held.release(CheckpointNumber(50), gone.sink());
    assert_text(gone.numbers(), "1 2 3 4 5 ");
}

void the_same_number_again_moves_its_mark(void**)
{
    HeldFrames held;
    Gone gone;
    push(held, 1);
    held.mark(CheckpointNumber(1));
    push(held, 2);
    held.mark(CheckpointNumber(1));
    push(held, 3);
    held.release(CheckpointNumber(1), gone.sink());
    assert_text(gone.numbers(), "1 2 ");
}

// As a mark of a checkpoint in which nothing was put out.
void marks_on_the_same_place_let_go_nothing_more(void**)
{
    HeldFrames held;
    Gone gone;
    held.mark(CheckpointNumber(1));
    push(held, 1);
    held.mark(CheckpointNumber(2));
    held.mark(CheckpointNumber(3));
    push(held, 2);
    assert_int_equal(held.release(CheckpointNumber(1), gone.sink()), 0);
    assert_int_equal(held.release(CheckpointNumber(3), gone.sink()), 1);
    held.mark(CheckpointNumber(4));
    assert_int_equal(held.release(CheckpointNumber(4), gone.sink()), 1);
    assert_int_equal(held.release(CheckpointNumber(4), gone.sink()), 0);
    assert_text(gone.numbers(), "1 2 ");
}

// Against a queue that cannot be wrong, over many slabs and all sizes.
void bytes_come_out_as_they_went_in(void**)
{
    HeldFrames held;
    std::deque<Buffer> expected;
    uint32_t state = 1;
    const auto random = [&](uint32_t below) {
        state = state * 1664525 + 1013904223;
        return (state >> 8) % below;
    };
    bool same = true;
    uint64_t checked = 0;
    for (unsigned i = 0; i < 3000; ++i) {
        const size_t size = random(4) ? 24 + random(1500)
                                      : 24 + random(tap_frame_max - 23);
        push(held, i, size);
        expected.push_back(frame(i, size));
        if (random(40) == 0) {
            held.mark(CheckpointNumber(i));
            held.release(CheckpointNumber(i), [&](TapFrame one) {
                same &= std::ranges::equal(one.bytes(), expected.front());
                expected.pop_front();
                ++checked;
            });
        }
    }
    const uint64_t rest = held.figures().frames;
    held.release_all([&](TapFrame one) {
        same &= std::ranges::equal(one.bytes(), expected.front());
        expected.pop_front();
        ++checked;
    });
    assert_true(same);
    assert_int_equal(checked, 3000);
    assert_int_not_equal(rest, 3000);
    assert_true(expected.empty());
    assert_int_equal(held.figures().bytes, 0);
}

void the_oldest_stays_where_it_is_while_more_is_pushed(void**)
{
    HeldFrames held;
    push(held, 1, 1000);
    held.mark(CheckpointNumber(1));
    const auto oldest = held.front(CheckpointNumber(1));
    assert_true(oldest.has_value());
    for (unsigned i = 2; i < 200; ++i) {
        push(held, i, tap_frame_max);
    }
    assert_true(std::ranges::equal(oldest->bytes(), frame(1, 1000)));
    held.pop();
    assert_false(held.front(CheckpointNumber(1)).has_value());
}

void figures_tell_what_is_held_and_what_went(void**)
{
    HeldFrames held;
    const HeldFrames::Clock::time_point start{};
    const Buffer small = frame(1, 100), large = frame(2, 1000);
    held.push(TapFrame(small), start);
    held.push(TapFrame(large), start + 3ms);
    held.mark(CheckpointNumber(1));
    (void)held.front(CheckpointNumber(1));
    held.pop(start + 10ms);
    held.pop(start + 12ms);
    held.push(TapFrame(small), start + 20ms);
    const HeldFrames::Figures one = held.figures();
    const uint64_t dropped = held.drop_all();
    const HeldFrames::Figures two = held.figures();
    assert_int_equal(one.frames, 1);
    assert_int_equal(one.bytes, 100);
    assert_int_equal(one.most_frames, 2);
    assert_int_equal(one.most_bytes, 1100);
    assert_int_equal(one.released_frames, 2);
    assert_int_equal(one.released_bytes, 1100);
    assert_int_equal(held.hold_times().longest().count(), 10000);
    assert_int_equal(dropped, 1);
    assert_int_equal(two.frames, 0);
    assert_int_equal(two.bytes, 0);
    assert_int_equal(two.dropped_frames, 1);
    assert_int_equal(two.dropped_bytes, 100);
    assert_int_equal(two.released_frames, 2);
}

void what_was_dropped_is_not_let_go_later(void**)
{
    HeldFrames held;
    Gone gone;
    push(held, 1);
    held.mark(CheckpointNumber(1));
    held.drop_all();
    push(held, 2);
    const auto early = held.release(CheckpointNumber(1), gone.sink());
    held.mark(CheckpointNumber(2));
    held.release(CheckpointNumber(2), gone.sink());
    assert_int_equal(early, 0);
    assert_text(gone.numbers(), "2 ");
}

void no_more_go_at_a_time_than_are_asked_for(void**)
{
    HeldFrames held;
    Gone gone;
    for (unsigned i = 1; i <= 5; ++i) {
        push(held, i);
    }
    held.mark(CheckpointNumber(1));
    push(held, 6);
    const auto first = held.release(CheckpointNumber(1), gone.sink(), 3);
    const std::string numbers = gone.numbers();
    const auto second = held.release(CheckpointNumber(1), gone.sink(), 3);
    assert_int_equal(first, 3);
    assert_text(numbers, "1 2 3 ");
    assert_int_equal(second, 2);
    assert_text(gone.numbers(), "1 2 3 4 5 ");
}

void what_is_made_in_place_stays_there(void**)
{
    HeldFrames held;
    Gone gone;
    const Buffer one = frame(1, 100), two = frame(2, 200);
    uint8_t* const place = held.space();
    std::ranges::copy(one, place);
    held.push(TapFrame(View(place, one.size())));
    // One for which no place was asked goes behind it.
    held.push(TapFrame(two));
    held.mark(CheckpointNumber(1));
    const bool is_there =
        held.front(CheckpointNumber(1))->bytes().data() == place;
    held.release(CheckpointNumber(1), gone.sink());
    assert_true(is_there);
    assert_true(gone.frames == (std::vector<Buffer>{one, two}));
}

// What one checkpoint's frames have filled the next one's fill again, and an
// idle guest's queue keeps one.
void slabs_are_used_again_and_given_back(void**)
{
    HeldFrames held;
    Gone gone;
    std::vector<size_t> slabs;
    uint64_t number = 0;
    for (const unsigned frames : {100u, 100u, 100u, 0u, 0u}) {
        for (unsigned i = 0; i < frames; ++i) {
            push(held, i, 60000);
        }
        held.mark(CheckpointNumber(++number));
        held.release(CheckpointNumber(number), gone.sink());
        slabs.push_back(held.slabs());
    }
    assert_int_equal(gone.frames.size(), 300);
    assert_true(slabs[0] >= 6);
    assert_int_equal(slabs[1], slabs[0]);
    assert_int_equal(slabs[2], slabs[0]);
    assert_int_equal(slabs[4], 1);
}

}  // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_checkpoint_lets_go_what_was_pushed_before_its_mark),
        cmocka_unit_test(without_a_mark_nothing_goes),
        cmocka_unit_test(
            a_later_checkpoint_lets_go_what_belongs_to_earlier_ones),
        cmocka_unit_test(the_same_number_again_moves_its_mark),
        cmocka_unit_test(marks_on_the_same_place_let_go_nothing_more),
        cmocka_unit_test(bytes_come_out_as_they_went_in),
        cmocka_unit_test(the_oldest_stays_where_it_is_while_more_is_pushed),
        cmocka_unit_test(figures_tell_what_is_held_and_what_went),
        cmocka_unit_test(what_was_dropped_is_not_let_go_later),
        cmocka_unit_test(no_more_go_at_a_time_than_are_asked_for),
        cmocka_unit_test(what_is_made_in_place_stays_there),
        cmocka_unit_test(slabs_are_used_again_and_given_back),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
