#include "fake_guest.h"

#include <sys/eventfd.h>

#include <algorithm>
#include <cstring>

#include "wire/frame.h"

namespace xl_colo {

namespace {

bool absent(uint64_t gfn)
{
    return gfn >= FakeGuest::first_absent.value() &&
           gfn < FakeGuest::after_absent.value();
}

bool shut_down_by(GuestState state)
{
    return state != GuestState::running && state != GuestState::gone;
}

Error not_possible(const std::string& what, GuestState state)
{
    return {state == GuestState::gone ? ErrorKind::domain_gone
                                      : ErrorKind::libxl,
            what + " of a domain that is " + to_string(state)};
}

}  // namespace

FakeGuest::FakeGuest(Domid id, DomainRecord& record, uint64_t seed)
    : domid(id),
      uuid(record.uuid),
      record_(record),
      state_(record.state),
      pauses_(record.pauses),
      memory_(gfns.value()),
      random_(seed),
      device_event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK))
{
    for (uint64_t gfn = 0; gfn < gfns.value(); ++gfn) {
        if (!absent(gfn)) {
            memory_[gfn].emplace();
            memory_[gfn]->fill(static_cast<uint8_t>(gfn));
        }
    }
}

FakeGuest::FakeGuest(Domid id, DomainRecord& record, uint64_t seed,
                     const FakeGuest* origin)
    : domid(id),
      uuid(record.uuid),
      record_(record),
      state_(record.state),
      pauses_(record.pauses),
      device_model_(false),
      memory_(gfns.value()),
      random_(seed),
      device_event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      is_copy_(true),
      origin_(origin)
{
    pauses_ = 1;
}

std::string FakeGuest::name() const
{
    const std::lock_guard lock(mutex_);
    return record_.name;
}

void FakeGuest::rename(const std::string& name)
{
    const std::lock_guard lock(mutex_);
    record_.set_name(name);
}

GuestState FakeGuest::state() const
{
    const std::lock_guard lock(mutex_);
    return state_;
}

void FakeGuest::shut_down(GuestState state)
{
    const std::lock_guard lock(mutex_);
    if (state_ == GuestState::running && pauses_ == 0) {
        state_ = state;
    }
}

void FakeGuest::destroy()
{
    const std::lock_guard lock(mutex_);
    state_ = GuestState::gone;
}

bool FakeGuest::runs() const
{
    const std::lock_guard lock(mutex_);
    return state_ == GuestState::running && pauses_ == 0;
}

bool FakeGuest::has_run() const
{
    const std::lock_guard lock(mutex_);
    return has_run_;
}

FakeGuest::Memory FakeGuest::memory() const
{
    const std::lock_guard lock(mutex_);
    return memory_;
}

uint64_t FakeGuest::counter() const
{
    const std::lock_guard lock(mutex_);
    return counter_;
}

// ---- the guest itself ------------------------------------------------------

void FakeGuest::run()
{
    const std::lock_guard lock(mutex_);
    run_locked();
}

void FakeGuest::run_locked()
{
    if (state_ != GuestState::running || pauses_ > 0) {
        return;
    }
    has_run_ = true;
    ++counter_;
    write(same_page, counter_, true);
    write(own_page, random_(), true);
    for (int i = 0; i < 8; ++i) {
        const Pfn pfn{random_() % hypervisor_page.value()};
        if (memory_[pfn.value()]) {
            write(pfn, random_(), true);
        }
    }
    move_balloon();
    device_counter_ = counter_;
    write(dma_page, random_(), device_model_log_);
    write(hypervisor_page, random_(), false);
}

void FakeGuest::write(Pfn pfn, uint64_t value, bool logged)
{
    auto& page = memory_[pfn.value()];
    if (!page) {
        page.emplace();
    }
    std::memcpy(page->data() + value % (page_size / 8) * 8, &value,
                sizeof(value));
    if (logged && log_ && !untracked_.contains(pfn)) {
        (*log_)[pfn.value()] = true;
    }
}

