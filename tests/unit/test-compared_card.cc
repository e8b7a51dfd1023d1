// The two halves of a card that is compared, over taps of this host's kernel
// and with nothing between them: what leaves at once, what waits for its
// checkpoint, and what the copy gets. tc is one that does nothing, as in
// test-network_card.
#include "compare/compared_card.h"

#include "compare/copys_card.h"
#include "fake_host.h"
#include "fake_log.h"
#include "slowed.h"
#include "tap_wire.h"

#include "check.h"  // last: its fail() is a macro

using namespace xl_colo;
using namespace std::chrono_literals;

namespace {

constexpr CheckpointNumber zero{0}, one{1}, two{2};

class Pair {
public:
    Pair()
        : guest_(host_.add_guest("guest")),
          copy_(host_.add_guest("copy")),
          domain_(std::move(*host_.open(guest_->domid, {}))),
          copys_domain_(std::move(*host_.open(copy_->domid, {}))),
          to_copy_([this](View head, View words) {
              ++told;
              return to_guest_.come(joined(head, words));
          }),
          to_guest_([this](View head, View words) {
              return to_copy_.come(joined(head, words));
          }),
          card(facts(), context(Role::primary, to_copy_, *domain_)),
          copys(facts(), context(Role::secondary, to_guest_, *copys_domain_)),
          up(bool(card.set_up(*domain_)) && bool(copys.set_up(*copys_domain_))),
          output(tap_names(guest_->domid, 0, false).output),
          input(tap_names(guest_->domid, 0, false).input),
          copys_output(tap_names(copy_->domid, 0, false).output),
          copys_input(tap_names(copy_->domid, 0, false).input)
    {
    }
    ~Pair()
    {
        card.protection_ended(State::unprotected);
        copys.protection_ended(State::ended);
        card.tear_down();
        copys.tear_down();
    }

    // The copy's driver has connected: its interface has a carrier.
    void connect()
    {
        vif_.emplace(std::move(*Tap::make(
            "vif" + std::to_string(copy_->domid.value()) + ".0")));
        copy_->restore_card(0, CardConnection::connected);
    }
    void disconnect() { vif_.reset(); }

    bool stand(CheckpointNumber n)
    {
        return (n == zero || bool(copys.guest_stands(n))) &&
               bool(card.guest_will_stand(n)) && bool(card.guest_stands(n)) &&
               bool(card.may_run(n));
    }
    bool commit(CheckpointNumber n)
    {
        return (n == zero || bool(copys.committed(n))) &&
               bool(card.committed(n)) &&
               (!copy_runs_ || bool(copys.may_run(n)));
    }
    // From the next checkpoint on.
    void let_copy_run(bool runs)
    {
        copy_runs_ = runs;
        card.copy_will_run(runs);
    }
    bool checkpoint(CheckpointNumber n) { return stand(n) && commit(n); }
    bool is_released() const { return !copy_->card(0).is_made(); }

