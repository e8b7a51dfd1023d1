#include "pair.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <system_error>
#include <thread>
#include <utility>

#include "churn.h"
#include "meeting.h"
#include "model_host.h"
#include "model_log.h"
#include "session/primary.h"
#include "session/secondary.h"
#include "session/session_key.h"

namespace xl_colo::model {

namespace {

using std::chrono::milliseconds;

// More than any test may take: a hung process must not hang the test.
constexpr unsigned seconds_to_live = 120;
constexpr milliseconds patience{10'000};

// What one process tells of itself, where the other and the test can read it.
template <size_t size>
struct Text {
    char bytes[size];
    void operator=(const std::string& text)
    {
        std::snprintf(bytes, size, "%s", text.c_str());
    }
};

struct Report {
    bool ended;
    State state;
    bool orderly;
    Text<512> why;
    Text<512> warning;
    uint64_t checkpoints;
    bool went_on;
    bool sound;
    Text<512> trouble;
};

struct Shared {
    Report primary;
    Report secondary;
    Comparison comparison;
    // Between its resumption and the end of a checkpoint beyond the initial
    // copy, the primary's guest.
    std::atomic<bool> sending;
};

// A wire that is as slow as it is told to be, and looks at the guest while
// there is more to carry.
class Pace {
public:
    Pace(uint64_t bytes_a_ms, const Image& guest, const Shared& shared)
        : bytes_(bytes_a_ms), guest_(guest), shared_(shared)
    {
        for (auto* pair : {primary_, secondary_}) {
            int ends[2];
            if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
                throw std::system_error(errno, std::generic_category(),
                                        "a slow wire");
            }
            pair[0].reset(ends[0]);
            pair[1].reset(ends[1]);
        }
    }
    UniqueFd primary_end() { return std::move(primary_[0]); }
    UniqueFd secondary_end() { return std::move(secondary_[0]); }

    void start()
    {
        there_ = std::thread(
            [this] { pump(primary_[1], secondary_[1], true); });
        back_ = std::thread(
            [this] { pump(secondary_[1], primary_[1], false); });
    }
    void join()
    {
        there_.join();
        back_.join();
    }
    // Milliseconds in which there was more to send, and the guest ran.
    uint64_t ran_while_sending() const { return ran_; }

private:
    void pump(const UniqueFd& from, const UniqueFd& to, bool paced)
    {
        Buffer bytes(paced ? bytes_ : 65536);
        for (uint64_t steps = 0;;) {
            const ssize_t r = read(from.get(), bytes.data(), bytes.size());
            if (r <= 0) {
                break;
            }
            for (ssize_t done = 0, w; done < r; done += w) {
                w = send(to.get(), bytes.data() + done,
                         static_cast<size_t>(r - done), MSG_NOSIGNAL);
                if (w <= 0) {
                    return;
                }
            }
            if (!paced) {
                continue;
            }
            std::this_thread::sleep_for(milliseconds(1));
            int more = 0;
            const uint64_t now = Churn::steps_of(guest_);
            if (shared_.sending && ioctl(from.get(), FIONREAD, &more) == 0 &&
                more > 0) {
                ran_ += now != std::exchange(steps, now);
            }
        }
        shutdown(to.get(), SHUT_WR);
    }

    const uint64_t bytes_;
    const Image& guest_;
    const Shared& shared_;
    UniqueFd primary_[2], secondary_[2];
    std::thread there_, back_;
    uint64_t ran_ = 0;
};

// What both processes are made of.
struct Side {
    Side(const PairOptions& o, Role r, const Image& own_image,
         const Image& other_image, const Image& stood_image,
         Shared& shared_with_all, UniqueFd wire)
        : options(o),
          role(r),
          image(own_image),
          other(other_image),
          stood(stood_image),
          shared(shared_with_all),
          report(r == Role::primary ? shared.primary : shared.secondary),
          log(to_string(r)),
          scene(faults, r),
          layout(Layout::of(o.memory)),
          program(std::make_shared<Churn>(layout)),
          host(to_string(r), log, [this] { return make_vm(); }),
          once_more(fcntl(wire.get(), F_DUPFD_CLOEXEC, 0)),
          link(std::move(once_more), std::move(wire), o.timeout)
    {
        host.pass = [this](const std::string& step) {
            look_at(step);
            return faults.pass(step);
        };
    }

    std::shared_ptr<Vm> make_vm()
    {
        return std::make_shared<Vm>(
            image, role == Role::primary ? 1 : 2,
            std::vector<std::shared_ptr<const Program>>{program});
    }

    void look_at(const std::string& step);
    std::vector<Pfn> differences();
    void compare_with_what_stood();
    void run_primary();
    void run_secondary();
    void run(SessionControl& session, const std::function<SessionEnd()>& run);
    void look_after(Domid domid);

