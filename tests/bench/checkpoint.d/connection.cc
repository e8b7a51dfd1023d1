#include "connection.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <system_error>

namespace xl_colo::bench {

namespace {

constexpr uint64_t bits_a_byte = 8;

int checked(int r, const char* what)
{
    if (r < 0) {
        throw std::system_error(errno, std::generic_category(), what);
    }
    return r;
}

}  // namespace

Connection::Connection()
{
    const UniqueFd listener(
        checked(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    checked(bind(listener.get(), any, size), "bind");
    checked(listen(listener.get(), 1), "listen");
    checked(getsockname(listener.get(), any, &size), "getsockname");
    ends[0].reset(
        checked(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
    checked(connect(ends[0].get(), any, size), "connect");
    ends[1].reset(checked(
        accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC), "accept"));
    for (const UniqueFd& end : ends) {
        const int on = 1;
        setsockopt(end.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
}

void set_rate(int socket, uint64_t bits_a_second)
{
    const uint64_t rate =
        bits_a_second == 0 ? ~uint64_t{0} : bits_a_second / bits_a_byte;
    checked(setsockopt(socket, SOL_SOCKET, SO_MAX_PACING_RATE, &rate,
                       sizeof rate),
            "SO_MAX_PACING_RATE");
}

}  // namespace xl_colo::bench
