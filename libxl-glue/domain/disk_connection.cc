#include "domain/disk_connection.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "base/errors.h"
#include "domain/xenbus_pair.h"
#include "xen/store_nodes.h"

namespace xl_colo {

namespace {

using namespace xenbus;
using Clock = std::chrono::steady_clock;

// The copy stands meanwhile. What its requests wait for is a disk.
constexpr std::chrono::seconds backend_limit{20};
constexpr std::chrono::milliseconds look_again{1};

// The note says "connect anew" by the state of a driver that has yet to begin.
constexpr unsigned anew = initialising;

// xenstored reads one request of each connection in turn. So many of ours, and
// it has read what the copy had written before it stood.
constexpr int turns = 8;

class Disk {
public:
    static Result<Disk> of(Domid domid, const std::string& vdev);

    std::optional<unsigned> noted() const;
    Status note(unsigned frontend) const;
    Status drop_note() const;

    // A backend that says nothing is none: QEMU may have refused to be it.
    bool is_at_rest() const
    {
        const auto now = pair_.look();
        return now.backend == 0 ||
               (now.frontend == initialising && now.backend == init_wait);
    }
    unsigned frontend() const { return pair_.look().frontend; }
    Status close(Access& access) const;
    Status open(unsigned frontend) const;

private:
    Disk(XenbusPair pair, Domid domid, std::string note)
        : pair_(std::move(pair)), domid_(domid), note_(std::move(note))
    {
    }
    Status tell(unsigned state, unsigned expected, Clock::time_point deadline,
                const char* what) const;
    std::vector<uint32_t> ports() const;
    bool has_let_go(Access& access) const;

