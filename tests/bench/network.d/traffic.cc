#include "network.d/traffic.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <random>
#include <thread>
#include <utility>
#include <vector>

namespace xl_colo::bench {

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr uint16_t server_port = 7;
constexpr size_t headers_of_datagram = 14 + 20 + 8;
constexpr unsigned batch = 32;
constexpr auto measured_for = 700ms;
constexpr auto measured_for_if_held = 1500ms;
// Until a window is on its way, or TCP has found out how much may be.
constexpr auto begins_for = 200ms;
constexpr auto connection_begins_for_if_held = 2500ms;
// What a queue in front of a path, of 4096 frames with us, may have to take.
constexpr uint64_t most_not_taken = 2048;
constexpr size_t long_message = 64 << 10;

[[noreturn]] void fail(const char* what)
{
    throw Missing(std::string(what) + ": " + std::strerror(errno));
}

sockaddr_in address_of(const char* address, uint16_t port)
{
    sockaddr_in it{};
    it.sin_family = AF_INET;
    it.sin_port = htons(port);
    inet_pton(AF_INET, address, &it.sin_addr);
    return it;
}

void set(const UniqueFd& fd, int level, int option, int value)
{
    setsockopt(fd.get(), level, option, &value, sizeof(value));
}

// Receiving gives up after that, for the end of a run and for what is lost.
void limit_wait(const UniqueFd& fd, std::chrono::milliseconds limit)
{
    const timeval time{
        limit.count() / 1000,
        static_cast<suseconds_t>(limit.count() % 1000 * 1000)};
    setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time));
}

UniqueFd new_socket(const Namespace& where, int type)
{
    UniqueFd fd(where.inside(
        [&] { return socket(AF_INET, type | SOCK_CLOEXEC, 0); }));
    if (!fd) {
        fail("socket");
    }
    return fd;
}

struct Ends {
    UniqueFd guest, client;
};

Ends datagram_ends(const Bed& bed)
{
    Ends ends{new_socket(bed.guest, SOCK_DGRAM),
              new_socket(bed.client, SOCK_DGRAM)};
    const auto guest = address_of(guest_address, 40000);
    const auto client = address_of(client_address, server_port);
    for (const auto& [fd, mine, others] :
         {std::tuple(&ends.guest, guest, client),
          std::tuple(&ends.client, client, guest)}) {
        set(*fd, SOL_SOCKET, SO_RCVBUFFORCE, 512 << 20);
        set(*fd, SOL_SOCKET, SO_SNDBUFFORCE, 512 << 20);
        limit_wait(*fd, 2000ms);
        if (bind(fd->get(), reinterpret_cast<const sockaddr*>(&mine),
                 sizeof(mine)) < 0 ||
            connect(fd->get(), reinterpret_cast<const sockaddr*>(&others),
                    sizeof(others)) < 0) {
            fail("cannot bind and connect");
        }
    }
    return ends;
}

Ends stream_ends(const Bed& bed, const PathKind& kind)
{
    const UniqueFd listening = new_socket(bed.client, SOCK_STREAM);
    Ends ends{new_socket(bed.guest, SOCK_STREAM), UniqueFd()};
    for (const UniqueFd* fd : {&listening, &std::as_const(ends.guest)}) {
        set(*fd, SOL_SOCKET, SO_RCVBUFFORCE, 2 * kind.connection_window);
        set(*fd, SOL_SOCKET, SO_SNDBUFFORCE, 2 * kind.connection_window);
        set(*fd, IPPROTO_TCP, TCP_WINDOW_CLAMP, kind.connection_window);
        set(*fd, IPPROTO_TCP, TCP_NODELAY, 1);
        set(*fd, SOL_SOCKET, SO_REUSEADDR, 1);
        // One that is told of a queue by a delay would stop at the first.
        setsockopt(fd->get(), IPPROTO_TCP, TCP_CONGESTION, "reno", 4);
    }
    const auto address = address_of(client_address, server_port);
    if (bind(listening.get(), reinterpret_cast<const sockaddr*>(&address),
             sizeof(address)) < 0 ||
        listen(listening.get(), 1) < 0 ||
        connect(ends.guest.get(), reinterpret_cast<const sockaddr*>(&address),
                sizeof(address)) < 0) {
        fail("cannot connect");
    }
    ends.client.reset(accept(listening.get(), nullptr, nullptr));
    set(ends.client, IPPROTO_TCP, TCP_WINDOW_CLAMP, kind.connection_window);
    limit_wait(ends.client, 200ms);
    limit_wait(ends.guest, 5000ms);
    return ends;
}