    static bool becomes(const std::function<bool()>& what)
    {
        const auto deadline = std::chrono::steady_clock::now() + slowed(20s);
        while (!what()) {
            if (std::chrono::steady_clock::now() > deadline) {
                return false;
            }
            std::this_thread::sleep_for(1ms);
        }
        return true;
    }

private:
    static DeviceFacts facts()
    {
        return {.type = DeviceType::network_card, .name = "00:16:3e:01:02:03"};
    }
    static Buffer joined(View head, View words)
    {
        Buffer body(head.begin(), head.end());
        body.insert(body.end(), words.begin(), words.end());
        return body;
    }
    DeviceContext context(Role role, DeviceChannel& channel, Domain& domain)
    {
        DeviceContext context{role, log, {}, {}, {}};
        context.ask_for_checkpoint = [this](const std::string& why) {
            last_why = why;
            ++asked;  // who sees that sees the words, too
        };
        context.pause_guest = [&domain] { return domain.pause(); };
        context.unpause_guest = [&domain] { return domain.unpause(); };
        context.channel = &channel;
        context.compare_timeout = 100ms;
        return context;
    }

public:
    std::atomic<unsigned> told{0};  // messages to the copy's card

private:
    FakeHost host_{"alpha"};
    std::shared_ptr<FakeGuest> guest_, copy_;
    std::unique_ptr<Domain> domain_, copys_domain_;
    DeviceChannel to_copy_, to_guest_;
    std::optional<Tap> vif_;
    bool copy_runs_ = true;

public:
    FakeLog log;
    std::atomic<unsigned> asked{0};
    std::string last_why;
    ComparedCard card;
    CopysCard copys;
    const bool up;
    TapWire output, input, copys_output, copys_input;
};

using Texts = std::vector<std::string>;

void what_both_send_leaves_at_once(void**)
{
    Texts left;
    bool well;
    {
        Pair pair;
        well = pair.up && pair.checkpoint(zero) && pair.output.send("1");
        left.push_back(pair.output.next(100ms));
        well = well && pair.copys_output.send("1");
        left.push_back(pair.output.next());
        // And what the copy sends first.
        well = well && pair.copys_output.send("2");
        left.push_back(pair.output.next(100ms));
        well = well && pair.output.send("2");
        left.push_back(pair.output.next());
        left.push_back(pair.copys_output.next(100ms));
    }
    assert_true(well);
    assert_true(left ==
                Texts({"nothing", "1", "nothing", "2", "nothing"}));
}

void what_differs_waits_for_its_checkpoint(void**)
{
    Texts left;
    bool well, asked, told;
    {
        Pair pair;
        well = pair.up && pair.checkpoint(zero) && pair.output.send("1") &&
               pair.copys_output.send("other");
        asked = Pair::becomes([&] { return pair.asked == 1; });
        left.push_back(pair.output.next(100ms));
        well = well && pair.stand(one);
        left.push_back(pair.output.next(100ms));
        well = well && pair.commit(one);
        left.push_back(pair.output.next());
        told = pair.card.status().text.find("differed: 1 other") !=
               std::string::npos;
    }
    assert_true(well);
    assert_true(asked);
    assert_true(told);
    assert_true(left == Texts({"nothing", "nothing", "1"}));
}

// A copy that was not asked yet, and one that says nothing.
void what_nobody_confirms_asks_for_a_checkpoint(void**)
{
    bool well, asked_late, asked;
    std::string why;
    {
        Pair pair;
        well = pair.up && pair.checkpoint(zero) && pair.output.send("1");
        std::this_thread::sleep_for(200ms);  // more than a timeout
        asked_late = pair.asked == 0;
        pair.connect();
        asked = Pair::becomes([&] { return pair.asked == 1; });
        why = pair.last_why;
    }
    assert_true(well);
    assert_true(asked_late);
    assert_true(asked);
    assert_text(why, "the copy has not sent the same within 100 ms");
}

// In its order, once its card is connected; and of what came before the guest
// stood for the checkpoint that is put in, nothing.
void copy_gets_what_the_guest_gets(void**)
{
    Texts guests, copys;
    bool well;
    {
        Pair pair;
        well = pair.up && pair.checkpoint(zero) && pair.input.send("1") &&
               pair.input.send("2");
        for (int i = 0; i < 2; ++i) {
            guests.push_back(pair.input.next());
        }
        copys.push_back(pair.copys_input.next(100ms));
        pair.connect();
        for (int i = 0; i < 2; ++i) {
            copys.push_back(pair.copys_input.next());
        }
        pair.disconnect();
        // The copy stands, and the guest does not yet.
        well = well && bool(pair.copys.guest_stands(one)) &&
               pair.input.send("3");
        guests.push_back(pair.input.next());
        well = well && bool(pair.card.guest_will_stand(one)) &&
               bool(pair.card.guest_stands(one)) && pair.input.send("4");
        guests.push_back(pair.input.next(100ms));
        well = well && bool(pair.card.may_run(one));
        guests.push_back(pair.input.next());
        well = well && pair.commit(one);
        pair.connect();
        copys.push_back(pair.copys_input.next());
        copys.push_back(pair.copys_input.next(100ms));
    }
    assert_true(well);
    assert_true(guests == Texts({"1", "2", "3", "nothing", "4"}));
    assert_true(copys == Texts({"nothing", "1", "2", "4", "nothing"}));
}

void copys_backend_lets_go_and_comes_back_where_nothing_is_put_in(void**)
{
    bool well, stood, went_on, anew;
    {
        Pair pair;
        well = pair.up && pair.checkpoint(zero);
        pair.connect();
        well = well && bool(pair.copys.guest_stands(one));
        stood = pair.is_released();
        // The primary is lost: no commit.
        well = well && bool(pair.copys.may_run(zero));
        went_on = !pair.is_released();
        well = well && bool(pair.copys.guest_stands(one)) &&
               bool(pair.copys.committed(one)) &&
               bool(pair.copys.may_run(one));
        anew = pair.is_released();
    }
    assert_true(well);
    assert_true(stood);
    assert_true(went_on);
    assert_true(anew);
}

void copy_is_on_the_wire_when_it_takes_over(void**)
{
    Texts left, got;
    bool well;
    {
        Pair pair;
        well = pair.up && pair.checkpoint(zero) &&
               pair.copys_input.send("not for a copy");
        pair.connect();
        got.push_back(pair.copys_input.next(100ms));
        pair.copys.take_over();
        well = well && pair.copys_output.send("1") &&
               pair.copys_input.send("2");
        left.push_back(pair.copys_output.next());
        got.push_back(pair.copys_input.next());
    }
    assert_true(well);
    assert_true(left == Texts({"1"}));
    assert_true(got == Texts({"nothing", "2"}));
}

// ---- a copy that stands from one checkpoint to the next ---------------------

void all_waits_beside_a_copy_that_stands(void**)
{
    Texts left;
    bool well, asked;
    std::string why;
    OutputFelt felt;
    {
        Pair pair;
        well = pair.up && pair.checkpoint(zero);
        pair.connect();
        // It says more than the guest has, and then is made to stand.
        well = well && pair.copys_output.send("1") &&
               pair.copys_output.send("2") && pair.output.send("1");
        left.push_back(pair.output.next());
        pair.disconnect();
        pair.let_copy_run(false);
        well = well && pair.checkpoint(one) && pair.output.send("2");
        asked = Pair::becomes([&] { return pair.asked == 1; });
        why = pair.last_why;
        // Nobody there says anything; if it did, it would not count.
        pair.connect();
        well = well && pair.copys_output.send("2");
        left.push_back(pair.output.next(100ms));
        well = well && pair.stand(two);
        left.push_back(pair.output.next(100ms));
        well = well && pair.commit(two);
        left.push_back(pair.output.next());
        felt = pair.card.output_felt();
    }
    assert_true(well);
    assert_true(asked);
    assert_text(why, "output waits");
    assert_true(left == Texts({"1", "nothing", "nothing", "2"}));
    assert_int_equal(felt.frames, 2);
    assert_true(felt.waited >= 200ms);
}

// What the guest got meanwhile is in the checkpoint that the copy then has.
void copy_that_stood_gets_what_came_since_it_runs(void**)
{
    Texts guests, copys;
    bool well, is_released, anew;
    unsigned told;
    {
        Pair pair;
        pair.let_copy_run(false);
        well = pair.up && pair.checkpoint(zero) && pair.checkpoint(one) &&
               pair.input.send("1");
        guests.push_back(pair.input.next());
        copys.push_back(pair.copys_input.next(100ms));
        told = pair.told;
        pair.let_copy_run(true);
        // The word that it runs comes after the commit; the guest goes on
        // before.
        well = well && pair.stand(two) && pair.input.send("2");
        guests.push_back(pair.input.next());
        well = well && pair.commit(two);
        is_released = pair.is_released();
        pair.connect();
        copys.push_back(pair.copys_input.next());
        copys.push_back(pair.copys_input.next(100ms));
        // And both are compared again.
        well = well && pair.output.send("3");
        copys.push_back(pair.output.next(100ms));
        well = well && pair.copys_output.send("3");
        copys.push_back(pair.output.next());
        anew = !pair.is_released();
    }
    assert_true(well);
    assert_true(is_released);
    assert_true(anew);
    assert_int_equal(told, 0);
    assert_true(guests == Texts({"1", "2"}));
    assert_true(copys ==
                Texts({"nothing", "2", "nothing", "nothing", "3"}));
}

// Its rings are those of the guest's: there are none to go back to.
void copy_that_stood_takes_over_as_a_checkpoint_has_made_it(void**)
{
    for (const bool ran_before : {false, true}) {
        Texts left, got;
        bool well, is_released;
        {
            Pair pair;
            pair.let_copy_run(ran_before);
            well = pair.up && pair.checkpoint(zero);
            pair.connect();
            pair.let_copy_run(false);
            well = well && pair.checkpoint(one) && pair.output.send("held");
            // The guest stands for the next one, and its host is lost.
            pair.let_copy_run(true);
            well = well && pair.stand(two) && pair.input.send("of two") &&
                   bool(pair.copys.may_run(one));
            is_released = pair.is_released();
            pair.copys.take_over();
            well = well && pair.copys_output.send("1") &&
                   pair.copys_input.send("2");
            left.push_back(pair.copys_output.next());
            got.push_back(pair.copys_input.next());
            left.push_back(pair.output.next(100ms));
            // The guest's host is not: then it has not been seen either.
            pair.card.protection_ended(State::held);
            left.push_back(pair.output.next(100ms));
        }
        assert_true(well);
        assert_true(is_released);
        assert_true(left == Texts({"1", "nothing", "nothing"}));
        assert_true(got == Texts({"2"}));
    }
}

// Nor has one that has not run at all, and stands for a first checkpoint.
void copy_that_never_ran_has_no_rings_to_go_back_to(void**)
{
    bool well, is_released;
    {
        Pair pair;
        pair.let_copy_run(false);
        well = pair.up && pair.checkpoint(zero) && pair.stand(one) &&
               bool(pair.copys.may_run(zero));
        is_released = pair.is_released();
    }
    assert_true(well);
    assert_true(is_released);
}

// Either way the guest goes on here, and nothing has to wait.
void what_waits_leaves_when_the_guest_goes_on_alone(void**)
{
    for (const bool runs : {false, true}) {
        Texts left;
        bool well;
        {
            Pair pair;
            pair.let_copy_run(runs);
            well = pair.up && pair.checkpoint(zero) && pair.output.send("1");
            left.push_back(pair.output.next(100ms));
            pair.card.other_is_lost();
            pair.card.protection_ended(State::unprotected);
            left.push_back(pair.output.next());
            well = well && pair.output.send("2");
            left.push_back(pair.output.next());
        }
        assert_true(well);
        assert_true(left == Texts({"nothing", "1", "2"}));
    }
}

// A peer that lies ends the session, and nothing else.
void malformed_words_are_refused(void**)
{
    Pair pair;
    assert_true(pair.up && pair.checkpoint(zero));
    CardFacts second;
    second.number = 1;
    DeviceChannel liar([](View, View) { return Status(); });
    DeviceContext context{Role::secondary, pair.log, {}, {}, {}};
    context.channel = &liar;
    CopysCard other({.type = DeviceType::network_card,
                     .name = "00:16:3e:01:02:04",
                     .card = second},
                    context);
    FakeHost host("beta");
    const auto guest = host.add_guest("third");
    const auto domain = std::move(*host.open(guest->domid, {}));
    assert_true(bool(other.set_up(*domain)));
    Buffer words(8, 0);  // to device 0
    assert_true(!liar.come(words));
    put_little(words, uint64_t{0});
    assert_true(bool(liar.come(words)));
    const Buffer good = words;
    for (const uint64_t heading :
         {uint64_t{9}, uint64_t{1}, uint64_t{1} | uint64_t{70000} << 32,
          uint64_t{3}, uint64_t{1} << 16 | 1}) {
        words = good;
        put_little(words, heading);
        words.resize(words.size() + (heading >> 32));
        const Status heard = liar.come(words);
        assert_true(!heard && heard.error().kind() == ErrorKind::protocol);
    }
    other.tear_down();
    assert_true(bool(liar.come(words)));  // nobody listens
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
        cmocka_unit_test(what_both_send_leaves_at_once),
        cmocka_unit_test(what_differs_waits_for_its_checkpoint),
        cmocka_unit_test(what_nobody_confirms_asks_for_a_checkpoint),
        cmocka_unit_test(copy_gets_what_the_guest_gets),
        cmocka_unit_test(
            copys_backend_lets_go_and_comes_back_where_nothing_is_put_in),
        cmocka_unit_test(copy_is_on_the_wire_when_it_takes_over),
        cmocka_unit_test(all_waits_beside_a_copy_that_stands),
        cmocka_unit_test(copy_that_stood_gets_what_came_since_it_runs),
        cmocka_unit_test(
            copy_that_stood_takes_over_as_a_checkpoint_has_made_it),
        cmocka_unit_test(copy_that_never_ran_has_no_rings_to_go_back_to),
        cmocka_unit_test(what_waits_leaves_when_the_guest_goes_on_alone),
        cmocka_unit_test(malformed_words_are_refused),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
