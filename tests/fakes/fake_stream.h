// libxc's migration stream as libxc itself reads and writes it: blocking, on a
// plain descriptor, whole or not at all. The fakes stand where libxc does, and
// tests say with it what a libxc would say.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "base/units.h"
#include "relay/migration_stream.h"

namespace xl_colo {

// Those that the relays pass without a look (xg_sr_stream_format.h, Xen 4.17).
constexpr RecordType rec_tsc_info{0x08};
constexpr RecordType rec_hvm_context{0x09};
constexpr RecordType rec_hvm_params{0x0a};
constexpr RecordType rec_static_data_end{0x10};
constexpr RecordType rec_cpuid_policy{0x11};

struct StreamRecord {
    RecordType type;
    Buffer body;
};

// The image and the domain header of an HVM guest on Xen 4.17.
Buffer stream_headers();
// Header, body, padding.
Buffer record_bytes(RecordType type, View body = {});

// The body of a PAGE_DATA record.
class PageDataWriter {
public:
    void add(Pfn pfn, View contents);
    void add_absent(Pfn pfn);  // type XTAB: no contents
    // With this type in bits 63 to 60, and whatever contents.
    void add_typed(uint64_t type, Pfn pfn, View contents);
    size_t count() const { return entries_.size(); }
    Buffer take();

private:
    std::vector<uint64_t> entries_;
    Buffer contents_;
};

// A list of pfns, 8 bytes each.
Buffer list_bytes(const std::vector<uint64_t>& pfns);

// False at an end of file or an error, with errno as libxc would find it.
bool write_exact(int fd, View bytes);
bool read_exact(int fd, uint8_t* to, size_t size);
std::optional<StreamRecord> read_record(int fd);

}  // namespace xl_colo
