// A guest, a bridge and a client, as network interfaces only, in network
// namespaces that are gone with the process:
//
//     guest's namespace    this process's own          client's namespace
//     guest -------------- vif -- lan -- port -------- client
//
// vif is what it is called. port lets nothing out that has a gate's mark: with
// the gate of another guest there, a frame that is still marked would get past.
//
// Needs root, /dev/net/tun and iproute2.
#pragma once

#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <sstream>
#include <string>

#include "base/bytes.h"
#include "base/descriptors.h"
#include "base/unique_fd.h"
#include "network/tap.h"

namespace xl_colo {

inline Deadline soon()
{
    return std::chrono::steady_clock::now() + std::chrono::seconds(20);
}

// What a command says, stderr too; by its whole path, since busybox has an ip
// and a tc that know too little.
inline std::string output_of(const std::string& command)
{
    std::string text;
    FILE* pipe = popen(("/sbin/" + command + " 2>&1").c_str(), "r");
    std::array<char, 4096> part;
    while (const size_t size = fread(part.data(), 1, part.size(), pipe)) {
        text.append(part.data(), size);
    }
    pclose(pipe);
    return text;
}

// Everything that an admin could see changed, but for what a bridge counts.
inline std::string seen_by_admin()
{
    return output_of("ip -details link | sed -E "
                     "'s/(gc_timer|fdb_n_learned) +[0-9.]+//'") +
           output_of("tc qdisc show") +
           output_of("tc filter show dev vif ingress") +
           output_of("tc filter show dev vif egress");
}

// The lines of the second that the first has not, and the other way round.
inline std::string changes(const std::string& before, const std::string& after)
{
    const auto only_in = [](const std::string& some, const std::string& others,
                            const char* sign) {
        std::string found;
        std::istringstream lines(some);
        for (std::string line; std::getline(lines, line);) {
            if (("\n" + others).find("\n" + line + "\n") ==
                std::string::npos) {
                found += sign + line + "\n";
            }
        }
        return found;
    };
    return only_in(before, after, "< ") + only_in(after, before, "> ");
}

class Namespace {
public:
    template <typename F>
    auto inside(F f) const
    {
        (void)setns(there_.get(), CLONE_NEWNET);
        auto result = f();
        (void)setns(home_.get(), CLONE_NEWNET);
        return result;
    }

    // Without IPv6, so that nobody in it speaks without being asked.
    Namespace()
    {
        int ready[2];
        char byte;
        if (pipe2(ready, O_CLOEXEC) < 0) {
            return;
        }
        process_ = fork();
        if (process_ == 0) {
            const bool made = unshare(CLONE_NEWNET) == 0;
            (void)!write(ready[1], &byte, made);
            close(ready[1]);
            pause();
            _exit(0);
        }
        close(ready[1]);
        (void)!read(ready[0], &byte, 1);
        close(ready[0]);
        open_of(process_, there_);
        open_of(getpid(), home_);
        inside([] {
            for (const char* which : {"all", "default"}) {
                const UniqueFd fd(open(("/proc/sys/net/ipv6/conf/" +
                                        std::string(which) + "/disable_ipv6")
                                           .c_str(),
                                       O_WRONLY));
                (void)!write(fd.get(), "1", 1);
            }
            return 0;
        });
    }
    ~Namespace()
    {
        kill(process_, SIGKILL);
        waitpid(process_, nullptr, 0);
    }
    Namespace(const Namespace&) = delete;
    Namespace& operator=(const Namespace&) = delete;

    std::string name() const { return std::to_string(process_); }

private:
    static void open_of(pid_t process, UniqueFd& fd)
    {
        const std::string path =
            "/proc/" + std::to_string(process) + "/ns/net";
        fd.reset(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    }

    pid_t process_ = -1;
    UniqueFd there_, home_;
};

constexpr uint16_t test_type = 0x88b5;  // IEEE 802: for local experiments

inline Buffer test_frame(const std::string& text)
{
    Buffer frame(ETH_ALEN, 0xff);
    for (const uint8_t byte : {2, 0, 0, 0, 0, 1, 0x88, 0xb5}) {
        frame.push_back(byte);
    }
    frame.insert(frame.end(), text.begin(), text.end());
    frame.resize(std::max<size_t>(frame.size(), ETH_ZLEN));
    return frame;
}

inline std::optional<std::string> text_of_test_frame(View ethernet)
{
    if (ethernet.size() < ETH_HLEN ||
        load_big<uint16_t>(&ethernet[12]) != test_type) {
        return std::nullopt;
    }
    const std::string text = text_of(ethernet.subspan(ETH_HLEN));
    return text.substr(0, text.find('\0'));
}

// Sends and receives whole frames on an interface: those of test_type, or, with
// their virtio_net_hdr, of another.
class Port {
public:
    Port(const Namespace& where, const char* interface,
         uint16_t type = test_type)
    {
        where.inside([&] {
            socket_.reset(
                socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(type)));
            const int with_header = type != test_type;
            setsockopt(socket_.get(), SOL_PACKET, PACKET_VNET_HDR,
                       &with_header, sizeof(with_header));
            sockaddr_ll address{};
            address.sll_family = AF_PACKET;
            address.sll_protocol = htons(type);
            address.sll_ifindex =
                static_cast<int>(if_nametoindex(interface));
            return bind(socket_.get(),
                        reinterpret_cast<const sockaddr*>(&address),
                        sizeof(address));
        });
    }

