#include "meeting.h"

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <system_error>

#include "session/opening.h"
#include "session/session_key.h"

namespace xl_colo::model {

pid_t start_process(unsigned seconds_to_live,
                    const std::function<void()>& part)
{
    std::fflush(nullptr);
    const pid_t pid = fork();
    if (pid < 0) {
        throw std::system_error(errno, std::generic_category(), "fork");
    }
    if (pid == 0) {
        alarm(seconds_to_live);
        signal(SIGPIPE, SIG_IGN);
        // cmocka's handlers would carry on with the tests in here.
        for (const int fatal : {SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV}) {
            signal(fatal, SIG_DFL);
        }
        part();
        std::exit(0);
    }
    return pid;
}

Offer make_offer(Pages gfns)
{
    Offer offer;
    offer.domain = "guest";
    offer.configuration = "model";
    offer.gfns = gfns;
    offer.session = make_session_id();
    offer.digest_key = make_digest_key();
    return offer;
}

Status open_as_primary(Link& link, Host& host, Offer offer)
{
    const auto peer = xl_colo::open_as_primary(link, *host.facts(), offer);
    return peer ? Status() : Status(peer.error());
}

Result<Offer> open_as_secondary(Link& link, Host& host)
{
    auto opened = xl_colo::open_as_secondary(link, *host.facts());
    if (!opened) {
        return opened.error();
    }
    if (auto s = accept(link, *opened); !s) {
        return s.error();
    }
    return std::move(opened->offer);
}

}  // namespace xl_colo::model
