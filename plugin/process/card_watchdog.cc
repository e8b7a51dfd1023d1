#include "process/card_watchdog.h"

#include <utility>

namespace xl_colo {

namespace {

// Only a guest that runs can connect anything.
bool runs(Domain& domain)
{
    const auto paused = domain.is_paused();
    return domain.state() == GuestState::running && paused && !*paused;
}

std::string text_of(const DeviceFacts& card, const CardConnection& now)
{
    return card.name + " (driver in state " + std::to_string(now.frontend) +
           ", backend in " + std::to_string(now.backend) + ")";
}

}  // namespace

CardWatchdog::CardWatchdog(Host& host, StatusBoard& board, Log& log,
                           const std::vector<DeviceFacts>& devices,
                           std::chrono::milliseconds its_patience)
    : host_(host), board_(board), log_(log), patience_(its_patience)
{
    for (const DeviceFacts& device : devices) {
        if (device.type == DeviceType::network_card &&
            device.used_by_pv_driver) {
            cards_.push_back(device);
        }
    }
    if (!cards_.empty()) {
        due_ = Clock::now() + patience_;
    }
}

void CardWatchdog::end()
{
    due_.reset();
    board_.clear(WarningKind::card_cut_off);
}

void CardWatchdog::look(Domid domid)
{
    due_ = Clock::now() + patience_;
    auto domain = host_.open(domid, {});
    if (!domain || !runs(**domain)) {
        return;
    }
    std::string cut_off;
    std::vector<unsigned> numbers;
    for (const DeviceFacts& card : cards_) {
        const auto now = (*domain)->card_connection(card.card.number);
        if (!now) {
            // Detached since; or xenstored is in trouble, which others tell.
            log_.info("card " + card.name + ": " + now.error().text());
        } else if (!now->is_made()) {
            cut_off += (cut_off.empty() ? "" : ", ") + text_of(card, *now);
            numbers.push_back(card.card.number);
        }
    }
    if (numbers.empty()) {
        if (done_ != Done::nothing) {
            log_.notice("the guest's network cards are connected");
        }
        end();
        return;
    }
    const std::string text = "not connected since the guest was taken over: "
                             "card " + cut_off;
    switch (done_) {
    case Done::nothing:
        log_.warn(text + "; connecting again");
        for (const unsigned number : numbers) {
            if (auto s = (*domain)->reconnect_card(number); !s) {
                log_.warn(s.error().text());
            }
        }
        done_ = Done::repair;
        break;
    case Done::repair:
        log_.error(text);
        done_ = Done::warning;
        [[fallthrough]];
    case Done::warning:
        board_.warn(WarningKind::card_cut_off,
                    text + ": see what the guest's kernel and this host's say "
                    "of it, and \"xl reboot\" the guest if nothing else helps");
        break;
    }
}

}  // namespace xl_colo
