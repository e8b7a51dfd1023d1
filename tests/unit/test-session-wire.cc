// The connection breaks, freezes, or carries what it should not, at each frame
// of a session in turn.
#include <csignal>
#include <thread>

#include "parallel.h"
#include "session_pair.h"
#include "session_rules.h"

#include "check.h"  // last: its fail() is a macro

using namespace xl_colo;
using namespace std::chrono_literals;

namespace {

struct Mode {
    const char* name;
    Output output;  // whether the copy runs before it takes over
    bool verify;    // the primary's guest goes on last, not first
    unsigned from = 2;  // automatic: it runs from each other checkpoint on
};

constexpr Mode compare{"", Output::compare, false};
constexpr Mode verify{", verify", Output::compare, true};
constexpr Mode commit{", commit", Output::commit, false};
constexpr Mode even{", auto, even", Output::automatic, false, 0};
constexpr Mode odd{", auto, odd", Output::automatic, false, 1};

struct Case {
    FrameType type;
    unsigned nth;
    WireFault fault;
    Mode mode;
};

void set_up(SessionPair& pair, const Mode& mode = verify)
{
    pair.options.max_checkpoints = 2;
    pair.options.settings.verify = mode.verify;
    pair.options.settings.output = mode.output;
    pair.options.copy_runs = [from = mode.from](CheckpointNumber n) {
        return n.value() % 2 == from;
    };
}

// Each frame of a session in which nothing happens.
std::vector<Case> at_each_frame(WireFault fault)
{
    std::vector<Case> cases;
    for (const Mode& mode : {compare, verify, commit, even, odd}) {
        SessionPair pair;
        set_up(pair, mode);
        for (const auto& [type, count] : pair.run().frames) {
            for (unsigned nth = 1; nth <= count; ++nth) {
                cases.push_back({type, nth, fault, mode});
            }
        }
    }
    return cases;
}

PairOutcome run_case(const Case& c)
{
    SessionPair pair;
    set_up(pair, c.mode);
    if (c.fault == WireFault::freeze) {
        pair.options.settings.timeout = 2s;
    }
    pair.wire.fault(c.type, c.nth, c.fault);
    return pair.run();
}

unsigned seen(const PairOutcome& outcome, FrameType type)
{
    const auto found = outcome.frames.find(type);
    return found == outcome.frames.end() ? 0 : found->second;
}

// Runs them all; fails, with the story, at the first that breaks a rule or for
// which `also` has an objection.
template <typename Also>
void run_all(const std::vector<Case>& cases, Also also)
{
    const auto outcomes = run_side_by_side(cases, run_case);
    for (size_t i = 0; i < cases.size(); ++i) {
        const char* objection = also(outcomes[i]);
        if (!broken_rules(outcomes[i]).empty()) {
            objection = "a rule is broken";
        } else if (outcomes[i].took > 15s) {
            objection = "somebody waited for the timeout";
        } else if (cases[i].mode.output == Output::commit &&
                   outcomes[i].secondary.has_run &&
                   outcomes[i].secondary.end.state != State::taken_over) {
            objection = "the copy has run";
        }
        if (objection) {
            fail_msg("at %s %u%s: %s\n  %s",
                     to_string(cases[i].type).c_str(), cases[i].nth,
                     cases[i].mode.name, objection,
                     to_text(outcomes[i]).c_str());
        }
    }
}

// The two loss rows of the specification's table.
const char* objection_to_loss(const PairOutcome& outcome)
{
    // COMMITTED 0 is the border: from then on the secondary has a guest.
    // Where BYE was sent it had destroyed it again, before the loss.
    const bool has_copy = seen(outcome, FrameType::COMMITTED) > 0 &&
                          seen(outcome, FrameType::BYE) == 0;
    if (outcome.primary.end.state != State::unprotected) {
        return "the primary does not go on unprotected";
    }
    if ((outcome.secondary.end.state == State::taken_over) != has_copy) {
        return has_copy ? "the secondary has not taken over"
                        : "the secondary has taken over";
    }
    if (has_copy && outcome.secondary.name != "guest") {
        return "the guest has another name now";
    }
    return nullptr;
}

void connection_that_breaks_is_a_loss(void**)
{
    run_all(at_each_frame(WireFault::cut), objection_to_loss);
}

void connection_that_freezes_is_a_loss(void**)
{
    run_all(at_each_frame(WireFault::freeze), objection_to_loss);
}

// A peer that is there, and says what it should not: nobody takes over.
const char* objection_to_nonsense(const PairOutcome& outcome)
{
    return states(outcome) == "unprotected/ended"
               ? nullptr
               : "not the primary's guest alone goes on";
}

void unknown_frame_ends_protection(void**)
{
    run_all(at_each_frame(WireFault::garble), objection_to_nonsense);
}

void frame_that_comes_twice_does_no_harm(void**)
{
    run_all(at_each_frame(WireFault::repeat), objection_to_nonsense);
}

// ---- a peer that lies ------------------------------------------------------

struct Lie {
    const char* name;
    FrameType type;
    unsigned nth;
    std::function<Buffer(Buffer)> change;
    const char* why;  // in what the primary says at the end
};

Buffer next_number(Buffer body)
{
    ++body[0];
    return body;
}

std::function<Buffer(Buffer)> becomes(Buffer bytes)
{
    return [bytes](Buffer) { return bytes; };
}

// The gaps of one chunk.
std::function<Buffer(Buffer)> set_becomes(Buffer chunk)
{
    return [chunk](Buffer) {
        return BodyWriter()
            .u64(1)
            .u64(FakeGuest::gfns.value())
            .bytes(chunk)
            .take();
    };
}

Buffer page_beyond()
{
    PageDataWriter pages;
    pages.add(FakeGuest::after_absent, Buffer(page_size));
    pages.add(Pfn{FakeGuest::gfns.value()}, Buffer(page_size));
    return pages.take();
}

void lie_ends_protection_and_is_named(void**)
{
    const std::vector<Lie> lies{
        {"checkpoint_skipped", FrameType::CHECKPOINT, 1, next_number,
         "CHECKPOINT out of turn"},
        {"suspended_for_another_checkpoint", FrameType::SUSPENDED, 1,
         next_number, "SUSPENDED of checkpoint 2 during checkpoint 1"},
        {"device_state_of_another_checkpoint", FrameType::DEVICE_STATE, 2,
         next_number, "DEVICE_STATE of checkpoint 2 during checkpoint 1"},
        {"committed_another_checkpoint", FrameType::COMMITTED, 2, next_number,
         "COMMITTED of checkpoint 2 during checkpoint 1"},
        {"ready_for_another_checkpoint", FrameType::READY, 1, next_number,
         "READY of checkpoint 1 during checkpoint 0"},
        {"resume_of_another_checkpoint", FrameType::RESUME, 2, next_number,
         "RESUME of checkpoint 2 during checkpoint 1"},
        {"done_with_another_checkpoint", FrameType::DONE, 1, next_number,
         "DONE out of turn"},
        {"list_of_another_checkpoint", FrameType::DIRTY_SET, 1, next_number,
         "DIRTY_SET out of turn"},
        {"set_with_a_page_beyond_the_guest", FrameType::DIRTY_SET, 1,
         set_becomes({1, 1, 1, 62}), "DIRTY_SET: a page beyond its chunk"},
        {"set_cut_short", FrameType::DIRTY_SET, 1,
         set_becomes({1, 1, 1}), "DIRTY_SET: cut off"},
        {"set_that_is_not_all", FrameType::DIRTY_SET, 1,
         set_becomes({1, 0, 1}), "digests of other pages than the dirty set's"},
        {"digests_of_another_checkpoint", FrameType::DIRTY_DIGESTS, 1,
         next_number, "DIRTY_DIGESTS out of turn"},
        {"image_of_a_pv_guest", FrameType::IMAGE, 1,
         [](Buffer body) {
             body[24] = 1;
             return body;
         },
         "the stream is of guest type 1"},
        {"page_beyond_the_guest", FrameType::PAGES, 2,
         becomes(page_beyond()), "pfn 0x40 is beyond the guest's 64 pages"},
        {"stream_ended_early", FrameType::RECORD, 8,
         becomes(record_bytes(RecordType::END)),
         "record 0x0 (End): does not belong into this stream"},
        {"pages_only_to_be_compared", FrameType::RECORD, 2,
         becomes(record_bytes(RecordType::VERIFY)),
         "record 0xd (Verify): does not belong into this stream"},
        {"checkpoint_record_too_early", FrameType::RECORD, 8,
         becomes(record_bytes(RecordType::CHECKPOINT)), "out of turn"},
        {"digests_out_of_order", FrameType::DIGESTS, 1,
         [](Buffer body) {
             body[8] = 1;
             return body;
         },
         "DIGESTS out of order or beyond the guest"},
        {"digest_of_another_page", FrameType::DIGESTS, 3,
         [](Buffer body) {
             ++body[16];
             return body;
         },
         "verification of checkpoint 1: 1 page differs: 0x0 "
         "(equal when looked at again)"},
        {"pages_that_are_no_pages", FrameType::VERIFIED, 1,
         [](Buffer body) {
             body[8] = 1;
             body.resize(body.size() + 16 + 4095);
             body[24] = 4095 & 0xff;
             body[25] = 4095 >> 8;
             return body;
         },
         "VERIFIED: no list of pages"},
        {"fewer_differences_than_told", FrameType::VERIFIED, 1,
         [](Buffer body) {
             body[8] = 1;
             return body;
         },
         "VERIFIED: 0 pages of 1"},
    };
    const auto outcomes = run_side_by_side(lies, [](const Lie& lie) {
        SessionPair pair;
        set_up(pair);
        pair.wire.rewrite(lie.type, lie.nth, lie.change);
        return pair.run();
    });
    for (size_t i = 0; i < lies.size(); ++i) {
        const PairOutcome& outcome = outcomes[i];
        print_message("  %s: %s\n", lies[i].name, to_text(outcome).c_str());
        assert_true(broken_rules(outcome).empty());
        assert_text(states(outcome), "unprotected/ended");
        assert_contains(outcome.primary.end.why, lies[i].why);
        assert_contains(outcome.secondary.end.why, lies[i].why);
        assert_false(outcome.primary.end.orderly);
        assert_true(outcome.took < 15s);
    }
}

// ---- a primary that does not wait for its turn -----------------------------

struct Early {
    const char* name;
    FrameType after;
    unsigned nth;
    std::vector<Frame> others;
    const char* why;
};

Frame pages_of(uint64_t pfn)
{
    // One entry of PAGE_DATA's type "normal", all zero.
    return {FrameType::PAGES,
            BodyWriter().u64(1).u64(pfn | uint64_t{1} << 59).take()};
}

std::vector<Frame> many_pages()
{
    std::vector<Frame> frames{
        {FrameType::CHECKPOINT, BodyWriter().u64(2).take()}};
    for (int i = 0; i < 200; ++i) {
        frames.push_back(pages_of(5));
    }
    return frames;
}

// The link's thread must not act on what the session's thread works with: the
// thread sanitizer, which runs this, would say.
void frame_out_of_turn_ends_protection(void**)
{
    const std::vector<Early> cases{
        {"checkpoint_before_the_last_is_applied", FrameType::DEVICE_STATE, 2,
         many_pages(), "CHECKPOINT out of turn"},
        {"checkpoint_in_the_initial_copy", FrameType::IMAGE, 1,
         {{FrameType::CHECKPOINT, BodyWriter().u64(1).take()}},
         "CHECKPOINT out of turn"},
        {"pages_before_the_copy_stands", FrameType::CHECKPOINT, 1,
         {pages_of(5), pages_of(6)}, "pages out of turn"},
        {"pages_after_the_device_state", FrameType::DEVICE_STATE, 2,
         {pages_of(5)}, "pages out of turn"},
        {"memory_while_the_copy_runs", FrameType::DONE, 2,
         {{FrameType::MEMORY, BodyWriter().u64(256).u64(256).take()}},
         "pages out of turn"},
        {"device_state_before_the_copy_stands", FrameType::CHECKPOINT, 1,
         {{FrameType::DEVICE_STATE, BodyWriter().u64(1).u64(1).take()}},
         "DEVICE_STATE out of turn"},
    };
    const auto outcomes = run_side_by_side(cases, [](const Early& early) {
        SessionPair pair;
        set_up(pair);
        pair.options.settings.interval = 50ms;
        pair.secondary_host.faults.at("suspend_copy", 1, [] {
            std::this_thread::sleep_for(200ms);
        });
        pair.wire.follow(early.after, early.nth, early.others);
        return pair.run();
    });
    for (size_t i = 0; i < cases.size(); ++i) {
        const PairOutcome& outcome = outcomes[i];
        print_message("  %s: %s\n", cases[i].name, to_text(outcome).c_str());
        assert_true(broken_rules(outcome).empty());
        assert_text(states(outcome), "unprotected/ended");
        assert_contains(outcome.secondary.end.why, cases[i].why);
        assert_true(outcome.took < 15s);
    }
}

}  // namespace

int main()
{
    std::signal(SIGPIPE, SIG_IGN);
    alarm(300);  // a session that does not end fails
    const CMUnitTest tests[] = {
        cmocka_unit_test(connection_that_breaks_is_a_loss),
        cmocka_unit_test(connection_that_freezes_is_a_loss),
        cmocka_unit_test(unknown_frame_ends_protection),
        cmocka_unit_test(frame_that_comes_twice_does_no_harm),
        cmocka_unit_test(lie_ends_protection_and_is_named),
        cmocka_unit_test(frame_out_of_turn_ends_protection),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
