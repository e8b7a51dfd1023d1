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

void BackChannel::add_moved(PageSet moved)
{
    {
        const std::lock_guard lock(mutex_);
        moved_ = std::move(moved);
    }
    changed_.notify_all();
}

Status BackChannel::take_set(View bytes)
{
    BodyReader body(bytes);
    // One set a checkpoint: a second one would stay in libxc's pipe and be
    // taken for the next checkpoint's.
    if (!is_turn_of(set_wanted_, body)) {
        return Error(ErrorKind::protocol, "DIRTY_SET out of turn");
    }
    auto whole = list_.take(body.rest());
    if (!whole) {
        return whole.error();
    }
    if (!*whole) {
        return {};
    }
    const uint64_t number = set_wanted_.exchange(0);
    b_ = list_.set().size().value();
    // Before libxc knows of B and sends its pages.
    if (digests_) {
        digests_->expect(list_.set());
        digests_wanted_ = number;
    }
    const auto moved = wait_moved();
    if (!moved) {
        return {};
    }
    const Status given = list_.give(moved);
    if (!given && !aborted_ && given.error().kind() == ErrorKind::protocol) {
        return given;
    }
    // Otherwise libxc has closed its end, and its save says why.
    return {};
}

// Nothing once libxc reads no more lists.
std::optional<PageSet> BackChannel::wait_moved()
{
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return moved_ || aborted_; });
    return std::exchange(moved_, std::nullopt);
}

Status BackChannel::take_digests(View bytes)
{
    BodyReader body(bytes);
    if (!is_turn_of(digests_wanted_, body)) {
        return Error(ErrorKind::protocol, "DIRTY_DIGESTS out of turn");
    }
    return digests_->add(body.rest());
}

void BackChannel::abort()
{
    {
        const std::lock_guard lock(mutex_);
        aborted_ = true;
    }
    changed_.notify_all();
    list_.abort();
}

}  // namespace xl_colo
