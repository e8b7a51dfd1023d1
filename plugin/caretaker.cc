#include "caretaker.h"

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

void Caretaker::run(Domid domid)
{
    while (auto now = attend(domid)) {
        if (*now != domid) {
            domid = *now;
            board_.set_domid(domid);
            continue;
        }
        auto event = queue_.take();
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
