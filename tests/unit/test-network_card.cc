// A card's moments, over taps of this host's kernel: what waits, what leaves
// when, and the guest that stands because too much waits. tc is one that does
// nothing, so nobody redirects anything to the taps: the test sends out of them
// what a filter would.
#include "network/network_card.h"

#include <cstdlib>

#include "fake_host.h"
#include "fake_log.h"
#include "slowed.h"
#include "tap_wire.h"

#include "check.h"  // last: its fail() is a macro

using namespace xl_colo;
using namespace std::chrono_literals;

namespace {

constexpr CheckpointNumber zero{0}, one{1}, two{2};
constexpr uint64_t most_frames = 65536;

struct WithCard {
    explicit WithCard(Role role = Role::primary)
        : guest(host.add_guest("guest")),
          domain(std::move(*host.open(guest->domid, {}))),
          card({.type = DeviceType::network_card,
                .name = "00:16:3e:01:02:03"},
               {role, log, [this](const std::string&) { ++asked; },
                [this] { return domain->pause(); },
                [this] { return domain->unpause(); }}),
          up(card.set_up(*domain)),
          output(tap_names(guest->domid, 0, false).output)
    {
    }
    ~WithCard()
    {
        card.protection_ended(State::unprotected);
        card.tear_down();
    }

    // How many frames wait by now.
    uint64_t waiting() const
    {
        return std::strtoull(card.status().text.c_str(), nullptr, 10);
    }
    // All of these, and they have come to wait: a tap's queue is short.
    bool sends(uint64_t first, uint64_t last)
    {
        const uint64_t before = waiting();
        for (uint64_t i = first; i <= last; ++i) {
            if (!output.send(std::to_string(i)) ||
                (i % 1024 == 0 && !comes_to(before + i - first + 1))) {
                return false;
            }
        }
        return comes_to(before + last - first + 1);
    }
    bool comes_to(uint64_t frames) const
    {
        return becomes([&] { return waiting() == frames; });
    }
    static bool becomes(const std::function<bool()>& what)
    {
        const auto deadline = std::chrono::steady_clock::now() + slowed(30s);
        while (!what()) {
            if (std::chrono::steady_clock::now() > deadline) {
                return false;
            }
            std::this_thread::sleep_for(1ms);
        }
        return true;
    }
    bool stands_for(CheckpointNumber n)
    {
        return bool(card.guest_will_stand(n)) && bool(card.guest_stands(n));
    }
    bool protects()
    {
        return stands_for(zero) && bool(card.may_run(zero)) &&
               bool(card.committed(zero));
    }

    FakeHost host{"alpha"};
    std::shared_ptr<FakeGuest> guest;
    std::unique_ptr<Domain> domain;
    FakeLog log;
    std::atomic<unsigned> asked{0};
    NetworkCard card;
    const Status up;
    TapWire output;
};

void output_waits_for_its_own_checkpoint(void**)
{
    std::vector<std::string> left;
    bool well;
    unsigned asked_before;
    {
        WithCard with;
        well = bool(with.up) && with.protects() && with.sends(1, 2);
        asked_before = with.asked;
        well = well && with.stands_for(one) && bool(with.card.may_run(one)) &&
               with.sends(3, 3);
        left.push_back(with.output.next(100ms));
        well = well && bool(with.card.committed(one));
        for (int i = 0; i < 2; ++i) {
            left.push_back(with.output.next());
        }
        left.push_back(with.output.next(100ms));
        well = well && with.stands_for(two) && bool(with.card.may_run(two)) &&
               bool(with.card.committed(two));
        left.push_back(with.output.next());
    }
    assert_true(well);
    assert_int_equal(asked_before, 1);
    assert_true(left == std::vector<std::string>(
                            {"nothing", "1", "2", "nothing", "3"}));
}

// Neither loss nor disorder: whatever has come leaves with its checkpoint.
void guest_stands_when_as_much_waits_as_may(void**)
{
    bool well, runs_before, stands, takes_more, runs_after, in_order = true;
    {
        WithCard with;
        well = bool(with.up) && with.protects() &&
               with.sends(1, most_frames - 1);
        runs_before = !with.guest->is_paused();
        well = well && with.sends(most_frames, most_frames);
        stands = with.becomes([&] { return with.guest->is_paused(); });
        takes_more = with.sends(most_frames + 1, most_frames + 1000);
        // It has to run for the request to suspend.
        well = well && with.stands_for(one);
        runs_after = !with.guest->is_paused();
        well = well && bool(with.card.may_run(one)) &&
               with.guest->is_paused() && bool(with.card.committed(one)) &&
               !with.guest->is_paused();
        for (uint64_t i = 1; i <= most_frames + 1000 && in_order; ++i) {
            in_order = with.output.next() == std::to_string(i);
        }
    }
    assert_true(well);
    assert_true(runs_before);
    assert_true(stands);
    assert_true(takes_more);
    assert_true(runs_after);
    assert_true(in_order);
}

// Between the request to suspend and its answer nobody may pause it; nor is it
// to run on after that, until there is room.
void guest_that_was_to_stand_stands_afterwards(void**)
{
    bool well, paused_while_asked, stands, runs;
    {
        WithCard with;
        well = bool(with.up) && with.protects() &&
               bool(with.card.guest_will_stand(one)) &&
               with.sends(1, most_frames);
        paused_while_asked = with.guest->is_paused();
        well = well && bool(with.card.guest_stands(one)) &&
               bool(with.card.may_run(one));
        stands = with.guest->is_paused();
        well = well && bool(with.card.committed(one));
        runs = !with.guest->is_paused();
    }
    assert_true(well);
    assert_false(paused_while_asked);
    assert_true(stands);
    assert_true(runs);
}

void end_lets_all_out_and_the_guest_run(void**)
{
    bool well, runs;
    std::string first;
    {
        WithCard with;
        well = bool(with.up) && with.protects() && with.sends(1, most_frames) &&
               with.becomes([&] { return with.guest->is_paused(); });
        with.card.protection_ended(State::unprotected);
        runs = !with.guest->is_paused();
        first = with.output.next();
    }
    assert_true(well);
    assert_true(runs);
    assert_text(first, "1");
}

void copy_says_nothing_until_it_takes_over(void**)
{
    bool well;
    std::vector<std::string> left;
    {
        WithCard with(Role::secondary);
        well = bool(with.up) && with.output.send("1");
        left.push_back(with.output.next(200ms));
        with.card.take_over();
        well = well && with.output.send("2");
        left.push_back(with.output.next());
    }
    assert_true(well);
    assert_true(left == std::vector<std::string>({"nothing", "2"}));
}

}  // namespace

int main()
{
    if (!has_own_network()) {
        return 77;
    }
    alarm(300);
    const ScratchFolder folder;
    use_idle_tc(folder.path());
    const CMUnitTest tests[] = {
        cmocka_unit_test(output_waits_for_its_own_checkpoint),
        cmocka_unit_test(guest_stands_when_as_much_waits_as_may),
        cmocka_unit_test(guest_that_was_to_stand_stands_afterwards),
        cmocka_unit_test(end_lets_all_out_and_the_guest_run),
        cmocka_unit_test(copy_says_nothing_until_it_takes_over),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
