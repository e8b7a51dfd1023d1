// B on its last step: from a frame into the one record that xc_domain_save
// reads. The header is the one that the format prescribes, whatever the
// secondary's libxc wrote (F2).
#include "migration_stream.h"
#include "relay.h"
#include "relay_pipe.h"

namespace xl_colo {

struct DirtyListFeed::Impl {
    Impl(Pages guest, bool drop_lists) : gfns(guest), drop(drop_lists) {}

    const Pages gfns;
    const bool drop;
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

Result<Pages> DirtyListFeed::give(View list)
{
    const auto pages = check_dirty_list(list, impl_->gfns);
    if (!pages) {
        return pages.error();
    }
    // libxc reads exactly one record for a list, so this is all it can hold.
    if (list.size() > record_length_max) {
        return Error(ErrorKind::protocol,
                     "dirty list: " + std::to_string(pages->value()) +
                         " pages are more than libxc takes at once (F6)");
    }
    const View given = impl_->drop ? View() : list;
    const auto header =
        record_header_bytes({RecordType::CHECKPOINT_DIRTY_PFN_LIST,
                             static_cast<uint32_t>(given.size())});
    if (auto s = impl_->pipe.write({header, given}); !s) {
        return s.error();
    }
    return *pages;
}

void DirtyListFeed::abort()
{
    impl_->pipe.abort();
}

}  // namespace xl_colo
