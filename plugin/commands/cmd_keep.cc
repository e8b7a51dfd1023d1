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
class Keep {
public:
    Keep(const KeepOptions& options, StartOptions start)
        : options_(options),
          start_(std::move(start)),
          log_(make_xentoollog(STDERR_FILENO, "colo keeper", LogLevel::notice,
                               false)),
          pauses_(options.pause, options.longest_pause)
    {
    }

    int run();

private:
    void look_once();
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
};

int Keep::run()
{
    block_signals();
    signals_ = open_signals();
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
            return;
        }
        host_ = std::move(*host);
    }
    const auto found = look_at(start_.domain, *host_);
    if (!found) {
        host_.reset();  // xenstored may be another one next time
        say(LogLevel::warn, found.error().text());
        return;
    }
    if (found->is_protected) {
        pauses_.begin_anew();
        next_start_ = {};
    }
    if (found->advice == Advice::start) {
        if (Clock::now() >= next_start_) {
            try_to_start();
        }
        return;
    }
    say(found->advice == Advice::admin ? LogLevel::error : LogLevel::notice,
        found->text);
}

void Keep::try_to_start()
{
    say(LogLevel::notice, "to be protected with " + start_.host + " now");
    const auto ended =
        run_command(start_command(options_.config), {"NOTIFY_SOCKET="},
                    start_limit, [this] { return stop_wanted(); });
    next_look_ = Clock::now();
    if (ended && *ended == EXIT_SUCCESS) {
        return;
    }
    const Milliseconds pause = pauses_.next();
    next_start_ = Clock::now() + pause;
    next_look_ = std::min(next_look_ + between_looks, next_start_);
    if (!stop_) {
        say(LogLevel::warn,
            "cannot be protected with " + start_.host + ": " +
                (ended ? "xl-colo-start said why" : ended.error().text()) +
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
