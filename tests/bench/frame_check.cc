// frame_check: what it costs that a frame shows it is what the peer sent.
// Frames of three sizes go through a pair of sockets, from one thread to
// another, with their 16 bytes made here and compared there, and without: in
// turns, in one run. Megabytes of bodies a second, medians.
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

#include "base/unique_fd.h"
#include "session/session_key.h"
#include "wire/frame_check.h"

using namespace xl_colo;

namespace {

using Clock = std::chrono::steady_clock;

constexpr int rounds = 5;
constexpr size_t volume = size_t{512} << 20;  // bytes of bodies a round
constexpr size_t most_frames = 200'000;

[[noreturn]] void die(const char* what)
{
    std::fprintf(stderr, "%s: %s\n", what, std::strerror(errno));
    std::exit(EXIT_FAILURE);
}

void receive(int fd, void* to, size_t size)
{
    for (auto* at = static_cast<uint8_t*>(to); size > 0;) {
        const ssize_t n = recv(fd, at, size, MSG_WAITALL);
        if (n <= 0) {
            die("recv");
        }
        at += n;
        size -= static_cast<size_t>(n);
    }
}

void send_frame(int fd, const std::array<uint8_t, frame_header_size>& header,
                const Buffer& body, const FrameCheck::Sum* sum)
{
    std::array<iovec, 3> parts{
        iovec{const_cast<uint8_t*>(header.data()), header.size()},
        iovec{const_cast<uint8_t*>(body.data()), body.size()},
        iovec{sum ? const_cast<uint8_t*>(sum->data()) : nullptr,
              sum ? sum->size() : 0}};
    for (size_t at = 0; at < parts.size();) {
        const ssize_t n = writev(fd, &parts[at],
                                 static_cast<int>(parts.size() - at));
        if (n < 0) {
            die("writev");
        }
        auto left = static_cast<size_t>(n);
        while (at < parts.size() && left >= parts[at].iov_len) {
            left -= parts[at++].iov_len;
        }
        if (at < parts.size()) {
            parts[at].iov_base = static_cast<uint8_t*>(parts[at].iov_base) +
                                 left;
            parts[at].iov_len -= left;
        }
    }
}

// Bytes of bodies a second.
double through_sockets(const Buffer& body, size_t frames, bool checked)
{
    std::array<int, 2> ends{};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        die("socketpair");
    }
    const UniqueFd from(ends[0]), to(ends[1]);
    const std::string key = make_session_id();
    const FrameCheck check(
        View(reinterpret_cast<const uint8_t*>(key.data()), key.size()),
        FrameSource::primary);
    const FrameHeader header{FrameType::RECORD,
                             static_cast<uint32_t>(body.size())};
    const auto begin = Clock::now();
    std::jthread sender([&] {
        for (size_t number = 0; number < frames; ++number) {
            FrameCheck::Sum sum{};
            if (checked) {
                sum = check.of_frame(number, header, check.of_body({body}));
            }
            send_frame(from.get(), frame_header_bytes(header), body,
                       checked ? &sum : nullptr);
        }
    });
    Buffer got(body.size());
    for (size_t number = 0; number < frames; ++number) {
        std::array<uint8_t, frame_header_size> its_header{};
        receive(to.get(), its_header.data(), its_header.size());
        receive(to.get(), got.data(), got.size());
        if (checked) {
            FrameCheck::Sum sum{};
            receive(to.get(), sum.data(), sum.size());
            if (sum != check.of_frame(number, header, check.of_body({got}))) {
                std::fputs("a frame is not what was sent\n", stderr);
                std::exit(EXIT_FAILURE);
            }
        }
    }
    const std::chrono::duration<double> took = Clock::now() - begin;
    return static_cast<double>(body.size() * frames) / took.count();
}

double median(std::vector<double> rates)
{
    std::ranges::sort(rates);
    return rates[rates.size() / 2];
}

}  // namespace

int main()
{
    std::printf("%-24s %12s %12s %8s\n", "bodies of", "without", "with",
                "ratio");
    for (const size_t size : {size_t{512}, size_t{32} << 10, size_t{1} << 20}) {
        const Buffer body(size, 0xa5);
        const size_t frames = std::min(volume / size, most_frames);
        std::vector<double> without, with;
        for (int round = 0; round < rounds; ++round) {
            without.push_back(through_sockets(body, frames, false));
            with.push_back(through_sockets(body, frames, true));
        }
        std::printf("%7zu bytes %24.0f %12.0f MB/s %5.2f\n", size,
                    median(without) / 1e6, median(with) / 1e6,
                    median(with) / median(without));
        std::fflush(stdout);
    }
    return EXIT_SUCCESS;
}
