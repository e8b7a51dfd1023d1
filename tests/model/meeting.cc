#include "meeting.h"

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <system_error>

namespace xl_colo::model {

namespace {

View view_of(const std::string& text)
{
    return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

}  // namespace

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
    offer.digest_key = make_digest_key();
    return offer;
}

Status open_as_primary(Link& link, Host& host, const Offer& offer)
{
    const auto hello = exchange_hello(link, make_hello(*host.facts()));
    if (!hello) {
        return hello.error();
    }
    const std::string text = to_json(offer);
    if (auto s = link.send(FrameType::OFFER, {view_of(text)}); !s) {
        return s;
    }
    const auto answer = link.receive();
    if (!answer) {
        return answer.error();
    }
    if (answer->type != FrameType::ACCEPT) {
        return Error(ErrorKind::refused, "not accepted");
    }
    return {};
}

Result<Offer> open_as_secondary(Link& link, Host& host)
{
    const auto hello = exchange_hello(link, make_hello(*host.facts()));
    if (!hello) {
        return hello.error();
    }
    const auto frame = link.receive();
    if (!frame) {
        return frame.error();
    }
    auto offer = parse_offer(frame->body);
    if (!offer) {
        return offer.error();
    }
    if (auto s = link.send(FrameType::ACCEPT); !s) {
        return s.error();
    }
    return offer;
}

}  // namespace xl_colo::model
