#include "fake_stream.h"

#include <unistd.h>

#include <cerrno>

#include "wire/frame.h"

namespace xl_colo {

Buffer stream_headers()
{
    return {
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,  // marker
        'X', 'E', 'N', 'F',                              // id
        0, 0, 0, 3,                                      // version
        0, 0, 0, 0, 0, 0, 0, 0,                          // options
        2, 0, 0, 0,                                      // x86 HVM
        12, 0, 0, 0,                                     // page shift
        4, 0, 0, 0, 17, 0, 0, 0,                         // Xen 4.17
    };
}

Buffer record_bytes(RecordType type, View body)
{
    const RecordHeader header{type, static_cast<uint32_t>(body.size())};
    Buffer bytes = BodyWriter()
                       .bytes(record_header_bytes(header))
                       .bytes(body)
                       .take();
    bytes.resize(header.record_size());
    return bytes;
}

void PageDataWriter::add(Pfn pfn, View contents)
{
    add_typed(0x0, pfn, contents);
}

void PageDataWriter::add_absent(Pfn pfn)
{
    add_typed(0xf, pfn, {});
}

void PageDataWriter::add_typed(uint64_t type, Pfn pfn, View contents)
{
    entries_.push_back(type << 60 | pfn.value());
    contents_.insert(contents_.end(), contents.begin(), contents.end());
}

Buffer PageDataWriter::take()
{
    BodyWriter body;
    body.u64(entries_.size());  // u32 count, u32 reserved
    for (const uint64_t entry : entries_) {
        body.u64(entry);
    }
    body.bytes(contents_);
    entries_.clear();
    contents_.clear();
    return body.take();
}

Buffer list_bytes(const std::vector<uint64_t>& pfns)
{
    // At once: some lists have 16 million of them.
    Buffer bytes(pfns.size() * sizeof(uint64_t));
    uint8_t* to = bytes.data();
    for (const uint64_t pfn : pfns) {
        for (unsigned shift = 0; shift < 64; shift += 8) {
            *to++ = static_cast<uint8_t>(pfn >> shift);
        }
    }
    return bytes;
}

bool write_exact(int fd, View bytes)
{
    while (!bytes.empty()) {
        const ssize_t r = write(fd, bytes.data(), bytes.size());
        if (r < 0 && errno == EINTR) {
            continue;
        }
        if (r <= 0) {
            return false;
        }
        bytes = bytes.subspan(static_cast<size_t>(r));
    }
    return true;
}

bool read_exact(int fd, uint8_t* to, size_t size)
{
    while (size > 0) {
        const ssize_t r = read(fd, to, size);
        if (r < 0 && errno == EINTR) {
            continue;
        }
        if (r <= 0) {
            if (r == 0) {
                errno = 0;
            }
            return false;
        }
        to += r;
        size -= static_cast<size_t>(r);
    }
    return true;
}

std::optional<StreamRecord> read_record(int fd)
{
    Buffer bytes(record_header_size);
    if (!read_exact(fd, bytes.data(), bytes.size())) {
        return std::nullopt;
    }
    const auto header = parse_record_header(bytes);
    if (!header) {
        return std::nullopt;
    }
    bytes.resize(header->record_size() - record_header_size);
    if (!read_exact(fd, bytes.data(), bytes.size())) {
        return std::nullopt;
    }
    bytes.resize(header->length);
    return StreamRecord{header->type, std::move(bytes)};
}

}  // namespace xl_colo
