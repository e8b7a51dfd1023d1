#include "mitm.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <utility>

#include "base/bytes.h"
#include "wire/frame.h"

namespace xl_colo::campaign {

namespace {

constexpr size_t check_size = 16;
// More is not taken from a sender whose receiver takes nothing.
constexpr size_t room = 1 << 20;

}  // namespace

Mitm::Mitm(UniqueFd primary, UniqueFd secondary, OnFrame on_frame)
    : primary_(std::move(primary)),
      secondary_(std::move(secondary)),
      on_frame_(std::move(on_frame)),
      forth_(Role::primary, primary_, secondary_),
      back_(Role::secondary, secondary_, primary_)
{
    for (const auto* fd : {&primary_, &secondary_}) {
        fcntl(fd->get(), F_SETFL, O_NONBLOCK);
    }
}

bool Mitm::Direction::full() const
{
    return going.size() - gone > room;
}

bool Mitm::holds() const
{
    const auto passes = [](const Direction& d) {
        return d.held() && d.held_until != Clock::time_point::max();
    };
    return passes(forth_) || passes(back_);
}

void Mitm::turn(std::chrono::milliseconds patience)
{
    std::array<pollfd, 2> fds{{{primary_.get(), 0, 0},
                               {secondary_.get(), 0, 0}}};
    for (Direction* d : {&forth_, &back_}) {
        pollfd& from = fds[d == &forth_ ? 0 : 1];
        pollfd& to = fds[d == &forth_ ? 1 : 0];
        if (d->held()) {
            continue;
        }
        if (!d->ended && !d->full()) {
            from.events |= POLLIN;
        }
        if (d->gone < d->going.size()) {
            to.events |= POLLOUT;
        }
    }
    for (pollfd& fd : fds) {
        // Else an end that nobody is to hear of would be told at once.
        fd.fd = fd.events == 0 ? -1 : fd.fd;
    }
    poll(fds.data(), fds.size(), static_cast<int>(patience.count()));
    for (Direction* d : {&forth_, &back_}) {
        Direction& other = d == &forth_ ? back_ : forth_;
        if (d->held()) {
            continue;
        }
        if (!d->ended && !d->full()) {
            read(*d, other);
        }
        write(*d);
    }
    if (cut_ && forth_.going.empty() && back_.going.empty()) {
        primary_.reset();
        secondary_.reset();
        cut_ = false;
    }
}

void Mitm::read(Direction& d, Direction& back)
{
    std::array<uint8_t, 65536> bytes;
    while (!d.ended && !d.full()) {
        const ssize_t r = recv(d.in.get(), bytes.data(), bytes.size(), 0);
        if (r < 0 && errno == EINTR) {
            continue;
        }
        if (r < 0 && errno == EAGAIN) {
            return;
        }
        if (r <= 0) {
            // What is left is part of a frame: it goes on as it is.
            d.going.insert(d.going.end(), d.coming.begin(), d.coming.end());
            d.coming.clear();
            d.ended = d.closes = true;
            return;
        }
        d.coming.insert(d.coming.end(), bytes.begin(), bytes.begin() + r);
        take_frames(d, back);
        if (d.held()) {
            return;
        }
    }
}

void Mitm::take_frames(Direction& d, Direction& back)
{
    size_t at = 0;
    while (!d.ended && d.coming.size() - at >= frame_header_size) {
        const View header = View(d.coming).subspan(at, frame_header_size);
        const auto type =
            static_cast<FrameType>(load_little<uint32_t>(header.data()));
        const auto length = load_little<uint32_t>(header.data() + 4);
        const Extent extent{length, d.checked ? check_size : 0};
        const size_t size = frame_header_size + length + padding_of(length) +
                            extent.check;
        if (d.coming.size() - at < size) {
            break;
        }
        const Passage passage = on_frame_(d.namer.next(type), extent);
        carry_out(passage, View(d.coming).subspan(at, size), d, back);
        at += size;
        d.checked |= type == FrameType::OFFER || type == FrameType::ACCEPT;
        if (d.held()) {
            break;
        }
    }
    if (d.ended) {
        d.coming.clear();
    } else {
        d.coming.erase(d.coming.begin(),
                       d.coming.begin() + static_cast<ptrdiff_t>(at));
    }
}

void Mitm::carry_out(const Passage& passage, View frame, Direction& d,
                     Direction& back)
{
    for (unsigned i = 0; i < passage.times; ++i) {
        const size_t begin = d.going.size();
        const View part = frame.first(passage.only.value_or(frame.size()));
        d.going.insert(d.going.end(), part.begin(), part.end());
        if (passage.flip) {
            d.going[begin + *passage.flip / 8] ^=
                static_cast<uint8_t>(1u << *passage.flip % 8);
        }
    }
    switch (passage.then) {
    case Passage::Then::go_on:
        break;
    case Passage::Then::close:
        d.ended = back.ended = cut_ = true;
        break;
    case Passage::Then::half_close:
        d.ended = d.closes = true;
        break;
    case Passage::Then::hold_both:
        back.held_until = passage.until;
        [[fallthrough]];
    case Passage::Then::hold:
        // What was passed on before may still go.
        write(d);
        d.held_until = passage.until;
        break;
    }
}

void Mitm::write(Direction& d)
{
    while (d.gone < d.going.size()) {
        const ssize_t r = send(d.out.get(), d.going.data() + d.gone,
                               d.going.size() - d.gone, MSG_NOSIGNAL);
        if (r < 0 && errno == EINTR) {
            continue;
        }
        if (r < 0 && errno == EAGAIN) {
            return;
        }
        if (r < 0) {
            // Nobody is there: its sender hears of that, as from TCP.
            if (d.in) {
                shutdown(d.in.get(), SHUT_RD);
            }
            d.ended = true;
            break;
        }
        d.gone += static_cast<size_t>(r);
    }
    d.going.clear();
    d.gone = 0;
    if (d.closes && !std::exchange(d.closed, true) && d.out) {
        shutdown(d.out.get(), SHUT_WR);
    }
}

}  // namespace xl_colo::campaign
