// The primary's half of docs/specs/colo-wire.md. xc_domain_save drives it, by
// callbacks, over and over:
//
//     suspend          the guest stands: libxc copies D = A ∪ B when this
//                      returns
//     checkpoint       all of it is copied, by libxc, and the device state: the
//                      guest goes on
//     postcopy         what was copied goes to the other host: COMMITTED; the
//                      copy goes on, too
//     wait_checkpoint  until the next one is due; then the word that it begins,
//                      and the wait for the copy to stand and for B
//
// until one says no. So the guest stands in no wait for the other host, but
// with verify: then it goes on when both have been compared. The initial copy
// comes before the first suspend, which has no B. Why it ended is worked out
// afterwards, in cause_of_end(), and what becomes of the guest in
// primary_end.h.
#include "session/primary.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "base/errors.h"
#include "session/figures_frame.h"
#include "session/resume_frame.h"
#include "session/verify.h"
#include "session/verify_disks.h"

namespace xl_colo {

namespace {

using Clock = EventQueue::Clock;

constexpr CheckpointNumber initial_copy{0};

std::optional<Elision> elision_for(const SessionSettings& settings,
                                   const DigestKeys& keys)
{
    if (settings.lacks(without_elision)) {
        return std::nullopt;
    }
    return Elision{keys.contents, settings.lacks(without_digest)};
}

// As against what somebody has said, or the guest has done.
bool is_step_that_failed(ErrorKind why)
{
    switch (why) {
    case ErrorKind::peer_lost:
    case ErrorKind::peer_stopped:
    case ErrorKind::peer_yielded:
    case ErrorKind::guest_stopped:
    case ErrorKind::devices_changed:
    case ErrorKind::asked_to_stop:
        return false;
    default:
        return true;
    }
}

}  // namespace

Primary::Primary(Domain& domain, PageMover& mover, Link& link,
                 StatusBoard& board, Log& log, SessionOptions options,
                 Witness* witness)
    : domain_(domain),
      mover_(mover),
      link_(link),
      board_(board),
      log_(log),
      options_(std::move(options)),
      witness_(witness),
      keys_(parse_digest_key(options_.settings.digest_key).value()),
      peer_(link, queue_, options_.step_timeout),
      router_(FrameSource::secondary,
              [this](Frame frame) -> Status {
                  queue_.post(std::move(frame));
                  return {};
              }),
      stream_(link, options_.settings.gfns,
              elision_for(options_.settings, keys_),
              options_.settings.compression, options_.buffer),
      back_channel_(options_.settings.gfns, mover.takes_dirty_list_parts(),
                    options_.settings.lacks(without_back_channel),
                    stream_.known()),
      channel_([this](View head, View words) {
          return link_.send(FrameType::DEVICE, {head, words});
      }),
      guest_(domain, options_.observer),
      same_devices_([this](const Error& changed) {
          queue_.post(DevicesChanged{changed});
          end_stream();
      }),
      movement_(domain, options_.settings.gfns)
{
    route_frames();
}

SessionEnd Primary::run()
{
    board_.enter(State::copying);
    link_.set_stall_limit(options_.step_timeout * initial_copy_factor);
    link_.start(*this);
    Status saved;
    // Whatever goes wrong, the guest is not to be left as it stands.
    try {
        if (auto begun = begin_copy()) {
            saved = mover_.save(domain_.domid(), stream_.take_io(),
                                back_channel_.take_back(), *this);
            stream_.libxc_has_ended();
        } else {
            fail(begun.error());
        }
    } catch (const std::exception& bug) {
        fail(unexpected(bug));
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

// The copy stands already, and B is here.
bool Primary::suspend()
{
    notes_.begun = Clock::now();
    before_.copy_ran = copy_runs_;
    before_.length = std::chrono::duration_cast<OutputChoice::Time>(
        notes_.begun - std::exchange(begun_before_, notes_.begun));
    auto suspension = guest_.suspend(notes_.number);
    if (!suspension) {
        return fail(suspension.error());
    }
    notes_.suspension = *suspension;
    notes_.stood = Clock::now();
    if (guest_.devices().are_kept_by_other()) {
        if (auto s = peer_.send(FrameType::STANDS, notes_.number); !s) {
            return fail(s.error());
        }
    }
    auto s = notes_.number == initial_copy ? stream_.begin_copy(std::nullopt)
                                           : merge();
    return s || fail(s.error());
}

// libxc has written all pages of D, the vCPUs' state and a CHECKPOINT record.
bool Primary::checkpoint()
{
    notes_.copied = Clock::now();
    // It has cleaned the log for them, and the guest still stands.
    if (auto s = domain_.mark_log(); !s) {
        return fail(s.error());
    }
    auto state = domain_.device_state();
    if (!state) {
        return fail(state.error());
    }
    device_state_ = std::move(*state);
    auto limits = movement_.new_limits();
    if (!limits) {
        return fail(limits.error());
    }
    limits_ = *limits;
    if (notes_.number == initial_copy) {
        auto s = movement_.check_initial_copy([this] { return copy_has(); });
        if (!s) {
            return fail_to_send(s.error());
        }
    }
    if (guest_.devices().are_kept_by_other()) {
        const auto from = Clock::now();
        if (auto s = peer_.expect(FrameType::KEPT, notes_.number); !s) {
            return fail(s.error());
        }
        notes_.disk_wait =
            std::chrono::duration_cast<Microseconds>(Clock::now() - from);
    }
    return options_.settings.verify || let_run();
}

bool Primary::postcopy()
{
    if (auto s = commit(); !s) {
        return fail_to_send(s.error());
    }
    if (auto s = peer_.expect(FrameType::READY, notes_.number); !s) {
        return fail(s.error());
    }
    if (options_.settings.verify) {
        if (auto s = verify(); !s) {
            return fail(s.error());
        }
        if (!let_run()) {
            return false;
        }
    }
    const Buffer resume = encode_resume(options_.settings.output, copy_runs_);
    if (auto s = peer_.send(FrameType::RESUME, notes_.number, resume); !s) {
        return fail(s.error());
    }
    const auto resumed = peer_.expect(FrameType::RESUMED, notes_.number);
    if (!resumed) {
        return fail(resumed.error());
    }
    notes_.ran = Clock::now();
    const auto copy = decode_copy_pause(*resumed);
    if (!copy) {
        return fail(copy.error());
    }
    notes_.copy = *copy;
    record_checkpoint();
    if (std::exchange(progress_, Progress::protecting) !=
        Progress::protecting) {
        link_.set_stall_limit(options_.step_timeout);
        board_.enter(State::protecting);
        if (options_.on_protected) {
            options_.on_protected();
        }
    }
    return true;
}

bool Primary::wait_checkpoint()
{
    const uint64_t taken = notes_.number.value();
    if (options_.max_checkpoints && taken >= *options_.max_checkpoints) {
        return fail({ErrorKind::asked_to_stop,
                     std::to_string(taken) + " checkpoints taken"});
    }
    auto due = notes_.ran + options_.settings.interval;
    std::string because = "the interval was over";
    const auto show_devices = [this] {
        board_.set_devices(guest_.devices().status());
    };
    auto event = peer_.next(due, show_devices);
    while (event && std::holds_alternative<CheckpointWanted>(*event)) {
        if (!was_had(*event) && soonest() < due) {
            due = soonest();
            because = std::get<CheckpointWanted>(*event).why;
        }
        event = peer_.next(due, show_devices);
    }
    if (!event) {
        return begin_next(std::move(because));
    }
    if (auto end = end_in(*event)) {
        return fail(*end);
    }
    // Whatever else this host's threads post is an end.
    const auto& frame = std::get<Frame>(*event);
    if (frame.type == FrameType::TAKEOVER) {
        return fail({ErrorKind::asked_to_stop, "failover"});
    }
    return fail({ErrorKind::protocol, "unexpected " + to_string(frame.type)});
}

// When a device may have the next one begin. Whatever it asks for, the guest
// has two thirds of the time.
EventQueue::Clock::time_point Primary::soonest() const
{
    return notes_.resumed + 2 * (notes_.resumed - notes_.begun);
}

// Whether it asks for a checkpoint that there has been: asked for before the
// guest last stood.
bool Primary::was_had(const Event& event) const
{
    const auto* wanted = std::get_if<CheckpointWanted>(&event);
    return wanted && wanted->asked < notes_.begun;
}

// ---- steps -----------------------------------------------------------------

bool Primary::fail(Error why)
{
    if (!failure_) {
        failure_ = std::move(why);
    }
    return false;
}

// Where the sender was waited for. If end_stream() gave it up, the queue knows
// why.
bool Primary::fail_to_send(const Error& why)
{
    return why.kind() != ErrorKind::aborted && fail(why);
}

Status Primary::begin_copy()
{
    auto own = domain_.hypervisor_pages();
    if (!own) {
        return own.error();
    }
    stream_.always_send(*own);
    if (auto s = same_devices_.begin(domain_, options_.settings.devices); !s) {
        return s;
    }
    if (auto s = set_up_devices(); !s) {
        return s;
    }
    return movement_.begin();
}

Status Primary::set_up_devices()
{
    auto devices = DeviceSet::make(
        options_.kinds, options_.settings.devices,
        {Role::primary, log_, [this](const std::string& why) {
             queue_.post(CheckpointWanted{why, Clock::now()});
         },
         [this] { return guest_.pause(); },
         [this] { return guest_.unpause(); },
         options_.settings.disk_store,
         options_.settings.verify_disks,
         &channel_,
         0,
         options_.compare_timeout,
         {},
         0,
         1,
         options_.settings.without});
    if (!devices) {
        return devices.error();
    }
    guest_.devices() = std::move(*devices);
    return guest_.devices().set_up(domain_);
}

// The copy stands first, and tells of B, while our guest goes on.
bool Primary::begin_next(std::string because)
{
    const CheckpointNumber next{notes_.number.value() + 1};
    notes_ = {};
    notes_.because = std::move(because);
    notes_.number = next;
    back_channel_.expect(notes_.number);
    if (auto s = peer_.send(FrameType::CHECKPOINT, notes_.number); !s) {
        return fail(s.error());
    }
    for (const FrameType step : {FrameType::SUSPENDED, FrameType::DIRTY_SET}) {
        if (auto s = peer_.expect(step, notes_.number); !s) {
            return fail(s.error());
        }
    }
    stream_.make_room(back_channel_.b());
    return true;
}

// Our guest stands: what moved goes to libxc with B, and the pages to where
// they are kept until they are sent.
Status Primary::merge()
{
    const auto moved = movement_.moved(stream_.copy_has());
    if (!moved) {
        return moved.error();
    }
    if (auto s = back_channel_.give(*moved); !s) {
        return s;
    }
    // libxc takes the log next, and nobody else must have.
    const auto dirty = domain_.count_dirty();
    if (!dirty) {
        return dirty.error();
    }
    notes_.a = *dirty;
    return stream_.begin_copy(Pages{dirty->value() + back_channel_.b().value() +
                                    moved->size().value()});
}

bool Primary::let_run()
{
    choose_output();
    notes_.may_run = Clock::now();
    if (auto s = guest_.resume(); !s) {
        return fail(s.error());
    }
    notes_.resumed = Clock::now();
    return true;
}

// Before the guest goes on: what it gets and sends from there on is treated
// accordingly. The copy hears of it in RESUME.
void Primary::choose_output()
{
    if (options_.settings.output != Output::automatic) {
        return;
    }
    const bool runs = options_.copy_runs ? options_.copy_runs(notes_.number)
                                         : choice_.copy_runs();
    if (notes_.number == initial_copy || runs != copy_runs_) {
        copy_runs_since_ = notes_.number;
    }
    copy_runs_ = runs;
    copy_runs_why_ = choice_.why();
    guest_.devices().copy_will_run(runs);
}

// All has left that the guest had sent when it stood.
void Primary::measure_output()
{
    if (options_.settings.output != Output::automatic) {
        return;
    }
    const OutputFelt felt = guest_.devices().output_felt();
    const OutputFelt before = std::exchange(felt_, felt);
    if (notes_.number == initial_copy) {
        return;
    }
    before_.output = felt.since(before);
    // With verify it stands yet.
    before_.stood = std::chrono::duration_cast<OutputChoice::Time>(
        notes_.resumed > notes_.begun
            ? notes_.resumed - notes_.begun
            : Clock::now() - notes_.begun);
    const bool chosen = choice_.chosen_runs();
    choice_.add(before_);
    if (choice_.chosen_runs() != chosen) {
        log_.notice(std::string("output: the copy ") +
                    (chosen ? "stands" : "runs") + " from now on: " +
                    choice_.why());
    }
}

// Once all of the checkpoint but the device state is with the sender.
Result<const PageSet*> Primary::copy_has()
{
    if (!is_sent_) {
        auto sent = stream_.wait_checkpoint_sent();
        if (!sent) {
            return sent.error();
        }
        notes_.sent = *sent;
        notes_.all_sent = Clock::now();
        is_sent_ = true;
    }
    return &stream_.copy_has();
}

// From the copy here to COMMITTED.
Status Primary::commit()
{
    // Everything before the device state: then "it is here" means all is.
    if (auto sent = copy_has(); !sent) {
        return sent.error();
    }
    is_sent_ = false;
    if (notes_.number == initial_copy) {
        progress_ = Progress::sent;
    }
    if (options_.observer) {
        options_.observer->copy_may_take_over();
    }
    if (auto s = tell_limits(); !s) {
        return s;
    }
    // What was attached before the guest stood may be in its memory.
    if (auto s = same_devices_.check(); !s) {
        return s;
    }
    if (auto s = guest_.devices().may_commit(notes_.number); !s) {
        return s;
    }
    if (auto s = peer_.send(FrameType::DEVICE_STATE, notes_.number,
                            device_state_);
        !s) {
        return s;
    }
    if (auto s = peer_.expect(FrameType::COMMITTED, notes_.number); !s) {
        return s.error();
    }
    notes_.committed = Clock::now();
    if (auto s = guest_.devices().committed(notes_.number); !s) {
        return s;
    }
    measure_output();
    return {};
}

Status Primary::tell_limits()
{
    if (!limits_) {
        return {};
    }
    const Buffer body = BodyWriter()
                            .u64(limits_->target_kib)
                            .u64(limits_->max_kib)
                            .take();
    return link_.send(FrameType::MEMORY, {body});
}

Status Primary::verify()
{
    const std::string checkpoint =
        "checkpoint " + std::to_string(notes_.number.value());
    auto differences =
        verify_as_primary(peer_, domain_, notes_.number, options_.settings.gfns,
                          keys_.verification);
    if (!differences) {
        return differences.error();
    }
    if (differences->count != Pages{0}) {
        return Error(ErrorKind::diverged, "verification of " + checkpoint +
                                              ": " + differences->text());
    }
    if (differences->events != Pages{0}) {
        log_.info(checkpoint +
                  ": Xen noted events for the suspended guest in " +
                  std::to_string(differences->events.value()) + " pages");
    }
    return options_.settings.verify_disks ? verify_disks() : Status();
}

Status Primary::verify_disks()
{
    const auto differences = verify_disks_as_primary(
        peer_, guest_.devices(), notes_.number, keys_.verification);
    if (!differences) {
        return differences.error();
    }
    if (differences->count != 0) {
        return Error(ErrorKind::diverged,
                     "verification of checkpoint " +
                         std::to_string(notes_.number.value()) + ": " +
                         differences->text());
    }
    return {};
}

void Primary::record_checkpoint()
{
    if (notes_.number != initial_copy) {
        notes_.b = back_channel_.b();
    }
    notes_.to_secondary = sent_.since_last(link_.sent());
    notes_.to_primary = received_.since_last(link_.received());
    const auto figures = figures_of(notes_, Clock::now(), WallClock::now());
    board_.add(figures, options_.settings.verify, notes_.because);
    board_.set_devices(guest_.devices().status());
    show_output();
    // For the peer's status only; that it is lost shows soon enough.
    (void)link_.send(FrameType::DONE, {encode_figures(figures)});
}

void Primary::show_output()
{
    if (options_.settings.output != Output::automatic) {
        return;
    }
    board_.set_output({to_string(options_.settings.output), copy_runs_,
                       copy_runs_since_, copy_runs_why_, choice_.cost(true),
                       choice_.cost(false)});
}

// ---- other threads ---------------------------------------------------------

Status Primary::on_frame(Frame frame)
{
    return router_.take(std::move(frame));
}

// What the link's thread does at once; all else waits for the session's.
void Primary::route_frames()
{
    // The session's hears of them once, when all of B is here.
    const auto feed = [this](FrameType type,
                             Result<bool> (BackChannel::*take)(View)) {
        router_.route(type, [this, take](Frame frame) -> Status {
            const auto whole = (back_channel_.*take)(frame.body);
            if (whole && *whole) {
                frame.type = FrameType::DIRTY_SET;
                queue_.post(std::move(frame));
            }
            return whole ? Status() : whole.error();
        });
    };
    feed(FrameType::DIRTY_SET, &BackChannel::take_set);
    feed(FrameType::DIRTY_DIGESTS, &BackChannel::take_digests);
    router_.route(FrameType::DEVICE, [this](const Frame& frame) {
        return channel_.come(frame.body);
    });
    // It may cross any frame that the session is waiting for.
    router_.route(FrameType::CHECKPOINT_WANTED,
                  [this](const Frame& frame) -> Status {
                      queue_.post(CheckpointWanted{text_of(frame.body),
                                                   Clock::now()});
                      return {};
                  });
    router_.route(FrameType::STOP, [this](Frame frame) -> Status {
        queue_.post(std::move(frame));
        end_stream();
        return {};
    });
}

void Primary::on_lost(Error why)
{
    queue_.post(PeerLost{std::move(why)});
    end_stream();
}

// libxc may be waiting for a wire that takes nothing, and we for the sender.
// Both fail at once instead. What was posted before this says why.
void Primary::end_stream()
{
    stream_.abort();
}

void Primary::request_stop(const std::string& reason)
{
    queue_.post(StopRequest{reason});
    end_stream();
}

void Primary::domains_changed()
{
    const GuestState state = domain_.state();
    if (has_ended(state)) {
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
    if (is_step_that_failed(failure_->kind())) {
        // Perhaps because a device was not there any more.
        auto same = same_devices_.check();
        if (!same && same.error().kind() == ErrorKind::devices_changed) {
            failure_ = same.error();
        }
    }
    return peer_.why_it_failed(*failure_, options_.settings.timeout);
}

SessionEnd Primary::finish(const Error& cause)
{
    end_stream();
    if (cause.kind() == ErrorKind::peer_lost) {
        guest_.devices().other_is_lost();
    }
    PrimaryEnd ending(domain_, guest_, peer_, link_, board_, log_, witness_,
                      {options_.settings.timeout, options_.until_gone});
    SessionEnd end = ending.carry_out(cause, progress_ == Progress::copying
                                                 ? CopyLeft::none
                                                 : CopyLeft::perhaps);
    guest_.devices().protection_ended(end.state);
    guest_.devices().tear_down();
    end.guest_may_suspend = domain_.may_suspend_yet();
    return end;
}

}  // namespace xl_colo
