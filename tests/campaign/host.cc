#include "host.h"

#include <fcntl.h>
#include <unistd.h>

#include <memory>
#include <mutex>
#include <thread>

#include "churn.h"
#include "guards.h"
#include "meeting.h"
#include "model_host.h"
#include "model_log.h"
#include "session/primary.h"
#include "session/secondary.h"
#include "session/session_key.h"

namespace xl_colo::campaign {

namespace {

using namespace model;
using std::chrono::milliseconds;

constexpr milliseconds glance{25};  // between two looks at the status

class CampaignHost {
public:
    CampaignHost(Role role, const Case& c, const Times& times,
                 const Guests& guests, Ledger& ledger, UniqueFd wire)
        : role_(role),
          case_(c),
          times_(times),
          image_(role == Role::primary ? guests.primary : guests.secondary),
          stood_(guests.stood),
          ledger_(ledger),
          notes_(ledger.of(role)),
          log_(to_string(role)),
          layout_(guests.layout),
          program_(std::make_shared<Churn>(guests.layout)),
          host_(to_string(role), log_, [this] { return make_vm(); }),
          once_more_(fcntl(wire.get(), F_DUPFD_CLOEXEC, 0)),
          link_(std::move(once_more_), std::move(wire),
                times.opening_timeout),
          fence_(ledger, c.guard),
          witness_(ledger, c.guard, role)
    {
        host_.pass = [this](const std::string& step) {
            const bool stood = notes_.standstills % 2 == 1;
            if (stood ? step == "resume" : step == "suspended") {
                ++notes_.standstills;
            }
            note_checkpoint(step);
            return Status();
        };
    }

    void run()
    {
        role_ == Role::primary ? run_primary() : run_secondary();
    }
    // Beside it, on a thread of its own.
    [[noreturn]] void attend();

private:
    std::shared_ptr<Vm> make_vm()
    {
        return std::make_shared<Vm>(
            image_, role_ == Role::primary ? 1 : 2,
            std::vector<std::shared_ptr<const Program>>{program_});
    }
    void note_checkpoint(const std::string& step);
    void run_primary();
    void run_secondary();
    void never_opened(const Error& why);
    void end(const SessionEnd& end);
    void note_status();
    void ask_for_the_end();
    void come_to_rest();

    bool guarded_by_fence() const
    {
        return case_.guard == Guard::fence_no ||
               case_.guard == Guard::fence_yes;
    }
    bool guarded_by_witness() const
    {
        return case_.guard == Guard::witness ||
               case_.guard == Guard::witness_away;
    }
    SessionOptions options(SessionSettings settings) const;

