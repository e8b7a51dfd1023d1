// B on its last step: from frames into the one record that xc_domain_save
// reads. The header is the one that the format prescribes, whatever the
// secondary's libxc wrote (F2).
#include "dirty_code.h"
#include "migration_stream.h"
#include "relay.h"
#include "relay_pipe.h"

namespace xl_colo {

namespace {

constexpr size_t block_size = 64 << 10;

}  // namespace

struct DirtyListFeed::Impl {
    Impl(Pages guest, bool drop_lists)
        : drop(drop_lists), decoder(guest), set(guest)
    {
    }

    Status write_pfns(const DirtySet& pages);

    const bool drop;
    DirtySetDecoder decoder;
    DirtySet set;
    RelayPipe pipe{RelayPipe::Ours::writes};
};

DirtyListFeed::DirtyListFeed(Pages gfns, bool drop)
    : impl_(std::make_unique<Impl>(gfns, drop))
{
}

DirtyListFeed::~DirtyListFeed() = default;

UniqueFd DirtyListFeed::take_back()
{
    return impl_->pipe.take_theirs();
}

Result<bool> DirtyListFeed::take(View body)
{
    return impl_->decoder.take(body, impl_->set);
}

const DirtySet& DirtyListFeed::set() const
{
    return impl_->set;
}

Status DirtyListFeed::Impl::write_pfns(const DirtySet& pages)
{
    Buffer block;
    block.reserve(block_size);
    Status written;
    pages.for_each([&](Pfn pfn) {
        for (unsigned shift = 0; shift < 64; shift += 8) {
            block.push_back(static_cast<uint8_t>(pfn.value() >> shift));
        }
        if (block.size() == block_size) {
            if (written) {
                written = pipe.write({block});
            }
            block.clear();
        }
    });
    return written ? pipe.write({block}) : written;
}

Status DirtyListFeed::give()
{
    const uint64_t pages = impl_->drop ? 0 : impl_->set.size().value();
    // libxc reads exactly one record for a list, so this is all it can hold.
    if (pages > record_length_max / sizeof(uint64_t)) {
        return Error(ErrorKind::protocol,
                     "dirty list: " + std::to_string(pages) +
                         " pages are more than libxc takes at once (F6)");
    }
    const auto header =
        record_header_bytes({RecordType::CHECKPOINT_DIRTY_PFN_LIST,
                             static_cast<uint32_t>(pages * sizeof(uint64_t))});
    if (auto s = impl_->pipe.write({header}); !s || pages == 0) {
        return s;
    }
    return impl_->write_pfns(impl_->set);
}

void DirtyListFeed::abort()
{
    impl_->pipe.abort();
}

}  // namespace xl_colo
