// What libxl's Remus uses (libxl_netbuffer.c): an ifb to which the interface's
// frames are redirected, and on it the plug, a queue that lets go by epochs.
// No process has the frames. Remus itself talks netlink; here one tc does, that
// is told what to do line by line.
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>

#include <cstdio>
#include <fstream>
#include <thread>

#include "network.d/path.h"

extern char** environ;

namespace xl_colo::bench {

namespace {

using namespace std::chrono_literals;

// It drops what is beyond. Remus's own 10,000 MB is no bound either.
constexpr const char* most_held = "1000000000";

class Tc {
public:
    Tc()
    {
        int ends[2];
        if (pipe2(ends, O_CLOEXEC) < 0) {
            throw Missing("no pipe");
        }
        const UniqueFd theirs(ends[0]);
        ours_.reset(ends[1]);
        posix_spawn_file_actions_t files;
        posix_spawn_file_actions_init(&files);
        posix_spawn_file_actions_adddup2(&files, theirs.get(), 0);
        const char* words[] = {"tc", "-force", "-batch", "-", nullptr};
        const int r = posix_spawn(&process_, "/sbin/tc", &files, nullptr,
                                  const_cast<char**>(words), environ);
        posix_spawn_file_actions_destroy(&files);
        if (r != 0) {
            throw Missing("cannot run /sbin/tc");
        }
    }
    ~Tc()
    {
        ours_.reset();
        waitpid(process_, nullptr, 0);
    }
    void plug(const std::string& what)
    {
        const std::string line =
            "qdisc change dev ifb0 root plug " + what + "\n";
        (void)!write(ours_.get(), line.data(), line.size());
    }

private:
    UniqueFd ours_;
    pid_t process_ = -1;
};

class Plug : public Path {
public:
    explicit Plug(bool holds)
    {
        try {
            run("ip link add ifb0 type ifb");
            run("ip link set dev ifb0 up");
            run(std::string("tc qdisc add dev ifb0 root plug limit ") +
                most_held);
            run("tc qdisc add dev vif clsact");
            run("tc filter add dev vif ingress protocol all u32 "
                "match u32 0 0 action mirred egress redirect dev ifb0");
        } catch (const Missing& missing) {
            take_away();
            throw Missing("needs ifb, sch_plug, cls_u32 and act_mirred of the "
                          "kernel: " +
                          std::string(missing.what()));
        }
        if (!holds) {
            tc_.plug("release_indefinite");
            return;
        }
        // It holds from the first. A second "block" without a "release" would
        // have it forget what it held before the first.
        committer_ = std::jthread([this](const std::stop_token& stop) {
            while (!stop.stop_requested()) {
                std::this_thread::sleep_for(interval);
                tc_.plug("block");
                tc_.plug("release");
            }
        });
    }
    ~Plug() override
    {
        committer_ = {};
        take_away();
    }
    // Those that wait are still the sender's: a tap's are not, nor a guest's.
    std::string remark() override
    {
        return committer_.joinable()
                   ? "the connection's figures are of TCP small queues, by "
                     "which its sender sends little while frames of its own "
                     "kernel wait"
                   : "";
    }

private:
    static void take_away()
    {
        (void)output_of("tc qdisc del dev vif clsact");
        (void)output_of("ip link del ifb0");
    }

    Tc tc_;
    std::jthread committer_;
};

}  // namespace

PathKind plug_that_passes()
{
    return {.name = "ifb and plug, not held",
            .window = 1024,
            .connection_window = 8 << 20,
            .holds = false,
            .make = [](const Bed&) { return std::make_unique<Plug>(false); }};
}

PathKind plug_that_holds()
{
    return {.name = "ifb and plug, released each 50 ms",
            .window = 32768,
            .connection_window = 48 << 20,
            .holds = true,
            .make = [](const Bed&) { return std::make_unique<Plug>(true); }};
}

}  // namespace xl_colo::bench
