#include "command_bed.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <thread>

#include "base/unique_fd.h"
#include "command_host.h"
#include "control/control_server.h"
#include "fake_host.h"

namespace xl_colo {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds patience{30};
constexpr std::chrono::milliseconds between_looks{5};

std::string content(const std::string& path)
{
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
}

void write_script(const std::string& path, const std::string& text)
{
    std::ofstream(path) << "#!/bin/sh\n" << text;
    chmod(path.c_str(), 0700);
}

const char* name_of(CommandBed::On host)
{
    return host == CommandBed::On::alpha ? "alpha" : "beta";
}

// The processes that descend from this one, by number.
std::vector<pid_t> descendants()
{
    std::map<pid_t, pid_t> parents;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
        const auto name = entry.path().filename().string();
        if (!isdigit(static_cast<unsigned char>(name[0]))) {
            continue;
        }
        // "pid (command) state parent ..."
        const std::string stat = content(entry.path() / "stat");
        const size_t command_end = stat.rfind(')');
        if (command_end == std::string::npos) {
            continue;
        }
        std::istringstream rest(stat.substr(command_end + 1));
        char state = 0;
        pid_t parent = 0;
        rest >> state >> parent;
        parents[std::stoi(name)] = parent;
    }
    std::vector<pid_t> found;
    for (const auto& [pid, parent] : parents) {
        pid_t above = parent;
        while (above != getpid() && parents.contains(above)) {
            above = parents[above];
        }
        if (above == getpid()) {
            found.push_back(pid);
        }
    }
    return found;
}

}  // namespace

CommandBed::CommandBed(const std::string& folder)
    : folder_(folder),
      alpha_domains_((mkdir((folder + "/alpha").c_str(), 0700),
                      domain_table_in(folder + "/alpha"))),
      beta_domains_((mkdir((folder + "/beta").c_str(), 0700),
                     domain_table_in(folder + "/beta")))
{
    // What goes to the background stays ours.
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    const std::string bin = folder_ + "/bin";
    mkdir(bin.c_str(), 0700);
    const auto self = std::filesystem::read_symlink("/proc/self/exe");
    for (const char* name :
         {"relay", "xl-colo-failover", "xl-colo-keep", "xl-colo-receive",
          "xl-colo-start", "xl-colo-status", "xl-colo-stop"}) {
        std::filesystem::create_symlink(self, bin + "/" + name);
    }
    set_faults(On::alpha, "");
    set_faults(On::beta, "");
    FakeHost("alpha", domain_table_in(this->folder(On::alpha)))
        .add_guest("web1");
}

CommandBed::~CommandBed()
{
    // Until there are none: one may be starting another.
    pid_t waited = 0;
    while (waited >= 0) {
        for (const pid_t pid : descendants()) {
            kill(pid, SIGKILL);
        }
        do {
            waited = waitpid(-1, nullptr, WNOHANG);
        } while (waited > 0);
        std::this_thread::sleep_for(between_looks);
    }
}

std::string CommandBed::folder(On host) const
{
    return folder_ + "/" + name_of(host);
}

void CommandBed::set_faults(On host, const std::string& faults)
{
    if (host == On::alpha) {
        alpha_faults_ = faults;
        return;
    }
    write_script(folder_ + "/bin/ssh",
                 "shift\n"
                 "export FAKE_HOST='" + folder(host) + "' FAKE_FAULTS='" +
                     faults + "'\n"
                 "export XL_COLO_RUN_DIR='" + folder(host) + "/run'\n"
                 "export XL_COLO_LOG_DIR='" + folder(host) + "'\n"
                 "export XL_COLO_STATE_DIR='" + folder(host) + "/state'\n"
                 "exec '" + folder_ + "/bin/relay' '" + folder_ +
                     "/bin/'\"$@\"\n");
}

std::vector<std::string> CommandBed::start(std::vector<std::string> more) const
{
    std::vector<std::string> words{
        "xl-colo-start", "-i", "20", "-t", "5s", "-s", folder_ + "/bin/ssh"};
    words.insert(words.end(), more.begin(), more.end());
    words.insert(words.end(), {"web1", "beta"});
    return words;
}

pid_t CommandBed::begin(On host, const std::vector<std::string>& words)
{
    const std::string home = folder(host);
    const pid_t pid = fork();
    if (pid != 0) {
        return pid;
    }
    const std::string mine = folder_ + "/" + std::to_string(getpid());
    const int flags = O_WRONLY | O_CREAT | O_TRUNC;
    dup2(open((mine + ".out").c_str(), flags, 0600), STDOUT_FILENO);
    dup2(open((mine + ".err").c_str(), flags, 0600), STDERR_FILENO);
    setenv("FAKE_HOST", home.c_str(), 1);
    setenv("FAKE_FAULTS", host == On::alpha ? alpha_faults_.c_str() : "", 1);
    setenv("XL_COLO_RUN_DIR", (home + "/run").c_str(), 1);
    setenv("XL_COLO_LOG_DIR", home.c_str(), 1);
    setenv("XL_COLO_STATE_DIR", (home + "/state").c_str(), 1);
    setenv("XL_COLO_JOURNAL", "", 0);  // but a test's own
    const std::string program = folder_ + "/bin/" + words[0];
    std::vector<char*> arguments;
    for (const std::string& word : words) {
        arguments.push_back(const_cast<char*>(word.c_str()));
    }
    arguments.push_back(nullptr);
    execv(program.c_str(), arguments.data());
    _exit(127);
}

CommandBed::Ran CommandBed::end(pid_t pid)
{
    Ran ran;
    wait_for([&] { return waitpid(pid, &ran.status, WNOHANG) == pid; });
    ran.out = content(folder_ + "/" + std::to_string(pid) + ".out");
    ran.err = messages(pid);
    return ran;
}

CommandBed::Ran CommandBed::run(On host, const std::vector<std::string>& words)
{
    return end(begin(host, words));
}

std::string CommandBed::messages(pid_t pid) const
{
    return content(folder_ + "/" + std::to_string(pid) + ".err");
}

Result<SessionStatus> CommandBed::status(On host) const
{
    setenv("XL_COLO_RUN_DIR", (folder(host) + "/run").c_str(), 1);
    return ask_status("web1", patience);
}

bool CommandBed::wait_for_state(On host, State state) const
{
    return wait_for([&] {
        const auto now = status(host);
        return now && now->state == state;
    });
}

std::string CommandBed::log(On host) const
{
    return content(folder(host) + "/xl-colo-web1.log");
}

pid_t CommandBed::process(On host) const
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = folder(host) + "/run/web1.sock";
    std::memcpy(address.sun_path, path.c_str(), path.size());
    const UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ucred who{};
    socklen_t size = sizeof who;
    if (connect(fd.get(), reinterpret_cast<sockaddr*>(&address),
                sizeof address) < 0 ||
        getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &who, &size) < 0) {
        return 0;
    }
    return who.pid;
}

std::vector<pid_t> CommandBed::processes(const std::string& command)
{
    std::vector<pid_t> found = descendants();
    std::erase_if(found, [&](pid_t pid) {
        const std::string words =
            content("/proc/" + std::to_string(pid) + "/cmdline");
        const std::string first = words.substr(0, words.find('\0'));
        return first.substr(first.rfind('/') + 1) != command;
    });
    return found;
}

bool CommandBed::wait_for(const std::function<bool()>& so)
{
    const auto deadline = Clock::now() + patience;
    while (!so()) {
        if (Clock::now() > deadline) {
            return false;
        }
        std::this_thread::sleep_for(between_looks);
    }
    return true;
}

}  // namespace xl_colo
