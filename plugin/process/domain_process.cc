#include "process/domain_process.h"

#include <utility>

namespace xl_colo {

DomainProcess::DomainProcess(Host& host, Log& log, SessionStatus status,
                             WatchRecord* record)
    : host_(host),
      log_(log),
      board_(std::move(status),
             [record, &log](const SessionStatus& now) {
                 if (record) {
                     record->note(now);
                 }
                 log.set_subject(now.domain, now.peer);
                 log.note_state(to_string(now.state));
             }),
      requests_(board_)
{
}

Result<std::unique_ptr<DomainProcess>> DomainProcess::open(
    Host& host, Log& log, SessionStatus status, WatchRecord* record,
    ControlPlace place)
{
    const std::string domain = status.domain;
    std::unique_ptr<DomainProcess> p(
        new DomainProcess(host, log, std::move(status), record));
    auto watch = host.watch_domains();
    if (!watch) {
        return watch.error();
    }
    p->watch_ = std::move(*watch);
    auto server = ControlServer::open(domain, p->requests_, place);
    if (!server) {
        return server.error();
    }
    p->server_ = std::move(*server);
    p->events_ = std::make_unique<SignalsAndWatches>(p->requests_, *p->watch_);
    return p;
}

DomainProcess::~DomainProcess()
{
    // The server waits for its clients, and they for an end.
    give_up({ErrorKind::aborted, "the process that was to protect it left"});
}

void DomainProcess::give_up(const Error& why)
{
    if (!std::exchange(ended_, true)) {
        requests_.session_ended({State::unprotected, why.text(),
                                 why.kind() == ErrorKind::asked_to_stop});
    }
}

void DomainProcess::announce(const SessionEnd& end)
{
    const std::string line =
        "domain " + board_.read().domain + ": protection ended, " +
        to_string(end.state) + ": " + end.why;
    log_.write(end.orderly ? LogLevel::notice : LogLevel::error, line);
    ended_ = true;
    requests_.session_ended(end);
}

void DomainProcess::take_care(Domid domid, bool may_suspend)
{
    Caretaker caretaker(host_, board_, log_);
    requests_.hand_to(&caretaker);
    caretaker.run(domid, may_suspend);
    requests_.hand_to(nullptr);
}

void DomainProcess::take_care_of_taken(Domid domid,
                                       const std::vector<DeviceFacts>& devices)
{
    Caretaker caretaker(host_, board_, log_);
    CardWatchdog cards(host_, board_, log_, devices);
    requests_.hand_to(&caretaker);
    caretaker.run(domid, false, &cards);
    requests_.hand_to(nullptr);
}

void DomainProcess::keep_watch(Domid domid)
{
    Caretaker caretaker(host_, board_, log_);
    requests_.hand_to(&caretaker);
    caretaker.keep_watch(domid);
    requests_.hand_to(nullptr);
}

void DomainProcess::settle(Domid domid)
{
    (void)Caretaker(host_, board_, log_).attend(domid);
}

}  // namespace xl_colo
