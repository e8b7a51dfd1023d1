// The longest and the median of times, from few counts.
#include "network/hold_times.h"

#include "check.h"

using namespace xl_colo;
using namespace std::chrono_literals;

namespace {

void none_are_zero(void**)
{
    const HoldTimes times;
    assert_int_equal(times.longest().count(), 0);
    assert_int_equal(times.median().count(), 0);
}

void half_waited_less_than_the_median(void**)
{
    HoldTimes times;
    for (const auto time : {3us, 5us, 9us, 12us, 1000000us}) {
        times.add(time);
    }
    assert_int_equal(times.median().count(), 9);
    assert_int_equal(times.longest().count(), 1000000);
}

// At each power of two, where one count ends and the next begins, too.
void a_median_is_an_eighth_too_small_at_most(void**)
{
    for (int64_t power = 1; power < int64_t{1} << 40; power *= 2) {
        for (const int64_t us : {power - 1, power, power + power / 3}) {
            HoldTimes times;
            times.add(HoldTimes::Time(us));
            const int64_t median = times.median().count();
            assert_true(median <= us && us - median <= us / 8);
        }
    }
}

void what_is_too_long_or_negative_does_no_harm(void**)
{
    HoldTimes times;
    times.add(HoldTimes::Time(INT64_MAX));
    times.add(-1us);
    times.add(-1us);
    assert_int_equal(times.median().count(), 0);
    assert_true(times.longest().count() == INT64_MAX);
}

void those_of_several_add_up(void**)
{
    HoldTimes some, others;
    some.add(1us);
    others.add(7us);
    others.add(8us);
    some.add(others);
    assert_int_equal(some.median().count(), 7);
    assert_int_equal(some.longest().count(), 8);
}

}  // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(none_are_zero),
        cmocka_unit_test(half_waited_less_than_the_median),
        cmocka_unit_test(a_median_is_an_eighth_too_small_at_most),
        cmocka_unit_test(what_is_too_long_or_negative_does_no_harm),
        cmocka_unit_test(those_of_several_add_up),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
