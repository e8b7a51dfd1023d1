// The primary's half of docs/specs/colo-wire.md. xc_domain_save drives it: it
// calls back in the order of the methods below, over and over, until one says
// no. Why it ended is worked out afterwards, in finish().
#include "primary.h"

#include "verify.h"

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

Error guest_stopped_error(GuestState state)
{
    return {ErrorKind::guest_stopped,
            std::string("the guest has stopped: ") + to_string(state)};
}

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
      stream_(link, options_.offer.gfns),
      dirty_list_(options_.offer.gfns, mover.takes_dirty_list_parts(),
                  options_.offer.lacks(without_back_channel))
{
    auto key = parse_digest_key(options_.offer.digest_key);
    digest_key_ = std::move(key.value());  // we made it ourselves
}

SessionEnd Primary::run()
{
    board_.enter(State::copying);
    link_.start(*this);
    const Status saved = mover_.save(domain_.domid(), stream_.take_io(),
                                     dirty_list_.take_back(), *this);
    SessionEnd end = finish(cause_of_end(saved));
    stream_.abort();
    dirty_list_.abort();
    link_.close();
    return end;
}

// ---- libxc's callbacks -----------------------------------------------------

bool Primary::device_model_log_dirty(bool on)
{
    auto s = domain_.set_device_model_log_dirty(on);
    if (s) {
        return true;
    }
    if (on) {
        return fail(s.error());
    }
    log_.warn(s.error().with_context("device model's log-dirty").text());
    return false;
}

// Both hosts suspend at once: the CHECKPOINT frame has gone already.
bool Primary::suspend()
{
    suspended_at_ = Clock::now();
    has_suspended_ = true;
    if (auto s = domain_.suspend(); !s) {
        // It may have stopped half-way; finish() has to look.
        suspended_ = domain_.state() == GuestState::suspended;
        return fail(s.error());
    }
    suspended_ = true;
    if (number_ == CheckpointNumber{0}) {
        return true;
    }
    auto dirty = domain_.count_dirty();
    if (!dirty) {
        return fail(dirty.error());
    }
    a_ = *dirty;
    if (auto s = peer_.expect(FrameType::SUSPENDED, number_); !s) {
        return fail(s.error());
    }
    // B is on its way to dirty_list_, where libxc reads it next.
    return true;
}

