// The primary's half of docs/specs/colo-wire.md. xc_domain_save drives it: it
// calls back in the order of the methods below, over and over, until one says
// no. Why it ended is worked out afterwards, in finish().
#include "session/primary.h"

#include <utility>

#include "session/verify.h"

namespace xl_colo {

namespace {

using Clock = EventQueue::Clock;

Bytes operator-(Bytes a, Bytes b)
{
    return Bytes{a.value() - b.value()};
}

// Whether the guest ended of its own accord. Suspended it is by us.
bool stopped(GuestState state)
{
    return state != GuestState::running && state != GuestState::suspended;
}

std::optional<Elision> elision_for(const Offer& offer, const DigestKeys& keys)
{
    if (offer.lacks(without_elision)) {
        return std::nullopt;
    }
    return Elision{keys.contents, offer.lacks(without_digest)};
}

// Until a copy of many GiB is destroyed.
constexpr std::chrono::seconds copy_patience{60};

const char* const check_peer_advice =
    "the secondary may have taken over: check with \"xl list\" there, and "
    "destroy one of the two if both run";

}  // namespace

Primary::Primary(Domain& domain, PageMover& mover, Link& link,
                 StatusBoard& board, Log& log, SessionOptions options)
    : domain_(domain),
      mover_(mover),
      link_(link),
      board_(board),
      log_(log),
      options_(std::move(options)),
      peer_(link, queue_),
      keys_(parse_digest_key(options_.offer.digest_key).value()),
      stream_(link, options_.offer.gfns, elision_for(options_.offer, keys_),
              options_.offer.compression),
      dirty_list_(options_.offer.gfns, mover.takes_dirty_list_parts(),
                  options_.offer.lacks(without_back_channel))
{
}

SessionEnd Primary::run()
{
    board_.enter(State::copying);
    link_.start(*this);
    Status saved;
    if (auto begun = begin_copy()) {
        saved = mover_.save(domain_.domid(), stream_.take_io(),
                            dirty_list_.take_back(), *this);
    } else {
        fail(begun.error());
    }
    SessionEnd end = finish(cause_of_end(saved));
    link_.finish();
    return end;
}

// ---- libxc's callbacks -----------------------------------------------------

bool Primary::device_model_log_dirty(bool on)
{
    if (!on) {
        return true;  // see Domain
    }
    auto s = domain_.start_device_model_log_dirty();
    return s || fail(s.error());
}

// Both hosts suspend at once: the CHECKPOINT frame has gone already.
bool Primary::suspend()
{
    suspended_at_ = Clock::now();
    has_suspended_ = true;
    auto suspension = domain_.suspend();
    if (!suspension) {
        // It may have stopped half-way; finish() has to look. One that others
        // have suspended is theirs to resume, or to destroy.
        suspended_ = suspension.error().kind() != ErrorKind::refused &&
                     domain_.state() == GuestState::suspended;
        return fail(suspension.error());
    }
    suspended_ = true;
    suspension_ = *suspension;
    stood_at_ = Clock::now();
    if (number_ == CheckpointNumber{0}) {
        return true;
    }
    if (auto s = find_moved(); !s) {
        return fail(s.error());
    }
    if (auto s = peer_.expect(FrameType::SUSPENDED, number_); !s) {
        return fail(s.error());
    }
    // Last of all: libxc takes the log next, and nobody else must have.
    auto dirty = domain_.count_dirty();
    if (!dirty) {
        return fail(dirty.error());
    }
    a_ = *dirty;
    // B is on its way to dirty_list_, where libxc reads it after that.
    return true;
}

// libxc has written all pages of D, the vCPUs' state and a CHECKPOINT record.
bool Primary::checkpoint()
{
    // It has cleaned the log for them, and the guest stands yet.
    if (auto s = domain_.mark_log(); !s) {
        return fail(s.error());
    }
    auto state = domain_.device_state();
    if (!state) {
        return fail(state.error());
    }
    // Everything before the device state: then "it is here" means all is.
    auto pages = stream_.wait_checkpoint_sent();
    if (!pages) {
        // Given up by end_stream(): the queue knows why.
        return pages.error().kind() != ErrorKind::aborted &&
               fail(pages.error());
    }
    sent_pages_ = *pages;
    if (number_ == CheckpointNumber{0}) {
        if (auto s = check_initial_copy(); !s) {
            return fail(s.error());
        }
    }
    copy_complete_ = true;
    if (auto s = tell_limits(); !s) {
        return fail(s.error());
    }
    if (auto s = peer_.send(FrameType::DEVICE_STATE, number_, *state); !s) {
        return fail(s.error());
    }
    if (auto s = peer_.expect(FrameType::COMMITTED, number_); !s) {
        return fail(s.error());
    }
    return true;
}

bool Primary::postcopy()
{
    if (auto s = peer_.expect(FrameType::READY, number_); !s) {
        return fail(s.error());
    }
    if (options_.offer.verify) {
        if (auto s = verify(); !s) {
            return fail(s.error());
        }
    }
    may_run_at_ = Clock::now();
    if (auto s = peer_.send(FrameType::RESUME, number_); !s) {
        return fail(s.error());
    }
    if (auto s = resume_guest(); !s) {
        return fail(s.error());
    }
    if (auto s = peer_.expect(FrameType::RESUMED, number_); !s) {
        return fail(s.error());
    }
    resumed_at_ = Clock::now();
    record_checkpoint();
    if (std::exchange(copying_, false)) {
        board_.enter(State::protecting);
        if (options_.on_protected) {
            options_.on_protected();
        }
    }
    return true;
}

bool Primary::wait_checkpoint()
{
    if (options_.max_checkpoints &&
        number_.value() >= *options_.max_checkpoints) {
        return fail({ErrorKind::asked_to_stop,
                     std::to_string(number_.value()) + " checkpoints taken"});
    }
    auto event = peer_.next(resumed_at_ + options_.offer.interval);
    if (!event) {
        return begin_next();
    }
    if (auto end = end_in(*event)) {
        return fail(*end);
    }
    if (auto* frame = std::get_if<Frame>(&*event)) {
        if (frame->type == FrameType::TAKEOVER) {
            return fail({ErrorKind::asked_to_stop, "failover"});
        }
        return fail({ErrorKind::protocol,
                     "unexpected " + to_string(frame->type)});
    }
    log_.warn("failover is for the secondary: ignored here");
    return wait_checkpoint();
}

// ---- steps -----------------------------------------------------------------

bool Primary::begin_next()
{
    number_ = CheckpointNumber{number_.value() + 1};
    list_wanted_ = number_.value();
    if (auto s = peer_.send(FrameType::CHECKPOINT, number_); !s) {
        return fail(s.error());
    }
    return true;
}

bool Primary::fail(Error why)
{
    if (!failure_) {
        failure_ = std::move(why);
    }
    return false;
}

Status Primary::begin_copy()
{
    auto own = domain_.hypervisor_pages();
    if (!own) {
        return own.error();
    }
    stream_.always_send(*own);
    Balloon& balloon = domain_.balloon();
    // From here on it is told what moves.
    if (auto movement = movement_.since_last(balloon); !movement) {
        return movement.error();
    }
    auto limits = balloon.limits();
    if (!limits) {
        return limits.error();
    }
    limits_ = *limits;
    return {};
}

// What B and the dirty log do not tell.
Status Primary::find_moved()
{
    const auto movement = movement_.since_last(domain_.balloon());
    if (!movement) {
        return movement.error();
    }
    limits_set_ = *movement == Movement::anything;
    PageSet moved(options_.offer.gfns);
    if (*movement != Movement::none) {
        auto pages =
            find_moved_pages(domain_.balloon(), *movement, stream_.copy_has(),
                             options_.offer.gfns);
        if (!pages) {
            return pages.error();
        }
        moved = std::move(pages->moved);
    }
    {
        const std::lock_guard lock(moved_mutex_);
        moved_ = std::move(moved);
    }
    moved_changed_.notify_all();
    return {};
}

// There is no list that could bring libxc pages that moved in the meantime.
Status Primary::check_initial_copy()
{
    const auto movement = movement_.since_last(domain_.balloon());
    if (!movement) {
        return movement.error();
    }
    bool moved = *movement == Movement::anything;
    if (*movement == Movement::one_way) {
        auto pages =
            find_moved_pages(domain_.balloon(), *movement, stream_.copy_has(),
                             options_.offer.gfns);
        if (!pages) {
            return pages.error();
        }
        moved = pages->moved.size() != Pages{0};
    }
    return moved ? Error(ErrorKind::refused,
                         "the guest's memory grew or shrank while it was "
                         "copied: start protection again when that is over")
                 : Status();
}

Status Primary::tell_limits()
{
    if (!std::exchange(limits_set_, false)) {
        return {};
    }
    auto limits = domain_.balloon().limits();
    if (!limits) {
        return limits.error();
    }
    if (*limits == limits_) {
        return {};
    }
    limits_ = *limits;
    const Buffer body =
        BodyWriter().u64(limits_.target_kib).u64(limits_.max_kib).take();
    return link_.send(FrameType::MEMORY, {body});
}

Status Primary::verify()
{
    auto differences = verify_as_primary(
        peer_, domain_, number_, options_.offer.gfns, keys_.verification);
    if (!differences) {
        return differences.error();
    }
    if (differences->count != Pages{0}) {
        return Error(ErrorKind::diverged,
                     "verification of checkpoint " +
                         std::to_string(number_.value()) + ": " +
                         differences->text());
    }
    if (differences->events != Pages{0}) {
        log_.info("checkpoint " + std::to_string(number_.value()) +
                  ": Xen noted events for the suspended guest in " +
                  std::to_string(differences->events.value()) + " pages");
    }
    return {};
}

void Primary::record_checkpoint()
{
    const bool initial = number_ == CheckpointNumber{0};
    CheckpointFigures figures;
    figures.number = number_;
    const auto between = [](auto begun, auto ended) {
        return std::chrono::duration_cast<Microseconds>(ended - begun);
    };
    figures.pause = between(suspended_at_, resumed_at_);
    figures.suspend = between(suspended_at_, stood_at_);
    if (suspension_.acknowledged) {
        figures.acknowledge =
            between(suspended_at_, *suspension_.acknowledged);
    }
    figures.guest_suspend = between(suspended_at_, suspension_.stood);
    figures.resume = between(may_run_at_, resumed_at_);
    if (!initial) {
        figures.a = a_;
        figures.b = Pages{b_.load()};
    }
    figures.d = sent_pages_.pages;
    figures.left_out = sent_pages_.left_out;
    figures.zeros = sent_pages_.zeros;
    figures.saved = sent_pages_.saved;
    const Bytes sent = link_.sent();
    const Bytes received = link_.received();
    figures.to_secondary = sent - sent_before_;
    figures.to_primary = received - received_before_;
    sent_before_ = sent;
    received_before_ = received;
    figures.taken = WallClock::now() - (Clock::now() - suspended_at_);
    board_.add(figures, options_.offer.verify);
    // For the peer's status only; that it is lost shows soon enough.
    (void)peer_.send(FrameType::DONE, number_, encode_figures(figures));
}

Status Primary::resume_guest()
{
    auto s = domain_.resume();
    // One that runs all the same was resumed by somebody else. The secondary
    // must not run it too.
    if (s || domain_.state() == GuestState::running) {
        suspended_ = false;
    }
    return s;
}

// ---- other threads ---------------------------------------------------------

Status Primary::on_frame(Frame frame)
{
    if (frame.type == FrameType::DIRTY_SET) {
        return take_dirty_set(frame.body);
    }
    if (frame.type == FrameType::DIRTY_DIGESTS) {
        return take_dirty_digests(frame.body);
    }
    const bool ends = frame.type == FrameType::STOP;
    queue_.post(std::move(frame));
    if (ends) {
        end_stream();
    }
    return {};
}

Status Primary::take_dirty_set(View bytes)
{
    BodyReader body(bytes);
    auto number = body.u64();
    // One set a checkpoint: a second one would stay in libxc's pipe and be
    // taken for the next checkpoint's.
    if (!number || *number == 0 || *number != list_wanted_) {
        return Error(ErrorKind::protocol, "DIRTY_SET out of turn");
    }
    auto whole = dirty_list_.take(body.rest());
    if (!whole) {
        return whole.error();
    }
    if (!*whole) {
        return {};
    }
    list_wanted_ = 0;
    b_ = dirty_list_.set().size().value();
    // Before libxc knows of B and sends its pages.
    if (CopyDigests* const known = stream_.known()) {
        known->expect(dirty_list_.set());
        digests_wanted_ = *number;
    }
    const auto moved = wait_moved();
    if (!moved) {
        return {};
    }
    const Status given = dirty_list_.give(moved);
    if (!given && !ending_ && given.error().kind() == ErrorKind::protocol) {
        return given;
    }
    // Otherwise libxc has closed its end: save() knows why.
    return {};
}

// Nothing when libxc reads no more lists.
std::optional<PageSet> Primary::wait_moved()
{
    std::unique_lock lock(moved_mutex_);
    moved_changed_.wait(lock, [this] { return moved_ || ending_; });
    return std::exchange(moved_, std::nullopt);
}

Status Primary::take_dirty_digests(View bytes)
{
    BodyReader body(bytes);
    auto number = body.u64();
    if (!number || *number == 0 || *number != digests_wanted_) {
        return Error(ErrorKind::protocol, "DIRTY_DIGESTS out of turn");
    }
    return stream_.known()->add(body.rest());
}

void Primary::on_lost(Error why)
{
    queue_.post(PeerLost{std::move(why)});
    end_stream();
}

// Whatever libxc waits for, a list that will not come or a wire that takes
// nothing, it fails at once; the guest must not stand for longer. What has
// been posted before says why.
void Primary::end_stream()
{
    {
        const std::lock_guard lock(moved_mutex_);
        ending_ = true;
    }
    moved_changed_.notify_all();
    stream_.abort();
    dirty_list_.abort();
}

void Primary::request_stop(const std::string& reason)
{
    queue_.post(StopRequest{reason});
    end_stream();
}

void Primary::request_failover()
{
    queue_.post(FailoverRequest{});
}

void Primary::domains_changed()
{
    const GuestState state = domain_.state();
    if (stopped(state)) {
        queue_.post(GuestStopped{state});
        end_stream();
    }
}

// ---- the end ---------------------------------------------------------------

// A callback's own word comes first. Without one libxc failed, most often
// because a relay was made to end, or ended by itself.
Error Primary::cause_of_end(const Status& saved)
{
    if (!failure_) {
        failure_ = peer_.pending_end();
    }
    if (!failure_ && !saved) {
        failure_ = saved.error();
        auto sent = stream_.wait_checkpoint_sent();
        if (!sent && sent.error().kind() != ErrorKind::io) {
            failure_ = sent.error();
        }
    }
    if (!failure_) {
        return {ErrorKind::hypercall, "xc_domain_save ended by itself"};
    }
    return peer_.why_it_failed(*failure_, options_.offer.timeout);
}

SessionEnd Primary::finish(const Error& cause)
{
    end_stream();
    SessionEnd end = peer_.takeover() ? yield() : go_on_alone(cause);
    end.guest_may_suspend = domain_.may_suspend_yet();
    return end;
}

SessionEnd Primary::go_on_alone(const Error& cause)
{
    if (cause.kind() == ErrorKind::guest_stopped) {
        // Its shutdown is the monitor's to carry out: nothing to resume.
        suspended_ = false;
    }
    if (suspended_) {
        if (auto s = resume_guest(); suspended_) {
            // Better on the other host than nowhere: without a STOP the
            // secondary takes over.
            log_.error("cannot resume the guest here, leaving it to the "
                       "secondary: " + s.error().text());
            board_.warn(
                WarningKind::guest_stands,
                copy_complete_ && cause.kind() != ErrorKind::peer_stopped
                    ? "the guest is suspended here and cannot be resumed; "
                      "check that it runs on the secondary, then \"xl "
                      "destroy\" it here"
                    : "the guest is suspended here and cannot be resumed, and "
                      "the secondary has no copy of it: see the log");
            return {State::held, cause.text(), false};
        }
    }
    if (cause.kind() == ErrorKind::peer_lost) {
        warn_of_copy();
        return {State::unprotected, "secondary lost: " + cause.text(), false};
    }
    if (cause.kind() == ErrorKind::peer_stopped) {
        (void)peer_.send(FrameType::BYE);
        // Our guest runs, and the copy stands still: no hurry.
        if (auto gone = peer_.hear_of_copy(copy_patience); !gone) {
            board_.warn(WarningKind::copy_left,
                        "secondary: " + gone.error().text());
        }
        return {State::unprotected, "secondary: " + cause.text(), false};
    }
    part(cause.text());
    return {State::unprotected, cause.text(),
            cause.kind() == ErrorKind::asked_to_stop ||
                cause.kind() == ErrorKind::guest_stopped};
}

void Primary::part(const std::string& why)
{
    if (!peer_.part(why, options_.offer.timeout)) {
        warn_of_copy();
    }
}

// The secondary has not said that its copy is gone.
void Primary::warn_of_copy()
{
    if (copy_complete_) {
        board_.warn(WarningKind::guest_twice, check_peer_advice);
        log_.warn(check_peer_advice);
    }
}

// An admin wants the guest on the other host. It is held here before the other
// may run it for good, and goes away here only when the other has it.
SessionEnd Primary::yield()
{
    // Paused and not suspended: so "xl unpause" brings it back if need be.
    Status held = domain_.pause();
    if (held && suspended_) {
        held = resume_guest();
        if (!held) {
            (void)domain_.unpause();
        }
    }
    if (!held) {
        return go_on_alone(
            held.error().with_context("cannot hold the guest"));
    }
    board_.enter(State::held);
    held = peer_.send(FrameType::YIELDED);
    if (held) {
        // However long the other side takes, and whatever is asked here: with
        // YIELDED the guest is the secondary's, until it says otherwise.
        auto taken = peer_.insist(FrameType::TAKEN_OVER);
        if (taken) {
            if (auto s = domain_.destroy(); !s) {
                log_.warn("the guest runs on the secondary; cannot destroy it "
                          "here: " + s.error().text());
            }
            return {State::ended, "failover to the secondary", true};
        }
        held = taken.error();
    } else {
        // It may have called the failover off, and left.
        held = peer_.why_it_failed(held.error(), options_.offer.timeout);
    }
    if (held.error().kind() == ErrorKind::peer_stopped) {
        (void)peer_.send(FrameType::BYE);
        held = domain_.unpause();
        if (held) {
            return {State::unprotected, "failover was called off", false};
        }
    }
    board_.warn(WarningKind::guest_held,
                "failover under way when the connection was lost; the guest "
                "is held here: if it does not run on the secondary, "
                "\"xl unpause\" it");
    return {State::held, held.error().text(), false};
}

}  // namespace xl_colo
