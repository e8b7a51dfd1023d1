#include "relay/back_channel.h"

#include <utility>

#include "wire/frame.h"

namespace xl_colo {

namespace {

// The checkpoint's number is read off the front of `body`, and is to be this.
bool is_turn_of(uint64_t wanted, BodyReader& body)
{
    const auto number = body.u64();
    return number && *number != 0 && *number == wanted;
}

}  // namespace

BackChannel::BackChannel(Pages gfns, bool takes_parts, bool drop,
                         CopyDigests* digests)
    : digests_(digests), list_(gfns, takes_parts, drop)
{
}

UniqueFd BackChannel::take_back()
{
    return list_.take_back();
}

void BackChannel::expect(CheckpointNumber number)
{
    set_wanted_ = number.value();
}

Status BackChannel::give(const PageSet& moved)
{
    return list_.give(moved);
}

Result<bool> BackChannel::take_set(View bytes)
{
    BodyReader body(bytes);
    // One set a checkpoint: libxc reads one.
    if (!is_turn_of(set_wanted_, body)) {
        return Error(ErrorKind::protocol, "DIRTY_SET out of turn");
    }
    const auto whole = list_.take(body.rest());
    if (!whole || !*whole) {
        return whole;
    }
    const uint64_t number = set_wanted_.exchange(0);
    b_ = list_.set().size().value();
    if (!digests_) {
        return true;
    }
    digests_->expect(list_.set());
    digests_wanted_ = number;
    return b() == Pages{0};
}

Result<bool> BackChannel::take_digests(View bytes)
{
    BodyReader body(bytes);
    if (!is_turn_of(digests_wanted_, body)) {
        return Error(ErrorKind::protocol, "DIRTY_DIGESTS out of turn");
    }
    return digests_->add(body.rest());
}

}  // namespace xl_colo
