// B on its last step: from frames into the record that xc_domain_save reads.
// The header is the one that the format prescribes, whatever the secondary's
// libxc wrote (F2).
//
// One record holds 16,777,216 pages, and a libxc as released reads one (F6). A
// longer list goes in parts to a libxc that knows them. Another one would read
// the first part whole and end the save because of its type, so nothing but
// the message is won by asking first: the guest goes on either way.
#include "relay/dirty_list_from_wire.h"

#include <utility>

#include "base/bytes.h"
#include "relay/dirty_set_frame.h"
#include "relay/memory_file.h"
#include "relay/migration_stream.h"

namespace xl_colo {

namespace {

constexpr size_t block_size = 64 << 10;
constexpr uint64_t record_pages = record_length_max / sizeof(uint64_t);
static_assert(record_length_max % block_size == 0);

}  // namespace

struct DirtyListFromWire::Impl {
    Impl(Pages guest, bool parts, bool drop_lists)
        : gfns(guest), takes_parts(parts), drop(drop_lists), decoder(guest),
          set(guest)
    {
    }

    Status write_header(uint64_t pages_left);
    Status write_list(const PageSet& list);

    const Pages gfns;
    const bool takes_parts;
    const bool drop;
    DirtySetDecoder decoder;
    PageSet set;
    MemoryFile file{"xl-colo dirty list"};
    // From the beginning: where there are too few descriptors, that shows
    // before the session begins.
    UniqueFd theirs{file.share()};
};

DirtyListFromWire::DirtyListFromWire(Pages gfns, bool takes_parts, bool drop)
    : impl_(std::make_unique<Impl>(gfns, takes_parts, drop))
{
}

DirtyListFromWire::~DirtyListFromWire() = default;

UniqueFd DirtyListFromWire::take_back()
{
    return std::move(impl_->theirs);
}

Result<bool> DirtyListFromWire::take(View body)
{
    return impl_->decoder.take(body, impl_->set);
}

const PageSet& DirtyListFromWire::set() const
{
    return impl_->set;
}

// Of the record for the rest of a list, or for as much as one holds.
Status DirtyListFromWire::Impl::write_header(uint64_t pages_left)
{
    const bool part = pages_left > record_pages;
    const uint64_t pages = part ? record_pages : pages_left;
    return file.write(record_header_bytes(
        {part ? RecordType::CHECKPOINT_DIRTY_PFN_PART
              : RecordType::CHECKPOINT_DIRTY_PFN_LIST,
         static_cast<uint32_t>(pages * sizeof(uint64_t))}));
}

Status DirtyListFromWire::Impl::write_list(const PageSet& list)
{
    Buffer block(block_size);
    size_t used = 0;
    uint64_t left = list.size().value();
    Status written = write_header(left);
    list.for_each([&](Pfn pfn) {
        store_little(pfn.value(), block.data() + used);
        used += sizeof(uint64_t);
        --left;
        if (used < block_size && left > 0) {
            return;
        }
        if (written) {
            written = file.write(View(block).first(used));
        }
        used = 0;
        const uint64_t done = list.size().value() - left;
        if (written && left > 0 && done % record_pages == 0) {
            written = write_header(left);
        }
    });
    return written;
}

Status DirtyListFromWire::give(const PageSet& moved)
{
    PageSet list(impl_->gfns);
    if (!impl_->drop) {
        list = impl_->set;
        list.insert_all(moved);
    }
    const uint64_t pages = list.size().value();
    if (pages > record_pages && !impl_->takes_parts) {
        return Error(ErrorKind::protocol,
                     "dirty list: " + std::to_string(pages) +
                         " pages are more than libxc takes at once (F6)");
    }
    if (auto s = impl_->file.rewind(); !s) {
        return s;
    }
    if (auto s = impl_->write_list(list); !s) {
        return s;
    }
    return impl_->file.rewind();
}

}  // namespace xl_colo
