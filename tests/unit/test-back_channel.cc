// BackChannel: B and what moved, into libxc, once a checkpoint and in turn.
#include "relay/back_channel.h"

#include "check.h"
#include "dirty_lists.h"
#include "fake_stream.h"

using namespace xl_colo;

namespace {

constexpr Pages guest{64};

Buffer numbered(uint64_t number, View rest)
{
    return BodyWriter().u64(number).bytes(rest).take();
}

// The one frame that holds such a small set.
Buffer set_of(uint64_t number, const List& list)
{
    return numbered(number, set_bodies(list, guest).front());
}

PageSet pages(const List& list)
{
    PageSet set(guest);
    for (const uint64_t pfn : list) {
        set.insert(Pfn{pfn});
    }
    return set;
}

// What came of a frame: "more", "whole", or what was wrong with it.
std::string text_of(const Result<bool>& taken)
{
    return taken ? *taken ? "whole" : "more" : taken.error().text();
}

void libxc_reads_b_and_what_moved(void**)
{
    BackChannel channel(guest, false, false, nullptr);
    const UniqueFd back = channel.take_back();
    channel.expect(CheckpointNumber{1});
    assert_text(text_of(channel.take_set(set_of(1, {3, 5}))), "whole");
    assert_true(bool(channel.give(pages({9}))));
    const auto record = read_record(back.get());
    assert_true(record->type == RecordType::CHECKPOINT_DIRTY_PFN_LIST);
    assert_true(record->body == list_bytes({3, 5, 9}));
    assert_int_equal(channel.b().value(), 2);
}

// A page that moved counts for the checkpoint that found it only.
void what_moved_is_asked_for_each_time(void**)
{
    BackChannel channel(guest, false, false, nullptr);
    const UniqueFd back = channel.take_back();
    channel.expect(CheckpointNumber{1});
    assert_text(text_of(channel.take_set(set_of(1, {3}))), "whole");
    assert_true(bool(channel.give(pages({9}))));
    assert_true(read_record(back.get())->body == list_bytes({3, 9}));
    channel.expect(CheckpointNumber{2});
    assert_text(text_of(channel.take_set(set_of(2, {4}))), "whole");
    assert_true(bool(channel.give(pages({}))));
    assert_true(read_record(back.get())->body == list_bytes({4}));
}

void set_out_of_turn_is_an_error(void**)
{
    BackChannel channel(guest, false, false, nullptr);
    const auto refused = [&](uint64_t number) {
        return text_of(channel.take_set(set_of(number, {1})));
    };
    const char* const out_of_turn = "DIRTY_SET out of turn";
    assert_text(refused(0), out_of_turn);
    assert_text(refused(1), out_of_turn);
    channel.expect(CheckpointNumber{1});
    assert_text(refused(2), out_of_turn);
    assert_text(refused(1), "whole");
    assert_text(refused(1), out_of_turn);  // a second one of the same
}

void digests_come_after_their_set_and_once(void**)
{
    CopyDigests digests(guest);
    BackChannel channel(guest, false, false, &digests);
    const Buffer one(sizeof(PageDigest), 7);
    const char* const out_of_turn = "DIRTY_DIGESTS out of turn";
    assert_text(text_of(channel.take_digests(numbered(0, one))), out_of_turn);
    channel.expect(CheckpointNumber{1});
    assert_text(text_of(channel.take_digests(numbered(1, one))), out_of_turn);
    assert_text(text_of(channel.take_set(set_of(1, {3, 5}))), "more");
    assert_text(text_of(channel.take_digests(numbered(2, one))), out_of_turn);
    assert_text(text_of(channel.take_digests(numbered(1, one))), "more");
    assert_text(text_of(channel.take_digests(numbered(1, one))), "whole");
    assert_true(bool(digests.settle(Pfn{5})));
    assert_int_equal(digests.get(Pfn{3})[0], 7);
    assert_false(bool(channel.take_digests(numbered(1, one))));  // too many
}

void of_no_page_there_are_no_digests(void**)
{
    CopyDigests digests(guest);
    BackChannel channel(guest, false, false, &digests);
    channel.expect(CheckpointNumber{1});
    assert_text(text_of(channel.take_set(set_of(1, {}))), "whole");
}

}  // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(libxc_reads_b_and_what_moved),
        cmocka_unit_test(what_moved_is_asked_for_each_time),
        cmocka_unit_test(set_out_of_turn_is_an_error),
        cmocka_unit_test(digests_come_after_their_set_and_once),
        cmocka_unit_test(of_no_page_there_are_no_digests),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
