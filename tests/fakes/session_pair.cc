#include "session_pair.h"

#include <thread>

#include "slowed.h"

namespace xl_colo {

namespace {

SessionStatus initial(Role role)
{
    SessionStatus status;
    status.domain = "guest";
    status.role = role;
    return status;
}

SideOutcome describe(SessionEnd end, const StatusBoard& board,
                     const std::shared_ptr<FakeGuest>& guest)
{
    SideOutcome outcome;
    outcome.end = std::move(end);
    outcome.status = board.read();
    if (guest) {
        outcome.guest = guest->state();
        outcome.runs = guest->runs();
        outcome.has_run = guest->has_run();
        outcome.name = guest->name();
        guest->run();
        outcome.violations = guest->violations();
    }
    return outcome;
}

}  // namespace

Status FakeFence::run(const Interrupted& interrupted)
{
    const bool yes = answers_[std::min(runs_, answers_.size() - 1)];
    ++runs_;
    said_yes_ |= yes;
    if (on_run) {
        on_run();
    }
    const auto end = std::chrono::steady_clock::now() + takes;
    while (std::chrono::steady_clock::now() < end) {
        if (interrupted()) {
            said_yes_ = false;
            return Error(ErrorKind::aborted, "interrupted");
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return yes ? Status() : Error(ErrorKind::refused, "exit status 1");
}

Claim FakeThirdHost::claim(Role role)
{
    const std::lock_guard lock(mutex_);
    if (!holder_) {
        holder_ = role;
    }
    return *holder_ == role ? Claim::yours : Claim::theirs;
}

ClaimAnswer FakeWitness::claim(const Interrupted& interrupted)
{
    const Claim answer =
        third_ && claims_ >= answers_.size()
            ? third_->claim(role_)
            : answers_[std::min(claims_, answers_.size() - 1)];
    ++claims_;
    said_yours_ |= answer == Claim::yours;
    if (on_claim) {
        on_claim();
    }
    (void)interrupted;
    return {answer, answer == Claim::unknown ? "no answer" : ""};
}

SessionPair::SessionPair(const std::string& primary_name,
                         const std::string& secondary_name)
    : primary_host(primary_name), secondary_host(secondary_name)
{
    guest_ = primary_host.add_guest("guest");
    secondary_host.origin = guest_.get();
    options.settings.domain = "guest";
    options.settings.configuration = "fake " + guest_->uuid;
    options.settings.gfns = FakeGuest::gfns;
    // Long: what waits for it by mistake is noticed.
    options.settings.timeout = slowed(std::chrono::seconds(20));
    options.settings.interval = std::chrono::milliseconds(1);
    options.settings.digest_key = make_digest_key();
    options.max_checkpoints = 3;
    options.until_gone = std::chrono::milliseconds(300);
}

SessionPair::~SessionPair() = default;

PairOutcome SessionPair::run()
{
    const auto start = std::chrono::steady_clock::now();
    const auto make_link = [this](UniqueFd fd) {
        UniqueFd out(dup(fd.get()));
        return std::make_unique<Link>(std::move(fd), std::move(out),
                                      options.settings.timeout);
    };
    const auto primary_link = make_link(wire.take_primary_end());
    const auto secondary_link = make_link(wire.take_secondary_end());
    StatusBoard primary_board(initial(Role::primary));
    StatusBoard secondary_board(initial(Role::secondary));

    const OpenOptions open{
        .reload_by_snapshot = !options.settings.lacks(without_f4)};
    const auto domain = primary_host.open(guest_->domid, open);
    const auto mover = primary_host.page_mover();

    Primary primary(**domain, *mover, *primary_link, primary_board,
                    primary_log, options, primary_witness.get());
    Secondary secondary(secondary_host, *secondary_link, secondary_board,
                        secondary_log, options, "guest--incoming",
                        fence.get(), witness.get());
    primary_ = &primary;
    secondary_ = &secondary;

    SessionEnd secondary_end{State::connecting, "", false};
    std::thread other([&] { secondary_end = secondary.run(); });
    SessionEnd primary_end = primary.run();
    other.join();
    if (at_end) {
        at_end();
    }

    PairOutcome outcome;
    outcome.primary = describe(std::move(primary_end), primary_board, guest_);
    outcome.secondary = describe(std::move(secondary_end), secondary_board,
                                 secondary_host.last_guest());
    outcome.took = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::steady_clock::now() - start);
    outcome.frames = wire.all();
    outcome.fenced = (fence && fence->said_yes()) ||
                     (witness && witness->said_yours());
    outcome.witnessed = witness && primary_witness;
    return outcome;
}

}  // namespace xl_colo
