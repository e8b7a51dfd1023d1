#include "command_host.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <sstream>
#include <stdexcept>
#include <vector>

#include "base/descriptors.h"
#include "base/unique_fd.h"
#include "commands/program.h"
#include "fake_host.h"

namespace xl_colo {

namespace {

std::string setting(const char* name)
{
    const char* const value = std::getenv(name);
    return value ? value : "";
}

void add_fault(Faults& faults, const std::string& text)
{
    std::istringstream parts(text);
    std::string call, nth, what;
    std::getline(parts, call, ':');
    std::getline(parts, nth, ':');
    std::getline(parts, what, ':');
    const auto n = static_cast<unsigned>(std::stoul(nth));
    if (what == "fail") {
        faults.let_fail(call, n, {ErrorKind::libxl, call + " made to fail"});
    } else if (what == "kill") {
        faults.at(call, n, [] { raise(SIGKILL); });
    } else if (what == "throw") {
        faults.at(call, n, [] { throw std::runtime_error("made to throw"); });
    } else {
        faults.hold(call, n);
    }
}

// Moves bytes both ways until either end closes: the wire, for a test to stop
// (SIGSTOP) or to cut (SIGKILL).
int relay(const std::vector<std::string>& command)
{
    int to_far[2], from_far[2];
    if (pipe(to_far) < 0 || pipe(from_far) < 0) {
        return EXIT_FAILURE;
    }
    if (fork() == 0) {
        dup2(to_far[0], STDIN_FILENO);
        dup2(from_far[1], STDOUT_FILENO);
        for (const int fd : {to_far[0], to_far[1], from_far[0], from_far[1]}) {
            close(fd);
        }
        std::vector<char*> words;
        for (const std::string& word : command) {
            words.push_back(const_cast<char*>(word.c_str()));
        }
        words.push_back(nullptr);
        execv(words[0], words.data());
        _exit(127);
    }
    close(to_far[0]);
    close(from_far[1]);
    std::array<pollfd, 2> fds{pollfd{STDIN_FILENO, POLLIN, 0},
                              pollfd{from_far[0], POLLIN, 0}};
    std::array<int, 2> to{to_far[1], STDOUT_FILENO};
    std::array<uint8_t, 65536> bytes;
    while (fds[1].fd >= 0 && poll_until(fds)) {
        for (size_t i = 0; i < fds.size(); ++i) {
            if (fds[i].revents == 0) {
                continue;
            }
            const ssize_t r = read(fds[i].fd, bytes.data(), bytes.size());
            if (r <= 0 ||
                !write_all(to[i], View(bytes).first(static_cast<size_t>(r)))) {
                close(to[i]);
                fds[i].fd = -1;
            }
        }
    }
    return EXIT_SUCCESS;
}

}  // namespace

std::string domain_table_in(const std::string& folder)
{
    return folder + "/domains";
}

Result<std::unique_ptr<Host>> open_host(Log&)
{
    const std::string folder = setting("FAKE_HOST");
    auto host = std::make_unique<FakeHost>(
        folder.substr(folder.rfind('/') + 1), domain_table_in(folder));
    std::istringstream list(setting("FAKE_FAULTS"));
    for (std::string fault; std::getline(list, fault, ',');) {
        add_fault(host->faults, fault);
    }
    return std::unique_ptr<Host>(std::move(host));
}

std::optional<int> run_as_command(int argc, char** argv)
{
    const std::vector<std::string> words(argv, argv + argc);
    const std::string name = words[0].substr(words[0].rfind('/') + 1);
    if (name == "relay") {
        signal(SIGPIPE, SIG_IGN);
        return relay({words.begin() + 1, words.end()});
    }
    if (!name.starts_with("xl-colo")) {
        return std::nullopt;
    }
    return run_program(words);
}

}  // namespace xl_colo