uint64_t FakeGuest::pages_locked() const
{
    return static_cast<uint64_t>(
        std::ranges::count_if(memory_, [](auto& page) { return !!page; }));
}

// As Linux's does: what it gave back last it takes first.
void FakeGuest::move_balloon()
{
    constexpr uint64_t room = after_balloon.value() - first_of_balloon.value();
    if (!restless_ && !is_copy_) {
        return;
    }
    for (int i = 0; i < 12; ++i) {
        if (i == 6) {
            heard_target_kib_ = limits_.target_kib;
        }
        const uint64_t pages = pages_locked();
        const bool more = pages * 4 < heard_target_kib_;
        Pfn pfn{first_of_balloon.value() + random_() % room};
        if (more && given_back_ && !memory_[given_back_->value()]) {
            pfn = *given_back_;
        }
        auto& page = memory_[pfn.value()];
        if (pages * 4 == heard_target_kib_ || page.has_value() == more) {
            continue;
        }
        if (more) {
            page.emplace().fill(0);
            untracked_.insert(pfn);
            write(pfn, random_(), true);
        } else {
            page.reset();
            given_back_ = pfn;
        }
    }
    if (restless_ && counter_ > 5 && counter_ % 3 == 0) {
        limits_.target_kib =
            (gfns.value() - (after_absent.value() - first_absent.value()) -
             random_() % room) * 4;
        target_was_set_ = true;
    }
}

void FakeGuest::make_restless()
{
    const std::lock_guard lock(mutex_);
    restless_ = true;
}

MemoryNews FakeGuest::news()
{
    const std::lock_guard lock(mutex_);
    return {Pages{pages_locked()}, std::exchange(target_was_set_, false)};
}

bool FakeGuest::has(Pfn pfn) const
{
    const std::lock_guard lock(mutex_);
    return memory_[pfn.value()].has_value();
}

// A second page in the place of a first is a page that Xen has lost.
Status FakeGuest::populate(Pfn pfn)
{
    const std::lock_guard lock(mutex_);
    if (memory_[pfn.value()]) {
        violations_.push_back("page " + std::to_string(pfn.value()) +
                              " is put where one is");
    }
    memory_[pfn.value()].emplace().fill(0);
    untracked_.insert(pfn);
    touched_ = true;
    return {};
}

Status FakeGuest::release(Pfn pfn)
{
    const std::lock_guard lock(mutex_);
    if (!memory_[pfn.value()]) {
        return Error(ErrorKind::hypercall, "there is no page to release");
    }
    memory_[pfn.value()].reset();
    touched_ = true;
    return {};
}

MemoryLimits FakeGuest::limits() const
{
    const std::lock_guard lock(mutex_);
    return limits_;
}

void FakeGuest::set_target(uint64_t kib)
{
    const std::lock_guard lock(mutex_);
    limits_.target_kib = kib;
    target_was_set_ = true;
}

void FakeGuest::set_max(uint64_t kib)
{
    const std::lock_guard lock(mutex_);
    limits_.max_kib = kib;
}

void FakeGuest::change_devices(const std::string& what, Heard heard)
{
    {
        const std::lock_guard lock(mutex_);
        device_changes_ = what;
    }
    if (heard == Heard::at_once) {
        eventfd_write(device_event_.get(), 1);
    }
}

void FakeGuest::cut_off_card(unsigned number, unsigned tries_needed)
{
    const std::lock_guard lock(mutex_);
    cut_off_cards_[number] = tries_needed;
}

CardConnection FakeGuest::card(unsigned number) const
{
    const std::lock_guard lock(mutex_);
    const auto cut_off = cut_off_cards_.find(number);
    const bool is_cut_off =
        cut_off != cut_off_cards_.end() && cut_off->second != 0;
    return is_cut_off || released_cards_.contains(number)
               ? CardConnection{1, 2}
               : CardConnection{4, 4};
}

