#include "process/caretaker.h"

namespace xl_colo {

std::optional<Domid> Caretaker::attend(Domid domid)
{
    auto domain = host_.open(domid, {});
    const GuestState state = domain ? (*domain)->state() : GuestState::gone;
    if (state == GuestState::running || state == GuestState::suspended) {
        return domid;
    }
    log_.notice(std::string("the guest has stopped: ") + to_string(state));
    if (state == GuestState::gone) {
        return std::nullopt;
    }
    auto next = host_.carry_out_shutdown(domid, state);
    if (!next) {
        log_.error(next.error().text());
        return std::nullopt;
    }
    return *next;
}

bool Caretaker::resume_suspended(Domid domid)
{
    auto domain = host_.open(domid, {});
    if (!domain || (*domain)->state() != GuestState::suspended) {
        return false;
    }
    log_.notice("the guest has suspended after all, as protection had asked "
                "it to: resuming it");
    if (auto s = (*domain)->resume(); !s) {
        const std::string advice = "the guest is suspended and cannot be "
                                   "resumed: " + s.error().text();
        log_.error(advice);
        board_.warn(WarningKind::guest_stands, advice);
    }
    return true;
}

void Caretaker::run(Domid domid, bool may_suspend, CardWatchdog* cards)
{
    while (auto now = attend(domid)) {
        if (*now != domid) {
            domid = *now;
            board_.set_domid(domid);
            may_suspend = false;
            if (cards) {
                cards->end();
            }
            continue;
        }
        may_suspend = may_suspend && !resume_suspended(domid);
        auto event = queue_.take(cards ? cards->due() : std::nullopt);
        if (!event) {
            cards->look(domid);
            continue;
        }
        if (auto* stop = std::get_if<StopRequest>(&*event)) {
            log_.notice(stop->reason + ": the guest goes on, its shutdown "
                                       "and reboot are nobody's task now");
            return;
        }
    }
}

void Caretaker::keep_watch(Domid domid)
{
    for (;;) {
        auto domain = host_.open(domid, {});
        if (!domain || (*domain)->state() == GuestState::gone) {
            log_.notice("domain " + std::to_string(domid.value()) +
                        " is gone");
            return;
        }
        if (std::holds_alternative<StopRequest>(*queue_.take())) {
            return;
        }
    }
}

void Caretaker::request_stop(const std::string& reason)
{
    queue_.post(StopRequest{reason});
}

void Caretaker::domains_changed()
{
    queue_.post(DomainsChanged{});
}

}  // namespace xl_colo
