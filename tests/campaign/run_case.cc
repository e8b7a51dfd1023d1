#include "run_case.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <system_error>
#include <tuple>

#include "churn.h"
#include "meeting.h"
#include "mitm.h"

namespace xl_colo::campaign {

namespace {

using namespace model;
using std::chrono::milliseconds;
using Clock = Mitm::Clock;

constexpr milliseconds tick{10};
// Two sides that seem to be at rest are looked at once more after this.
constexpr milliseconds second_look{250};
// Until a guest that runs has shown it.
constexpr milliseconds proof_of_life{5000};

Ledger& new_ledger()
{
    void* const memory = mmap(nullptr, sizeof(Ledger), PROT_READ | PROT_WRITE,
                              MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        throw std::system_error(errno, std::generic_category(), "mmap");
    }
    return *new (memory) Ledger;
}

std::pair<UniqueFd, UniqueFd> new_sockets()
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        throw std::system_error(errno, std::generic_category(), "socketpair");
    }
    return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

// A process of the case, until it is gone.
class Process {
public:
    Process(milliseconds longest, const std::function<void()>& part)
        : pid_(start_process(
              static_cast<unsigned>(longest.count() / 1000 + 60), [&part] {
                  prctl(PR_SET_PDEATHSIG, SIGKILL);
                  part();
              }))
    {
    }
    ~Process() { kill(); }
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;

    bool lives()
    {
        int status = 0;
        if (pid_ > 0 && waitpid(pid_, &status, WNOHANG) == pid_) {
            pid_ = 0;
            if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL) {
                accident_ = "ended with wait status " + std::to_string(status);
            }
        }
        return pid_ > 0;
    }
    // Afterwards it is gone.
    void kill()
    {
        if (lives()) {
            ::kill(pid_, SIGKILL);
            waitpid(pid_, nullptr, 0);
            pid_ = 0;
        }
    }
    void stop() { send(SIGSTOP); }
    void go_on() { send(SIGCONT); }
    const std::string& accident() const { return accident_; }

private:
    void send(int signal)
    {
        if (lives()) {
            ::kill(pid_, signal);
        }
    }

    pid_t pid_;
    std::string accident_;
};

class Run {
public:
    Run(const Case& c, const RunOptions& options);
    Seen to_the_end();

private:
    Mitm::Passage on_frame(const FrameName& name, Extent extent);
    Mitm::Passage strike(Extent extent);
    void tick_once();
    void watch_claims();
    void watch_guests();
    bool at_rest();
    bool wait_at_rest();
    void see_them_go_on();
    void bring_to_rest();
    void look_at(Role role, SideSeen& side);
    uint64_t steps(Role role) const
    {
        return Churn::steps_of(role == Role::primary ? primary_image_
                                                     : secondary_image_);
    }
    Process& process(Role role)
    {
        return role == Role::primary ? *primary_ : *secondary_;
    }

    const Case& case_;
    const RunOptions& options_;
    const Layout layout_;
    const Image primary_image_, secondary_image_, stood_image_;
    const Churn program_;
    Ledger& ledger_;
    std::unique_ptr<Process> primary_, secondary_;
    std::unique_ptr<Mitm> mitm_;
    Seen seen_;

    std::optional<Clock::time_point> goes_on_at_;  // the one that was stopped
    uint64_t committed_steps_ = 0;
    int claim_seen_ = 0;
    Clock::time_point claim_counts_at_;
    uint64_t steps_at_claim_ = 0;  // of the guest that is the other's
    std::pair<uint64_t, uint64_t> last_steps_{0, 0};
    Clock::time_point last_progress_ = Clock::now();
};

Run::Run(const Case& c, const RunOptions& options)
    : case_(c),
      options_(options),
      layout_(Layout::without_hole(options.memory)),
      primary_image_(layout_.gfns),
      secondary_image_(layout_.gfns),
      stood_image_(layout_.gfns),
      program_(layout_),
      ledger_(new_ledger())
{
    auto [primary_end, primary_wire] = new_sockets();
    auto [secondary_end, secondary_wire] = new_sockets();
    const Guests guests{layout_, primary_image_, secondary_image_,
                        stood_image_};
    const auto start = [&](Role role, UniqueFd& wire) {
        return std::make_unique<Process>(options_.patience, [&, role] {
            UniqueFd ours = std::move(wire);
            for (UniqueFd* others : {&primary_end, &primary_wire,
                                     &secondary_end, &secondary_wire}) {
                others->reset();
            }
            be_host(role, case_, options_.times, guests, ledger_,
                    std::move(ours));
        });
    };
    primary_ = start(Role::primary, primary_wire);
    secondary_ = start(Role::secondary, secondary_wire);
    mitm_ = std::make_unique<Mitm>(
        std::move(primary_end), std::move(secondary_end),
        [this](const FrameName& name, Extent extent) {
            return on_frame(name, extent);
        });
}

