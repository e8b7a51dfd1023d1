// A tap of ours: a network interface of this host whose other end is this
// process. What the host sends out of the interface is read here, and what is
// written here comes in from it. It is gone as soon as its descriptor is
// closed, also by the end of the process.
//
// The host has nothing to say on it by itself: before it is up it has no IPv6,
// no ARP, no multicast. So what is read is what somebody has sent into it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "network/tap_frame.h"

namespace xl_colo {

// Reading and writing are for one thread each.
class Tap {
public:
    // Makes the interface `name`, of at most 15 characters, and has it up. Its
    // segments and checksums may be left to us: TCP over IPv4 and IPv6.
    // Errors: refused, when there is an interface of that name; io.
    static Result<Tap> make(const std::string& name);
    // Has the same address on Ethernet from now on; its own, where there is no
    // such interface, as who redirects to it finds out. Error io.
    Status take_address_of(const std::string& interface);

    const std::string& name() const { return name_; }
    // For poll(2). Does not block.
    int fd() const { return fd_.get(); }

    // The next frame, which lives until the next read(), or nothing while there
    // is none. Error io: then the interface is down or gone (EBADFD, EIO), or
    // a frame was longer than tap_frame_max (EMSGSIZE), and is lost.
    Result<std::optional<TapFrame>> read();
    // The same, into tap_read_size bytes of the caller's, where it stays.
    Result<std::optional<TapFrame>> read(uint8_t* to);
    // Error io. EINVAL is for this frame alone: the kernel did not understand
    // its header. ENOMEM and EAGAIN pass.
    Status write(TapFrame frame);

    // Frames that the host has sent and that nobody will read, because we did
    // not read in time; since it was made. Error io.
    Result<uint64_t> dropped() const;

private:
    Tap(UniqueFd fd, std::string name);

    UniqueFd fd_;
    std::string name_;
    std::unique_ptr<uint8_t[]> read_;  // tap_read_size
};

// How many frames may wait to be read. What reads them is a thread that reads
// all the time, so that they only have to wait while it does not get a
// processor: 40 ms at 100,000 frames a second. (500 is the kernel's own, for
// which a pause of 5 ms is too long. A frame may be of 64 KiB; so 4096 are 256
// MiB of the host's memory, at worst.)
constexpr int tap_queue_frames = 4096;

}  // namespace xl_colo
