// DirtyListToWire: B on its way from the secondary's libxc, and F2.
#include "relay/dirty_list_to_wire.h"

#include <sys/uio.h>

#include <algorithm>
#include <csignal>
#include <thread>

#include "check.h"
#include "dirty_lists.h"
#include "fake_sender.h"
#include "fake_stream.h"

using namespace xl_colo;

namespace {

// The three ways in which a libxc writes its list to send_back_fd.
enum class Libxc {
    single_write,   // 4.13 to 4.17: header and list in one writev()
    stray_word,     // 4.18 and later, F2
    in_blocks,      // with patches/: the header first, then blocks of 8 KiB
};

bool writev_exact(int fd, std::vector<iovec> pieces)
{
    size_t next = 0;
    while (next < pieces.size()) {
        const ssize_t r = writev(fd, &pieces[next],
                                 static_cast<int>(pieces.size() - next));
        if (r < 0) {
            return false;
        }
        for (auto done = static_cast<size_t>(r); next < pieces.size();) {
            iovec& piece = pieces[next];
            const size_t step = std::min(done, piece.iov_len);
            piece.iov_base = static_cast<uint8_t*>(piece.iov_base) + step;
            piece.iov_len -= step;
            done -= step;
            if (piece.iov_len > 0) {
                break;
            }
            ++next;
        }
    }
    return true;
}

bool write_list(int fd, Libxc how, const List& list)
{
    Buffer body = list_bytes(list);
    const auto bytes = record_header_bytes(
        {RecordType::CHECKPOINT_DIRTY_PFN_LIST,
         static_cast<uint32_t>(body.size())});
    Buffer header(bytes.begin(), bytes.end());
    switch (how) {
    case Libxc::stray_word:
        header.resize(16);
        [[fallthrough]];
    case Libxc::single_write:
        return writev_exact(fd, {{header.data(), header.size()},
                                 {body.data(), body.size()}});
    case Libxc::in_blocks:
        break;
    }
    if (!write_exact(fd, header)) {
        return false;
    }
    for (View rest = body; !rest.empty();) {
        const size_t step = std::min<size_t>(8192, rest.size());
        if (!write_exact(fd, rest.first(step))) {
            return false;
        }
        rest = rest.subspan(step);
    }
    return true;
}

struct SentList {
    uint64_t number;
    List pages;
    auto operator<=>(const SentList&) const = default;
};

// What the frames say, each set from its first frame to its last.
std::vector<SentList> sent_lists(const std::vector<Frame>& frames)
{
    std::vector<SentList> lists;
    PageSet set(gfns);
    DirtySetDecoder decoder(gfns);
    for (const Frame& frame : frames) {
        BodyReader body(frame.body);
        const uint64_t number = body.u64().value();
        if (decoder.take(body.rest(), set).value()) {
            lists.push_back({number, {}});
            set.for_each([&](Pfn pfn) {
                lists.back().pages.push_back(pfn.value());
            });
        }
    }
    return lists;
}

struct Outcome {
    std::vector<SentList> lists;
    std::string failure;   // empty: none
    bool stopped = false;  // libxc could not go on writing
};

// A session of these lists, one after another, as libxc writes them: it waits
// in its callbacks until the list before has crossed the wire.
Outcome relay_lists(Libxc how, const std::vector<List>& lists, bool suspect,
                    bool repair)
{
    Outcome outcome;
    FakeSender sender;
    {
        DirtyListToWire relay(sender, gfns, suspect, repair,
                             [&] { sender.give_up(); });
        const UniqueFd back = relay.take_back();
        for (size_t i = 0; i < lists.size() && !relay.failure(); ++i) {
            relay.expect(CheckpointNumber{i + 1}, nullptr);
            if (!write_list(back.get(), how, lists[i])) {
                break;
            }
            sender.wait_for(i + 1);
        }
        if (const auto failure = relay.failure()) {
            outcome.failure = failure->text();
            while (write_exact(back.get(), Buffer(8))) {
            }
            outcome.stopped = errno == EPIPE;
        }
    }
    outcome.lists = sent_lists(sender.frames());
    return outcome;
}

void expect_all(Libxc how, const std::vector<List>& lists, bool suspect)
{
    const Outcome outcome = relay_lists(how, lists, suspect, true);
    assert_text(outcome.failure, "");
    assert_int_equal(outcome.lists.size(), lists.size());
    for (size_t i = 0; i < lists.size(); ++i) {
        assert_true(outcome.lists[i] == SentList(i + 1, lists[i]));
    }
}

const std::vector<std::pair<const char*, List>> first_lists{
    {"empty", {}},
    {"page_0_alone", {0}},
    {"another_page_alone", {7}},
    {"page_0_and_others", {0, 1, 5}},
    {"page_15_last_which_would_pass_for_a_header", {3, 15}},
    {"others", {2, 3, 5}},
    {"more_than_a_page_of_them", range(1, 2000)},
    {"more_than_the_pipe_holds", range(9, 300000)},
};

void every_libxc_is_understood_whatever_its_first_list(void**)
{
    for (const auto& [name, first] : first_lists) {
        print_message("  %s\n", name);
        const std::vector<List> lists{first, {}, {0}, {4, 6}, {0, 1}, {}};
        expect_all(Libxc::stray_word, lists, true);
        expect_all(Libxc::single_write, lists, true);
        expect_all(Libxc::single_write, lists, false);
        expect_all(Libxc::in_blocks, lists, true);
        expect_all(Libxc::in_blocks, lists, false);
    }
}

// The one case in which time decides: page 0 in a first list that is longer
// than what a pipe takes in one piece. A second is spent where libxc is right.
void long_first_list_with_page_0_is_told_by_what_follows(void**)
{
    const List all = range(0, 300000);
    expect_all(Libxc::stray_word, {all, {1}, {2}}, true);
    expect_all(Libxc::single_write, {all, {1}, {2}}, true);
}

void stray_word_without_repair_ends_in_a_clear_error(void**)
{
    const struct {
        const char* name;
        std::vector<List> lists;
        std::vector<List> wrong;  // what gets through first
        const char* failure;
    } cases[] = {
        {"first_page_taken_as_0_and_the_last_one_as_a_header",
         {{2, 3, 5}, {7}},
         {{0, 2, 3}},
         "record 0x5 (x86 PV vcpu extended) where a dirty list belongs"},
        {"page_0_twice", {{0, 1}}, {}, "dirty list: pfn 0x0 does not ascend"},
        {"stray_bytes_taken_as_a_header", {{}, {1}}, {{}},
         "record 0x0 (End) where a dirty list belongs"},
    };
    for (const auto& c : cases) {
        print_message("  %s\n", c.name);
        const Outcome outcome =
            relay_lists(Libxc::stray_word, c.lists, true, false);
        assert_text(outcome.failure, c.failure);
        assert_true(outcome.stopped);
        assert_int_equal(outcome.lists.size(), c.wrong.size());
        for (size_t i = 0; i < c.wrong.size(); ++i) {
            assert_true(outcome.lists[i] == SentList(i + 1, c.wrong[i]));
        }
    }
}

struct RawOutcome {
    std::string failure;
    size_t frames = 0;
    bool stopped = false;
};

// A libxc that writes these bytes, and then goes on writing until it cannot.
RawOutcome relay_bytes(const Buffer& bytes, bool expected)
{
    RawOutcome outcome;
    FakeSender sender;
    {
        DirtyListToWire relay(sender, Pages{64}, false, true, [] {});
        const UniqueFd back = relay.take_back();
        if (expected) {
            relay.expect(CheckpointNumber{1}, nullptr);
        }
        write_exact(back.get(), bytes);
        while (write_exact(back.get(), Buffer(8))) {
        }
        outcome.stopped = errno == EPIPE;
        outcome.failure = relay.failure()->text();
    }
    outcome.frames = sender.frames().size();
    return outcome;
}

Buffer list_record(const List& list)
{
    return record_bytes(RecordType::CHECKPOINT_DIRTY_PFN_LIST,
                        list_bytes(list));
}

Buffer part_record(const List& list)
{
    return record_bytes(RecordType::CHECKPOINT_DIRTY_PFN_PART,
                        list_bytes(list));
}

Buffer join(Buffer first, View second)
{
    first.insert(first.end(), second.begin(), second.end());
    return first;
}

Buffer join(Buffer first, std::initializer_list<uint8_t> second)
{
    return join(std::move(first), View(second));
}

void bad_list_is_refused_and_libxc_stopped(void**)
{
    const struct {
        const char* name;
        Buffer bytes;
        const char* failure;
    } cases[] = {
        {"other_record", record_bytes(RecordType::CHECKPOINT),
         "record 0xe (Checkpoint) where a dirty list belongs"},
        {"part_without_pages", part_record({}),
         "dirty list: 0 bytes are no part of a list of a guest of 64 pages"},
        {"part_with_half_a_pfn", {19, 0, 0, 0, 12, 0, 0, 0},
         "dirty list: 12 bytes are no part of a list of a guest of 64 pages"},
        {"part_and_another_record",
         join(part_record({1}), record_bytes(RecordType::CHECKPOINT)),
         "record 0xe (Checkpoint) where a dirty list belongs"},
        {"parts_of_more_pages_than_the_guest_has",
         join(part_record(range(0, 60)), {19, 0, 0, 0, 40, 0, 0, 0}),
         "dirty list: 520 bytes are no part of a list of a guest of 64 pages"},
        {"last_record_with_more_pages_than_are_left",
         join(part_record(range(0, 60)), {15, 0, 0, 0, 40, 0, 0, 0}),
         "dirty list: 520 bytes are no list of a guest of 64 pages"},
        {"parts_that_descend", join(part_record({5}), list_record({4})),
         "dirty list: pfn 0x4 does not ascend"},
        {"record_too_long", {15, 0, 0, 0, 8, 0, 0, 8},
         "record 0xf (Checkpoint dirty pfn list): length 134217736 is over "
         "the limit of 134217728"},
        {"more_pages_than_the_guest_has",
         {15, 0, 0, 0, 8, 2, 0, 0},
         "dirty list: 520 bytes are no list of a guest of 64 pages"},
        {"half_a_pfn", {15, 0, 0, 0, 12, 0, 0, 0},
         "dirty list: 12 bytes are no list of a guest of 64 pages"},
        {"page_beyond_the_guest", list_record({1, 64}),
         "dirty list: pfn 0x40 is beyond the guest's 64 pages"},
        {"page_twice", list_record({1, 1}),
         "dirty list: pfn 0x1 does not ascend"},
    };
    for (const auto& c : cases) {
        print_message("  %s\n", c.name);
        const RawOutcome outcome = relay_bytes(c.bytes, true);
        assert_text(outcome.failure, c.failure);
        assert_true(outcome.stopped);
        assert_int_equal(outcome.frames, 0);
    }
    // Parts alone never end a list, so they must not be without limit.
    const RawOutcome endless = relay_bytes(
        join(part_record(range(0, 64)), part_record({64})), true);
    assert_contains(endless.failure, "520 bytes are no part of a list");
    const RawOutcome unasked = relay_bytes(list_record({1}), false);
    assert_text(unasked.failure, "a dirty list that nobody expects");
    assert_int_equal(unasked.frames, 0);
}

// F6, as patches/ mend it. F2 is mended then, so nothing has to be suspected.
void parts_make_one_list(void**)
{
    const struct {
        const char* name;
        std::vector<List> parts;  // and the list that ends them
        List list;
    } cases[] = {
        {"one_part", {{0}, {5}}, {0, 5}},
        {"several", {{0, 1}, {2, 9}, range(10, 2000), {4000}},
         [] {
             List list{0, 1, 2, 9};
             for (const uint64_t pfn : range(10, 2000)) {
                 list.push_back(pfn);
             }
             list.push_back(4000);
             return list;
         }()},
        {"nothing_after_the_part", {{7}, {}}, {7}},
        {"page_0_twice_would_be_a_stray_word", {{0}, {1}}, {0, 1}},
    };
    for (const auto& c : cases) {
        for (const bool suspect : {false, true}) {
            print_message("  %s, suspect %d\n", c.name, suspect);
            FakeSender sender;
            std::optional<Error> failure;
            {
                DirtyListToWire relay(sender, gfns, suspect, true,
                                     [&] { sender.give_up(); });
                const UniqueFd back = relay.take_back();
                relay.expect(CheckpointNumber{1}, nullptr);
                for (size_t i = 0; i < c.parts.size(); ++i) {
                    write_exact(back.get(), i + 1 < c.parts.size()
                                                ? part_record(c.parts[i])
                                                : list_record(c.parts[i]));
                }
                sender.wait_for(1);
                // The next one is a list of its own again.
                relay.expect(CheckpointNumber{2}, nullptr);
                write_exact(back.get(), list_record({0}));
                sender.wait_for(2);
                failure = relay.failure();
            }
            const auto lists = sent_lists(sender.frames());
            assert_false(failure.has_value());
            assert_true(lists ==
                        std::vector<SentList>({{1, c.list}, {2, {0}}}));
        }
    }
}

void parts_after_a_list_with_stray_bytes_are_refused(void**)
{
    Buffer bytes = list_record({0, 5});
    bytes.insert(bytes.begin() + 8, 8, 0);
    FakeSender sender;
    std::string failure;
    {
        DirtyListToWire relay(sender, Pages{64}, true, true, [] {});
        const UniqueFd back = relay.take_back();
        relay.expect(CheckpointNumber{1}, nullptr);
        write_exact(back.get(), bytes);
        sender.wait_for(1);
        relay.expect(CheckpointNumber{2}, nullptr);
        write_exact(back.get(), part_record({1}));
        while (write_exact(back.get(), Buffer(8))) {
        }
        failure = relay.failure()->text();
    }
    assert_text(failure,
                "dirty list: in parts, after one with stray bytes (F2)");
}

// Whether libxc's writes ended in the middle of a list.
bool cut_off(View bytes)
{
    std::optional<Error> failure;
    FakeSender sender;
    {
        DirtyListToWire relay(sender, Pages{64}, false, true,
                             [&] { sender.give_up(); });
        UniqueFd back = relay.take_back();
        relay.expect(CheckpointNumber{1}, nullptr);
        write_exact(back.get(), bytes);
        const bool whole = bytes.size() % 24 == 0;
        if (whole) {
            sender.wait_for(bytes.size() / 24);
        }
        back.reset();
        if (!whole) {
            sender.wait_for(1);
        }
        failure = relay.failure();
    }
    return failure && failure->text() == "libxc's dirty list is cut off";
}

void list_cut_at_every_byte_is_noticed(void**)
{
    const Buffer record = list_record({5, 6});
    assert_int_equal(record.size(), 24);
    for (size_t size = 0; size <= record.size(); ++size) {
        assert_int_equal(cut_off(View(record).first(size)), size % 24 != 0);
    }
    // Between a part and the rest of its list, too.
    Buffer part = part_record({5});
    assert_true(cut_off(part));
}

void libxc_that_changes_its_ways_is_refused(void**)
{
    Buffer bytes = list_record({0, 5});
    bytes.insert(bytes.begin() + 8, 8, 0);
    FakeSender sender;
    std::string failure;
    {
        DirtyListToWire relay(sender, Pages{64}, true, true, [] {});
        const UniqueFd back = relay.take_back();
        relay.expect(CheckpointNumber{1}, nullptr);
        write_exact(back.get(), bytes);
        sender.wait_for(1);
        relay.expect(CheckpointNumber{2}, nullptr);
        write_exact(back.get(), list_record({1, 2}));
        while (write_exact(back.get(), Buffer(8))) {
        }
        failure = relay.failure()->text();
    }
    assert_text(failure,
                "dirty list: no stray bytes after its header (F2), unlike the "
                "one before");
}

void broken_wire_is_a_failure(void**)
{
    FakeSender sender;
    sender.break_after(0);
    std::optional<Error> failure;
    {
        DirtyListToWire relay(sender, Pages{64}, false, true, [] {});
        const UniqueFd back = relay.take_back();
        relay.expect(CheckpointNumber{1}, nullptr);
        write_exact(back.get(), list_record({1}));
        while (write_exact(back.get(), Buffer(8))) {
        }
        failure = relay.failure();
    }
    assert_true(failure->kind() == ErrorKind::peer_lost);
}

void aborted_relay_has_not_failed(void**)
{
    FakeSender sender;
    bool failed = true;
    {
        DirtyListToWire relay(sender, Pages{64}, true, true, [] {});
        const UniqueFd back = relay.take_back();
        relay.expect(CheckpointNumber{1}, nullptr);
        // Half a list, so that its thread is in the middle of one.
        write_exact(back.get(), View(list_record({1, 2})).first(16));
        relay.abort();
        while (write_exact(back.get(), Buffer(8))) {
        }
        failed = relay.failure().has_value();
    }
    assert_false(failed);
    DirtyListToWire never_used(sender, Pages{64}, true, true, [] {});
}

// After the list, in its order, as many frames as it takes.
void digests_of_the_pages_follow(void**)
{
    const auto digest = [](const std::vector<Pfn>& pages)
        -> Result<std::vector<PageDigest>> {
        std::vector<PageDigest> digests;
        for (const Pfn pfn : pages) {
            PageDigest next{};
            next[0] = static_cast<uint8_t>(pfn.value());
            next[15] = 1;
            digests.push_back(next);
        }
        return digests;
    };
    FakeSender sender;
    std::vector<Frame> frames;
    {
        DirtyListToWire relay(sender, gfns, false, true, [] {});
        const UniqueFd back = relay.take_back();
        relay.expect(CheckpointNumber{1}, digest);
        write_list(back.get(), Libxc::single_write, range(3, 3000));
        frames = sender.wait_for(4);
        relay.expect(CheckpointNumber{2}, digest);
        write_list(back.get(), Libxc::single_write, {});
        frames = sender.wait_for(5);
    }
    assert_int_equal(frames.size(), 5);
    uint64_t page = 3;
    for (size_t i = 1; i < 4; ++i) {
        assert_true(frames[i].type == FrameType::DIRTY_DIGESTS);
        BodyReader body(frames[i].body);
        assert_int_equal(body.u64().value(), 1);
        for (View rest = body.rest(); !rest.empty(); rest = rest.subspan(16)) {
            assert_int_equal(rest[0], page++ & 0xff);
            assert_int_equal(rest[15], 1);
        }
    }
    assert_int_equal(page, 3003);
    assert_true(frames[4].type == FrameType::DIRTY_SET);
}

void failed_digest_is_a_failure(void**)
{
    FakeSender sender;
    std::optional<Error> failure;
    {
        DirtyListToWire relay(sender, gfns, false, true,
                             [&] { sender.give_up(); });
        const UniqueFd back = relay.take_back();
        relay.expect(CheckpointNumber{1},
                     [](auto&) -> Result<std::vector<PageDigest>> {
                         return Error(ErrorKind::hypercall, "no memory");
                     });
        write_list(back.get(), Libxc::single_write, {1});
        sender.wait_for(2);
        failure = relay.failure();
    }
    assert_text(failure->text(), "no memory");
    assert_int_equal(sender.frames().size(), 1);
}

}  // namespace

int main()
{
    std::signal(SIGPIPE, SIG_IGN);
    alarm(600);  // a wait that does not end fails
    const CMUnitTest tests[] = {
        cmocka_unit_test(every_libxc_is_understood_whatever_its_first_list),
        cmocka_unit_test(long_first_list_with_page_0_is_told_by_what_follows),
        cmocka_unit_test(stray_word_without_repair_ends_in_a_clear_error),
        cmocka_unit_test(bad_list_is_refused_and_libxc_stopped),
        cmocka_unit_test(parts_make_one_list),
        cmocka_unit_test(parts_after_a_list_with_stray_bytes_are_refused),
        cmocka_unit_test(list_cut_at_every_byte_is_noticed),
        cmocka_unit_test(libxc_that_changes_its_ways_is_refused),
        cmocka_unit_test(broken_wire_is_a_failure),
        cmocka_unit_test(aborted_relay_has_not_failed),
        cmocka_unit_test(digests_of_the_pages_follow),
        cmocka_unit_test(failed_digest_is_a_failure),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
