// Frames from the wire become the stream that xc_domain_restore reads. Nothing
// reaches libxc, which works as root on what it is told, before it was checked.
#include "migration_stream.h"
#include "relay.h"
#include "relay_pipe.h"

namespace xl_colo {

struct RestoreFeed::Impl {
    explicit Impl(Pages guest) : gfns(guest) {}

    const Pages gfns;
    RelayPipe pipe{RelayPipe::Ours::writes};
    bool begun = false;     // the headers are through
    bool complete = false;  // so is the checkpoint's last record
};

RestoreFeed::RestoreFeed(Pages gfns) : impl_(std::make_unique<Impl>(gfns)) {}

RestoreFeed::~RestoreFeed() = default;

UniqueFd RestoreFeed::take_io()
{
    return impl_->pipe.take_theirs();
}

Status RestoreFeed::image(View body)
{
    if (impl_->begun) {
        return Error(ErrorKind::protocol, "a second IMAGE");
    }
    if (auto s = check_stream_headers(body); !s) {
        return s;
    }
    impl_->begun = true;
    return impl_->pipe.write({body});
}

Status RestoreFeed::record(View body)
{
    if (!impl_->begun) {
        return Error(ErrorKind::protocol, "a RECORD before IMAGE");
    }
    const auto record = parse_record(body, impl_->gfns);
    if (!record) {
        return record.error();
    }
    if (impl_->complete) {
        return Error(ErrorKind::protocol,
                     to_string(record->type) +
                         " out of turn: the checkpoint's last record came "
                         "before it");
    }
    impl_->complete = record->type == RecordType::CHECKPOINT;
    return impl_->pipe.write({body});
}

void RestoreFeed::begin_checkpoint()
{
    impl_->complete = false;
}

void RestoreFeed::abort()
{
    impl_->pipe.abort();
}

}  // namespace xl_colo