void FakeGuest::reconnect_card(unsigned number)
{
    const std::lock_guard lock(mutex_);
    unsigned& needed = cut_off_cards_[number];
    needed -= needed > 0 ? 1 : 0;
}

unsigned FakeGuest::release_card(unsigned number)
{
    const unsigned frontend = card(number).frontend;
    const std::lock_guard lock(mutex_);
    released_cards_.insert(number);
    return frontend;
}

void FakeGuest::restore_card(unsigned number, unsigned frontend)
{
    const std::lock_guard lock(mutex_);
    if (frontend == CardConnection::connected) {
        released_cards_.erase(number);
    }
}

DiskConnection FakeGuest::disk(const std::string& vdev) const
{
    const std::lock_guard lock(mutex_);
    const auto known = disks_.find(vdev);
    return known == disks_.end() ? DiskConnection::made : known->second;
}

void FakeGuest::set_disk(const std::string& vdev, DiskConnection connection)
{
    const std::lock_guard lock(mutex_);
    disks_[vdev] = connection;
}

std::string FakeGuest::device_changes() const
{
    const std::lock_guard lock(mutex_);
    return device_changes_;
}

// ---- the toolstack ---------------------------------------------------------

Status FakeGuest::suspend(bool is_copy)
{
    const std::lock_guard lock(mutex_);
    if (state_ == GuestState::gone) {
        return not_possible("suspend", state_);
    }
    if (!device_model_) {
        return Error(ErrorKind::libxl, "the device model does not answer");
    }
    if (state_ != GuestState::running) {
        return is_copy ? Status()
                       : Error(ErrorKind::guest_stopped,
                               std::string("the guest is ") +
                                   to_string(state_));
    }
    run_locked();
    state_ = GuestState::suspended;
    timer_set_ = is_copy;
    snapshots_[counter_] = memory_;
    return {};
}

Status FakeGuest::resume()
{
    const std::lock_guard lock(mutex_);
    if (!shut_down_by(state_)) {
        return not_possible("resume", state_);
    }
    check_before_running();
    state_ = GuestState::running;
    ++record_.resumes;
    return {};
}

Status FakeGuest::pause()
{
    const std::lock_guard lock(mutex_);
    if (state_ == GuestState::gone) {
        return not_possible("pause", state_);
    }
    ++pauses_;
    return {};
}

Status FakeGuest::unpause()
{
    const std::lock_guard lock(mutex_);
    if (state_ == GuestState::gone) {
        return not_possible("unpause", state_);
    }
    if (pauses_ > 0 && --pauses_ == 0) {
        check_before_running();
    }
    return {};
}

bool FakeGuest::is_paused() const
{
    const std::lock_guard lock(mutex_);
    return pauses_ > 0;
}

Buffer FakeGuest::device_state() const
{
    const std::lock_guard lock(mutex_);
    return BodyWriter().u64(device_counter_).take();
}

Status FakeGuest::begin_load()
{
    const std::lock_guard lock(mutex_);
    if (!shut_down_by(state_)) {
        return not_possible("a checkpoint", state_);
    }
    timer_set_ = false;
    touched_ = true;
    return {};
}

// F4: a device model that is told to load twice dies, unless somebody gives it
// a yank instance first.
Status FakeGuest::load_device_state(View state, bool keeps_yank_instance)
{
    const std::lock_guard lock(mutex_);
    if (!shut_down_by(state_)) {
        return not_possible("device state", state_);
    }
    if (!keeps_yank_instance) {
        device_model_ = false;
    }
    if (!device_model_) {
        return Error(ErrorKind::io, "the device model closed its QMP socket");
    }
    // As late as it can, with the checkpoint's pages in place.
    if (timer_set_) {
        write(event_page, ~uint64_t{0}, false);
    }
    device_counter_ = BodyReader(state).u64().value();
    touched_ = true;
    return {};
}

void FakeGuest::start_device_model(View state)
{
    const std::lock_guard lock(mutex_);
    device_model_ = true;
    device_counter_ = BodyReader(state).u64().value();
    touched_ = true;
}

