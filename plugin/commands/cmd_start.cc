#include "commands/cmd_start.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <thread>

#include "base/domain_files.h"
#include "commands/eligibility.h"
#include "commands/ssh_command.h"
#include "process/background.h"
#include "process/domain_process.h"
#include "session/opening.h"
#include "session/primary.h"
#include "session/session_key.h"
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

// A process that only looks after a guest whose protection has ended makes
// room; one that protects it stays.
Status displace_caretaker(const std::string& domain)
{
    constexpr std::chrono::seconds patience{10};
    auto status = ask_status(domain, patience);
    if (!status) {
        return {};  // nobody there; the control server finds out the rest
    }
    if (status->state != State::unprotected &&
        status->state != State::taken_over) {
        return Error(ErrorKind::refused,
                     "is protected already, with " + status->peer +
                         ": see xl-colo-status, or xl-colo-stop it first");
    }
    if (auto stopped = ask_stop(domain, patience); !stopped) {
        return stopped.error();
    }
    // It has answered; its socket goes when its process does.
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (ask_status(domain, patience)) {
        if (std::chrono::steady_clock::now() > deadline) {
            return Error(ErrorKind::timeout,
                         "the process that looks after it does not leave");
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return {};
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
    offer.session = make_session_id();
    offer.digest_key = make_digest_key();
    offer.fence = options.fence;
    offer.compression = options.compression;
    offer.devices = guest.devices;
    offer.without = options.without;
    return offer;
}

class Start {
public:
    Start(const StartOptions& options, Background& background)
        : options_(options),
          background_(background),
          log_(make_xentoollog(STDERR_FILENO, "colo primary",
                               level_of(options.verbose),
                               isatty(STDERR_FILENO) == 1))
    {
    }

    int run()
    {
        block_signals();
        const Status s = protect();
        if (!s) {
            log_->error(s.error().text());
            return EXIT_FAILURE;
        }
        return failed_ ? EXIT_FAILURE : EXIT_SUCCESS;
    }

private:
    Status protect();
    Status connect(const HostFacts& here, Offer& offer);
    void say_protected(StatusBoard& board);

    const StartOptions& options_;
    Background& background_;
    std::unique_ptr<Log> log_;
    std::unique_ptr<Transport> transport_;
    std::unique_ptr<Link> link_;
    std::string guest_;  // name, or what the admin typed until it is known
    std::string peer_;
    bool was_protected_ = false;
    bool failed_ = false;  // after protection began
};

Status Start::protect()
{
    const auto about_guest = [this](const Error& error) {
        return error.with_context("domain " + guest_);
    };
    guest_ = options_.domain;
    auto host = open_host(*log_);
    if (!host) {
        return host.error();
    }
    auto here = (*host)->facts();
    if (!here) {
        return here.error();
    }
    auto guest = (*host)->find(options_.domain);
    if (!guest) {
        return about_guest(guest.error());
    }
    guest_ = guest->name;
    for (const Status& s : {check_guest(*guest), displace_caretaker(guest_)}) {
        if (!s) {
            return about_guest(s.error());
        }
    }

    SessionStatus status;
    status.domain = guest_;
    status.domid = guest->domid;
    status.role = Role::primary;
    status.peer = options_.host;
    status.interval = options_.interval;
    status.verify = options_.verify;
    auto process = DomainProcess::open(**host, *log_, status);
    if (!process) {
        return about_guest(process.error());
    }
    auto domain = (*host)->open(guest->domid, {});
    if (!domain) {
        return about_guest(domain.error());
    }

    Offer offer = make_offer(options_, *guest);
    if (auto s = connect(*here, offer); !s) {
        return about_guest(s.error());
    }
    SessionOptions session;
    session.settings = offer;
    session.max_checkpoints = options_.max_checkpoints;
    session.step_timeout = options_.step_timeout;
    StatusBoard& board = (*process)->board();
    session.on_protected = [this, &board] { say_protected(board); };
    session.kinds = device_kinds();
    log_->notice("domain " + guest_ + ": copying to " + peer_);

    const auto mover = (*host)->page_mover();
    Primary primary(**domain, *mover, *link_, board, *log_,
                    std::move(session));
    const SessionEnd end = (*process)->run(primary);
    transport_.reset();

    // How it ended has been said.
    failed_ = !end.orderly || !was_protected_;
    // A guest that was never suspended still has xl's own daemon.
    if (end.state != State::ended && primary.has_suspended()) {
        // One that may suspend yet would stay so if nobody was there.
        if ((was_protected_ && !options_.foreground) ||
            end.guest_may_suspend) {
            (*process)->take_care(guest->domid, end.guest_may_suspend);
            return {};
        }
        // The admin gets the terminal back; a guest that shut down itself
        // must not be left lying.
        (*process)->settle(guest->domid);
    }
    return {};
}

Status Start::connect(const HostFacts& here, Offer& offer)
{
    auto transport = Transport::open(transport_command(options_));
    if (!transport) {
        return transport.error();
    }
    transport_ = std::move(*transport);
    link_ = std::make_unique<Link>(transport_->take_input(),
                                   transport_->take_output(),
                                   connect_patience);
    auto peer = open_as_primary(*link_, here, offer);
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
    peer_ = peer->host;
    link_->set_timeout(options_.timeout);
    return {};
}

void Start::say_protected(StatusBoard& board)
{
    was_protected_ = true;
    std::printf("domain %s is protected: copy on %s, a checkpoint every "
                "%lld ms\n",
                guest_.c_str(), board.read().peer.c_str(),
                static_cast<long long>(options_.interval.count()));
    std::fflush(stdout);
    if (auto s = background_.detach(log_path(guest_)); !s) {
        log_->warn(s.error().with_context("staying in the foreground").text());
    }
}

}  // namespace

int cmd_start(const StartOptions& options)
{
    return Background::run(options.foreground, [&](Background& background) {
        return Start(options, background).run();
    });
}

}  // namespace xl_colo
