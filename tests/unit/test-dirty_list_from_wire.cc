// DirtyListFromWire: B on its way into the primary's libxc, and F6.
#include "relay/dirty_list_from_wire.h"

#include <csignal>

#include "check.h"
#include "dirty_lists.h"
#include "fake_stream.h"

using namespace xl_colo;

namespace {

// What went wrong, or nothing.
std::string give_all(DirtyListFromWire& feed, const List& list, Pages guest)
{
    const auto bodies = set_bodies(list, guest);
    for (size_t i = 0; i < bodies.size(); ++i) {
        const auto whole = feed.take(bodies[i]);
        if (!whole) {
            return whole.error().text();
        }
        if (*whole != (i + 1 == bodies.size())) {
            return "whole too early or too late";
        }
    }
    const auto given = feed.give(PageSet(guest));
    return given ? "" : given.error().text();
}

void feed_gives_libxc_one_record_a_list(void**)
{
    for (const bool drop : {false, true}) {
        DirtyListFromWire feed(gfns, false, drop);
        const UniqueFd back = feed.take_back();
        for (const List& list : {List{}, List{0}, List{3, 1048575}}) {
            assert_text(give_all(feed, list, gfns), "");
            assert_true(feed.set().size() == Pages{list.size()});
            const auto record = read_record(back.get());
            assert_true(record->type ==
                        RecordType::CHECKPOINT_DIRTY_PFN_LIST);
            assert_true(record->body == (drop ? Buffer() : list_bytes(list)));
        }
    }
}

void feed_refuses_what_libxc_must_not_see(void**)
{
    DirtyListFromWire feed(Pages{64}, false, false);
    const UniqueFd back = feed.take_back();
    for (const Buffer& beyond : set_bodies({64}, Pages{65})) {
        assert_true(feed.take(beyond).error().kind() == ErrorKind::protocol);
    }
    assert_true(feed.take(Buffer(7)).error().kind() == ErrorKind::protocol);
    assert_text(give_all(feed, {1}, Pages{64}), "");
    assert_true(read_record(back.get())->body == list_bytes({1}));
}

constexpr uint64_t record_pages = record_length_max / 8;

// F6: what fits, and one page more, with and without our patches.
void feed_knows_how_much_one_record_holds(void**)
{
    constexpr Pages guest{record_pages + 1};
    const List list = range(1, record_pages);
    DirtyListFromWire takes_parts(guest, true, false);
    assert_text(give_all(takes_parts, list, guest), "");
    const UniqueFd back = takes_parts.take_back();
    const auto record = read_record(back.get());
    assert_true(record->type == RecordType::CHECKPOINT_DIRTY_PFN_LIST);
    assert_true(record->body == list_bytes(list));

    DirtyListFromWire feed(guest, false, false);
    assert_text(give_all(feed, range(0, record_pages + 1), guest),
                "dirty list: 16777217 pages are more than libxc takes at once "
                "(F6)");
}

void feed_gives_a_longer_list_in_parts_to_who_takes_them(void**)
{
    constexpr Pages guest{record_pages + 2};
    const List list = range(1, record_pages + 1);
    DirtyListFromWire feed(guest, true, false);
    assert_text(give_all(feed, list, guest), "");
    const UniqueFd back = feed.take_back();
    const auto part = read_record(back.get());
    const auto rest = read_record(back.get());
    assert_true(part->type == RecordType::CHECKPOINT_DIRTY_PFN_PART);
    assert_true(part->body == list_bytes(range(1, record_pages)));
    assert_true(rest->type == RecordType::CHECKPOINT_DIRTY_PFN_LIST);
    assert_true(rest->body == list_bytes({record_pages + 1}));
}

// A shorter list than the one before does not end in the rest of that.
void each_list_begins_anew(void**)
{
    DirtyListFromWire feed(gfns, false, false);
    const UniqueFd back = feed.take_back();
    for (const List& list : {range(7, 5000), List{3}, List{}, range(1, 600)}) {
        assert_text(give_all(feed, list, gfns), "");
        assert_true(read_record(back.get())->body == list_bytes(list));
    }
}

void what_moved_is_in_the_list(void**)
{
    DirtyListFromWire feed(Pages{64}, false, false);
    const UniqueFd back = feed.take_back();
    for (const Buffer& body : set_bodies({3, 5}, Pages{64})) {
        assert_true(bool(feed.take(body)));
    }
    PageSet moved(Pages{64});
    moved.insert(Pfn{5});
    moved.insert(Pfn{9});
    assert_true(bool(feed.give(moved)));
    assert_true(read_record(back.get())->body == list_bytes({3, 5, 9}));
    assert_int_equal(feed.set().size().value(), 2);
}

}  // namespace

int main()
{
    std::signal(SIGPIPE, SIG_IGN);
    alarm(600);  // a wait that does not end fails
    const CMUnitTest tests[] = {
        cmocka_unit_test(feed_gives_libxc_one_record_a_list),
        cmocka_unit_test(feed_refuses_what_libxc_must_not_see),
        cmocka_unit_test(feed_knows_how_much_one_record_holds),
        cmocka_unit_test(feed_gives_a_longer_list_in_parts_to_who_takes_them),
        cmocka_unit_test(each_list_begins_anew),
        cmocka_unit_test(what_moved_is_in_the_list),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
