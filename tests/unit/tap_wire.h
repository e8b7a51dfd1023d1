// The host's side of a tap: sends into it, as a filter's redirection would, and
// receives what is written to it.
#pragma once

#include <filesystem>
#include <fstream>

#include "network_bed.h"

namespace xl_colo {

class TapWire {
public:
    explicit TapWire(const std::string& tap)
        : socket_(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(test_type)))
    {
        const int room = 256 << 20;  // for all that leaves at once
        setsockopt(socket_.get(), SOL_SOCKET, SO_RCVBUFFORCE, &room,
                   sizeof(room));
        sockaddr_ll address{};
        address.sll_family = AF_PACKET;
        address.sll_protocol = htons(test_type);
        address.sll_ifindex = static_cast<int>(if_nametoindex(tap.c_str()));
        bound_ = bind(socket_.get(), reinterpret_cast<sockaddr*>(&address),
                      sizeof(address)) == 0;
    }

    // One with that text.
    bool send(const std::string& text)
    {
        const Buffer frame = test_frame(text);
        return bound_ && write(socket_.get(), frame.data(), frame.size()) ==
                             ssize_t(frame.size());
    }
    // The text of the next that was written to the tap, or "nothing" within a
    // while.
    std::string next(std::chrono::milliseconds patience =
                         std::chrono::seconds(20))
    {
        const auto deadline = std::chrono::steady_clock::now() + patience;
        for (;;) {
            Buffer frame(2048);
            sockaddr_ll from{};
            socklen_t size = sizeof(from);
            const auto ready =
                wait_ready(socket_.get(), POLLIN, -1, deadline);
            if (!ready || *ready != Ready::yes) {
                return "nothing";
            }
            const ssize_t r =
                recvfrom(socket_.get(), frame.data(), frame.size(), 0,
                         reinterpret_cast<sockaddr*>(&from), &size);
            frame.resize(r > 0 ? size_t(r) : 0);
            if (from.sll_pkttype != PACKET_OUTGOING) {
                return text_of_test_frame(frame).value_or("another frame");
            }
        }
    }

private:
    UniqueFd socket_;
    bool bound_ = false;
};

// A network of the test's own, and what it needs; or says what is missing.
inline bool has_own_network()
{
    if (geteuid() == 0 && access("/dev/net/tun", R_OK | W_OK) == 0 &&
        unshare(CLONE_NEWNET) == 0) {
        return true;
    }
    std::fprintf(stderr,
                 "needs root, /dev/net/tun and a network namespace\n");
    return false;
}

// In place of tc, in `folder`: there are no filters, and all goes well.
inline void use_idle_tc(const std::string& folder)
{
    const std::string tc = folder + "/tc";
    std::ofstream(tc) << "#!/bin/sh\ncat >/dev/null\n";
    std::filesystem::permissions(tc, std::filesystem::perms::owner_all);
    setenv("PATH", (folder + ":/usr/bin:/bin").c_str(), 1);
}

}  // namespace xl_colo
