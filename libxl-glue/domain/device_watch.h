// A guest's devices as libxl lists them in xenstore, and whether that list
// changes.
//
//     /libxl/DOMID/device/KIND/NUMBER   one for each, of any kind, that only
//                                       toolstacks write to; it comes when the
//                                       device is attached, and goes at the end
//                                       of its detachment (libxl_device.c)
//         backend                       where that is; "online" there becomes 0
//                                       when the detachment begins
//         dev, mac                      a disk's vdev, a card's address
//         params                        of a disk: the image; another one when
//                                       a CD-ROM is changed
//         port/N                        of a USB controller: what is there
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "hypervisor/host.h"
#include "xen/handles.h"

namespace xl_colo {

class XenstoreDeviceWatch : public DeviceWatch {
public:
    static Result<std::unique_ptr<DeviceWatch>> on(
        Domid domid, const std::vector<DeviceFacts>& known);

    int fd() const override { return xs_fileno(xs_.get()); }
    Result<std::string> changes() override;

private:
    // What each has in it, by its name in words.
    using Devices = std::map<std::string, std::string>;

    XenstoreDeviceWatch(XenstoreHandle xs, Domid domid)
        : xs_(std::move(xs)),
          list_("/libxl/" + std::to_string(domid.value()) + "/device")
    {
    }
    Status watch(const std::string& path);
    Result<Devices> look();

    const XenstoreHandle xs_;
    const std::string list_;
    std::mutex mutex_;
    std::set<std::string> watched_;
    Devices before_;
    std::string changes_;  // as of the last look
};

}  // namespace xl_colo
