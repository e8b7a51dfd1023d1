#include "commands/cmd_start.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "base/descriptors.h"
#include "base/domain_files.h"
#include "base/text.h"
#include "commands/device_kinds.h"
#include "commands/eligibility.h"
#include "commands/replicate.h"
#include "commands/ssh_command.h"
#include "disks/replicated_disk.h"
#include "fencing/shell_witness.h"
#include "process/aftermath.h"
#include "process/background.h"
#include "process/domain_process.h"
#include "process/message_log.h"
#include "process/protection_mark.h"
#include "process/service_manager.h"
#include "session/opening.h"
#include "session/primary.h"
#include "session/session_key.h"
#include "wire/stop_frame.h"
#include "wire/transport.h"

namespace xl_colo {

namespace {

// ssh may take its time to log in; after that the peer answers at once.
constexpr std::chrono::seconds connect_patience{60};

LogLevel level_of(int verbose)
{
    return verbose > 1 ? LogLevel::debug
                       : verbose == 1 ? LogLevel::info : LogLevel::notice;
}

// A process of this host's gets so long to answer, and to leave.
constexpr std::chrono::seconds local_patience{10};

// Before the guest is looked at: one that is being protected may be suspended
// at the moment.
Status check_free(const std::string& domain)
{
    const auto status = ask_status(domain, local_patience);
    const auto mark = read_mark(domain);
    if (!status && mark) {
        return Error(ErrorKind::refused,
                     *mark + "; if it does not, \"rm '" + mark_path(domain) +
                         "'\" and start again");
    }
    if (!status || status->state == State::unprotected ||
        status->state == State::taken_over) {
        return {};
    }
    return Error(ErrorKind::refused,
                 status->state == State::connecting
                     ? "another xl-colo-start of it is under way"
                     : "is protected already, with " + status->peer +
                           ": see xl-colo-status, or xl-colo-stop it first");
}

Offer make_offer(const StartOptions& options, const DomainFacts& guest)
{
    Offer offer;
    offer.domain = guest.name;
    offer.configuration = guest.configuration;
    offer.gfns = guest.gfns;
    offer.memory_kib = guest.memory_kib;
    offer.timeout = options.timeout;
    offer.interval = options.interval;
    offer.verify = options.verify;
    offer.verify_disks = options.verify_disks;
    offer.session = make_session_id();
    offer.digest_key = make_digest_key();
    offer.fence = options.fence;
    offer.witness = options.witness;
    offer.compression = options.compression;
    offer.output = options.output;
    offer.disk_store = options.disk_store;
    offer.devices = guest.devices;
    offer.without = options.without;
    return offer;
}

// The guest as it would be with these put on DRBD.
DomainFacts without(const DomainFacts& guest,
                    const std::vector<const DeviceFacts*>& disks)
{
    DomainFacts rest = guest;
    std::erase_if(rest.devices, [&](const DeviceFacts& device) {
        return std::ranges::any_of(disks, [&](const DeviceFacts* disk) {
            return *disk == device;
        });
    });
    return rest;
}

// In this order: what may be refused is, the other host is reached and agrees,
// and only then does whoever looked after the guest until now have to leave.
// From there on it is this process that does, however it ends.
class Start {
public:
    Start(const StartOptions& options, Background& background)
        : options_(options),
          background_(background),
          log_(make_message_log("primary", level_of(options.verbose),
                                isatty(STDERR_FILENO) == 1))
    {
    }

    int run();

private:
    Status protect();
    Status replicate(DomainFacts& guest,
                     const std::vector<const DeviceFacts*>& disks);
    Status begin(const DomainFacts& guest);
    Status connect(Offer& offer);
    Status take_place();
    void run_session(Domain& domain, const Offer& offer);
    void look_after_guest(int status);
    void say_protected();

