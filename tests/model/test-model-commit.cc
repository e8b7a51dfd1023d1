// Checkpoints whose pages are sent after the guest has gone on, over Debian's
// libxc: each time the copy goes on it is what the guest was when it stood.
#include "check_outcome.h"  // last: cmocka has a macro called fail

using namespace xl_colo;
using namespace xl_colo::model;

namespace {

PairOptions early()
{
    PairOptions options;
    options.verify = false;
    options.checkpoints = 6;
    return options;
}

void assert_copy_was_right(const PairResult& r, uint64_t checkpoints)
{
    assert_no_trouble(r);
    assert_int_equal(r.primary.checkpoints, checkpoints + 1);
    assert_int_equal(r.comparison.made, checkpoints + 1);
    // Without this the rest would say nothing.
    assert_true(r.comparison.drifted > 0);
    assert_int_equal(r.comparison.differing_pages, 0);
    assert_int_equal(r.comparison.differing_registers, 0);
    assert_int_equal(r.comparison.differing_devices, 0);
    assert_has_guest(r.primary, State::unprotected);
}

void copy_is_what_the_guest_was_when_it_stood(void**)
{
    const PairOptions options = early();
    assert_copy_was_right(run_pair(options), 6);
}

// 20 MB/s, as on a line of 160 Mbit/s.
void guest_runs_while_a_slow_link_carries_its_pages(void**)
{
    PairOptions options = early();
    options.pace = 20'000;
    const PairResult r = run_pair(options);
    print_message("  %llu ms\n",
                  static_cast<unsigned long long>(r.ran_while_sending));
    assert_copy_was_right(r, 6);
    assert_true(r.ran_while_sending > 6);
}

// The guest waits for what the buffer does not hold, and the copy is as right.
void buffer_that_runs_over_costs_time_only(void**)
{
    for (const uint64_t size : {uint64_t{0}, uint64_t{1} << 20}) {
        PairOptions options = early();
        options.buffer = Bytes{size};
        options.pace = 50'000;
        assert_copy_was_right(run_pair(options), 6);
    }
}

void pages_may_be_packed_or_all_sent(void**)
{
    PairOptions packed = early();
    packed.compression = Compression::lz4;
    assert_copy_was_right(run_pair(packed), 6);
    PairOptions all = early();
    all.without = {without_elision};
    assert_copy_was_right(run_pair(all), 6);
}

}  // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(copy_is_what_the_guest_was_when_it_stood),
        cmocka_unit_test(guest_runs_while_a_slow_link_carries_its_pages),
        cmocka_unit_test(buffer_that_runs_over_costs_time_only),
        cmocka_unit_test(pages_may_be_packed_or_all_sent),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