    bool send_bytes(const Buffer& frame)
    {
        return write(socket_.get(), frame.data(), frame.size()) ==
               ssize_t(frame.size());
    }
    // The next, or none.
    Buffer receive_bytes()
    {
        Buffer bytes(tap_frame_max);
        const auto ready = wait_ready(socket_.get(), POLLIN, -1, soon());
        ssize_t size = 0;
        if (ready && *ready == Ready::yes) {
            size = read(socket_.get(), bytes.data(), bytes.size());
        }
        bytes.resize(size > 0 ? size_t(size) : 0);
        return bytes;
    }

    bool send(const std::string& text) { return send_bytes(test_frame(text)); }
    std::string receive()
    {
        return text_of_test_frame(receive_bytes()).value_or("nothing");
    }

private:
    UniqueFd socket_;
};

class NetworkBed {
public:
    // Why it cannot be here, or nothing. Before any object.
    static std::string missing()
    {
        if (geteuid() != 0) {
            return "root";
        }
        if (access("/dev/net/tun", R_OK | W_OK) < 0) {
            return "/dev/net/tun";
        }
        // The interfaces in /sys are those of who mounted it.
        if (unshare(CLONE_NEWNET | CLONE_NEWNS) < 0 ||
            mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) < 0 ||
            mount("sysfs", "/sys", "sysfs", 0, nullptr) < 0) {
            return "namespaces of its own";
        }
        for (const std::string command : {
                 "ip link set lo up",
                 "ip link add lan type bridge forward_delay 0",
                 "ip link add vif type veth peer name guest",
                 "tc qdisc add dev lo clsact",
                 "tc filter add dev lo egress matchall action pass",
                 "tc filter add dev lo egress handle 1 fw action pass",
                 "tc filter add dev lo egress matchall action skbedit mark 1",
                 "tc filter add dev lo egress matchall action mirred egress "
                 "redirect dev vif",
                 "tc qdisc del dev lo clsact",
             }) {
            const std::string said = output_of(command);
            if (!said.empty()) {
                return "\"" + command + "\": " + said;
            }
        }
        return "";
    }

    NetworkBed()
    {
        for (const std::string& command : {
                 std::string("ip link add port type veth peer name client"),
                 std::string("ip link set dev lan up"),
                 "ip link set dev guest netns " + guest.name(),
                 "ip link set dev client netns " + client.name(),
                 std::string("ip link set dev vif master lan up"),
                 std::string("ip link set dev port master lan up"),
                 std::string("tc qdisc add dev port clsact"),
                 std::string("tc filter add dev port egress handle 0x636f6c6f "
                             "fw action drop"),
             }) {
            say(output_of(command));
        }
        guest.inside([this] { return up("guest", "10.9.0.1/24"); });
        client.inside([this] { return up("client", "10.9.0.2/24"); });
        guest_port = std::make_unique<Port>(guest, "guest");
        client_port = std::make_unique<Port>(client, "client");
    }

    // Whether frames pass in both directions, nobody in between.
    bool is_open()
    {
        return guest_port->send("out") && client_port->receive() == "out" &&
               client_port->send("in") && guest_port->receive() == "in";
    }

    const Namespace guest, client;
    std::unique_ptr<Port> guest_port, client_port;

private:
    static void say(const std::string& said)
    {
        if (!said.empty()) {
            std::fprintf(stderr, "network bed: %s\n", said.c_str());
        }
    }
    int up(const std::string& interface, const std::string& address)
    {
        say(output_of("ip address add " + address + " dev " + interface));
        say(output_of("ip link set dev " + interface + " up"));
        return 0;
    }
};

// The next test frame out of a tap, written back unless it is to be kept; or
// "nothing". Others are let through.
inline std::string next_of(Tap& tap, bool write_back = true)
{
    for (const Deadline deadline = soon();;) {
        const auto frame = tap.read();
        if (!frame) {
            return frame.error().text();
        }
        if (!*frame) {
            const auto ready = wait_ready(tap.fd(), POLLIN, -1, deadline);
            if (!ready || *ready != Ready::yes) {
                return "nothing";
            }
            continue;
        }
        const auto text = text_of_test_frame((*frame)->ethernet());
        if (write_back || !text) {
            if (auto s = tap.write(**frame); !s) {
                return s.error().text();
            }
        }
        if (text) {
            return *text;
        }
    }
}

}  // namespace xl_colo