// Some messages of the same kind, for sendmmsg(2) and recvmmsg(2).
class Messages {
public:
    explicit Messages(size_t size) : bytes_(batch * size)
    {
        for (unsigned i = 0; i < batch; ++i) {
            parts_[i] = {&bytes_[i * size], size};
            headers_[i].msg_hdr.msg_iov = &parts_[i];
            headers_[i].msg_hdr.msg_iovlen = 1;
        }
    }
    mmsghdr* data() { return headers_.data(); }

private:
    std::vector<uint8_t> bytes_;
    std::array<iovec, batch> parts_{};
    std::array<mmsghdr, batch> headers_{};
};

// What the guest has sent and what has become of it; two threads.
struct Account {
    std::atomic<uint64_t> sent{0}, settled{0}, lost{0};
    // The sender sleeps until so many are: not for each that comes, which would
    // measure how fast it is woken.
    std::atomic<uint64_t> awaited{0};
    std::atomic<bool> stopping{false}, ended{false};

    void settle(uint64_t frames)
    {
        settled += frames;
        if (settled >= awaited) {
            settled.notify_one();
        }
    }
    void wait(uint64_t frames)
    {
        awaited = frames;
        for (uint64_t now; (now = settled) < frames;) {
            settled.wait(now);
        }
    }
};

void send_datagrams(const UniqueFd& fd, size_t size, uint64_t window,
                    Path& path, Account& account)
{
    Messages messages(size);
    const uint64_t taken_before = path.taken().value_or(0);
    uint64_t taken = 0;
    while (!account.stopping) {
        if (account.sent - account.settled + batch > window) {
            account.wait(account.sent - window / 2);
        }
        if (account.sent - taken > most_not_taken) {
            const auto now = path.taken();
            taken = account.sent;
            if (now) {
                taken = std::min(taken, std::max(*now - taken_before,
                                                 account.settled.load()));
            }
            if (account.sent - taken > most_not_taken) {
                std::this_thread::sleep_for(50us);
                continue;
            }
        }
        const int n = sendmmsg(fd.get(), messages.data(), batch, 0);
        if (n > 0) {
            account.sent += static_cast<uint64_t>(n);
        }
    }
}

void receive_datagrams(const UniqueFd& fd, size_t size, Account& account)
{
    Messages messages(size);
    while (!account.ended) {
        const int n = recvmmsg(fd.get(), messages.data(), batch,
                               MSG_WAITFORONE, nullptr);
        if (n > 0) {
            account.settle(static_cast<uint64_t>(n));
        } else {
            // Nothing for so long: what is on its way will not come.
            const uint64_t lost = account.sent - account.settled;
            account.lost += lost;
            account.settle(lost);
        }
    }
}

// Between two moments, after the beginning. `frames` and `bytes` say how many
// there were until now.
template <typename Frames, typename Bytes>
Rate watch(const PathKind& kind, Path& path, std::chrono::milliseconds begins,
           const Frames& frames, const Bytes& bytes)
{
    struct Moment {
        Clock::time_point time;
        std::chrono::nanoseconds processor_time;
        uint64_t frames, bytes;
    };
    const auto now = [&] {
        return Moment{Clock::now(), path.processor_time(), frames(), bytes()};
    };
    std::this_thread::sleep_for(begins);
    const Moment begin = now();
    std::this_thread::sleep_for(kind.holds ? measured_for_if_held
                                           : measured_for);
    const Moment end = now();
    const std::chrono::duration<double> time = end.time - begin.time;
    const std::chrono::duration<double, std::micro> processor_time =
        end.processor_time - begin.processor_time;
    const auto all_frames = static_cast<double>(end.frames - begin.frames);
    const auto all_bytes = static_cast<double>(end.bytes - begin.bytes);
    return {all_frames / time.count(), all_bytes / time.count(),
            processor_time.count() / all_frames, 0};
}

// At any moment between two commits, if there are such.
void rest(const PathKind& kind)
{
    static std::mt19937 dice(1);
    if (kind.holds) {
        std::this_thread::sleep_for(std::chrono::microseconds(
            std::uniform_int_distribution<int64_t>(
                0, std::chrono::microseconds(interval).count())(dice)));
    }
}

// `once`: there and back; false when it did not come back.
template <typename Once>
double median_of_trips(const PathKind& kind, const Once& once)
{
    const unsigned warm = kind.holds ? 10 : 200;
    const unsigned trips = kind.holds ? 20 : 2000;
    std::vector<double> all;
    for (unsigned i = 0; i < warm + trips; ++i) {
        rest(kind);
        const auto begun = Clock::now();
        if (!once()) {
            return std::nan("");
        }
        if (i >= warm) {
            all.push_back(std::chrono::duration<double, std::micro>(
                              Clock::now() - begun)
                              .count());
        }
    }
    std::ranges::nth_element(all, all.begin() + long(all.size() / 2));
    return all[all.size() / 2];
}