    const StartOptions& options_;
    Background& background_;
    std::unique_ptr<Log> log_;
    std::unique_ptr<Host> host_;
    std::unique_ptr<DomainProcess> process_;
    std::unique_ptr<Transport> transport_;
    std::unique_ptr<Link> link_;
    std::string guest_;  // name, or what the admin typed until it is known
    std::string session_;  // its id
    Domid domid_;
    bool was_protected_ = false;
    bool failed_ = false;  // after protection began
    std::string failure_;  // in one line
    // What this process has to do for the guest at the end.
    enum class Care {
        none,   // others do it, or the guest is not here any more
        once,   // carry out a shutdown that has happened
        stay,   // be there for all that are to come
    } care_ = Care::none;
    bool may_suspend_ = false;
};

int Start::run()
{
    log_->set_subject(options_.domain, options_.host);
    const Status s = protect();
    if (!s) {
        log_->write(s.error().kind() == ErrorKind::asked_to_stop
                        ? LogLevel::notice
                        : LogLevel::error,
                    s.error().text());
        failure_ = s.error().text();
    }
    const int status =
        s && was_protected_ && !failed_ ? EXIT_SUCCESS : EXIT_FAILURE;
    if (status != EXIT_SUCCESS) {
        // As xl-colo-keep wants to know, or a service of the admin's own.
        (void)tell_service_manager("STATUS=" + without_controls(failure_) +
                                   "\n");
    }
    look_after_guest(status);
    return status;
}

Status Start::protect()
{
    auto host = open_host(*log_);
    if (!host) {
        return host.error();
    }
    host_ = std::move(*host);
    guest_ = options_.domain;
    const auto about_guest = [this](const Error& error) {
        return error.with_context("domain " + guest_);
    };
    auto guest = host_->find(options_.domain);
    if (!guest) {
        return about_guest(guest.error());
    }
    guest_ = guest->name;
    domid_ = guest->domid;
    if (auto s = check_free(guest_); !s) {
        return about_guest(s.error());
    }
    if (auto s = find_resources(guest->devices); !s) {
        return about_guest(s.error());
    }
    const auto plain = options_.replicate
                           ? disks_to_replicate(guest->devices)
                           : std::vector<const DeviceFacts*>();
    if (auto s = check_guest(without(*guest, plain), options_.output); !s) {
        return about_guest(s.error());
    }
    if (auto s = check_arbiters({!options_.fence.empty(),
                                 !options_.witness.empty(),
                                 options_.accept_split_brain},
                                guest->devices);
        !s) {
        return about_guest(s.error());
    }
    if (!plain.empty()) {
        if (auto s = replicate(*guest, plain); !s) {
            return about_guest(s.error());
        }
    }
    // While there is still a way back, and a terminal.
    if (auto s = background_.open_log(log_path(guest_)); !s) {
        return about_guest(s.error());
    }

    SessionStatus status;
    status.domain = guest_;
    status.domid = domid_;
    status.role = Role::primary;
    status.peer = options_.host;
    status.interval = options_.interval;
    status.output.mode = to_string(options_.output);
    status.verify = options_.verify;
    auto process = DomainProcess::open(*host_, *log_, std::move(status),
                                       &background_.record(),
                                       ControlPlace::starting);
    if (!process) {
        return about_guest(process.error());
    }
    process_ = std::move(*process);
    if (const auto text = warning_of(options_.without)) {
        process_->board().warn(WarningKind::left_out, *text);
    }
    const Status begun = begin(*guest);
    if (!begun) {
        process_->give_up(begun.error());
        link_.reset();  // the command waits for its end
        transport_.reset();
        if (!plain.empty()) {
            log_->notice("domain " + guest_ + ": its disks stay on DRBD, and "
                         "need not be copied again; \"xl-colo-replicate off " +
                         guest_ + "\" takes them off");
        }
        return about_guest(begun.error());
    }
    return {};
}

// All that may be refused has been, as this may take hours.
Status Start::replicate(DomainFacts& guest,
                        const std::vector<const DeviceFacts*>& disks)
{
    Replication replication(options_.host, options_.ssh_command, *log_);
    if (auto s = replication.put_on(guest_, disks); !s) {
        return s;
    }
    if (auto s = find_resources(guest.devices); !s) {
        return s;
    }
    return check_guest(guest, options_.output);
}

// Errors: there was no session.
Status Start::begin(const DomainFacts& guest)
{
    auto domain = host_->open(domid_, {});
    if (!domain) {
        return domain.error();
    }
    Offer offer = make_offer(options_, guest);
    if (auto s = connect(offer); !s) {
        return s;
    }
    if (auto s = take_place(); !s) {
        // It has accepted already.
        (void)send_stop(*link_, s.error().text());
        return s;
    }
    run_session(**domain, offer);
    return {};
}

Status Start::connect(Offer& offer)
{
    auto here = host_->facts();
    if (!here) {
        return here.error();
    }
    auto transport = Transport::open(transport_command(options_));
    if (!transport) {
        return transport.error();
    }
    transport_ = std::move(*transport);
    link_ = std::make_unique<Link>(transport_->take_input(),
                                   transport_->take_output(),
                                   connect_patience);
    OpeningControl control(*link_);
    process_->hand_requests_to(&control);
    auto peer = open_as_primary(*link_, *here, offer);
    process_->hand_requests_to(nullptr);
    if (auto stopped = control.stopped()) {
        return *stopped;
    }
    if (!peer) {
        if (peer.error().kind() == ErrorKind::peer_lost) {
            // The command knows better than the pipe why there is no peer.
            constexpr std::chrono::seconds last_words{2};
            if (auto why = transport_->failure(last_words)) {
                return Error(ErrorKind::peer_lost, *why);
            }
        }
        return peer.error();
    }
    process_->board().set_peer(peer->host);
    link_->set_timeout(options_.timeout);
    return {};
}

Status Start::take_place()
{
    auto displaced = displace(guest_, local_patience);
    if (!displaced) {
        return displaced.error();
    }
    if (*displaced) {
        care_ = Care::stay;
    }
    const Status served = process_->begin_serving();
    if (!served && served.error().kind() == ErrorKind::refused) {
        care_ = Care::none;  // somebody was quicker, and does that
    }
    return served;
}

void Start::run_session(Domain& domain, const Offer& offer)
{
    SessionOptions options;
    options.settings = offer;
    session_ = offer.session;
    options.max_checkpoints = options_.max_checkpoints;
    options.step_timeout = options_.step_timeout;
    options.compare_timeout = options_.compare_timeout;
    // More than half of a guest is dirtied by one that is being filled.
    options.buffer = options_.buffer.value_or(
        std::min(Bytes{offer.memory_kib * 1024 / 2}, default_buffer));
    options.kinds = device_kinds(offer.output);
    options.observer = &background_.record();
    background_.record().begin({offer.witness, offer.session,
                                !offer.fence.empty(), offer.timeout});
    options.on_protected = [this] { say_protected(); };
    log_->notice("domain " + guest_ + ": copying to " +
                 process_->board().read().peer);
    const auto mover = host_->page_mover();
    std::optional<ShellWitness> witness;
    if (!offer.witness.empty()) {
        witness.emplace(offer.witness, offer.session,
                        ShellWitness::Side::primary, offer.domain);
    }
    Primary primary(domain, *mover, *link_, process_->board(), *log_,
                    std::move(options), witness ? &*witness : nullptr);
    const SessionEnd end = process_->run(primary);
    if (end.state != State::held) {
        (void)clear_mark(guest_);
    }
    transport_.reset();

    // How it ended has been said.
    failed_ = !end.orderly;
    failure_ = "domain " + guest_ + ": protection ended: " + end.why;
    may_suspend_ = end.guest_may_suspend;
    if (end.state == State::ended) {
        care_ = Care::none;
    } else if (care_ == Care::none && primary.has_suspended()) {
        // A guest that was never suspended still has xl's own daemon. One that
        // may suspend yet would stay so if nobody was there. Otherwise the
        // admin gets the terminal back; a guest that shut down itself must not
        // be left lying.
        const bool stay = was_protected_ && !options_.foreground;
        care_ = stay || may_suspend_ ? Care::stay : Care::once;
    }
}

void Start::look_after_guest(int status)
{
    if (care_ == Care::once) {
        process_->settle(domid_);
    } else if (care_ == Care::stay) {
        if (background_.in_foreground()) {
            log_->notice("domain " + guest_ + ": looking after its shutdown "
                         "and reboot; ^C ends that");
        }
        background_.detach(status);
        process_->take_care(domid_, may_suspend_);
    }
}

void Start::say_protected()
{
    was_protected_ = true;
    if (auto s = set_mark(guest_, process_->board().read().peer, session_);
        !s) {
        log_->warn("nothing here will tell, should this host go down, that the "
                   "guest may run elsewhere: " + s.error().text());
    }
    std::printf("domain %s is protected: copy on %s, a checkpoint every "
                "%lld ms\n",
                guest_.c_str(), process_->board().read().peer.c_str(),
                static_cast<long long>(options_.interval.count()));
    std::fflush(stdout);
    background_.detach(EXIT_SUCCESS);
}

}  // namespace

int cmd_start(const StartOptions& options)
{
    close_inherited();
    return Background::run(
        options.foreground ? Background::Place::foreground
                           : Background::Place::background,
        [&](Background& background) {
            return Start(options, background).run();
        },
        see_to_what_is_left);
}

}  // namespace xl_colo