Status FakeGuest::set_log_dirty(bool on)
{
    const std::lock_guard lock(mutex_);
    if (state_ == GuestState::gone) {
        return not_possible("log-dirty", state_);
    }
    log_.reset();
    untracked_.clear();
    if (on) {
        log_.emplace(gfns.value());
    }
    return {};
}

void FakeGuest::start_device_model_log_dirty()
{
    const std::lock_guard lock(mutex_);
    device_model_log_ = true;
}

// ---- libxc -----------------------------------------------------------------

std::optional<std::vector<Pfn>> FakeGuest::take_dirty()
{
    const std::lock_guard lock(mutex_);
    if (!log_) {
        return std::nullopt;
    }
    std::vector<Pfn> dirty;
    for (uint64_t gfn = 0; gfn < gfns.value(); ++gfn) {
        if ((*log_)[gfn]) {
            dirty.emplace_back(gfn);
        }
    }
    log_->assign(gfns.value(), false);
    untracked_.clear();
    return dirty;
}

void FakeGuest::mark_log()
{
    const std::lock_guard lock(mutex_);
    has_mark_ = true;
    if (log_) {
        (*log_)[hypervisor_page.value()] = true;
    }
}

Result<Pages> FakeGuest::count_dirty() const
{
    const std::lock_guard lock(mutex_);
    const bool marked = log_ && (*log_)[hypervisor_page.value()];
    if (has_mark_ && !marked) {
        return Error(ErrorKind::diverged, "the dirty log has lost its mark");
    }
    const auto count = log_ ? std::ranges::count(*log_, true) : 0;
    return Pages{static_cast<uint64_t>(count - marked)};
}

std::optional<FakeGuest::Page> FakeGuest::page(Pfn pfn) const
{
    const std::lock_guard lock(mutex_);
    return memory_[pfn.value()];
}

void FakeGuest::put_page(Pfn pfn, const std::optional<Page>& contents)
{
    const std::lock_guard lock(mutex_);
    // XTAB leaves what is there as it is (process_page_data()).
    if (contents) {
        memory_[pfn.value()] = contents;
        touched_ = true;
    }
}

void FakeGuest::put_counter(uint64_t counter)
{
    const std::lock_guard lock(mutex_);
    counter_ = counter;
    touched_ = true;
}

void FakeGuest::clear_hypervisor_page()
{
    const std::lock_guard lock(mutex_);
    memory_[hypervisor_page.value()].emplace().fill(0);
}

// ---- what must hold --------------------------------------------------------

std::optional<FakeGuest::Memory> FakeGuest::memory_at(uint64_t counter) const
{
    const std::lock_guard lock(mutex_);
    const auto found = snapshots_.find(counter);
    return found == snapshots_.end() ? std::nullopt
                                     : std::optional(found->second);
}

// A copy that a restore has touched must be its origin, as that was suspended:
// every page, the vCPU and the device model, all of one moment.
void FakeGuest::check_before_running()
{
    if (!origin_ || !touched_) {
        return;
    }
    touched_ = false;
    const std::string moment = "at " + std::to_string(counter_) + ": ";
    const auto original = origin_->memory_at(counter_);
    if (!original) {
        violations_.push_back(moment + "no such state of the original");
        return;
    }
    if (device_counter_ != counter_) {
        violations_.push_back(moment + "device model is at " +
                              std::to_string(device_counter_));
    }
    for (uint64_t gfn = 0; gfn < gfns.value(); ++gfn) {
        if (memory_[gfn] != (*original)[gfn] &&
            Pfn{gfn} != hypervisor_page) {
            violations_.push_back(moment + "page " + std::to_string(gfn) +
                                  " differs");
        }
    }
}

std::vector<std::string> FakeGuest::violations() const
{
    const std::lock_guard lock(mutex_);
    return violations_;
}

}  // namespace xl_colo