    const Role role_;
    const Case& case_;
    const Times& times_;
    const Image& image_;
    const Image& stood_;
    bool put_in_ = false;  // a checkpoint, since the copy ran last
    Ledger& ledger_;
    HostNotes& notes_;
    std::mutex notes_mutex_;  // for writing what may change until the end
    ModelLog log_;
    const Layout layout_;
    std::shared_ptr<Churn> program_;
    ModelHost host_;
    UniqueFd once_more_;
    Link link_;
    StatusBoard board_{SessionStatus{}};
    CampaignFence fence_;
    CampaignWitness witness_;
    std::unique_ptr<Domain> guest_;  // the primary's
    std::unique_ptr<PageMover> mover_;
    std::unique_ptr<Primary> primary_;
    std::unique_ptr<Secondary> secondary_;
    std::atomic<SessionControl*> control_{nullptr};
};

SessionOptions CampaignHost::options(SessionSettings settings) const
{
    SessionOptions options{std::move(settings), std::nullopt, nullptr};
    options.step_timeout = times_.step_timeout;
    options.yield_limit = times_.yield_limit;
    const bool ends_by_itself = case_.story != Story::failover &&
                                case_.story != Story::stop_secondary;
    if (role_ == Role::primary && ends_by_itself) {
        options.max_checkpoints = checkpoints_wanted;
    }
    options.copy_runs = [](CheckpointNumber n) { return n.value() % 2 == 1; };
    return options;
}

// What the primary's guest was when it stood, and whether the copy is that when
// it goes on from there, or is kept. Each stays as it is meanwhile.
void CampaignHost::note_checkpoint(const std::string& step)
{
    if (role_ == Role::primary) {
        if (step == "save.checkpoint") {
            copy_image(image_, stood_);
        }
        return;
    }
    put_in_ |= step == "restore.postcopy";
    // One that is kept as it stands is so when the next checkpoint may come.
    if ((step != "resume" && step != "restore.wait") ||
        !std::exchange(put_in_, false)) {
        return;
    }
    const Difference d = difference(layout_, stood_, image_);
    ++ledger_.compared;
    if (d.pages != 0 || d.registers || d.devices) {
        ledger_.say_difference(
            "checkpoint " + std::to_string(board_.read().checkpoints) + ": " +
            std::to_string(d.pages) + " pages" +
            (d.registers ? ", registers" : "") +
            (d.devices ? ", device state" : ""));
    }
}

void CampaignHost::run_primary()
{
    auto vm = make_vm();
    build(*vm, layout_, 7);
    program_->prepare(*vm);
    const Domid domid = Hypervisor::of_this_process().add(vm);
    vm->unpause();
    guest_ = std::move(*host_.open(domid, {}));

    Offer offer = make_offer(layout_.gfns);
    offer.timeout = times_.timeout;
    offer.interval = case_.story == Story::quiet ? times_.timeout / 3
                                                 : milliseconds(10);
    offer.verify = case_.story == Story::verify;
    if (case_.story == Story::by_turns) {
        offer.output = Output::automatic;
    }
    if (auto s = open_as_primary(link_, host_, offer); !s) {
        return never_opened(s.error());
    }
    link_.set_timeout(times_.timeout);
    mover_ = host_.page_mover();
    primary_ = std::make_unique<Primary>(*guest_, *mover_, link_, board_, log_,
                                         options(offer),
                                         guarded_by_witness() ? &witness_
                                                              : nullptr);
    control_ = primary_.get();
    end(primary_->run());
}

void CampaignHost::run_secondary()
{
    const auto offer = open_as_secondary(link_, host_);
    if (!offer) {
        return never_opened(offer.error());
    }
    secondary_ = std::make_unique<Secondary>(
        host_, link_, board_, log_, options(*offer), "guest--incoming",
        guarded_by_fence() ? &fence_ : nullptr,
        guarded_by_witness() ? &witness_ : nullptr);
    control_ = secondary_.get();
    end(secondary_->run());
}

// The guest is as it was before, and the command says so and ends.
void CampaignHost::never_opened(const Error& why)
{
    link_.close();
    end({role_ == Role::primary ? State::unprotected : State::ended,
         "not opened: " + why.text(), false});
}

void CampaignHost::end(const SessionEnd& end)
{
    note_status();
    const std::lock_guard lock(notes_mutex_);
    notes_.say_why(end.why);
    notes_.state = end.state;
    notes_.ended = true;
}

void CampaignHost::note_status()
{
    const std::lock_guard lock(notes_mutex_);
    if (notes_.ended) {
        return;
    }
    const SessionStatus status = board_.read();
    uint32_t warnings = 0;
    for (const Warning& warning : status.warnings) {
        warnings |= bit(warning.kind);
    }
    notes_.warnings = warnings;
    notes_.checkpoints = status.checkpoints;
    notes_.state = status.state;
}

// What the story's admin wants, once.
void CampaignHost::ask_for_the_end()
{
    if (role_ != Role::secondary ||
        notes_.checkpoints <= checkpoints_wanted || !control_) {
        return;
    }
    SessionControl* const session = control_.exchange(nullptr);
    if (case_.story == Story::failover) {
        session->request_failover();
    } else if (case_.story == Story::stop_secondary) {
        session->request_stop("stopped on the secondary");
    }
}

void CampaignHost::come_to_rest()
{
    const auto vm = Hypervisor::of_this_process().find_from(Domid{0}).second;
    notes_.has_guest = vm != nullptr;
    if (vm) {
        notes_.ran = !vm->paused() && !vm->shutdown_reason();
        vm->pause();
    }
    notes_.rests = true;
}

void CampaignHost::attend()
{
    for (;;) {
        note_status();
        ask_for_the_end();
        if (ledger_.rest && !notes_.rests) {
            come_to_rest();
        }
        std::this_thread::sleep_for(glance);
    }
}

}  // namespace

void be_host(Role role, const Case& c, const Times& times,
             const Guests& guests, Ledger& ledger, UniqueFd wire)
{
    CampaignHost host(role, c, times, guests, ledger, std::move(wire));
    std::thread([&host] { host.run(); }).detach();
    host.attend();
}

}  // namespace xl_colo::campaign
