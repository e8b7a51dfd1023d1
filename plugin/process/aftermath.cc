#include "process/aftermath.h"

#include <chrono>
#include <cstdlib>
#include <memory>

#include "base/descriptors.h"
#include "devices/device_set.h"
#include "disks/replicated_disk.h"
#include "fencing/shell_witness.h"
#include "hypervisor/host.h"
#include "network/card_interfaces.h"
#include "process/domain_process.h"
#include "process/message_log.h"
#include "process/protection_mark.h"
#include "session/copy.h"
#include "session/event_queue.h"

namespace xl_colo {

namespace {

constexpr std::chrono::seconds retry_after{1};
constexpr int most_pauses = 16;  // of a copy, by others

// What is left of a session: it is run in the session's place.
class Remains : public SessionControl {
public:
    Remains(std::unique_ptr<Domain> domain, std::vector<DeviceFacts> devices,
            DeviceSet disks, StatusBoard& board, Log& log,
            const WatchRecord::Findings& found, std::string died)
        : domain_(std::move(domain)),
          devices_(std::move(devices)),
          disks_(std::move(disks)),
          board_(board),
          log_(log),
          found_(found),
          died_(std::move(died)),
          pauses_(found.pauses)
    {
    }

    SessionEnd run();

    void request_stop(const std::string& reason) override
    {
        queue_.post(StopRequest{reason});
    }
    void request_failover() override { queue_.post(FailoverRequest{}); }
    void domains_changed() override { queue_.post(DomainsChanged{}); }

private:
    enum class Word { nothing, go_on, give_up, leave, gone };

    SessionEnd go_on(const std::string& what);
    SessionEnd hold(const std::string& advice);
    SessionEnd claim();
    SessionEnd destroy(const std::string& why);
    Word wait_for_word(Deadline deadline);
    Status let_run();
    void pause() { pauses_ += bool(domain_->pause()); }
    void settle_disks(State state)
    {
        disks_.protection_ended(state);
        disks_.tear_down();
    }
    std::string with(const std::string& what) const
    {
        return died_ + "; " + what;
    }
    bool is_copy() const { return found_.role == Role::secondary; }

