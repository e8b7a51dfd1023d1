// Frames from the wire become the stream that xc_domain_restore reads. Nothing
// reaches libxc, which works as root on what it is told, before it was checked.
#include "relay/stream_from_wire.h"

#include "relay/migration_stream.h"
#include "relay/packed_frame.h"
#include "relay/pages_frame.h"
#include "relay/relay_pipe.h"

namespace xl_colo {

struct StreamFromWire::Impl {
    explicit Impl(Pages guest) : gfns(guest), kept(guest), copy(guest) {}

    const Pages gfns;
    RelayPipe pipe{RelayPipe::Ours::writes};
    bool begun = false;     // the headers are through
    bool complete = false;  // so is the checkpoint's last record
    Unpacker unpacker;
    PagesReader reader;
    PageSet kept;
    CopyPages copy;

    Status check_turn(const std::string& what) const;
};

Status StreamFromWire::Impl::check_turn(const std::string& what) const
{
    if (complete) {
        return Error(ErrorKind::protocol,
                     what + " out of turn: the checkpoint's last record came "
                            "before it");
    }
    return {};
}

StreamFromWire::StreamFromWire(Pages gfns)
    : impl_(std::make_unique<Impl>(gfns))
{
}

StreamFromWire::~StreamFromWire() = default;

UniqueFd StreamFromWire::take_io()
{
    return impl_->pipe.take_theirs();
}

Status StreamFromWire::image(View body)
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

Status StreamFromWire::record(View body)
{
    if (!impl_->begun) {
        return Error(ErrorKind::protocol, "a RECORD before IMAGE");
    }
    const auto record = parse_record(body, impl_->gfns);
    if (!record) {
        return record.error();
    }
    if (record->pages) {
        return Error(ErrorKind::protocol,
                     to_string(record->type) + ": belongs into PAGES");
    }
    if (auto s = impl_->check_turn(to_string(record->type)); !s) {
        return s;
    }
    impl_->complete = record->type == RecordType::CHECKPOINT;
    return impl_->pipe.write({body});
}

Status StreamFromWire::pages(View body)
{
    if (!impl_->begun) {
        return Error(ErrorKind::protocol, "PAGES before IMAGE");
    }
    if (auto s = impl_->check_turn("PAGES"); !s) {
        return s;
    }
    const auto record =
        impl_->reader.record(body, impl_->gfns, impl_->kept);
    if (!record) {
        return record.error();
    }
    for (const PageData::Entry& entry : impl_->reader.entries()) {
        impl_->copy.add(entry.pfn, entry.has_contents);
    }
    return record->empty() ? Status() : impl_->pipe.write(*record);
}

Status StreamFromWire::packed_pages(View body)
{
    const auto whole = impl_->unpacker.unpack(body);
    return whole ? pages(*whole) : whole.error();
}

const PageSet& StreamFromWire::kept() const
{
    return impl_->kept;
}

CopyPages& StreamFromWire::copy()
{
    return impl_->copy;
}

void StreamFromWire::begin_checkpoint()
{
    impl_->complete = false;
    impl_->kept.clear();
}

void StreamFromWire::abort()
{
    impl_->pipe.abort();
}

}  // namespace xl_colo
