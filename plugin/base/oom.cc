#include "base/oom.h"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <string_view>

#include "base/unique_fd.h"

namespace xl_colo {

namespace {

constexpr const char* path = "/proc/self/oom_score_adj";
constexpr std::string_view ordinary = "0\n";
// -1000 would be "never". What is most of all to blame goes first even so.
constexpr std::string_view resisting = "-900\n";

std::atomic<bool> resists{false};

// Only what a child may do between fork(2) and exec(3).
bool write_score(std::string_view score)
{
    const int fd = open(path, O_WRONLY | O_CLOEXEC);
    const bool written =
        write(fd, score.data(), score.size()) ==
        static_cast<ssize_t>(score.size());
    close(fd);
    return written;
}

// It may always make itself a better choice than it was.
void reset_in_child()
{
    if (resists) {
        (void)write_score(ordinary);
        resists = false;
    }
}

}  // namespace

void resist_oom()
{
    std::array<char, 16> bytes{};
    const UniqueFd fd(open(path, O_RDONLY | O_CLOEXEC));
    const ssize_t r = read(fd.get(), bytes.data(), bytes.size());
    if (r < 0 ||
        std::string_view(bytes.data(), static_cast<size_t>(r)) != ordinary) {
        return;
    }
    if (write_score(resisting) && !resists.exchange(true)) {
        pthread_atfork(nullptr, nullptr, reset_in_child);
    }
}

std::string oom_reset_commands()
{
    return resists ? std::string("{ echo 0 >") + path + "; } 2>/dev/null\n"
                   : std::string();
}

}  // namespace xl_colo
