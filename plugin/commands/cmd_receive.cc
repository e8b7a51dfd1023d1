#include "commands/cmd_receive.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <memory>
#include <utility>
#include <vector>

#include "base/descriptors.h"
#include "base/domain_files.h"
#include "commands/device_kinds.h"
#include "commands/eligibility.h"
#include "commands/outcome.h"
#include "control/control_server.h"
#include "fencing/shell_fence.h"
#include "fencing/shell_witness.h"
#include "process/aftermath.h"
#include "process/background.h"
#include "process/domain_process.h"
#include "process/message_log.h"
#include "session/opening.h"
#include "session/secondary.h"
#include "wire/stop_frame.h"

namespace xl_colo {

namespace {

// Until the OFFER brings the session's own timeout. The primary may have to
// wait for its admin's password, but not for this long.
constexpr std::chrono::seconds offer_patience{60};

// stdin and stdout are the wire: moved out of reach of whatever prints.
Result<std::unique_ptr<Link>> take_wire()
{
    constexpr int above_standard = 3;
    UniqueFd in(fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, above_standard));
    UniqueFd out(fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, above_standard));
    const UniqueFd null(open("/dev/null", O_RDWR | O_CLOEXEC));
    if (!in || !out || !null) {
        return Error::from_errno(ErrorKind::io, "cannot take stdin and stdout",
                                 errno);
    }
    dup2(null.get(), STDIN_FILENO);
    dup2(null.get(), STDOUT_FILENO);
    return std::make_unique<Link>(std::move(in), std::move(out),
                                  offer_patience);
}

// After the loss of its primary a copy may be all that there is of a guest. It
// is for an admin to say that it is not.
Status check_no_copy_is_held(const std::string& domain)
{
    const auto status = ask_status(domain, local_patience);
    if (status && status->role == Role::secondary &&
        status->state == State::fencing) {
        return Error(ErrorKind::refused,
                     "a copy of it is held here since its protection ended: "
                     "\"xl-colo-stop " + domain + "\" here gives that up");
    }
    return {};
}

Status receive(Link& link, Log& log, Background& background)
{
    allow_stop_signals();
    auto host = open_host(log);
    if (!host) {
        return host.error();
    }
    auto here = (*host)->facts();
    if (!here) {
        return here.error();
    }
    auto opened = open_as_secondary(link, *here);
    if (!opened) {
        return opened.error();
    }
    block_signals();
    const Offer& offer = opened->offer;
    if (auto s = check_no_copy_is_held(offer.domain); !s) {
        return s;
    }
    if (auto s = check_room(**host, offer.domain, offer.configuration); !s) {
        return s;
    }

    const DeviceKinds kinds = device_kinds(offer.output);
    if (auto s = check_devices(kinds, offer.devices); !s) {
        return s;
    }
    if (auto s = check_host_for_devices(kinds, offer.devices); !s) {
        return s;
    }

    SessionStatus status;
    status.domain = offer.domain;
    status.role = Role::secondary;
    status.peer = opened->primary.host;
    status.interval = offer.interval;
    status.output.mode = to_string(offer.output);
    status.verify = offer.verify;
    auto process = DomainProcess::open(**host, log, status,
                                       &background.record());
    if (!process) {
        return process.error();
    }

    if (const auto text = warning_of(offer.without)) {
        (*process)->board().warn(WarningKind::left_out, *text);
    }

    // From here on the primary may die, and with it whatever reads our stderr.
    if (auto s = background.open_log(log_path(offer.domain)); !s) {
        return s;
    }
    background.detach(EXIT_SUCCESS);
    background.record().begin({offer.witness, offer.session,
                               !offer.fence.empty(), offer.timeout});
    if (auto s = accept(link, *opened); !s) {
        return s;
    }

    std::optional<ShellFence> fence;
    if (!offer.fence.empty()) {
        fence.emplace(offer.fence, offer.domain, opened->primary.host);
    }
    std::optional<ShellWitness> witness;
    if (!offer.witness.empty()) {
        witness.emplace(offer.witness, offer.session,
                        ShellWitness::Side::secondary, offer.domain);
    }
    SessionOptions session;
    session.settings = offer;
    session.kinds = kinds;
    session.observer = &background.record();
    std::vector<std::shared_ptr<void>> kept_with_guest;
    session.keep_with_guest = [&](std::shared_ptr<void> kept) {
        kept_with_guest.push_back(std::move(kept));
    };
    Secondary secondary(**host, link, (*process)->board(), log,
                        std::move(session), copy_name(offer.domain),
                        fence ? &*fence : nullptr,
                        witness ? &*witness : nullptr);
    const SessionEnd end = (*process)->run(secondary);
    if (end.state == State::taken_over) {
        (*process)->take_care_of_taken(secondary.domain()->domid(),
                                       offer.devices);
    } else if (secondary.domain()) {
        (*process)->keep_watch(secondary.domain()->domid());
    }
    return {};
}

int receive_on_wire(const ReceiveOptions& options, Background& background)
{
    const auto log = make_message_log(
        "secondary", options.verbose > 1 ? LogLevel::debug : LogLevel::info,
        false);
    auto link = take_wire();
    if (!link) {
        log->error(link.error().text());
        return EXIT_FAILURE;
    }
    const Status s = receive(**link, *log, background);
    if (!s) {
        log->info(s.error().text());
        // The primary shows it to the admin.
        (void)send_stop(**link, s.error().text());
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}

}  // namespace

int cmd_receive(const ReceiveOptions& options)
{
    close_inherited();
    // sshd, and its terminal if it made one, may go before we do.
    ignore_hangup();
    return Background::run(
        Background::Place::wire,
        [&](Background& background) {
            return receive_on_wire(options, background);
        },
        see_to_what_is_left);
}

}  // namespace xl_colo