    std::unique_ptr<Domain> domain_;
    const std::vector<DeviceFacts> devices_;
    DeviceSet disks_;
    StatusBoard& board_;
    Log& log_;
    const WatchRecord::Findings& found_;
    const std::string died_;
    int pauses_;  // of the domain, by us or by the process that is gone
    EventQueue queue_;
};

SessionEnd Remains::run()
{
    switch (fate_of(found_)) {
    case Fate::go_on:
        return go_on(found_.stands ? "the guest was resumed"
                                   : "the guest goes on");
    case Fate::claim:
        return claim();
    case Fate::hold:
        // The first thing of all: it runs on by itself yet.
        if (is_copy() || !found_.stands) {
            pause();
        }
        return hold(is_copy()
                        ? "the copy is held here: if the guest does not run "
                          "on " + found_.peer + ", xl-colo-failover " +
                              found_.domain +
                              " has it go on here; xl-colo-stop gives it up"
                        : "the guest is held here: " + found_.peer +
                              " may have taken it over; if it does not run "
                              "there, xl-colo-stop " + found_.domain +
                              " has it go on here");
    case Fate::destroy:
        break;
    }
    return destroy("there was no state of the guest in its copy");
}

// Whoever suspended it is gone.
Status Remains::let_run()
{
    if (is_copy()) {
        // What it has of them is another guest's no more.
        if (auto s = disks_.may_take_over(); !s) {
            return s;
        }
        if (auto s = disks_.may_run({}); !s) {
            return s;
        }
    }
    if (domain_->state() == GuestState::suspended) {
        if (is_copy()) {
            // It stands already; this says by whom, and so how it goes on.
            if (auto s = domain_->suspend_copy(); !s) {
                return s;
            }
        }
        if (auto s = domain_->resume(); !s) {
            return s;
        }
    }
    // A copy may have been paused by its restore, too.
    for (int i = 0; i < most_pauses && (pauses_ > 0 || is_copy()); ++i) {
        const auto paused = domain_->is_paused();
        if (!paused) {
            return paused.error();
        }
        if (!*paused) {
            break;
        }
        if (auto s = domain_->unpause(); !s) {
            return s;
        }
        --pauses_;
    }
    return {};
}

SessionEnd Remains::go_on(const std::string& what)
{
    const State state = is_copy() ? State::taken_over : State::unprotected;
    if (found_.stands || is_copy() || pauses_ > 0) {
        for (bool first = true;; first = false) {
            const Status runs = let_run();
            if (runs) {
                board_.clear(WarningKind::guest_stands);
                break;
            }
            if (domain_->state() == GuestState::gone) {
                return {State::ended, with("the guest is gone"), false};
            }
            const std::string text =
                "the guest does not run: " + runs.error().text() +
                " (tried again each second)";
            board_.warn(WarningKind::guest_stands, text);
            if (first) {
                log_.error(text);
            }
            if (wait_for_word(EventQueue::Clock::now() + retry_after) ==
                Word::leave) {
                return {State::held, with(text), false};
            }
        }
    }
    board_.clear(WarningKind::guest_held);
    board_.warn(WarningKind::process_died, with(what));
    // None of these keeps the guest from running.
    disks_.take_over();
    settle_disks(state);
    if (auto s = open_cards(devices_, domain_->domid()); !s) {
        log_.error("a network card may be cut off: " + s.error().text());
    }
    (void)bool(domain_->set_log_dirty(false));
    if (is_copy()) {
        if (auto s = domain_->rename(found_.domain); !s) {
            board_.warn(WarningKind::wrong_name,
                        "the guest is here as \"" + copy_name(found_.domain) +
                            "\": " + s.error().text());
        }
    } else if (found_.may_take_over && found_.arbiter.witness.empty() &&
               !found_.arbiter.fence && found_.state != State::unprotected) {
        const std::string text =
            found_.peer + " may have taken the guest over: check with \"xl "
                          "list\" there, and destroy one of the two if both "
                          "run";
        board_.warn(WarningKind::guest_twice, text);
        log_.warn(text);
    }
    return {state, with(what), false, domain_->state() == GuestState::running &&
                                          found_.stands};
}

SessionEnd Remains::hold(const std::string& advice)
{
    // What a request for a failover, or for a stop, may find.
    board_.enter(is_copy() ? State::fencing : State::held);
    board_.warn(WarningKind::process_died, with(advice));
    log_.error(with(advice));
    switch (wait_for_word(std::nullopt)) {
    case Word::go_on:
        return go_on("an admin had the guest go on here");
    case Word::give_up:
        return destroy("an admin gave the copy up");
    case Word::gone:
        return {State::ended, with("what was held is gone"), false};
    case Word::leave:
    case Word::nothing:
        break;
    }
    return {is_copy() ? State::ended : State::held,
            with(is_copy() ? "the copy stays, paused"
                           : "the guest stays as it is"),
            false};
}

// It has lost nothing, so it asks at once; the secondary asks a timeout later.
SessionEnd Remains::claim()
{
    if (!found_.stands) {
        pause();
    }
    ShellWitness witness(found_.arbiter.witness, found_.arbiter.session,
                         ShellWitness::Side::primary, found_.domain);
    for (;;) {
        const ClaimAnswer answer = witness.claim(nullptr);
        if (answer.claim == Claim::yours) {
            return go_on("the witness gave the guest to this host");
        }
        if (answer.claim == Claim::theirs) {
            return destroy("the witness gave the guest to " + found_.peer);
        }
        const std::string text =
            with("the guest is held here, and the witness asked again: " +
                 answer.why);
        board_.enter(State::held);
        board_.warn(WarningKind::guest_held, text);
        log_.warn(text);
        switch (wait_for_word(EventQueue::Clock::now() +
                              found_.arbiter.timeout)) {
        case Word::go_on:
            return go_on("an admin had the guest go on here");
        case Word::leave:
            return {State::held, text, false};
        case Word::gone:
            return {State::ended, with("the guest is gone"), false};
        case Word::give_up:
        case Word::nothing:
            break;
        }
    }
}

SessionEnd Remains::destroy(const std::string& why)
{
    const Status destroyed = domain_->destroy();
    if (destroyed || domain_->state() == GuestState::gone) {
        settle_disks(State::ended);
        return {State::ended, with(why + ": it was destroyed"), false};
    }
    (void)bool(domain_->pause());
    const std::string text =
        with(why + "; it could not be destroyed: " + destroyed.error().text());
    board_.warn(WarningKind::copy_left, text);
    return {State::held, text, false};
}

// A signal is no word about the guest: the host goes down, perhaps.
Remains::Word Remains::wait_for_word(Deadline deadline)
{
    while (auto event = queue_.take(deadline)) {
        if (const auto* stop = std::get_if<StopRequest>(&*event)) {
            return stop->reason.starts_with("SIG") ? Word::leave
                   : is_copy()                     ? Word::give_up
                                                   : Word::go_on;
        }
        if (std::holds_alternative<FailoverRequest>(*event)) {
            return Word::go_on;
        }
        if (domain_->state() == GuestState::gone) {
            return Word::gone;
        }
    }
    return Word::nothing;
}

// The domain of the record, if it still is: domids are not used again soon, but
// names tell for certain.
Result<DomainFacts> find_domain(Host& host, const WatchRecord::Findings& found)
{
    auto facts = host.find(std::to_string(found.domid.value()));
    if (!facts) {
        return facts.error();
    }
    if (facts->name != found.domain &&
        facts->name != copy_name(found.domain)) {
        return Error(ErrorKind::domain_gone, "no such domain");
    }
    return facts;
}

}  // namespace

Fate fate_of(const WatchRecord::Findings& found)
{
    if (found.role == Role::secondary) {
        if (found.state == State::taken_over) {
            return Fate::go_on;
        }
        return is_whole(found.copy) ? Fate::hold : Fate::destroy;
    }
    if (found.state == State::held) {
        return Fate::hold;
    }
    if (!found.may_take_over || found.state == State::unprotected) {
        return Fate::go_on;
    }
    if (!found.arbiter.witness.empty()) {
        return Fate::claim;
    }
    return found.arbiter.fence ? Fate::go_on : Fate::hold;
}

int see_to_what_is_left(Background& background,
                        const WatchRecord::Findings& found,
                        const std::string& how)
{
    const bool primary = found.role == Role::primary;
    const auto log = make_message_log(primary ? "primary" : "secondary",
                                      LogLevel::info, false);
    log->set_subject(found.domain, found.peer);
    const std::string died =
        std::string(primary ? "the process that protected it"
                            : "the process that held the copy") +
        " died (" + how + ")";
    log->error("domain " + found.domain + ": " + died);
    // The terminal is free once that was said.
    if (!background.open_log(background.record().log())) {
        log->warn("its log cannot be opened");
    }
    background.detach(EXIT_FAILURE);

    const auto tell = [&](const Error& error) {
        log->error(error.with_context("domain " + found.domain).text());
        return EXIT_FAILURE;
    };
    auto host = open_host(*log);
    if (!host) {
        return tell(host.error());
    }
    auto facts = find_domain(**host, found);
    if (!facts) {
        return tell(facts.error());
    }
    auto domain = (*host)->open(found.domid, {});
    if (!domain) {
        return tell(domain.error());
    }
    SessionStatus status;
    status.domain = found.domain;
    status.domid = found.domid;
    status.role = found.role;
    status.state = found.state;
    status.peer = found.peer;
    auto process = DomainProcess::open(**host, *log, std::move(status));
    if (!process) {
        return tell(process.error());
    }
    DeviceSet disks =
        adopt_disks(found.role, **domain, facts->devices, *log);
    Remains remains(std::move(*domain), facts->devices,
                    std::move(disks),
                    (*process)->board(), *log, found, died);
    const SessionEnd end = (*process)->run(remains);
    if (primary && end.state != State::held) {
        (void)clear_mark(found.domain);
    }
    // One that we have never suspended still has xl's own daemon.
    const bool touched = !primary || found.stands || found.may_take_over;
    if (touched &&
        (end.state == State::unprotected || end.state == State::taken_over)) {
        (*process)->take_care(found.domid, end.guest_may_suspend);
    }
    return EXIT_FAILURE;
}

}  // namespace xl_colo
