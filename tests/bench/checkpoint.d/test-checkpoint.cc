// The benchmark in its short form: what a checkpoint sends, and that the copy
// is right afterwards. Nothing here asserts on a time.
#include <signal.h>

#include "pair.h"

#include "check.h"  // last: cmocka has a macro called fail

using namespace xl_colo;
using namespace xl_colo::bench;

namespace {

constexpr Bytes guest{64 << 20};
constexpr uint64_t pfn_bytes = 8;
constexpr uint64_t digest_bytes = 16;
// All that a checkpoint sends besides pages and their headers: vCPUs, device
// state, frames.
constexpr uint64_t other_bytes = 16 << 10;
constexpr uint64_t back_other_bytes = 256;
// Frames around what stock sends too.
constexpr uint64_t frame_bytes = 512;
constexpr uint64_t slack_percent = 1;

constexpr Job jobs[] = {{0, 0, 0},     {100, 0, 0},    {100, 90, 0},
                        {2000, 0, 0},  {2000, 50, 0},  {2000, 90, 0},
                        {2000, 99, 0}, {2000, 100, 0}, {100, 0, 0}};

const std::vector<Sample>& samples_of(Kind kind)
{
    static std::vector<Sample> samples[2];
    auto& of_kind = samples[kind == Kind::stock ? 0 : 1];
    if (of_kind.empty()) {
        const PairResult result = run_pair({kind, guest, Contents::noise, true,
                                            {std::begin(jobs),
                                             std::end(jobs)}});
        assert_text(result.trouble, "");
        of_kind = result.samples;
    }
    return of_kind;
}

uint64_t with_slack(uint64_t bytes)
{
    return bytes + bytes * slack_percent / 100;
}

void copies_are_equal_after_every_checkpoint(void**)
{
    for (const Kind kind : {Kind::stock, Kind::ours}) {
        for (const Sample& sample : samples_of(kind)) {
            assert_int_equal(sample.differing_pages, 0);
        }
    }
}

void stock_sends_every_dirty_page(void**)
{
    for (size_t i = 0; i < std::size(jobs); ++i) {
        const Sample& stock = samples_of(Kind::stock)[i];
        const uint64_t pages = jobs[i].dirty_pages * page_size;
        assert_true(stock.wire_bytes >= pages);
        assert_true(stock.wire_bytes <= with_slack(pages) + other_bytes);
        const uint64_t list = jobs[i].dirty_pages * pfn_bytes;
        assert_true(stock.back_bytes >= list);
        assert_true(stock.back_bytes <= list + back_other_bytes);
    }
}

void ours_sends_no_more_than_stock(void**)
{
    for (size_t i = 0; i < std::size(jobs); ++i) {
        const Sample& stock = samples_of(Kind::stock)[i];
        const Sample& ours = samples_of(Kind::ours)[i];
        const uint64_t digests = jobs[i].dirty_pages * digest_bytes;
        assert_true(ours.wire_bytes <=
                    with_slack(stock.wire_bytes) + frame_bytes);
        assert_true(ours.back_bytes <=
                    stock.back_bytes + digests + back_other_bytes);
    }
}

// Nothing else would say that any page was left out.
void ours_leaves_out_what_is_identical(void**)
{
    for (size_t i = 0; i < std::size(jobs); ++i) {
        const Sample& stock = samples_of(Kind::stock)[i];
        const Sample& ours = samples_of(Kind::ours)[i];
        if (jobs[i].dirty_pages < 2000) {
            continue;
        }
        if (jobs[i].identical_percent >= 90) {
            assert_true(ours.wire_bytes <= stock.wire_bytes / 9);
        }
        if (jobs[i].identical_percent >= 99) {
            assert_true(ours.wire_bytes <= stock.wire_bytes / 50);
        }
        const uint64_t digests = jobs[i].dirty_pages * digest_bytes;
        const uint64_t list = jobs[i].dirty_pages * pfn_bytes;
        assert_true(ours.back_bytes <=
                    list / 20 + digests + back_other_bytes);
    }
}

void every_part_of_the_pause_is_seen(void**)
{
    for (const Kind kind : {Kind::stock, Kind::ours}) {
        for (const Sample& sample : samples_of(kind)) {
            for (const int64_t at : sample.at_ns) {
                assert_true(at > 0);
            }
            assert_true(sample.between(Mark::begin, Mark::both_suspended) > 0);
            assert_true(
                sample.between(Mark::list_built, Mark::list_received) > 0);
            assert_true(
                sample.between(Mark::list_received, Mark::everything_here) >
                0);
            assert_true(sample.between(Mark::agreed, Mark::applied) > 0);
            assert_true(sample.between(Mark::load_begins, Mark::loaded) > 0);
            assert_true(sample.between(Mark::loaded, Mark::resumed) > 0);
            assert_true(sample.secondary_bytes > 0);
        }
    }
}

}  // namespace

int main()
{
    signal(SIGPIPE, SIG_IGN);
    const CMUnitTest tests[] = {
        cmocka_unit_test(copies_are_equal_after_every_checkpoint),
        cmocka_unit_test(stock_sends_every_dirty_page),
        cmocka_unit_test(ours_sends_no_more_than_stock),
        cmocka_unit_test(ours_leaves_out_what_is_identical),
        cmocka_unit_test(every_part_of_the_pause_is_seen),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