    const PairOptions& options;
    const Role role;
    const Image& image;
    const Image& other;
    const Image& stood;  // the guest, when it stood last
    Shared& shared;
    Report& report;
    ModelLog log;
    Faults faults;
    Scene scene;
    const Layout layout;
    std::shared_ptr<Churn> program;
    ModelHost host;
    UniqueFd once_more;  // the link has one descriptor for each direction
    Link link;
    StatusBoard board{SessionStatus{}};
    std::unique_ptr<Domain> domain;  // the primary's
    bool put_in = false;  // a checkpoint, since the copy ran last
};

std::vector<Pfn> Side::differences()
{
    auto pages = differing_pages(image, other);
    const auto left_out = domain->hypervisor_pages();
    std::erase_if(pages, [&](Pfn pfn) {
        return std::ranges::find(*left_out, pfn) != left_out->end();
    });
    return pages;
}

// Without verification the primary's guest has gone on when the copy is there.
void Side::compare_with_what_stood()
{
    Comparison& c = shared.comparison;
    const Difference d = difference(layout, stood, image);
    c.differing_pages += d.pages;
    c.differing_registers += d.registers;
    c.differing_devices += d.devices;
    ++c.made;
}

void Side::look_at(const std::string& step)
{
    if (role == Role::secondary) {
        put_in |= step == "restore.postcopy";
        if ((step == "resume" || step == "restore.wait") &&
            std::exchange(put_in, false) && !options.verify) {
            compare_with_what_stood();
        }
        return;
    }
    if (step == "save.checkpoint" && !options.verify) {
        copy_image(image, stood);
    } else if (step == "resumed") {
        shared.sending = faults.calls("save.checkpoint") > 1;
    } else if (step == "save.postcopy.done") {
        shared.sending = false;
    }
    Comparison& c = shared.comparison;
    if (step == "save.suspend.done" && faults.calls("save.suspend") > 1) {
        // Both stand still, and nothing of this checkpoint is copied yet.
        c.drifted += !differences().empty();
    }
    if (step == "memory") {
        const Machine& here = image.machine();
        const Machine& there = other.machine();
        c.differing_pages += differences().size();
        c.differing_registers += here.vcpus != there.vcpus;
        c.differing_devices += here.device_state_size !=
                                   there.device_state_size ||
                               here.device_state != there.device_state;
        ++c.made;
    }
}

void Side::run(SessionControl& session, const std::function<SessionEnd()>& run)
{
    scene.set_session(session);
    std::optional<std::jthread> admin;
    if (options.give_up_when_held) {
        admin.emplace([&](const std::stop_token& enough) {
            while (!enough.stop_requested() &&
                   board.read().state != State::fencing) {
                std::this_thread::sleep_for(milliseconds(10));
            }
            session.request_stop("given up");
        });
    }
    const SessionEnd end = run();
    admin.reset();
    const SessionStatus status = board.read();
    report.state = end.state;
    report.orderly = end.orderly;
    report.why = end.why;
    std::string warnings;
    for (const Warning& warning : status.warnings) {
        warnings += (warnings.empty() ? "" : "; ") + warning.text;
    }
    report.warning = warnings;
    report.checkpoints = status.checkpoints;
    report.ended = true;
}

// Whether the guest that is left on this host is well.
void Side::look_after(Domid domid)
{
    const auto vm = Hypervisor::of_this_process().find(domid);
    if (!vm) {
        report.trouble = "the guest is gone";
        return;
    }
    const auto steps = [&] {
        vm->pause();
        const uint64_t now = Churn::steps_of(image);
        vm->unpause();
        return now;
    };
    const uint64_t before = steps();
    const auto deadline = EventQueue::Clock::now() + patience;
    while (!report.went_on && EventQueue::Clock::now() < deadline) {
        std::this_thread::sleep_for(milliseconds(1));
        report.went_on = steps() > before;
    }
    vm->pause();
    report.sound = program->is_sound(image);
}

void Side::run_primary()
{
    auto vm = make_vm();
    build(*vm, layout, 7);
    program->prepare(*vm);
    const Domid domid = Hypervisor::of_this_process().add(vm);
    vm->unpause();
    domain = std::move(*host.open(domid, {}));

    Offer offer = make_offer(layout.gfns);
    offer.session = make_session_id();
    offer.timeout = options.timeout;
    offer.interval = options.interval;
    offer.verify = options.verify;
    offer.output = options.output;
    offer.without = options.without;
    offer.compression = options.compression;
    if (auto s = open_as_primary(link, host, offer); !s) {
        report.trouble = s.error().text();
        return;
    }
    const auto mover = host.page_mover();
    SessionOptions session{offer, options.checkpoints, nullptr};
    session.buffer = options.buffer;
    session.copy_runs = options.copy_runs;
    Primary primary(*domain, *mover, link, board, log, session);
    run(primary, [&] { return primary.run(); });
    if (report.state == State::unprotected) {
        look_after(domid);
    }
}

void Side::run_secondary()
{
    const auto offer = open_as_secondary(link, host);
    if (!offer) {
        report.trouble = offer.error().text();
        return;
    }
    Secondary secondary(host, link, board, log,
                        SessionOptions{*offer, std::nullopt, nullptr},
                        "guest--incoming", nullptr);
    run(secondary, [&] { return secondary.run(); });
    if (report.state == State::taken_over) {
        look_after(secondary.domain()->domid());
    }
}

Outcome outcome_of(pid_t pid, const Report& report)
{
    int status = 0;
    waitpid(pid, &status, 0);
    Outcome outcome;
    outcome.killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    outcome.ended = report.ended;
    outcome.state = report.state;
    outcome.orderly = report.orderly;
    outcome.why = report.why.bytes;
    outcome.warning = report.warning.bytes;
    outcome.checkpoints = report.checkpoints;
    outcome.went_on = report.went_on;
    outcome.sound = report.sound;
    outcome.trouble = report.trouble.bytes;
    if (!outcome.killed && status != 0) {
        outcome.trouble += " (wait status " + std::to_string(status) + ")";
    }
    return outcome;
}

}  // namespace

void Scene::when(uint64_t checkpoint, std::function<void()> action)
{
    if (checkpoint == 0) {
        action();
        return;
    }
    // The wait for checkpoint n is the nth one.
    faults_.at(role_ == Role::primary ? "save.wait" : "restore.wait",
               static_cast<unsigned>(checkpoint), std::move(action));
}

void Scene::during(uint64_t checkpoint, const std::string& step, unsigned nth,
                   std::function<void()> action)
{
    when(checkpoint, [this, step, nth, action = std::move(action)] {
        faults_.at(step, faults_.calls(step) + nth, action);
    });
}

void Scene::kill_during(uint64_t checkpoint, const std::string& step,
                        unsigned nth)
{
    during(checkpoint, step, nth, [] { kill(getpid(), SIGKILL); });
}

void Scene::freeze_during(uint64_t checkpoint, const std::string& step,
                          std::chrono::milliseconds time)
{
    during(checkpoint, step, 1, [time] { freeze(time); });
}

void Scene::freeze(std::chrono::milliseconds time)
{
    const pid_t frozen = getpid();
    if (fork() == 0) {
        usleep(static_cast<useconds_t>(time.count() * 1000));
        kill(frozen, SIGCONT);
        _exit(0);
    }
    kill(frozen, SIGSTOP);
}

void Scene::fail_during(uint64_t checkpoint, const std::string& step,
                        Error error, unsigned nth)
{
    when(checkpoint, [this, step, nth, error] {
        faults_.let_fail(step, faults_.calls(step) + nth, error);
    });
}

PairResult run_pair(const PairOptions& options)
{
    const Layout layout = Layout::of(options.memory);
    const Image primary_image(layout.gfns);
    const Image secondary_image(layout.gfns);
    const Image stood(layout.gfns);
    int ends[2];
    void* const memory =
        mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE,
             MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED ||
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        throw std::system_error(errno, std::generic_category(),
                                "a pair of processes");
    }
    auto& shared = *static_cast<Shared*>(memory);
    UniqueFd primary_end(ends[0]);
    UniqueFd secondary_end(ends[1]);
    std::optional<Pace> pace;
    if (options.pace) {
        pace.emplace(*options.pace, primary_image, shared);
        primary_end = pace->primary_end();
        secondary_end = pace->secondary_end();
    }

    const pid_t primary = start_process(seconds_to_live, [&] {
        secondary_end.reset();
        Side side(options, Role::primary, primary_image, secondary_image,
                  stood, shared, std::move(primary_end));
        if (options.on_primary) {
            options.on_primary(side.scene);
        }
        side.run_primary();
    });
    const pid_t secondary = start_process(seconds_to_live, [&] {
        primary_end.reset();
        Side side(options, Role::secondary, secondary_image, primary_image,
                  stood, shared, std::move(secondary_end));
        if (options.on_secondary) {
            options.on_secondary(side.scene);
        }
        side.run_secondary();
    });
    primary_end.reset();
    secondary_end.reset();
    if (pace) {
        pace->start();
    }

    PairResult result;
    result.primary = outcome_of(primary, shared.primary);
    result.secondary = outcome_of(secondary, shared.secondary);
    result.comparison = shared.comparison;
    if (pace) {
        pace->join();
        result.ran_while_sending = pace->ran_while_sending();
    }
    munmap(memory, sizeof(Shared));
    return result;
}

}  // namespace xl_colo::model
