#include "network/tap.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>

#include "base/errors.h"

namespace xl_colo {

namespace {

// Requests about an interface go to any socket, and name it.
class InterfaceControl {
public:
    explicit InterfaceControl(const std::string& name)
        : socket_(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0))
    {
        name.copy(request_.ifr_name, IFNAMSIZ - 1);
    }

    Status set_queue_length(int frames)
    {
        request_.ifr_qlen = frames;
        return ask(SIOCSIFTXQLEN, "set its queue's length");
    }
    Status copy_address_to(InterfaceControl& other)
    {
        if (const int error = try_to(SIOCGIFHWADDR); error != 0) {
            return error == ENODEV ? Status()
                                   : io_error("cannot read its address", error);
        }
        other.request_.ifr_hwaddr = request_.ifr_hwaddr;
        return other.ask(SIOCSIFHWADDR, "set its address");
    }
    Status change_flags(short add, short take)
    {
        if (auto s = ask(SIOCGIFFLAGS, "read its flags"); !s) {
            return s;
        }
        request_.ifr_flags =
            static_cast<short>((request_.ifr_flags | add) & ~take);
        return ask(SIOCSIFFLAGS, "set its flags");
    }

private:
    // An errno, or 0.
    int try_to(unsigned long what)
    {
        return ioctl(socket_.get(), what, &request_) < 0 ? errno : 0;
    }
    Status ask(unsigned long what, const char* text)
    {
        const int error = try_to(what);
        return error == 0 ? Status()
                          : io_error(std::string("cannot ") + text, error);
    }

    UniqueFd socket_;
    ifreq request_{};
};

Status without_ipv6(const std::string& name)
{
    const std::string path =
        "/proc/sys/net/ipv6/conf/" + name + "/disable_ipv6";
    const UniqueFd fd(open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!fd && errno == ENOENT) {
        return {};  // this kernel has none
    }
    if (!fd || ::write(fd.get(), "1", 1) != 1) {
        return io_error("cannot write " + path, errno);
    }
    return {};
}

// The interface's own voice, before it can say something.
Status make_mute_and_up(const std::string& name)
{
    if (auto s = without_ipv6(name); !s) {
        return s;
    }
    InterfaceControl interface(name);
    if (auto s = interface.set_queue_length(tap_queue_frames); !s) {
        return s;
    }
    if (auto s = interface.change_flags(IFF_NOARP, IFF_MULTICAST); !s) {
        return s;
    }
    return interface.change_flags(IFF_UP, 0);
}

Result<UniqueFd> open_tap(const std::string& name)
{
    // A tap that lives without a process would be taken, and left, as it is.
    if (if_nametoindex(name.c_str()) != 0) {
        return Error(ErrorKind::refused,
                     "there is such an interface already: end what uses it, "
                     "or delete it by: ip link delete " + name);
    }
    UniqueFd fd(open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
    if (!fd) {
        return io_error("cannot open /dev/net/tun", errno);
    }
    ifreq request{};
    name.copy(request.ifr_name, IFNAMSIZ - 1);
    request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
    if (ioctl(fd.get(), TUNSETIFF, &request) < 0) {
        return io_error("cannot make it", errno);
    }
    if (ioctl(fd.get(), TUNSETOFFLOAD,
              TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN) < 0) {
        return io_error("cannot set its offloads", errno);
    }
    if (auto s = make_mute_and_up(name); !s) {
        return s.error();
    }
    return fd;
}

}  // namespace

Tap::Tap(UniqueFd fd, std::string name)
    : fd_(std::move(fd)),
      name_(std::move(name)),
      read_(new uint8_t[tap_read_size])
{
}

Result<Tap> Tap::make(const std::string& name)
{
    if (name.empty() || name.size() >= IFNAMSIZ) {
        return Error(ErrorKind::refused,
                     "tap " + name + ": that is no interface's name");
    }
    auto fd = open_tap(name);
    if (!fd) {
        return fd.error().with_context("tap " + name);
    }
    return Tap(std::move(*fd), name);
}

Status Tap::take_address_of(const std::string& interface)
{
    InterfaceControl other(interface), own(name_);
    const Status taken = other.copy_address_to(own);
    return taken ? taken : taken.error().with_context("tap " + name_);
}

Result<std::optional<TapFrame>> Tap::read()
{
    return read(read_.get());
}

Result<std::optional<TapFrame>> Tap::read(uint8_t* to)
{
    ssize_t r;
    do {
        r = ::read(fd_.get(), to, tap_read_size);
    } while (r < 0 && errno == EINTR);
    if (r < 0 && errno == EAGAIN) {
        return std::optional<TapFrame>();
    }
    if (r < 0) {
        return io_error("tap " + name_ + ": cannot read", errno);
    }
    const auto size = static_cast<size_t>(r);
    if (size > tap_frame_max || size < virtio_header_size + ETH_HLEN) {
        return io_error("tap " + name_ + ": a frame of " +
                            std::to_string(size) + " bytes",
                        EMSGSIZE);
    }
    return std::optional(TapFrame(View(to, size)));
}

Status Tap::write(TapFrame frame)
{
    const View bytes = frame.bytes();
    ssize_t r;
    do {
        r = ::write(fd_.get(), bytes.data(), bytes.size());
    } while (r < 0 && errno == EINTR);
    if (r < 0) {
        return io_error("tap " + name_ + ": cannot write a frame of " +
                            std::to_string(bytes.size()) + " bytes",
                        errno);
    }
    return {};
}

Result<uint64_t> Tap::dropped() const
{
    const std::string path =
        "/sys/class/net/" + name_ + "/statistics/tx_dropped";
    uint64_t frames;
    if (!(std::ifstream(path) >> frames)) {
        return io_error("cannot read " + path, ENOENT);
    }
    return frames;
}

}  // namespace xl_colo
