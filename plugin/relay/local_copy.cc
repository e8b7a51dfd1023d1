#include "relay/local_copy.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "relay/migration_stream.h"

namespace xl_colo {

namespace {

// Beside the pages: vCPUs' states and other records, some KiB each, and pages
// that backends dirty after they were counted.
constexpr uint64_t slack = 64 << 20;

}  // namespace

LocalCopy::LocalCopy(Bytes limit)
    : limit_(limit), mapped_(limit.value() + slack), file_("xl-colo copy")
{
    void* const memory =
        mmap(nullptr, mapped_, PROT_READ | PROT_WRITE,
             MAP_SHARED | MAP_NORESERVE, file_.fd(), 0);
    if (memory == MAP_FAILED) {
        throw std::system_error(errno, std::generic_category(),
                                "memory for checkpoints");
    }
    memory_ = static_cast<uint8_t*>(memory);
}

LocalCopy::~LocalCopy()
{
    munmap(memory_, mapped_);
}

void LocalCopy::make_room(Bytes size)
{
    const uint64_t before = file_.allocated().value();
    // Where there is none libxc is told when it writes.
    (void)file_.allocate(std::min(size, limit_));
    // Into the page table, too (Linux 5.14): at the sender's first look at each
    // page that would take longer. Where it is not known, it does.
    if (file_.allocated().value() > before) {
        const uint64_t begin = before / page_size * page_size;
        (void)madvise(memory_ + begin, file_.allocated().value() - begin,
                      MADV_POPULATE_WRITE);
    }
}

Status LocalCopy::begin(int theirs)
{
    read_ = 0;
    if (auto s = file_.rewind(); !s) {
        return s;
    }
    return file_.put_in_place_of(theirs);
}

Result<std::optional<std::span<uint8_t>>> LocalCopy::next_record()
{
    const auto written = file_.position();
    if (!written) {
        return written.error();
    }
    if (*written > mapped_) {
        return Error(ErrorKind::io, "a checkpoint of more bytes than expected");
    }
    const std::span<uint8_t> rest(memory_ + read_, *written - read_);
    if (rest.size() < record_header_size) {
        return std::optional<std::span<uint8_t>>();
    }
    const auto header = parse_record_header(rest.first(record_header_size));
    if (!header) {
        return header.error();
    }
    const size_t size = header->record_size();
    if (rest.size() < size) {
        return std::optional<std::span<uint8_t>>();
    }
    read_ += size;
    return std::optional(rest.first(size));
}

}  // namespace xl_colo
