#include "session/opening.h"

#include <algorithm>

#include "base/bytes.h"
#include "session/session_key.h"
#include "wire/stop_frame.h"

namespace xl_colo {

namespace {

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

// Sends ours and waits for theirs.
Result<Hello> exchange_hello(Link& link, const Hello& mine)
{
    const std::string text = to_json(mine);
    // A peer that ended at once may have said why before: read that first.
    const Status sent = link.send(FrameType::HELLO, {view_of(text)});
    auto frame = expect(link, FrameType::HELLO);
    if (!frame) {
        return frame.error();
    }
    if (!sent) {
        return sent.error();
    }
    return parse_hello(frame->body);
}

// From here on each frame is checked.
void begin_checks(Link& link, const DigestKeys& keys, FrameSource we_are)
{
    const FrameCheck primary(keys.frames, FrameSource::primary);
    const FrameCheck secondary(keys.frames, FrameSource::secondary);
    if (we_are == FrameSource::primary) {
        link.check_frames(primary, secondary);
    } else {
        link.check_frames(secondary, primary);
    }
}

}  // namespace

Result<Hello> open_as_primary(Link& link, const HostFacts& here, Offer& offer)
{
    const Hello mine = make_hello(here);
    auto theirs = exchange_hello(link, mine);
    if (!theirs) {
        return theirs;
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
    const auto keys = parse_digest_key(offer.digest_key);
    if (!keys) {
        return keys.error();
    }
    begin_checks(link, *keys, FrameSource::primary);
    return theirs;
}

Result<Opened> open_as_secondary(Link& link, const HostFacts& here)
{
    auto theirs = exchange_hello(link, make_hello(here));
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
    return Opened{std::move(*theirs), std::move(*offer)};
}

Status accept(Link& link, const Offer& offer)
{
    const auto keys = parse_digest_key(offer.digest_key);
    if (!keys) {
        return keys.error();
    }
    link.set_timeout(offer.timeout);
    if (auto s = link.send(FrameType::ACCEPT); !s) {
        return s;
    }
    begin_checks(link, *keys, FrameSource::secondary);
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
