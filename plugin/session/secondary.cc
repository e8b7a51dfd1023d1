// The secondary's half of docs/specs/colo-wire.md. xc_domain_restore drives
// it: it calls back in the order of the methods below, over and over, until
// one leaves the loop. What becomes of the copy is decided afterwards, in
// finish(), from two facts: whether it is `usable_`, and why the loop ended.
#include "session/secondary.h"

#include "base/heap.h"
#include "session/verify.h"

namespace xl_colo {

namespace {

using Clock = EventQueue::Clock;

const char* const check_primary_advice =
    "nothing proved the primary dead: check with \"xl list\" there, and "
    "destroy its guest if it still runs";

}  // namespace

Secondary::Secondary(Host& host, Link& link, StatusBoard& board, Log& log,
                     SessionOptions options, std::string name, Fence* fence)
    : host_(host),
      link_(link),
      board_(board),
      log_(log),
      options_(std::move(options)),
      name_(std::move(name)),
      fence_(fence),
      peer_(link, queue_),
      stream_(options_.offer.gfns),
      dirty_list_(link, options_.offer.gfns, host.suspect_long_dirty_header(),
                  !options_.offer.lacks(without_f2), [this] { end_stream(); })
{
}

Secondary::~Secondary() = default;

SessionEnd Secondary::run()
{
    keep_freed_memory();
    link_.start(*this);
    SessionEnd end = receive();
    dirty_list_.abort();
    link_.finish();
    return end;
}

SessionEnd Secondary::receive()
{
    auto key = parse_digest_key(options_.offer.digest_key);
    if (!key) {
        return discard(key.error());
    }
    keys_ = std::move(*key);

    board_.enter(State::copying);
    const OpenOptions open{
        .reload_by_snapshot = !options_.offer.lacks(without_f4),
        .reset_pv = !options_.offer.lacks(without_pv_reset)};
    auto incoming = host_.receive(options_.offer.configuration, name_, open);
    if (!incoming) {
        return discard(incoming.error());
    }
    incoming_ = std::move(*incoming);
    board_.set_domid(incoming_->domid());
    const Status restored = host_.page_mover()->restore(
        *incoming_, stream_.take_io(), dirty_list_.take_back(),
        options_.offer.gfns, !options_.offer.lacks(without_f3), *this);
    return finish(cause_of_end(restored));
}

// ---- libxc's callbacks -----------------------------------------------------

// libxc has read all of the checkpoint's records and put them aside; only the
// first ones, of the initial copy, are in the domain already.
RestoreAnswer Secondary::checkpoint()
{
    auto state = peer_.expect(FrameType::DEVICE_STATE, number_);
    if (!state) {
        return leave(state.error());
    }
    device_state_ = std::move(*state);
    if (auto s = first_ ? incoming_->give_device_state(device_state_)
                        : check_kept(memory_.get(), stream_.kept());
        !s) {
        return leave(s.error());
    }
    // Everything is here: from now on the new state is the one to go on with,
    // also when the primary does not live to hear of it.
    (void)peer_.send(FrameType::COMMITTED, number_);
    usable_ = false;
    if (!first_) {
        if (auto s = limits_.apply(domain_->balloon()); !s) {
            return leave(s.error());
        }
        if (auto s = domain_->begin_load(); !s) {
            return leave(s.error());
        }
        if (auto s = stream_.copy().make_room(domain_->balloon()); !s) {
            return leave(s.error());
        }
    }
    return RestoreAnswer::go_on;
}

void Secondary::restore_results(Pfn store, Pfn console)
{
    if (first_) {
        if (auto s = incoming_->memory_restored(store, console); !s) {
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
    auto loaded = first_ ? finish_building()
                         : domain_->load_device_state(device_state_);
    if (!loaded) {
        return leave(loaded.error());
    }
    usable_ = true;
    suspended_ = true;
    if (auto s = settle_with_primary(); !s) {
        return leave(s.error());
    }
    auto resumed = first_ ? domain_->unpause() : domain_->resume();
    if (!resumed) {
        return leave(resumed.error());
    }
    suspended_ = false;
    first_ = false;
    if (copying_.exchange(false)) {
        board_.enter(State::protecting);
        if (options_.on_protected) {
            options_.on_protected();
        }
    }
    if (auto s = peer_.send(FrameType::RESUMED, number_); !s) {
        return leave(s.error());
    }
    return RestoreAnswer::go_on;
}

RestoreAnswer Secondary::wait_checkpoint()
{
    for (;;) {
        auto event = peer_.next();
        if (auto end = end_in(*event)) {
            return leave(*end);
        }
        if (std::holds_alternative<FailoverRequest>(*event)) {
            const Status asked = ask_for_takeover();
            return leave(asked ? Error(ErrorKind::cancelled,
                                       "failover was asked for here")
                               : asked.error());
        }
        if (std::holds_alternative<DomainsChanged>(*event)) {
            // A copy that has shut down ran ahead on its own: the primary has
            // the last word on that.
            if (domain_->state() == GuestState::gone) {
                usable_ = false;
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
            board_.add(*figures, options_.offer.verify);
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
    if (auto s = domain_->suspend_copy(); !s) {
        suspended_ = domain_->state() == GuestState::suspended;
        return leave(s.error());
    }
    suspended_ = true;
    auto moved = stream_.copy().moved(domain_->balloon());
    if (!moved) {
        return leave(moved.error());
    }
    dirty_list_.expect(number_, digester_ ? DigestPages([this](auto& pages) {
        return digest_dirty(pages);
    }) : nullptr, std::move(*moved));
    if (auto s = peer_.send(FrameType::SUSPENDED, number_); !s) {
        return leave(s.error());
    }
    return RestoreAnswer::go_on;
}

// ---- steps -----------------------------------------------------------------

Status Secondary::finish_building()
{
    auto domain = incoming_->wait_built();
    if (!domain) {
        return domain.error();
    }
    domain_ = std::move(*domain);
    if (auto s = stream_.copy().finish_first(domain_->balloon()); !s) {
        return s;
    }
    if (auto s = domain_->set_log_dirty(true); !s) {
        return s;
    }
    if (!options_.offer.lacks(without_elision)) {
        auto memory = domain_->memory();
        if (!memory) {
            return memory.error();
        }
        memory_ = std::move(*memory);
        digester_.emplace(keys_.contents,
                          options_.offer.lacks(without_digest));
    }
    return domain_->start_device_model_log_dirty();
}

// B's, in the relay's thread.
Result<std::vector<PageDigest>> Secondary::digest_dirty(
    const std::vector<Pfn>& pages)
{
    std::vector<PageDigest> digests(pages.size());
    const Status looked = memory_->look_at(
        pages, [&](std::span<const View> views) {
            digester_->digest(views, digests);
        });
    if (!looked) {
        return looked.error();
    }
    return digests;
}

// From READY to RESUME. A primary that is lost in between leaves the new state
// to us: then the guest is resumed as well, and the loss is handled in the
// next quiet moment.
Status Secondary::settle_with_primary()
{
    const auto unless_lost = [this](const Error& error) -> Status {
        return peer_.lost() ? Status() : Status(error);
    };
    if (auto s = peer_.send(FrameType::READY, number_); !s) {
        return {};  // lost; the event is in the queue
    }
    Pages differing{0};
    if (options_.offer.verify) {
        auto count =
            verify_as_secondary(peer_, *domain_, number_, options_.offer.gfns,
                                keys_.verification);
        if (!count) {
            return unless_lost(count.error());
        }
        differing = *count;
    }
    auto resume = peer_.expect(FrameType::RESUME, number_);
    if (resume) {
        return {};
    }
    // The primary judges differences; without its word they count.
    if (differing != Pages{0}) {
        log_.error("verification of checkpoint " +
                   std::to_string(number_.value()) + ": " +
                   std::to_string(differing.value()) +
                   (differing == Pages{1} ? " page differs"
                                          : " pages differ"));
        usable_ = false;
    }
    return unless_lost(resume.error());
}

// The admin's word counts even if the primary does not answer. Error only
// when the primary ended protection in the meantime.
Status Secondary::ask_for_takeover()
{
    asked_ = true;
    // Where it cannot be sent the queue says why.
    (void)peer_.send(FrameType::TAKEOVER);
    for (;;) {
        // The primary may have begun a checkpoint before it heard of this.
        auto event = peer_.next(Clock::now() + 3 * options_.offer.timeout);
        if (!event || std::holds_alternative<PeerLost>(*event)) {
            return {};
        }
        auto* frame = std::get_if<Frame>(&*event);
        if (frame && frame->type == FrameType::YIELDED) {
            yielded_ = true;
            return {};
        }
        if (frame && frame->type == FrameType::STOP) {
            return Error(ErrorKind::peer_stopped, stop_text(*frame));
        }
    }
}

RestoreAnswer Secondary::leave(Error why)
{
    if (!failure_) {
        failure_ = std::move(why);
    }
    return usable_ ? RestoreAnswer::take_over : RestoreAnswer::fail;
}

// ---- other threads ---------------------------------------------------------

Status Secondary::on_frame(Frame frame)
{
    switch (frame.type) {
    case FrameType::IMAGE:
    case FrameType::PAGES:
    case FrameType::PACKED_PAGES:
    case FrameType::RECORD: {
        const Status fed = frame.type == FrameType::IMAGE
                               ? stream_.image(frame.body)
                           : frame.type == FrameType::PAGES
                               ? stream_.pages(frame.body)
                           : frame.type == FrameType::PACKED_PAGES
                               ? stream_.packed_pages(frame.body)
                               : stream_.record(frame.body);
        link_.recycle(std::move(frame.body));
        return ending_ ? Status() : fed;
    }
    case FrameType::MEMORY:
        return limits_.take(frame.body);
    case FrameType::CHECKPOINT:
        stream_.begin_checkpoint();
        queue_.post(std::move(frame));
        return {};
    case FrameType::STOP:
        // libxc may be waiting for records that will not come.
        queue_.post(std::move(frame));
        end_stream();
        return {};
    default:
        queue_.post(std::move(frame));
        return {};
    }
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
    if (!failure_ && !restored) {
        failure_ = restored.error();
    }
    if (!failure_) {
        return {ErrorKind::hypercall, "xc_domain_restore ended by itself"};
    }
    return peer_.why_it_failed(*failure_, options_.offer.timeout);
}

SessionEnd Secondary::finish(const Error& cause)
{
    end_stream();
    dirty_list_.stop();  // it looks at the copy's memory
    const bool stopped = cause.kind() == ErrorKind::peer_stopped;
    if (asked_ && usable_ && !stopped) {
        return take_over("failover was asked for here");
    }
    // Whatever failed first, a primary that is lost leaves us the only guest;
    // but one that has said STOP goes on with its own.
    const bool lost = cause.kind() == ErrorKind::peer_lost || peer_.lost();
    if (stopped || !lost) {
        return discard(cause);
    }
    if (!usable_) {
        if (!copying_) {
            log_.error("the primary was lost while its checkpoint was being "
                       "applied and that failed: there is no usable copy here");
        }
        return discard(cause);
    }
    // What was under way tells an admin how old the state is.
    const std::string checkpoint = std::to_string(number_.value());
    const std::string why =
        "primary lost (" + cause.text() + ") " +
        (suspended_ ? "during checkpoint " + checkpoint +
                          ", which is not complete: the guest goes on without "
                          "it"
                    : "after checkpoint " + checkpoint);
    log_.warn(why);
    return take_over(why);
}

// Nothing, or the end when an admin called it off.
std::optional<SessionEnd> Secondary::pass_fence()
{
    if (!fence_) {
        return std::nullopt;
    }
    board_.enter(State::fencing);
    // The copy must not do anything that counts before the answer is yes.
    const bool pause = !suspended_;
    if (pause) {
        if (auto s = domain_->pause(); !s) {
            log_.warn("cannot pause the copy: " + s.error().text());
        }
    }
    for (;;) {
        const Status fenced = fence_->run();
        if (fenced) {
            break;
        }
        board_.warn("the fence command said no (" + fenced.error().text() +
                    "): run xl-colo-failover when the primary is off, or "
                    "xl-colo-stop to give the copy up");
        log_.error("fence: " + fenced.error().text());
        auto event = peer_.wait_local(Clock::now() + options_.offer.timeout);
        if (!event) {
            continue;  // the fence device may answer now
        }
        if (std::holds_alternative<FailoverRequest>(*event)) {
            break;
        }
        if (auto* stop = std::get_if<StopRequest>(&*event)) {
            return discard({ErrorKind::cancelled, stop->reason});
        }
    }
    if (pause) {
        if (auto s = domain_->unpause(); !s) {
            log_.error("cannot unpause the guest: " + s.error().text());
        }
    }
    return std::nullopt;
}

SessionEnd Secondary::take_over(const std::string& why)
{
    if (!asked_) {
        if (auto called_off = pass_fence()) {
            return *called_off;
        }
    }
    if (suspended_) {
        auto s = first_ ? domain_->unpause() : domain_->resume();
        if (!s && yielded_) {
            return discard(s.error().with_context("cannot take over"));
        }
        if (!s) {
            log_.error("cannot resume the guest: " + s.error().text());
            board_.warn("the guest is here but could not be resumed: see the "
                        "log");
        }
        suspended_ = false;
    }
    // None of these keeps the guest from running.
    const auto wish = [this](const char* what, const Status& s) {
        if (!s) {
            log_.warn(std::string("cannot ") + what + ": " +
                      s.error().text());
        }
    };
    wish("limit the guest's memory", limits_.finish(domain_->balloon()));
    wish("rename the domain", domain_->rename(options_.offer.domain));
    wish("stop the dirty log", domain_->set_log_dirty(false));
    if (yielded_) {
        (void)peer_.send(FrameType::TAKEN_OVER);
    } else if (!fence_ || asked_) {
        board_.warn(check_primary_advice);
        log_.warn(check_primary_advice);
    }
    return {State::taken_over, why, asked_};
}

// What is left of the copy, in words.
std::optional<std::string> Secondary::destroy_copy()
{
    if (incoming_ && !domain_) {
        incoming_->abandon();
        incoming_.reset();
    }
    if (!domain_) {
        return std::nullopt;
    }
    const Status destroyed = domain_->destroy();
    if (destroyed) {
        domain_.reset();
        return std::nullopt;
    }
    // At least it is not to run beside the primary's guest.
    const Status paused = domain_->pause();
    const std::string domid = std::to_string(domain_->domid().value());
    const std::string left = "the copy, domain " + name_ + ", is left " +
                             (paused ? "paused" : "as it is") +
                             ": \"xl destroy " + domid + "\" it (" +
                             destroyed.error().text() + ")";
    board_.warn(left);
    log_.error(left);
    return left;
}

SessionEnd Secondary::discard(const Error& cause)
{
    // First the domain, then the word that it is gone.
    const auto left = destroy_copy();
    const bool told = cause.kind() == ErrorKind::peer_stopped;
    if (!told) {
        peer_.part(cause.text() + (left ? "; " + *left : ""),
                   options_.offer.timeout);
    } else if (!left) {
        (void)peer_.send(FrameType::BYE);
    }
    return {State::ended, (told ? "primary: " : "") + cause.text(),
            !left && (told || cause.kind() == ErrorKind::cancelled)};
}

}  // namespace xl_colo
