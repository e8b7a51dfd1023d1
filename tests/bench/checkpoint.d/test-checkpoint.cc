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
// A frame with digests holds so many at most; header, checkpoint's number, and
// the frame's check.
constexpr uint64_t digests_a_frame = 1024;
constexpr uint64_t digest_frame_bytes = 32;
// All that a checkpoint sends besides pages and their headers: vCPUs, device
// state, frames.
constexpr uint64_t other_bytes = 16 << 10;
// Frames around what stock sends too.
constexpr uint64_t frame_bytes = 512;
constexpr uint64_t slack_percent = 1;
// Of that many pages on in this small a guest the set counts as dense.
constexpr uint64_t dense_pages = 2000;

// The first one shows what a checkpoint sends without any page.
constexpr Job jobs[] = {{0, 0, 0},     {100, 0, 0},    {100, 90, 0},
                        {2000, 0, 0},  {2000, 50, 0},  {2000, 90, 0},
                        {2000, 99, 0}, {2000, 100, 0}, {100, 0, 0}};

// What is run: for the last one every page is sent, and no digest.
enum class Run : size_t { stock, ours, ours_without_digests, count_ };
constexpr Run runs[] = {Run::stock, Run::ours, Run::ours_without_digests};

const std::vector<Sample>& samples_of(Run run)
{
    static std::vector<Sample> samples[static_cast<size_t>(Run::count_)];
    auto& of_run = samples[static_cast<size_t>(run)];
    if (of_run.empty()) {
        PairOptions options;
        options.kind = run == Run::stock ? Kind::stock : Kind::ours;
        options.guest = guest;
        options.digests = run != Run::ours_without_digests;
        options.compare = true;
        options.jobs.assign(std::begin(jobs), std::end(jobs));
        const PairResult result = run_pair(options);
        assert_text(result.trouble, "");
        of_run = result.samples;
    }
    return of_run;
}

// On the back channel, without what a checkpoint of no page has there as well.
uint64_t back_bytes(Run run, size_t job)
{
    const auto& samples = samples_of(run);
    return samples[job].back_bytes - samples[0].back_bytes;
}

uint64_t with_slack(uint64_t bytes)
{
    return bytes + bytes * slack_percent / 100;
}

void copies_are_equal_after_every_checkpoint(void**)
{
    for (const Run run : runs) {
        for (const Sample& sample : samples_of(run)) {
            assert_int_equal(sample.differing_pages, 0);
        }
    }
}

// Pages of words, of which LZ4 leaves two fifths.
void pages_that_are_packed_are_fewer_bytes(void**)
{
    std::array<std::vector<Sample>, 2> samples;
    for (const Kind kind : {Kind::ours, Kind::lz4}) {
        PairOptions options;
        options.kind = kind;
        options.guest = guest;
        options.contents = Contents::text;
        options.compare = true;
        options.jobs = {{2000, 0, 0}, {2000, 50, 0}};
        const PairResult result = run_pair(options);
        assert_text(result.trouble, "");
        samples[kind == Kind::lz4] = result.samples;
    }
    for (size_t i = 0; i < samples[0].size(); ++i) {
        assert_int_equal(samples[1][i].differing_pages, 0);
        assert_true(samples[1][i].wire_bytes <
                    samples[0][i].wire_bytes / 2);
        assert_int_equal(samples[1][i].back_bytes, samples[0][i].back_bytes);
    }
}

void stock_sends_every_dirty_page(void**)
{
    for (size_t i = 0; i < std::size(jobs); ++i) {
        const Sample& stock = samples_of(Run::stock)[i];
        const uint64_t pages = jobs[i].dirty_pages * page_size;
        assert_true(stock.wire_bytes >= pages);
        assert_true(stock.wire_bytes <= with_slack(pages) + other_bytes);
        assert_int_equal(back_bytes(Run::stock, i),
                         jobs[i].dirty_pages * pfn_bytes);
    }
}

void ours_sends_no_more_than_stock(void**)
{
    for (size_t i = 0; i < std::size(jobs); ++i) {
        const Sample& stock = samples_of(Run::stock)[i];
        const Sample& ours = samples_of(Run::ours)[i];
        assert_true(ours.wire_bytes <=
                    with_slack(stock.wire_bytes) + frame_bytes);
    }
}

