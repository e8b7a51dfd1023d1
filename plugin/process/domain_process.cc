#include "process/domain_process.h"

namespace xl_colo {

Result<std::unique_ptr<Protection>> Protection::open(Host& host, Log& log,
                                                     SessionStatus status)
{
    const std::string domain = status.domain;
    std::unique_ptr<Protection> p(
        new Protection(host, log, std::move(status)));
    auto watch = host.watch_domains();
    if (!watch) {
        return watch.error();
    }
    p->watch_ = std::move(*watch);
    auto server = ControlServer::open(domain, p->desk_);
    if (!server) {
        return server.error();
    }
    p->server_ = std::move(*server);
    p->events_ = std::make_unique<HostEvents>(p->desk_, *p->watch_);
    return p;
}

void Protection::announce(const SessionEnd& end)
{
    const std::string line =
        "domain " + board_.read().domain + ": protection ended, " +
        to_string(end.state) + ": " + end.why;
    log_.write(end.orderly ? LogLevel::notice : LogLevel::error, line);
    desk_.session_ended(end);
}

void Protection::take_care(Domid domid, bool may_suspend)
{
    Caretaker caretaker(host_, board_, log_);
    desk_.serve(&caretaker);
    caretaker.run(domid, may_suspend);
    desk_.serve(nullptr);
}

void Protection::keep_watch(Domid domid)
{
    Caretaker caretaker(host_, board_, log_);
    desk_.serve(&caretaker);
    caretaker.keep_watch(domid);
    desk_.serve(nullptr);
}

void Protection::settle(Domid domid)
{
    (void)Caretaker(host_, board_, log_).attend(domid);
}

}  // namespace xl_colo
