#include "domain/stopping.h"

#include <algorithm>
#include <cerrno>
#include <thread>
#include <utility>

#include "domain/guest_state.h"
#include "domain/pv_reset.h"
#include "domain/shutdown_node.h"

namespace xl_colo {

namespace {

// With a guest that is to suspend; libxl has as much.
constexpr std::chrono::seconds patience{60};
// With a copy, for which the primary's guest has to wait.
constexpr std::chrono::seconds patience_with_copy{10};

// The guest may have written that: it is not to be trusted with a terminal.
std::string in_quotes(const std::string& word)
{
    const bool is_word = std::ranges::all_of(
        word, [](char c) { return c >= 'a' && c <= 'z'; });
    return is_word ? '"' + word + '"' : "something that is no word";
}

}  // namespace

Error suspended_by_others()
{
    return {ErrorKind::refused,
            "the guest was suspended by somebody else (\"xl save\" or \"xl "
            "migrate\"?), to whom it is left"};
}

GuestState GuestStopping::state()
{
    return guest_state(access_.xc.get(), domid_);
}

Status GuestStopping::stop(Suspension& suspension)
{
    forget();
    auto asked = is_to_be_asked();
    if (!asked) {
        return asked.error();
    }
    if (*asked) {
        return ask_guest(suspension);
    }
    const Status stopped = stop_guest(patience);
    suspension.stood = Suspension::Clock::now();
    return stopped;
}

// By the rules of libxl (domain_suspend_callback_common(), 4.17): a guest that
// is in ACPI's S3 cannot answer, and a PVH guest must.
Result<bool> GuestStopping::is_to_be_asked()
{
    if (emulator_ == Emulator::none) {
        return true;
    }
    auto pv = has_pv_drivers(access_, domid_);
    if (!pv || !*pv) {
        return pv;
    }
    uint64_t sleeps = 0;
    if (xc_hvm_param_get(access_.xc.get(), domid_.value(),
                         HVM_PARAM_ACPI_S_STATE, &sleeps) != 0) {
        return hypercall_error("cannot ask whether the guest sleeps", errno);
    }
    return sleeps == 0;
}

Status GuestStopping::ask_guest(Suspension& suspension)
{
    if (!shutdown_node_) {
        auto node = XenstoreShutdownNode::open(domid_);
        if (!node) {
            return node.error();
        }
        shutdown_node_ = std::move(*node);
    }
    // As long as nobody can say that the request does not stand.
    may_suspend_yet_ = true;
    auto answer = ask_to_suspend(
        *shutdown_node_, [this] { return state() == GuestState::running; },
        patience);
    if (!answer) {
        shutdown_node_.reset();
        return answer.error().with_context("cannot ask the guest to suspend");
    }
    may_suspend_yet_ = !answer->stood && answer->taken;
    if (answer->stood) {
        suspension = {answer->taken, *answer->stood};
        return answer->instead ? Status(suspended_by_others()) : Status();
    }
    if (answer->instead) {
        return Error(ErrorKind::timeout,
                     "the guest cannot be asked to suspend: it has not done "
                     "what it was asked for before, within a minute (in its "
                     "control/shutdown in xenstore is " +
                         in_quotes(*answer->instead) + ")");
    }
    return Error(ErrorKind::timeout,
                 std::string("the guest does not do what its PV drivers were "
                             "asked for, to suspend, within a minute; the "
                             "request was ") +
                     (answer->taken ? "taken" : "ignored"));
}

Status GuestStopping::stop_copy()
{
    return stop_guest(patience_with_copy);
}

Status GuestStopping::stop_guest(std::chrono::seconds limit)
{
    if (xc_domain_shutdown(access_.xc.get(), domid_.value(),
                           SHUTDOWN_suspend) != 0) {
        return hypercall_error("cannot suspend the domain", errno);
    }
    // A vCPU that waits for the device model is let finish that first.
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (state() == GuestState::running) {
        if (std::chrono::steady_clock::now() > deadline) {
            // The other vCPUs stand already.
            const bool resumed =
                xc_domain_resume(access_.xc.get(), domid_.value(), 0) == 0;
            return Error(ErrorKind::timeout,
                         std::string("the domain does not stand still") +
                             (resumed ? "" : ", and cannot be resumed"));
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return {};
}

}  // namespace xl_colo