void set_is_never_longer_than_stocks_list_and_short_where_dense(void**)
{
    for (size_t i = 0; i < std::size(jobs); ++i) {
        const uint64_t list = back_bytes(Run::stock, i);
        const uint64_t set = back_bytes(Run::ours_without_digests, i);
        assert_true(set <= list);
        if (jobs[i].dirty_pages >= dense_pages) {
            assert_true(set <= list / 20);
        }
    }
}

void digests_are_sixteen_bytes_a_page(void**)
{
    for (size_t i = 0; i < std::size(jobs); ++i) {
        // The dirty log's mark is in B, too: so there is a frame anyway, and
        // the row without pages, which back_bytes() leaves out, has it as well.
        const uint64_t pages = jobs[i].dirty_pages;
        const uint64_t frames = pages / digests_a_frame;
        assert_int_equal(back_bytes(Run::ours, i) -
                             back_bytes(Run::ours_without_digests, i),
                         pages * digest_bytes + frames * digest_frame_bytes);
    }
}

// Nothing else would say that any page was left out.
void ours_leaves_out_what_is_identical(void**)
{
    for (size_t i = 0; i < std::size(jobs); ++i) {
        const Sample& stock = samples_of(Run::stock)[i];
        const Sample& ours = samples_of(Run::ours)[i];
        if (jobs[i].dirty_pages < 2000) {
            continue;
        }
        if (jobs[i].identical_percent >= 90) {
            assert_true(ours.wire_bytes <= stock.wire_bytes / 9);
        }
        if (jobs[i].identical_percent >= 99) {
            assert_true(ours.wire_bytes <= stock.wire_bytes / 50);
        }
    }
}

// The share is exact, so the row's bytes are, too: what differs, a pfn a page,
// and the frames around.
void ours_sends_as_many_pages_as_differ(void**)
{
    const auto& ours = samples_of(Run::ours);
    for (size_t i = 0; i < std::size(jobs); ++i) {
        const uint64_t pages =
            jobs[i].dirty_pages -
            jobs[i].dirty_pages * jobs[i].identical_percent / 100;
        const uint64_t bytes = ours[i].wire_bytes - ours[0].wire_bytes;
        assert_in_range(bytes, pages * page_size,
                        pages * (page_size + pfn_bytes) + frame_bytes);
    }
}

void every_part_of_the_pause_is_seen(void**)
{
    for (const Run run : runs) {
        for (const Sample& sample : samples_of(run)) {
            for (const int64_t at : sample.at_ns) {
                assert_true(at > 0);
            }
            assert_true(sample.between(Mark::begin, Mark::suspended) > 0);
            assert_true(
                sample.between(Mark::list_built, Mark::list_received) > 0);
            assert_true(
                sample.between(Mark::list_received, Mark::pages_written) > 0);
            assert_true(
                sample.between(Mark::pages_written, Mark::resumed) > 0);
            assert_true(
                sample.between(Mark::list_received, Mark::everything_here) >
                0);
            assert_true(sample.between(Mark::agreed, Mark::applied) > 0);
            assert_true(sample.between(Mark::load_begins, Mark::loaded) > 0);
            assert_true(sample.between(Mark::loaded, Mark::copy_resumed) > 0);
            // Stock's guest waits for the copy; ours waits for it only before
            // it stands.
            assert_true(run != Run::stock ||
                        sample.between(Mark::loaded, Mark::resumed) > 0);
            assert_true(run == Run::stock ||
                        sample.between(Mark::list_built, Mark::begin) > 0);
            assert_true(sample.primary_bytes > 0);
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
        cmocka_unit_test(pages_that_are_packed_are_fewer_bytes),
        cmocka_unit_test(stock_sends_every_dirty_page),
        cmocka_unit_test(ours_sends_no_more_than_stock),
        cmocka_unit_test(
            set_is_never_longer_than_stocks_list_and_short_where_dense),
        cmocka_unit_test(digests_are_sixteen_bytes_a_page),
        cmocka_unit_test(ours_leaves_out_what_is_identical),
        cmocka_unit_test(ours_sends_as_many_pages_as_differ),
        cmocka_unit_test(every_part_of_the_pause_is_seen),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
