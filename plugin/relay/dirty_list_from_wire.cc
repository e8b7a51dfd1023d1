// B on its last step: from frames into the record that xc_domain_save reads.
// The header is the one that the format prescribes, whatever the secondary's
// libxc wrote (F2).
//
// One record holds 16,777,216 pages, and a libxc as released reads one (F6). A
// longer list goes in parts to a libxc that knows them. Another one would read
// the first part whole and end the save because of its type, so nothing but
// the message is won by asking first: the guest goes on either way.
#include "relay/dirty_list_from_wire.h"
#include "base/bytes.h"
#include "relay/dirty_set_frame.h"
#include "relay/migration_stream.h"
#include "relay/relay_pipe.h"

namespace xl_colo {

namespace {

constexpr size_t block_size = 64 << 10;
constexpr uint64_t record_pages = record_length_max / sizeof(uint64_t);
static_assert(record_length_max % block_size == 0);

}  // namespace

struct DirtyListFromWire::Impl {
    Impl(Pages guest, bool parts, bool drop_lists)
        : takes_parts(parts), drop(drop_lists), decoder(guest), set(guest)
    {
    }

    Status write_header(uint64_t pages_left);
    Status write_list(const PageSet& list);

    const bool takes_parts;
    const bool drop;
    DirtySetDecoder decoder;
    PageSet set;
    RelayPipe pipe{RelayPipe::Ours::writes};
};

DirtyListFromWire::DirtyListFromWire(Pages gfns, bool takes_parts, bool drop)
    : impl_(std::make_unique<Impl>(gfns, takes_parts, drop))
{
}

DirtyListFromWire::~DirtyListFromWire() = default;

UniqueFd DirtyListFromWire::take_back()
{
    return impl_->pipe.take_theirs();
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
    const auto header = record_header_bytes(
        {part ? RecordType::CHECKPOINT_DIRTY_PFN_PART
              : RecordType::CHECKPOINT_DIRTY_PFN_LIST,
         static_cast<uint32_t>(pages * sizeof(uint64_t))});
    return pipe.write({header}, pages > 0 ? RelayPipe::Then::record_goes_on
                                          : RelayPipe::Then::record_ends);
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
        const uint64_t done = list.size().value() - left;
        const bool ends = left == 0 || done % record_pages == 0;
        if (written) {
            written = pipe.write({View(block).first(used)},
                                 ends ? RelayPipe::Then::record_ends
                                      : RelayPipe::Then::record_goes_on);
        }
        used = 0;
        if (written && left > 0 && ends) {
            written = write_header(left);
        }
    });
    return written;
}

Status DirtyListFromWire::give(const std::optional<PageSet>& moved)
{
    if (impl_->drop) {
        return impl_->write_header(0);
    }
    PageSet list = impl_->set;
    if (moved) {
        list.insert_all(*moved);
    }
    const uint64_t pages = list.size().value();
    if (pages > record_pages && !impl_->takes_parts) {
        return Error(ErrorKind::protocol,
                     "dirty list: " + std::to_string(pages) +
                         " pages are more than libxc takes at once (F6)");
    }
    return impl_->write_list(list);
}

// An end of file in place of a record is what libxc must not see: up to 4.22,
// and on master, merge_secondary_dirty_bitmap() then frees a pointer that was
// never set (patches/ 0113), and the process is gone while the guest stands
// still. An empty list it takes, and fails when it writes the pages, since the
// stream is aborted as well.
void DirtyListFromWire::abort()
{
    impl_->pipe.abort(
        record_header_bytes({RecordType::CHECKPOINT_DIRTY_PFN_LIST, 0}));
}

}  // namespace xl_colo
