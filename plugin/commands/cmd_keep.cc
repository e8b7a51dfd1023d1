#include "commands/cmd_keep.h"

#include <poll.h>
#include <sys/auxv.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <utility>

#include "base/child_process.h"
#include "base/descriptors.h"
#include "commands/keeper.h"
#include "commands/outcome.h"
#include "commands/ssh_command.h"
#include "control/control_server.h"
#include "process/message_log.h"
#include "process/service_manager.h"
#include "process/signals.h"

namespace xl_colo {

namespace {

using Clock = std::chrono::steady_clock;

// A process of this host's answers from memory; a guest that boots can wait.
constexpr std::chrono::seconds between_looks{5};
// The first copy takes as long as the guest's memory takes on the link.
constexpr std::chrono::hours start_limit{24};

// This program under its other name, from where it is itself.
std::string start_command(const std::string& config)
{
    // As it was given to execve(2), and not as the caller calls it.
    std::string program =
        reinterpret_cast<const char*>(getauxval(AT_EXECFN));
    const std::string name = "xl-colo-keep";
    if (program.ends_with(name)) {
        program.replace(program.size() - name.size(), name.size(),
                        "xl-colo-start");
        program = shell_word(program);
    } else {
        program = shell_word(program) + " start";
    }
    return "exec " + program + " --config=" + shell_word(config);
}

// One thread. What it starts goes on without it: whoever ends this process with
// SIGKILL ends no protection.
class Keep : public ControlHandler {
public:
    Keep(const KeepOptions& options, StartOptions start)
        : options_(options),
          start_(std::move(start)),
          log_(make_message_log("keeper", LogLevel::notice, false)),
          pauses_(options.pause, options.longest_pause),
          board_(first_status())
    {
    }

    int run();

    // From the control socket.
    void write_status(JsonWriter& out) override
    {
        write_keeper(out, board_.read());
    }
    Result<std::string> stop() override { return only_tells(); }
    Result<std::string> failover() override { return only_tells(); }

private:
    KeeperStatus first_status() const;
    static Error only_tells();
    Status serve();
    void look_once();
    void act_on(const Situation& found);
    void try_to_start();
    bool stop_wanted();
    void rest();
    int leave();
    void say(LogLevel level, const std::string& text);