// libxc has written all pages of D, the vCPUs' state and a CHECKPOINT record.
bool Primary::checkpoint()
{
    auto state = domain_.device_state();
    if (!state) {
        return fail(state.error());
    }
    // Everything before the device state: then "it is here" means all is.
    auto pages = stream_.wait_checkpoint_sent();
    if (!pages) {
        return fail(pages.error());
    }
    d_ = *pages;
    copy_complete_ = true;
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
    if (copying_.exchange(false)) {
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
        return fail({ErrorKind::cancelled,
                     std::to_string(number_.value()) + " checkpoints taken"});
    }
    auto event = peer_.next(resumed_at_ + options_.offer.interval);
    if (!event) {
        return begin_next();
    }
    if (auto* stop = std::get_if<StopRequest>(&*event)) {
        return fail({ErrorKind::cancelled, stop->reason});
    }
    if (std::holds_alternative<DomainsChanged>(*event)) {
        return fail(guest_stopped_error(domain_.state()));
    }
    if (auto* gone = std::get_if<PeerLost>(&*event)) {
        return fail(gone->error);
    }
    if (auto* frame = std::get_if<Frame>(&*event)) {
        if (frame->type == FrameType::STOP) {
            return fail({ErrorKind::peer_stopped, stop_text(*frame)});
        }
        if (frame->type == FrameType::TAKEOVER) {
            return fail({ErrorKind::cancelled, "failover"});
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

Status Primary::verify()
{
    auto differences = verify_as_primary(peer_, domain_, number_,
                                         options_.offer.gfns, digest_key_);
    if (!differences) {
        return differences.error();
    }
    if (differences->count != Pages{0}) {
        return Error(ErrorKind::diverged,
                     "verification of checkpoint " +
                         std::to_string(number_.value()) + ": " +
                         differences->text());
    }
    return {};
}

void Primary::record_checkpoint()
{
    const bool initial = number_ == CheckpointNumber{0};
    CheckpointFigures figures;
    figures.number = number_;
    figures.pause = std::chrono::duration_cast<Microseconds>(resumed_at_ -
                                                             suspended_at_);
    if (!initial) {
        figures.a = a_;
        figures.b = Pages{b_.load()};
    }
    figures.d = d_;
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
    if (s) {
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
    // A peer that ends while libxc copies must not wait for the whole copy.
    const bool interrupts =
        copying_ && (frame.type == FrameType::STOP);
    queue_.post(std::move(frame));
    if (interrupts) {
        stream_.abort();
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
    const Status given = dirty_list_.give();
    if (!given && !ending_ && given.error().kind() == ErrorKind::protocol) {
        return given;
    }
    // Otherwise libxc has closed its end: save() knows why.
    return {};
}

void Primary::on_lost(Error why)
{
    queue_.post(PeerLost{std::move(why)});
    stream_.abort();
    dirty_list_.abort();
}

void Primary::request_stop(const std::string& reason)
{
    queue_.post(StopRequest{reason});
    if (copying_) {
        stream_.abort();
    }
}

void Primary::request_failover()
{
    queue_.post(FailoverRequest{});
}

void Primary::domains_changed()
{
    if (!stopped(domain_.state())) {
        return;
    }
    queue_.post(DomainsChanged{});
    if (copying_) {
        stream_.abort();
    }
}

// ---- the end ---------------------------------------------------------------

// A callback's own word comes first. Without one libxc failed, most often
// because a relay was made to end: the queue knows why.
Error Primary::cause_of_end(const Status& saved)
{
    if (failure_) {
        return *failure_;
    }
    while (auto event = peer_.next(Clock::now())) {
        if (auto* gone = std::get_if<PeerLost>(&*event)) {
            return gone->error;
        }
        if (auto* stop = std::get_if<StopRequest>(&*event)) {
            return {ErrorKind::cancelled, stop->reason};
        }
        if (std::holds_alternative<DomainsChanged>(*event)) {
            return guest_stopped_error(domain_.state());
        }
        auto* frame = std::get_if<Frame>(&*event);
        if (frame && frame->type == FrameType::STOP) {
            return {ErrorKind::peer_stopped, stop_text(*frame)};
        }
    }
    if (!saved) {
        return saved.error();
    }
    return {ErrorKind::hypercall, "xc_domain_save ended by itself"};
}

SessionEnd Primary::finish(const Error& cause)
{
    ending_ = true;
    dirty_list_.abort();
    if (peer_.takeover()) {
        return yield();
    }
    if (cause.kind() == ErrorKind::guest_stopped) {
        // Its shutdown is the monitor's to carry out: nothing to resume.
        suspended_ = false;
    }
    if (suspended_) {
        if (auto s = resume_guest(); !s) {
            // Better on the other host than nowhere: without a STOP the
            // secondary takes over.
            log_.error("cannot resume the guest here, leaving it to the "
                       "secondary: " + s.error().text());
            board_.warn("the guest is suspended here and cannot be resumed; "
                        "check that it runs on the secondary, then \"xl "
                        "destroy\" it here");
            return {State::held, cause.text(), false};
        }
    }
    if (cause.kind() == ErrorKind::peer_lost) {
        if (copy_complete_) {
            board_.warn(check_peer_advice);
            log_.warn(check_peer_advice);
        }
        return {State::unprotected, "secondary lost: " + cause.text(), false};
    }
    if (cause.kind() == ErrorKind::peer_stopped) {
        (void)peer_.send(FrameType::BYE);
        return {State::unprotected, "secondary: " + cause.text(), false};
    }
    peer_.part(cause.text(), options_.offer.timeout);
    return {State::unprotected, cause.text(),
            cause.kind() == ErrorKind::cancelled ||
                cause.kind() == ErrorKind::guest_stopped};
}

// An admin wants the guest on the other host. It is held here before the other
// may run it for good, and goes away here only when the other has it.
SessionEnd Primary::yield()
{
    // Paused and not suspended: so "xl unpause" brings it back if need be.
    Status held = domain_.pause();
    if (held && suspended_) {
        held = resume_guest();
    }
    if (!held) {
        const Error why = held.error().with_context("cannot hold the guest");
        peer_.part(why.text(), options_.offer.timeout);
        return {State::unprotected, why.text(), false};
    }
    board_.enter(State::held);
    held = peer_.send(FrameType::YIELDED);
    if (held) {
        // However long the other side takes: only silence ends the wait.
        auto taken = peer_.expect(FrameType::TAKEN_OVER);
        if (taken) {
            if (auto s = domain_.destroy(); !s) {
                log_.warn("the guest runs on the secondary; cannot destroy it "
                          "here: " + s.error().text());
            }
            return {State::ended, "failover to the secondary", true};
        }
        held = taken.error();
    }
    if (held.error().kind() == ErrorKind::peer_stopped) {
        (void)peer_.send(FrameType::BYE);
        held = domain_.unpause();
        if (held) {
            return {State::unprotected, "failover was called off", false};
        }
    }
    board_.warn("failover under way when the connection was lost; the guest "
                "is held here: if it does not run on the secondary, "
                "\"xl unpause\" it");
    return {State::held, held.error().text(), false};
}

}  // namespace xl_colo