    XenbusPair pair_;
    Domid domid_;
    std::string note_;
};

Result<unsigned> devid_of(Domid domid, const std::string& vdev)
{
    const XenstoreHandle xs(xs_open(0));
    if (!xs) {
        return io_error("cannot connect to xenstored", errno);
    }
    const std::string list =
        "/libxl/" + std::to_string(domid.value()) + "/device/vbd";
    for (const std::string& number : entries_of(xs.get(), list)) {
        if (read_node(xs.get(), list + "/" + number + "/dev") == vdev) {
            return static_cast<unsigned>(
                std::strtoul(number.c_str(), nullptr, 10));
        }
    }
    return Error(ErrorKind::io, "libxl knows of no disk " + vdev);
}

Result<Disk> Disk::of(Domid domid, const std::string& vdev)
{
    const auto devid = devid_of(domid, vdev);
    if (!devid) {
        return devid.error();
    }
    auto pair = XenbusPair::of(domid, "vbd", *devid);
    if (!pair) {
        return pair.error();
    }
    return Disk(std::move(*pair), domid,
                "/local/domain/" + std::to_string(domid.value()) +
                    "/xl-colo/vbd/" + std::to_string(*devid));
}

std::optional<unsigned> Disk::noted() const
{
    const std::string text = read_node(pair_.xs(), note_);
    unsigned frontend = 0;
    const auto parsed =
        std::from_chars(text.data(), text.data() + text.size(), frontend);
    return parsed.ec == std::errc() ? std::optional(frontend) : std::nullopt;
}

Status Disk::note(unsigned frontend) const
{
    const std::string value = std::to_string(frontend);
    return xs_write(pair_.xs(), XBT_NULL, note_.c_str(), value.data(),
                    static_cast<unsigned>(value.size()))
               ? Status()
               : io_error("cannot write " + note_, errno);
}

Status Disk::drop_note() const
{
    return xs_rm(pair_.xs(), XBT_NULL, note_.c_str())
               ? Status()
               : io_error("cannot remove " + note_, errno);
}

Status Disk::tell(unsigned state, unsigned expected, Clock::time_point deadline,
                  const char* what) const
{
    if (auto s = pair_.set_frontend(state); !s) {
        return s;
    }
    return pair_.backend_comes_to(expected, deadline)
               ? Status()
               : Error(ErrorKind::timeout, what);
}

// The rings', by the driver's own word: a guest that does not say which they
// are has its copy's backend waited for in vain, or not at all.
std::vector<uint32_t> Disk::ports() const
{
    std::vector<uint32_t> ports;
    const auto add = [&](const std::string& folder) {
        const std::string text =
            read_node(pair_.xs(), folder + "/event-channel");
        uint32_t port = 0;
        if (std::from_chars(text.data(), text.data() + text.size(), port).ec ==
            std::errc()) {
            ports.push_back(port);
        }
    };
    add(pair_.frontend());
    for (const std::string& entry : entries_of(pair_.xs(), pair_.frontend())) {
        if (entry.starts_with("queue-")) {
            add(pair_.frontend() + "/" + entry);
        }
    }
    return ports;
}

bool Disk::has_let_go(Access& access) const
{
    return std::ranges::none_of(ports(), [&](uint32_t port) {
        xc_evtchn_status_t channel{};
        channel.dom = static_cast<domid_t>(domid_.value());
        channel.port = port;
        return xc_evtchn_status(access.xc.get(), &channel) == 0 &&
               channel.status == EVTCHNSTAT_interdomain;
    });
}

Status Disk::close(Access& access) const
{
    constexpr const char* keeps = "the backend does not let go of the disk";
    const auto deadline = Clock::now() + backend_limit;
    if (auto s = tell(closed, closed, deadline, keeps); !s) {
        return s;
    }
    while (!has_let_go(access)) {
        if (Clock::now() > deadline) {
            return Error(ErrorKind::timeout, keeps);
        }
        std::this_thread::sleep_for(look_again);
        // By way of 5, which tells when it has looked at the second 6.
        if (auto s = tell(closing, closing, deadline, keeps); !s) {
            return s;
        }
        if (auto s = tell(closed, closed, deadline, keeps); !s) {
            return s;
        }
    }
    // QEMU's has done all that before it says 6; of a driver that is to begin
    // anew it takes no notice (xen_block_frontend_changed() in QEMU's
    // xen-block.c). As with a new disk, it is for the toolstack to say 2.
    if (pair_.backend_is("qdisk")) {
        if (auto s = pair_.set_frontend(initialising); !s) {
            return s;
        }
        return pair_.set_backend(init_wait);
    }
    return tell(initialising, init_wait, deadline, keeps);
}

// The nodes say yet where the driver's rings are, and its grants stand.
Status Disk::open(unsigned frontend) const
{
    if (frontend != initialised && frontend != connected) {
        return pair_.set_frontend(frontend);
    }
    return tell(frontend, connected, Clock::now() + backend_limit,
                "the backend does not connect to the disk again");
}

}  // namespace

Status release_disk_connection(Access& access, Domid domid,
                               const std::string& vdev)
{
    const auto disk = Disk::of(domid, vdev);
    if (!disk) {
        return disk.error();
    }
    std::optional<unsigned> noted;
    for (int i = 0; i < turns; ++i) {
        noted = disk->noted();
    }
    if (disk->is_at_rest()) {
        return {};
    }
    // One that is there is of an attempt that has failed.
    if (!noted) {
        if (auto s = disk->note(disk->frontend()); !s) {
            return s;
        }
    }
    return disk->close(access);
}

Status renew_disk_connection(Domid domid, const std::string& vdev)
{
    const auto disk = Disk::of(domid, vdev);
    if (!disk) {
        return disk.error();
    }
    return disk->noted() ? disk->note(anew) : Status();
}

Status restore_disk_connection(Access& access, Domid domid,
                               const std::string& vdev)
{
    const auto disk = Disk::of(domid, vdev);
    if (!disk) {
        return disk.error();
    }
    const auto noted = disk->noted();
    if (!noted) {
        return {};
    }
    if (!disk->is_at_rest()) {
        if (auto s = disk->close(access); !s) {
            return s;
        }
    }
    if (*noted != anew) {
        if (auto s = disk->open(*noted); !s) {
            return s;
        }
    }
    return disk->drop_note();
}

}  // namespace xl_colo