    const KeepOptions& options_;
    const StartOptions start_;  // for the names in it
    std::unique_ptr<Log> log_;
    Pauses pauses_;
    UniqueFd signals_;
    std::unique_ptr<Host> host_;
    std::optional<StopSignal> stop_;
    Clock::time_point next_start_{};
    Clock::time_point next_look_{};
    std::string said_;
    KeeperBoard board_;
    std::optional<ServiceEar> ear_;
    std::unique_ptr<ControlServer> server_;
};

KeeperStatus Keep::first_status() const
{
    KeeperStatus status;
    status.pid = getpid();
    status.config = options_.config;
    status.peer = start_.host;
    status.text = "has just begun";
    return status;
}

Error Keep::only_tells()
{
    return Error(ErrorKind::refused,
                 "xl-colo-keep is told to stop by its service, or by SIGTERM");
}

// Two that look after a guest would hinder each other; one that cannot tell of
// itself does its work all the same.
Status Keep::serve()
{
    auto server =
        ControlServer::open(start_.domain, *this, ControlPlace::keeping);
    if (server) {
        server_ = std::move(*server);
        return {};
    }
    if (server.error().kind() == ErrorKind::refused) {
        return server.error();
    }
    log_->warn("domain " + start_.domain +
               ": xl-colo-status cannot ask this: " + server.error().text());
    return {};
}

int Keep::run()
{
    block_signals();
    signals_ = open_signals();
    log_->set_subject(start_.domain, start_.host);
    if (auto s = serve(); !s) {
        say(LogLevel::error, s.error().text());
        return EXIT_FAILURE;
    }
    if (auto ear = ServiceEar::open()) {
        ear_ = std::move(*ear);
    }
    bool ready = false;
    while (!stop_wanted()) {
        look_once();
        if (!std::exchange(ready, true)) {
            (void)tell_service_manager("READY=1\n");
        }
        rest();
    }
    return leave();
}

void Keep::look_once()
{
    next_look_ = Clock::now() + std::min<Milliseconds>(between_looks,
                                                       options_.longest_pause);
    if (!host_) {
        auto host = open_host(*log_);
        if (!host) {
            say(LogLevel::warn, host.error().text());
            board_.find(KeeperState::looking, host.error().text());
            return;
        }
        host_ = std::move(*host);
    }
    const auto found = look_at(start_.domain, *host_);
    if (!found) {
        host_.reset();  // xenstored may be another one next time
        say(LogLevel::warn, found.error().text());
        board_.find(KeeperState::looking, found.error().text());
        return;
    }
    act_on(*found);
}

void Keep::act_on(const Situation& found)
{
    if (found.loss) {
        board_.note_loss(found.loss->text, found.loss->when);
    }
    if (found.advice == Advice::start) {
        const auto now = Clock::now();
        if (now >= next_start_) {
            try_to_start();
        } else {
            board_.wait_until(WallClock::now() + (next_start_ - now));
        }
        return;
    }
    if (found.is_protected) {
        pauses_.begin_anew();
        next_start_ = {};
        board_.find_protected(found.text);
    } else {
        board_.find(found.advice == Advice::admin
                        ? KeeperState::admin
                        : found.is_elsewhere ? KeeperState::elsewhere
                                             : KeeperState::resting,
                    found.text);
    }
    say(found.advice == Advice::admin ? LogLevel::error : LogLevel::notice,
        found.text);
}

void Keep::try_to_start()
{
    say(LogLevel::notice, "to be protected with " + start_.host + " now");
    board_.begin_start();
    const auto ended = run_command(
        start_command(options_.config),
        {ear_ ? ear_->setting() : "NOTIFY_SOCKET="}, start_limit,
        [this] { return stop_wanted(); });
    next_look_ = Clock::now();
    const auto told = ear_ ? ear_->take_status() : std::nullopt;
    if (ended && *ended == EXIT_SUCCESS) {
        return;
    }
    const Milliseconds pause = pauses_.next();
    next_start_ = Clock::now() + pause;
    next_look_ = std::min(next_look_ + between_looks, next_start_);
    const std::string why =
        !ended ? ended.error().text() : told.value_or("xl-colo-start said why");
    board_.fail_start(why);
    board_.wait_until(WallClock::now() + pause);
    if (!stop_) {
        say(LogLevel::warn,
            "cannot be protected with " + start_.host + ": " + why +
                "; again in " + std::to_string(pause.count()) + " ms");
    }
}

bool Keep::stop_wanted()
{
    if (!stop_) {
        stop_ = read_stop_signal(signals_);
    }
    return stop_.has_value();
}

void Keep::rest()
{
    std::array<pollfd, 1> fds{pollfd{signals_.get(), POLLIN, 0}};
    (void)bool(poll_until(fds, next_look_));
}

// An order to stop is one to stop protection: the guest stays where it is, and
// the copy of one that is protected from the other host is the other's.
int Keep::leave()
{
    (void)tell_service_manager("STOPPING=1\n");
    if (!host_) {
        return EXIT_SUCCESS;
    }
    const auto found = look_at(start_.domain, *host_);
    if (!found || !found->is_primary) {
        return EXIT_SUCCESS;
    }
    return tell_outcome(start_.domain,
                        ask_stop(start_.domain, default_patience));
}

// Each thing once, as long as it is so.
void Keep::say(LogLevel level, const std::string& text)
{
    if (said_ == text) {
        return;
    }
    said_ = text;
    log_->write(level, "domain " + start_.domain + ": " + text);
    (void)tell_service_manager("STATUS=" + text + "\n");
}

}  // namespace

int cmd_keep(const KeepOptions& options)
{
    close_inherited();
    auto start = parse_start(std::vector<std::string>{
        "--config=" + options.config});
    if (!start) {
        std::fprintf(stderr, "xl-colo-keep: %s\n",
                     start.error().text().c_str());
        return EXIT_FAILURE;
    }
    return Keep(options, std::move(*start)).run();
}

}  // namespace xl_colo
