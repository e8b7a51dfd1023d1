#include "replication/route.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

#include "base/errors.h"
#include "base/unique_fd.h"

namespace xl_colo {

namespace {

struct FreeAddresses {
    void operator()(addrinfo* list) const { freeaddrinfo(list); }
};
using Addresses = std::unique_ptr<addrinfo, FreeAddresses>;

Result<Addresses> look_up(const std::string& host, const std::string& service,
                          int flags)
{
    addrinfo hints{};
    hints.ai_socktype = SOCK_DGRAM;
    hints.ai_flags = flags | AI_NUMERICSERV;
    addrinfo* list = nullptr;
    if (const int code =
            getaddrinfo(host.c_str(), service.c_str(), &hints, &list);
        code != 0) {
        return Error(ErrorKind::refused,
                     "DRBD needs an address of " + host + ", which has none "
                     "here (" + gai_strerror(code) +
                         "): name it in /etc/hosts");
    }
    return Addresses(list);
}

Result<std::string> text_of(const sockaddr* address, socklen_t length)
{
    std::array<char, NI_MAXHOST> text{};
    if (getnameinfo(address, length, text.data(), text.size(), nullptr, 0,
                    NI_NUMERICHOST) != 0) {
        return io_error("cannot print an address", EIO);
    }
    return address->sa_family == AF_INET6
               ? "ipv6 [" + std::string(text.data()) + "]"
               : "ipv4 " + std::string(text.data());
}

}  // namespace

std::string bare_address(const std::string& address)
{
    std::string text = address.substr(address.find(' ') + 1);
    if (text.starts_with('[') && text.ends_with(']')) {
        text = text.substr(1, text.size() - 2);
    }
    return text;
}

Result<Route> route_to(const std::string& host)
{
    // "root@beta" is the same to ssh.
    const auto addresses =
        look_up(host.substr(host.rfind('@') + 1), "7", 0);
    if (!addresses) {
        return addresses.error();
    }
    // Nothing is sent: the kernel only says which way it would take.
    const addrinfo& first = **addresses;
    const UniqueFd probe(
        socket(first.ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_storage own{};
    socklen_t length = sizeof(own);
    auto* const own_address = reinterpret_cast<sockaddr*>(&own);
    if (!probe ||
        connect(probe.get(), first.ai_addr, first.ai_addrlen) != 0 ||
        getsockname(probe.get(), own_address, &length) != 0) {
        return io_error("cannot tell how " + host + " is reached", errno);
    }
    const auto here = text_of(own_address, length);
    const auto there = text_of(first.ai_addr, first.ai_addrlen);
    if (!here || !there) {
        return !here ? here.error() : there.error();
    }
    return Route{*here, *there, 0};
}

bool is_free(const std::string& address, uint16_t port)
{
    const auto addresses =
        look_up(bare_address(address), std::to_string(port), AI_NUMERICHOST);
    if (!addresses) {
        return false;
    }
    const addrinfo& first = **addresses;
    const UniqueFd probe(
        socket(first.ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    return probe && bind(probe.get(), first.ai_addr, first.ai_addrlen) == 0;
}

}  // namespace xl_colo