Mitm::Passage Run::on_frame(const FrameName& name, Extent extent)
{
    seen_.frames.push_back(name);
    if (name.type == FrameType::COMMITTED) {
        // It stands still until the next checkpoint, which comes after this.
        committed_steps_ = Churn::steps_of(stood_image_);
    }
    if (case_.fault && !seen_.struck && name == case_.frame) {
        seen_.struck = true;
        return strike(extent);
    }
    return {};
}

Mitm::Passage Run::strike(Extent extent)
{
    using Then = Mitm::Passage::Then;
    const auto in_timeouts = [this](double count) {
        return Clock::now() +
               std::chrono::duration_cast<Clock::duration>(
                   count * options_.times.timeout);
    };
    const FaultKind kind = *case_.fault;
    Mitm::Passage passage;
    switch (kind) {
    case FaultKind::cut:
        passage.times = 0;
        passage.then = Then::close;
        break;
    case FaultKind::cut_within:
        passage.only = (frame_header_size + extent.body + extent.check) / 2;
        passage.then = Then::close;
        break;
    case FaultKind::half_close:
        passage.times = 0;
        passage.then = Then::half_close;
        break;
    case FaultKind::freeze:
        passage.then = Then::hold;
        passage.until = in_timeouts(frozen_timeouts);
        break;
    case FaultKind::freeze_both:
        passage.then = Then::hold_both;
        passage.until = in_timeouts(frozen_timeouts);
        break;
    case FaultKind::black_hole:
        passage.times = 0;
        passage.then = Then::hold_both;
        break;
    case FaultKind::kill_primary:
    case FaultKind::kill_secondary:
        process(*killed_by(kind)).kill();
        break;
    case FaultKind::stop_primary:
    case FaultKind::stop_secondary:
        process(*stopped_by(kind)).stop();
        goes_on_at_ = in_timeouts(stopped_timeouts);
        break;
    case FaultKind::drop:
        passage.times = 0;
        break;
    case FaultKind::twice:
        passage.times = 2;
        break;
    default:
        passage.flip = bit_to_flip(kind, extent, case_.choice);
        break;
    }
    return passage;
}

// Who has not got the guest runs it no more, once it can know of the loss. A
// copy that does not yet is not the guest.
void Run::watch_claims()
{
    const int given_to = ledger_.given_to;
    if (given_to == 0) {
        return;
    }
    const uint64_t steps_there =
        steps(given_to == 1 ? Role::secondary : Role::primary);
    if (given_to != claim_seen_) {
        claim_seen_ = given_to;
        claim_counts_at_ = Clock::now() + 2 * options_.times.timeout;
    }
    if (Clock::now() < claim_counts_at_) {
        steps_at_claim_ = steps_there;
    }
    seen_.ran_unasked |= steps_there != steps_at_claim_;
}

void Run::watch_guests()
{
    const std::pair now{steps(Role::primary), steps(Role::secondary)};
    if (now != last_steps_ || !seen_.passed({Role::secondary, FrameType::READY,
                                             0, 1})) {
        last_steps_ = now;
        last_progress_ = Clock::now();
    }
    seen_.stood = std::max(
        seen_.stood, std::chrono::duration_cast<milliseconds>(
                         Clock::now() - last_progress_));
}

void Run::tick_once()
{
    mitm_->turn(tick);
    watch_claims();
    watch_guests();
    if (ledger_.fence_asked && !ledger_.fenced) {
        primary_->kill();
        ledger_.fenced = true;
    }
    if (goes_on_at_ && Clock::now() >= *goes_on_at_) {
        goes_on_at_.reset();
        process(*stopped_by(*case_.fault)).go_on();
    }
}

