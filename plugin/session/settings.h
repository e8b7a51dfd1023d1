// What both sides of a session go by, from its opening to its end. The admin
// on the primary chose it; the OFFER takes it to the secondary.
#pragma once

#include <chrono>
#include <set>
#include <string>
#include <vector>

#include "base/left_out.h"
#include "base/units.h"
#include "devices/disk_store.h"
#include "hypervisor/host.h"
#include "relay/compression.h"
#include "session/output.h"

namespace xl_colo {

struct SessionSettings {
    std::string domain;
    std::string configuration;  // libxl's JSON
    Pages gfns;
    std::chrono::milliseconds timeout{};
    std::chrono::milliseconds interval{};
    bool verify = false;
    bool verify_disks = false;  // only with `verify`
    std::string digest_key;  // hexadecimal; fresh for each session
    Compression compression = Compression::none;
    Output output = Output::compare;
    DiskStore disk_store;
    std::vector<DeviceFacts> devices;  // all of the guest's, in its order
    LeftOut without;

    bool lacks(const char* work_around) const
    {
        return without.contains(work_around);
    }
};

}  // namespace xl_colo
