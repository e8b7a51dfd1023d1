// The secondary's half of docs/specs/colo-wire.md.
//
// xc_domain_restore drives it. It reads the primary's stream, which the link's
// thread puts into a pipe, and calls back in the order of the methods below,
// once for each checkpoint, until one of them leaves the loop:
//
//     checkpoint       everything has arrived: COMMITTED
//     restore_results  once: libxl may go on building the domain
//     postcopy         the checkpoint is in: READY, RESUME, the copy runs, or
//                      is kept as it stands
//     wait_checkpoint  the quiet time; requests are heard here
//     suspend          the copy stands again: SUSPENDED, B and its digests
//
// Each of these brings the copy into another CopyState. What becomes of it is
// decided after the loop, by that state and by why the loop ended: takeover.h.
#include "session/secondary.h"

#include "base/bytes.h"
#include "base/errors.h"
#include "base/heap.h"
#include "session/figures_frame.h"
#include "session/resume_frame.h"
#include "session/verify.h"
#include "session/verify_disks.h"
#include "wire/stop_frame.h"

namespace xl_colo {

namespace {

using Clock = EventQueue::Clock;

Microseconds since(Clock::time_point begun)
{
    return std::chrono::duration_cast<Microseconds>(Clock::now() - begun);
}

}  // namespace

Secondary::Secondary(Host& host, Link& link, StatusBoard& board, Log& log,
                     SessionOptions options, std::string name, Fence* fence,
                     Witness* witness)
    : host_(host),
      link_(link),
      board_(board),
      log_(log),
      options_(std::move(options)),
      peer_(link, queue_),
      router_(FrameSource::primary,
              [this](Frame frame) -> Status {
                  queue_.post(std::move(frame));
                  return {};
              }),
      stream_(options_.settings.gfns),
      channel_([this](View head, View words) {
          return link_.send(FrameType::DEVICE, {head, words});
      }),
      copy_(std::move(name), options_.observer),
      dirty_list_(link, options_.settings.gfns,
                  host.suspect_long_dirty_header(),
                  !options_.settings.lacks(without_f2),
                  [this] { end_stream(); }),
      takeover_(copy_, peer_, board, log, fence, witness, link,
                {options_.settings.domain, options_.settings.timeout,
                 options_.yield_limit})
{
    route_frames();
}

Secondary::~Secondary() = default;

SessionEnd Secondary::run()
{
    keep_freed_memory();
    // Before the link's thread can want something of them.
    const Status made = make_devices();
    link_.start(*this);
    SessionEnd end = made ? receive() : takeover_.discard(made.error());
    dirty_list_.abort();
    link_.finish();
    return end;
}

SessionEnd Secondary::receive()
{
    auto key = parse_digest_key(options_.settings.digest_key);
    if (!key) {
        return takeover_.discard(key.error());
    }
    keys_ = std::move(*key);

    board_.enter(State::copying);
    const OpenOptions open{
        .reload_by_snapshot = !options_.settings.lacks(without_f4),
        .reset_pv = !options_.settings.lacks(without_pv_reset)};
    DiskPaths disks;
    if (auto s = copy_.devices().prepare(disks); !s) {
        return takeover_.discard(s.error());
    }
    auto incoming = host_.receive(options_.settings.configuration,
                                  copy_.name(), disks, open);
    if (!incoming) {
        return takeover_.discard(incoming.error());
    }
    copy_.begin(std::move(*incoming));
    board_.set_domid(copy_.incoming().domid());
    Status restored;
    try {
        restored = host_.page_mover()->restore(
            copy_.incoming(), stream_.take_io(), dirty_list_.take_back(),
            options_.settings.gfns, !options_.settings.lacks(without_f3),
            *this);
    } catch (const std::exception& bug) {
        failure_ = unexpected(bug);
    }
    const Error cause = cause_of_end(restored);
    end_stream();
    dirty_list_.stop();  // it looks at the copy's memory
    const SessionEnd end = takeover_.finish(cause, number_);
    copy_.devices().protection_ended(end.state);
    board_.set_devices(copy_.devices().status());
    copy_.devices().tear_down();
    return end;
}

// ---- libxc's callbacks -----------------------------------------------------

// libxc has read all of the checkpoint's records and put them aside; only the
// first ones, of the initial copy, are in the domain already.
RestoreAnswer Secondary::checkpoint()
{
    const bool initial = number_ == CheckpointNumber{0};
    auto state = peer_.expect(FrameType::DEVICE_STATE, number_);
    if (!state) {
        return leave(state.error());
    }
    device_state_ = std::move(*state);
    if (auto s = initial ? copy_.incoming().give_device_state(device_state_)
                         : check_kept(memory_.get(), stream_.kept());
        !s) {
        return leave(s.error());
    }
    // Everything is here: from now on the new state is the one to go on with,
    // also when the primary does not live to hear of it.
    (void)peer_.send(FrameType::COMMITTED, number_);
    committed_ = Clock::now();
    if (!initial) {
        copy_.enter(CopyState::spoilt);
        if (auto s = copy_.commit(number_); !s) {
            return leave(s.error());
        }
        if (auto s = make_ready(); !s) {
            return leave(s.error());
        }
    }
    return RestoreAnswer::go_on;
}

void Secondary::restore_results(Pfn store, Pfn console)
{
    if (number_ == CheckpointNumber{0}) {
        if (auto s = copy_.incoming().memory_restored(store, console); !s) {
            failure_ = s.error();
        }
    }
}

// Pages and vCPUs are in; the device model is still missing.
RestoreAnswer Secondary::postcopy()
{
    if (failure_) {
        return RestoreAnswer::fail;
    }
    const bool initial = number_ == CheckpointNumber{0};
    if (auto s = initial ? finish_building()
                         : copy_.domain()->load_device_state(device_state_);
        !s) {
        return leave(s.error());
    }
    copy_.enter(initial ? CopyState::unstarted : CopyState::suspended);
    const auto runs = settle_with_primary();
    if (!runs) {
        return leave(runs.error());
    }
    // libxc has cleaned the log when it took B, and the copy stands yet.
    if (auto s = copy_.domain()->mark_log(); !s) {
        return leave(s.error());
    }
    show_output(*runs);
    if (*runs) {
        if (auto s = copy_.run(); !s) {
            return leave(s.error());
        }
    }
    board_.set_devices(copy_.devices().status());
    if (initial) {
        board_.enter(State::protecting);
        if (options_.on_protected) {
            options_.on_protected();
        }
    }
    turn_.let_checkpoint_come();
    pause_.whole = since(suspending_);
    const Buffer pause = encode_copy_pause(
        initial ? std::nullopt : std::optional(pause_));
    if (auto s = peer_.send(FrameType::RESUMED, number_, pause); !s) {
        return leave(s.error());
    }
    return RestoreAnswer::go_on;
}

RestoreAnswer Secondary::wait_checkpoint()
{
    for (;;) {
        auto event = peer_.next(std::nullopt, [this] {
            board_.set_devices(copy_.devices().status());
        });
        if (auto end = end_in(*event)) {
            return leave(*end);
        }
        if (std::holds_alternative<FailoverRequest>(*event)) {
            return leave(takeover_.ask_primary());
        }
        if (auto* wanted = std::get_if<CheckpointWanted>(&*event)) {
            // Where it cannot be sent, the primary is lost, and that comes.
            (void)link_.send(FrameType::CHECKPOINT_WANTED,
                             {view_of(wanted->why)});
            continue;
        }
        if (std::holds_alternative<DomainsChanged>(*event)) {
            // A copy that has shut down ran ahead on its own: the primary has
            // the last word on that.
            if (copy_.domain()->state() == GuestState::gone) {
                copy_.enter(CopyState::none);
                return leave({ErrorKind::domain_gone,
                              "the copy's domain is gone"});
            }
            continue;
        }
        auto& frame = std::get<Frame>(*event);
        if (frame.type == FrameType::DONE) {
            auto figures = decode_figures(frame.body);
            if (!figures || figures->number != number_) {
                return leave({ErrorKind::protocol, "DONE out of turn"});
            }
            board_.add(*figures, options_.settings.verify);
            continue;
        }
        if (frame.type != FrameType::CHECKPOINT) {
            return leave({ErrorKind::protocol,
                          "unexpected " + to_string(frame.type)});
        }
        auto number = BodyReader(frame.body).u64();
        if (!number || *number != number_.value() + 1) {
            return leave({ErrorKind::protocol, "CHECKPOINT out of turn"});
        }
        number_ = CheckpointNumber{*number};
        return RestoreAnswer::go_on;
    }
}

// libxc sends B as soon as this returns.
RestoreAnswer Secondary::suspend()
{
    suspending_ = Clock::now();
    if (auto s = copy_.suspend(number_); !s) {
        return leave(s.error());
    }
    // libxc takes the log next; without the mark it would miss pages.
    if (auto dirty = copy_.domain()->count_dirty(); !dirty) {
        return leave(dirty.error());
    }
    auto moved = stream_.copy().moved(copy_.domain()->balloon());
    if (!moved) {
        return leave(moved.error());
    }
    dirty_list_.expect(number_, digester_ ? DigestPages([this](auto& pages) {
        return digest_dirty(pages);
    }) : nullptr, std::move(*moved));
    turn_.let_pages_come();
    pause_ = {.suspend = since(suspending_)};
    if (auto s = peer_.send(FrameType::SUSPENDED, number_); !s) {
        return leave(s.error());
    }
    return RestoreAnswer::go_on;
}

// ---- steps -----------------------------------------------------------------

Status Secondary::finish_building()
{
    if (auto s = copy_.finish_building(); !s) {
        return s;
    }
    Domain& domain = *copy_.domain();
    if (auto s = stream_.copy().finish_first(domain.balloon()); !s) {
        return s;
    }
    if (auto s = domain.set_log_dirty(true); !s) {
        return s;
    }
    if (!options_.settings.lacks(without_elision)) {
        for (auto* memory : {&memory_, &digested_memory_}) {
            auto opened = domain.memory();
            if (!opened) {
                return opened.error();
            }
            *memory = std::move(*opened);
        }
        digester_.emplace(keys_.contents,
                          options_.settings.lacks(without_digest));
    }
    if (auto s = domain.start_device_model_log_dirty(); !s) {
        return s;
    }
    return copy_.devices().set_up(domain);
}

Status Secondary::make_devices()
{
    auto devices = DeviceSet::make(
        options_.kinds, options_.settings.devices,
        {Role::secondary, log_, [this](const std::string& why) {
             queue_.post(CheckpointWanted{why, Clock::now()});
         },
         {},
         {},
         options_.settings.disk_store,
         options_.settings.verify_disks,
         &channel_,
         0,
         {},
         options_.keep_with_guest,
         0,
         1,
         options_.settings.without});
    if (!devices) {
        return devices.error();
    }
    copy_.devices() = std::move(*devices);
    return {};
}

// For what libxc is about to put into the copy. From here on there is no way
// back to the state that it had.
Status Secondary::make_ready()
{
    Domain& domain = *copy_.domain();
    if (auto s = copy_.limits().apply(domain.balloon()); !s) {
        return s;
    }
    if (auto s = domain.begin_load(); !s) {
        return s;
    }
    return stream_.copy().make_room(domain.balloon());
}

// The digests of B's pages; the thread of dirty_list_.
Result<std::vector<PageDigest>> Secondary::digest_dirty(
    const std::vector<Pfn>& pages)
{
    std::vector<PageDigest> digests(pages.size());
    const Status looked = digested_memory_->look_at(
        pages, [&](std::span<const View> views) {
            digester_->digest(views, digests);
        });
    if (!looked) {
        return looked.error();
    }
    return digests;
}

// Where it may change from one checkpoint to the next.
void Secondary::show_output(bool copy_runs)
{
    if (options_.settings.output != Output::automatic) {
        return;
    }
    if (std::exchange(copy_runs_, copy_runs) != copy_runs) {
        copy_runs_since_ = number_;
    }
    board_.set_output({to_string(options_.settings.output), copy_runs,
                       copy_runs_since_, "the primary says so", {}, {}});
}

// From READY to RESUME: whether the copy runs now. A primary that is lost in
// between leaves the new state to us; but the copy does not run before it may
// take over.
Result<bool> Secondary::settle_with_primary()
{
    pause_.load = since(committed_);
    if (auto s = peer_.send(FrameType::READY, number_); !s) {
        return s.error();
    }
    Pages differing{0};
    if (options_.settings.verify) {
        auto count =
            verify_as_secondary(peer_, *copy_.domain(), number_,
                                options_.settings.gfns, keys_.verification);
        if (!count) {
            return count.error();
        }
        differing = *count;
    }
    uint64_t pieces = 0;
    const Status compared =
        options_.settings.verify_disks
            ? verify_disks_as_secondary(peer_, copy_.devices(), number_,
                                        keys_.verification, pieces)
            : Status();
    const auto resume = compared
                            ? peer_.expect(FrameType::RESUME, number_)
                            : Result<Buffer>(compared.error());
    if (resume) {
        return decode_resume(options_.settings.output, *resume);
    }
    // The primary judges differences; without its word they count.
    if (differing != Pages{0}) {
        log_.error("verification of checkpoint " +
                   std::to_string(number_.value()) + ": " +
                   std::to_string(differing.value()) +
                   (differing == Pages{1} ? " page differs"
                                          : " pages differ"));
        copy_.enter(CopyState::spoilt);
    }
    if (pieces != 0) {
        log_.error("verification of checkpoint " +
                   std::to_string(number_.value()) + ": " +
                   std::to_string(pieces) + " MiB of the disks differ");
        copy_.enter(CopyState::spoilt);
    }
    return resume.error();
}

RestoreAnswer Secondary::leave(Error why)
{
    if (!failure_) {
        failure_ = std::move(why);
    }
    return copy_.is_whole() ? RestoreAnswer::take_over : RestoreAnswer::fail;
}

// ---- other threads ---------------------------------------------------------

Status Secondary::on_frame(Frame frame)
{
    return router_.take(std::move(frame));
}

// What the link's thread does at once; all else waits for the session's.
void Secondary::route_frames()
{
    const auto feed = [this](FrameType type,
                             Status (StreamFromWire::*take)(View)) {
        router_.route(type, [this, take](Frame frame) -> Status {
            Status fed = turn_.pages_come();
            if (fed) {
                fed = (stream_.*take)(frame.body);
            }
            link_.recycle(std::move(frame.body));
            return ending_ ? Status() : fed;
        });
    };
    feed(FrameType::IMAGE, &StreamFromWire::image);
    feed(FrameType::PAGES, &StreamFromWire::pages);
    feed(FrameType::PACKED_PAGES, &StreamFromWire::packed_pages);
    feed(FrameType::RECORD, &StreamFromWire::record);
    router_.route(FrameType::MEMORY, [this](const Frame& frame) {
        const Status turn = turn_.pages_come();
        return turn ? copy_.limits().take(frame.body) : turn;
    });
    router_.route(FrameType::STANDS, [this](const Frame& frame) {
        return keep_devices(frame);
    });
    router_.route(FrameType::DEVICE_STATE, [this](Frame frame) -> Status {
        if (auto s = turn_.device_state_comes(); !s) {
            return s;
        }
        queue_.post(std::move(frame));
        return {};
    });
    router_.route(FrameType::CHECKPOINT, [this](Frame frame) -> Status {
        if (auto s = turn_.checkpoint_comes(); !s) {
            return s;
        }
        stream_.begin_checkpoint();
        queue_.post(std::move(frame));
        return {};
    });
    router_.route(FrameType::DEVICE, [this](const Frame& frame) {
        return channel_.come(frame.body);
    });
    // libxc may be waiting for records that will not come.
    for (const FrameType type : {FrameType::STOP, FrameType::YIELDED}) {
        router_.route(type, [this](Frame frame) -> Status {
            queue_.post(std::move(frame));
            end_stream();
            return {};
        });
    }
}

// The primary's guest stands until it hears KEPT.
Status Secondary::keep_devices(const Frame& frame)
{
    if (auto s = turn_.pages_come(); !s) {
        return s;
    }
    const auto number = BodyReader(frame.body).u64();
    if (!number || *number != number_.value()) {
        return Error(ErrorKind::protocol, "STANDS out of turn");
    }
    if (auto s = copy_.devices().other_stands(number_); !s) {
        {
            const std::lock_guard lock(not_kept_mutex_);
            not_kept_ = s.error();
        }
        // Whatever libxc waits for: this ends the session.
        end_stream();
        return {};
    }
    return link_.send(FrameType::KEPT, {frame.body});
}

void Secondary::on_lost(Error why)
{
    queue_.post(PeerLost{std::move(why)});
    end_stream();
}

// libxc's next read ends; records that still arrive are dropped, so that the
// link goes on to hear BYE.
void Secondary::end_stream()
{
    ending_ = true;
    stream_.abort();
}

void Secondary::request_stop(const std::string& reason)
{
    queue_.post(StopRequest{reason});
    end_stream();
}

void Secondary::request_failover()
{
    queue_.post(FailoverRequest{});
}

void Secondary::domains_changed()
{
    queue_.post(DomainsChanged{});
}

// ---- the end ---------------------------------------------------------------

// A callback's own word comes first. Without one libxc found its stream ended:
// the queue knows why.
Error Secondary::cause_of_end(const Status& restored)
{
    if (!failure_) {
        failure_ = peer_.pending_end();
    }
    if (!failure_) {
        failure_ = dirty_list_.failure();
    }
    if (!failure_) {
        const std::lock_guard lock(not_kept_mutex_);
        failure_ = not_kept_;
    }
    if (!failure_ && !restored) {
        failure_ = restored.error();
    }
    if (!failure_) {
        return {ErrorKind::hypercall, "xc_domain_restore ended by itself"};
    }
    return peer_.why_it_failed(*failure_, options_.settings.timeout);
}

}  // namespace xl_colo