bool Run::at_rest()
{
    if (goes_on_at_ || mitm_->holds() ||
        (ledger_.fence_asked && !ledger_.fenced)) {
        return false;
    }
    const auto waits_for_somebody = [](const HostNotes& notes) {
        const uint32_t held = bit(WarningKind::guest_stands) |
                              bit(WarningKind::guest_held) |
                              bit(WarningKind::fence_says_no) |
                              bit(WarningKind::copy_held);
        return (notes.state == State::fencing || notes.state == State::held) &&
               (notes.warnings & held) != 0;
    };
    return std::ranges::all_of(
        std::array{Role::primary, Role::secondary}, [&](Role role) {
            const HostNotes& notes = ledger_.of(role);
            return !process(role).lives() || notes.ended ||
                   waits_for_somebody(notes);
        });
}

bool Run::wait_at_rest()
{
    const auto deadline = Clock::now() + options_.patience;
    auto since = Clock::now();
    while (Clock::now() < deadline) {
        tick_once();
        if (!at_rest()) {
            since = Clock::now();
        } else if (Clock::now() - since > second_look) {
            return true;
        }
    }
    return false;
}

// Stops them, so that their memory can be looked at.
void Run::bring_to_rest()
{
    ledger_.rest = true;
    const auto deadline = Clock::now() + options_.patience;
    for (const Role role : {Role::primary, Role::secondary}) {
        HostNotes& notes = ledger_.of(role);
        while (process(role).lives() && !notes.rests &&
               Clock::now() < deadline) {
            tick_once();
        }
    }
}

void Run::look_at(Role role, SideSeen& side)
{
    const HostNotes& notes = ledger_.of(role);
    side.lives = process(role).lives();
    if (!process(role).accident().empty()) {
        seen_.trouble += std::string(to_string(role)) + " " +
                         process(role).accident() + "; ";
    }
    side.ended = notes.ended;
    side.state = notes.state;
    side.warnings = notes.warnings;
    side.why = notes.why;
    if (!side.lives) {
        return;
    }
    if (!notes.rests) {
        seen_.trouble += std::string(to_string(role)) + " came to no rest; ";
        return;
    }
    side.has_guest = notes.has_guest;
    side.runs = notes.has_guest && notes.ran;
    side.sound = notes.has_guest &&
                 program_.is_sound(role == Role::primary ? primary_image_
                                                         : secondary_image_);
}

// Those that are said to run are given the time that it may take to see it.
void Run::see_them_go_on()
{
    const std::pair start{steps(Role::primary), steps(Role::secondary)};
    const auto deadline = Clock::now() + proof_of_life;
    const auto moved = [&] {
        return std::pair(steps(Role::primary) != start.first,
                         steps(Role::secondary) != start.second);
    };
    const auto expected = [&](Role role) {
        const State state = ledger_.of(role).state;
        return process(role).lives() && ledger_.of(role).ended &&
               (state == State::unprotected || state == State::taken_over);
    };
    while (Clock::now() < deadline &&
           ((expected(Role::primary) && !moved().first) ||
            (expected(Role::secondary) && !moved().second))) {
        tick_once();
    }
    std::tie(seen_.primary.went_on, seen_.secondary.went_on) = moved();
}

Seen Run::to_the_end()
{
    seen_.settled = wait_at_rest();
    see_them_go_on();
    bring_to_rest();
    look_at(Role::primary, seen_.primary);
    look_at(Role::secondary, seen_.secondary);
    seen_.given_to = ledger_.given_to;
    seen_.fenced = ledger_.fenced;
    seen_.compared = ledger_.compared;
    if (ledger_.difference[0] != '\0') {
        seen_.differences.emplace_back(ledger_.difference);
    }
    seen_.fell_back = seen_.secondary.has_guest &&
                      seen_.secondary.state == State::taken_over &&
                      steps(Role::secondary) < committed_steps_;
    return seen_;
}

}  // namespace

bool Seen::passed(FrameType type) const
{
    return passed(Role::primary, type) || passed(Role::secondary, type);
}

bool Seen::passed(Role from, FrameType type) const
{
    return std::ranges::any_of(frames, [&](const FrameName& name) {
        return name.from == from && name.type == type;
    });
}

bool Seen::passed(const FrameName& name) const
{
    return std::ranges::find(frames, name) != frames.end();
}

Seen run_case(const Case& c, const RunOptions& options)
{
    return Run(c, options).to_the_end();
}

}  // namespace xl_colo::campaign
