#include "network.d/bed.h"

#include <cerrno>
#include <cstring>
#include <fstream>

namespace xl_colo::bench {

namespace {

void enter_a_namespace()
{
    if (geteuid() != 0) {
        throw Missing("needs root");
    }
    if (access("/dev/net/tun", R_OK | W_OK) < 0) {
        throw Missing("needs /dev/net/tun");
    }
    // The interfaces in /sys are those of who mounted it.
    if (unshare(CLONE_NEWNET | CLONE_NEWNS) < 0 ||
        mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) < 0 ||
        mount("sysfs", "/sys", "sysfs", 0, nullptr) < 0) {
        throw Missing(std::string("cannot have namespaces of its own: ") +
                      std::strerror(errno));
    }
}

void write_setting(const std::string& name, const std::string& value)
{
    std::ofstream("/proc/sys/net/" + name) << value;
}

void up(const Namespace& where, const std::string& interface,
        const std::string& address)
{
    where.inside([&] {
        run("ip address add " + address + "/24 dev " + interface);
        run("ip link set dev " + interface + " up");
        // A connection that rests between two messages is not to begin anew.
        write_setting("ipv4/tcp_slow_start_after_idle", "0");
        return 0;
    });
}

}  // namespace

void run(const std::string& command)
{
    const std::string said = output_of(command);
    if (!said.empty()) {
        const std::string line = said.substr(0, said.find('\n'));
        throw Missing("\"" + command + "\": " +
                      line.substr(0, line.find_last_not_of('.') + 1));
    }
}

std::unique_ptr<Bed> Bed::make()
{
    enter_a_namespace();
    return std::unique_ptr<Bed>(new Bed);
}

Bed::Bed()
{
    write_setting("ipv6/conf/all/disable_ipv6", "1");
    write_setting("ipv6/conf/default/disable_ipv6", "1");
    run("ip link set lo up");
    run("ip link add lan type bridge forward_delay 0 mcast_snooping 0");
    run("ip link set dev lan up");
    for (const auto& [near, far, there] :
         {std::tuple("vif", "guest", &guest),
          std::tuple("port", "client", &client)}) {
        const std::string end = near, other = far;
        run("ip link add " + end + " type veth peer name " + other);
        run("ip link set dev " + other + " netns " + there->name());
        run("ip link set dev " + end + " master lan up");
    }
    up(guest, "guest", guest_address);
    up(client, "client", client_address);
}

uint64_t Bed::frames_of_guest() const
{
    uint64_t frames = 0;
    std::ifstream("/sys/class/net/vif/statistics/rx_packets") >> frames;
    return frames;
}

}  // namespace xl_colo::bench
