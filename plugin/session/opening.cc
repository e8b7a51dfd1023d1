#include "session/opening.h"

#include <algorithm>

#include "base/bytes.h"
#include "wire/stop_frame.h"

namespace xl_colo {

namespace {

void add_to(Buffer& buffer, View bytes)
{
    buffer.insert(buffer.end(), bytes.begin(), bytes.end());
}

// The frame that must come next. A STOP in its place is the peer's reason.
Result<Frame> expect(Link& link, FrameType type)
{
    auto frame = link.receive();
    if (!frame) {
        return frame;
    }
    if (frame->type == FrameType::STOP) {
        return Error(ErrorKind::peer_stopped, stop_text(*frame));
    }
    if (frame->type != type) {
        return Error(ErrorKind::protocol, "expected " + to_string(type) +
                                              ", received " +
                                              to_string(frame->type));
    }
    return frame;
}

// Sends ours and waits for theirs, which is added to `heard`.
Result<Hello> exchange_hello(Link& link, const std::string& mine,
                             Buffer& heard)
{
    // A peer that ended at once may have said why before: read that first.
    const Status sent = link.send(FrameType::HELLO, {view_of(mine)});
    auto frame = expect(link, FrameType::HELLO);
    if (!frame) {
        return frame.error();
    }
    if (!sent) {
        return sent.error();
    }
    add_to(heard, frame->body);
    return parse_hello(frame->body);
}

// From here on each frame is checked. `said`: all that the primary has said
// before, then what the secondary has.
void begin_checks(Link& link, const Buffer& said, FrameSource we_are)
{
    const FrameCheck primary(said, FrameSource::primary);
    const FrameCheck secondary(said, FrameSource::secondary);
    if (we_are == FrameSource::primary) {
        link.check_frames(primary, secondary);
    } else {
        link.check_frames(secondary, primary);
    }
}

}  // namespace

void OpeningControl::request_stop(const std::string& reason)
{
    const std::lock_guard lock(mutex_);
    if (!reason_) {
        reason_ = reason;
    }
    link_.interrupt();
}

std::optional<Error> OpeningControl::stopped() const
{
    const std::lock_guard lock(mutex_);
    return reason_ ? std::optional(Error(ErrorKind::asked_to_stop, *reason_))
                   : std::nullopt;
}

Result<Hello> open_as_primary(Link& link, const HostFacts& here, Offer& offer)
{
    const Hello mine = make_hello(here);
    const std::string hello = to_json(mine);
    Buffer heard;
    auto theirs = exchange_hello(link, hello, heard);
    if (!theirs) {
        // It has not told its name yet; and what it says of "this host" must
        // not be taken for ours.
        const ErrorKind kind = theirs.error().kind();
        return kind == ErrorKind::peer_stopped || kind == ErrorKind::protocol
                   ? theirs.error().with_context("the other host")
                   : theirs.error();
    }
    const auto by_peer = [&](const Error& error) {
        return error.with_context(theirs->host);
    };
    if (auto s = check_peer(mine, *theirs); !s) {
        return by_peer(s.error());
    }
    const auto compression = agree_on(offer.compression, *theirs);
    if (!compression) {
        return by_peer(compression.error());
    }
    offer.compression = *compression;
    const std::string text = to_json(offer);
    if (auto s = link.send(FrameType::OFFER, {view_of(text)}); !s) {
        return s.error();
    }
    auto answer = expect(link, FrameType::ACCEPT);
    if (!answer) {
        return answer.error().kind() == ErrorKind::peer_stopped
                   ? by_peer({ErrorKind::refused, answer.error().text()})
                   : answer.error();
    }
    Buffer said;
    add_to(said, view_of(hello));
    add_to(said, view_of(text));
    add_to(said, heard);
    begin_checks(link, said, FrameSource::primary);
    return theirs;
}

Result<Opened> open_as_secondary(Link& link, const HostFacts& here)
{
    const std::string hello = to_json(make_hello(here));
    Buffer said;
    auto theirs = exchange_hello(link, hello, said);
    if (!theirs) {
        return theirs.error();
    }
    auto frame = expect(link, FrameType::OFFER);
    if (!frame) {
        return frame.error();
    }
    auto offer = parse_offer(frame->body);
    if (!offer) {
        return offer.error();
    }
    add_to(said, frame->body);
    add_to(said, view_of(hello));
    return Opened{std::move(*theirs), std::move(*offer), std::move(said)};
}

Status accept(Link& link, const Opened& opened)
{
    link.set_timeout(opened.offer.timeout);
    if (auto s = link.send(FrameType::ACCEPT); !s) {
        return s;
    }
    begin_checks(link, opened.said, FrameSource::secondary);
    return {};
}

Result<Compression> agree_on(Compression wanted, const Hello& secondary)
{
    if (wanted == Compression::none ||
        std::ranges::find(secondary.unpacks, compression_lz4) !=
            secondary.unpacks.end()) {
        return wanted;
    }
    if (wanted == Compression::automatic) {
        return Compression::none;
    }
    return Error(ErrorKind::refused,
                 "its xl-colo " + secondary.version + " does not unpack " +
                     to_string(wanted) +
                     ": install the same one on both hosts, or use "
                     "--compress=none");
}

}  // namespace xl_colo