bool receive_all(const UniqueFd& fd, uint8_t* to, size_t size)
{
    while (size > 0) {
        const ssize_t n = recv(fd.get(), to, size, 0);
        if (n <= 0) {
            return false;
        }
        to += n;
        size -= static_cast<size_t>(n);
    }
    return true;
}

}  // namespace

bool frames_pass(const Bed& bed)
{
    const Ends ends = datagram_ends(bed);
    for (int tries = 0; tries < 5; ++tries) {
        uint8_t byte = 0;
        (void)!send(ends.guest.get(), &byte, 1, 0);
        if (recv(ends.client.get(), &byte, 1, 0) == 1) {
            return true;
        }
    }
    return false;
}

Rate datagram_rate(const Bed& bed, const PathKind& kind, Path& path,
                   size_t size)
{
    const Ends ends = datagram_ends(bed);
    const size_t payload = size - headers_of_datagram;
    Account account;
    std::thread receiver(
        [&] { receive_datagrams(ends.client, payload, account); });
    std::thread sender([&] {
        send_datagrams(ends.guest, payload, kind.window, path, account);
    });
    const auto settled = [&] { return account.settled.load(); };
    Rate rate = watch(kind, path, begins_for, settled,
                      [&] { return settled() * size; });
    account.stopping = true;
    sender.join();
    account.wait(account.sent);
    account.ended = true;
    shutdown(ends.client.get(), SHUT_RDWR);
    receiver.join();
    rate.lost = account.lost;
    return rate;
}

Rate stream_rate(const Bed& bed, const PathKind& kind, Path& path)
{
    const Ends ends = stream_ends(bed, kind);
    std::atomic<bool> stopping{false};
    std::atomic<uint64_t> arrived{0};
    std::thread receiver([&] {
        std::vector<uint8_t> bytes(256 << 10);
        while (!stopping) {
            const ssize_t n =
                recv(ends.client.get(), bytes.data(), bytes.size(), 0);
            arrived += static_cast<uint64_t>(std::max<ssize_t>(n, 0));
        }
    });
    std::thread sender([&] {
        const std::vector<uint8_t> bytes(256 << 10);
        while (send(ends.guest.get(), bytes.data(), bytes.size(),
                    MSG_NOSIGNAL) > 0) {
        }
    });
    const Rate rate =
        watch(kind, path,
              kind.holds ? connection_begins_for_if_held : begins_for,
              [&] { return bed.frames_of_guest(); },
              [&] { return arrived.load(); });
    stopping = true;
    shutdown(ends.guest.get(), SHUT_RDWR);
    sender.join();
    receiver.join();
    return rate;
}

double datagram_round_trip(const Bed& bed, const PathKind& kind, size_t size)
{
    const Ends ends = datagram_ends(bed);
    std::atomic<bool> stopping{false};
    std::thread echo([&] {
        std::vector<uint8_t> bytes(size);
        while (!stopping) {
            const ssize_t n =
                recv(ends.client.get(), bytes.data(), bytes.size(), 0);
            if (n > 0) {
                (void)!send(ends.client.get(), bytes.data(),
                            static_cast<size_t>(n), 0);
            }
        }
    });
    limit_wait(ends.client, 200ms);  // so that it sees the end
    limit_wait(ends.guest, 5000ms);
    std::vector<uint8_t> bytes(size - headers_of_datagram);
    const double median = median_of_trips(kind, [&] {
        (void)!send(ends.guest.get(), bytes.data(), bytes.size(), 0);
        return recv(ends.guest.get(), bytes.data(), bytes.size(), 0) > 0;
    });
    stopping = true;
    echo.join();
    return median;
}

double stream_round_trip(const Bed& bed, const PathKind& kind)
{
    const Ends ends = stream_ends(bed, kind);
    std::thread echo([&] {
        limit_wait(ends.client, 0ms);  // until the other end is closed
        std::vector<uint8_t> bytes(long_message);
        while (receive_all(ends.client, bytes.data(), bytes.size())) {
            (void)!send(ends.client.get(), bytes.data(), 1, MSG_NOSIGNAL);
        }
    });
    std::vector<uint8_t> bytes(long_message);
    const double median = median_of_trips(kind, [&] {
        (void)!send(ends.guest.get(), bytes.data(), bytes.size(),
                    MSG_NOSIGNAL);
        uint8_t answer;
        return recv(ends.guest.get(), &answer, 1, 0) == 1;
    });
    shutdown(ends.guest.get(), SHUT_RDWR);
    shutdown(ends.client.get(), SHUT_RDWR);
    echo.join();
    return median;
}

}  // namespace xl_colo::bench
