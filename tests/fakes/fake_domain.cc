#include "fake_domain.h"

#include <sys/eventfd.h>

namespace xl_colo {

namespace {

class FakeMemory : public GuestMemory {
public:
    FakeMemory(std::shared_ptr<FakeGuest> guest, Faults& faults)
        : guest_(std::move(guest)), faults_(faults) {}

    Status look_at(const std::vector<Pfn>& pages, const Look& look) override
    {
        if (auto s = faults_.pass("look_at"); !s) {
            return s;
        }
        // One that is built but has not been unpaused yet stands still too.
        if (guest_->runs() || guest_->state() == GuestState::gone) {
            return Error(ErrorKind::hypercall, "look at a moving domain");
        }
        std::vector<std::optional<FakeGuest::Page>> kept;
        for (const Pfn pfn : pages) {
            kept.push_back(guest_->page(pfn));
        }
        std::vector<View> views;
        for (const auto& page : kept) {
            views.push_back(page ? View(*page) : View());
        }
        look(views);
        return {};
    }

private:
    std::shared_ptr<FakeGuest> guest_;
    Faults& faults_;
};

class FakeDeviceWatch : public DeviceWatch {
public:
    FakeDeviceWatch(std::shared_ptr<FakeGuest> guest, Faults& faults)
        : guest_(std::move(guest)), faults_(faults) {}

    int fd() const override { return guest_->device_event().get(); }
    Result<std::string> changes() override
    {
        eventfd_t count;
        eventfd_read(fd(), &count);
        if (auto s = faults_.pass("changes"); !s) {
            return s.error();
        }
        return guest_->device_changes();
    }

private:
    std::shared_ptr<FakeGuest> guest_;
    Faults& faults_;
};

}  // namespace

Result<MemoryNews> FakeBalloon::news()
{
    if (auto s = faults_.pass("news"); !s) {
        return s.error();
    }
    return guest_.news();
}

Result<std::vector<bool>> FakeBalloon::present()
{
    if (auto s = faults_.pass("present"); !s) {
        return s.error();
    }
    std::vector<bool> there;
    for (uint64_t gfn = 0; gfn < FakeGuest::gfns.value(); ++gfn) {
        there.push_back(guest_.has(Pfn{gfn}));
    }
    return there;
}

Result<std::vector<bool>> FakeBalloon::has(const std::vector<Pfn>& pages)
{
    if (auto s = faults_.pass("has"); !s) {
        return s.error();
    }
    std::vector<bool> there;
    for (const Pfn pfn : pages) {
        there.push_back(guest_.has(pfn));
    }
    return there;
}

Status FakeBalloon::populate(const std::vector<Pfn>& pages)
{
    Status s = faults_.pass("populate");
    for (size_t i = 0; s && i < pages.size(); ++i) {
        s = guest_.populate(pages[i]);
    }
    return s;
}

Status FakeBalloon::release(const std::vector<Pfn>& pages)
{
    Status s = faults_.pass("release");
    for (size_t i = 0; s && i < pages.size(); ++i) {
        s = guest_.release(pages[i]);
    }
    return s;
}

Result<MemoryLimits> FakeBalloon::limits()
{
    if (auto s = faults_.pass("limits"); !s) {
        return s.error();
    }
    return guest_.limits();
}

Status FakeBalloon::set_target(uint64_t kib)
{
    if (auto s = faults_.pass("set_target"); !s) {
        return s;
    }
    guest_.set_target(kib);
    return {};
}

Status FakeBalloon::set_max(uint64_t kib)
{
    if (auto s = faults_.pass("set_max"); !s) {
        return s;
    }
    guest_.set_max(kib);
    return {};
}

Result<Suspension> FakeDomain::suspend()
{
    if (auto s = faults_.pass("suspend"); !s) {
        may_suspend_yet_ = s.error().kind() == ErrorKind::timeout;
        return s.error();
    }
    if (guest_->state() == GuestState::suspended) {
        return Error(ErrorKind::refused, "somebody else has suspended it");
    }
    if (auto s = guest_->suspend(false); !s) {
        return s.error();
    }
    Suspension suspension;
    asked_ = !asked_;
    if (asked_) {
        suspension.acknowledged = Suspension::Clock::now();
    }
    suspension.stood = Suspension::Clock::now();
    return suspension;
}

Status FakeDomain::suspend_copy()
{
    if (auto s = faults_.pass("suspend_copy"); !s) {
        return s;
    }
    return guest_->suspend(true);
}

Result<Buffer> FakeDomain::device_state()
{
    if (auto s = faults_.pass("device_state"); !s) {
        return s.error();
    }
    return guest_->device_state();
}

Status FakeDomain::begin_load()
{
    if (auto s = faults_.pass("begin_load"); !s) {
        return s;
    }
    return guest_->begin_load();
}

Status FakeDomain::load_device_state(View state)
{
    if (auto s = faults_.pass("load_device_state"); !s) {
        return s;
    }
    return guest_->load_device_state(state, options_.reload_by_snapshot);
}

Result<bool> FakeDomain::restart_pv_drivers()
{
    if (auto s = faults_.pass("restart_pv_drivers"); !s) {
        return s.error();
    }
    return false;  // its guest has none
}

Status FakeDomain::resume()
{
    if (auto s = faults_.pass("resume"); !s) {
        return s;
    }
    return guest_->resume();
}

Status FakeDomain::mark_log()
{
    if (auto s = faults_.pass("mark_log"); !s) {
        return s;
    }
    guest_->mark_log();
    return {};
}

Result<Pages> FakeDomain::count_dirty()
{
    if (auto s = faults_.pass("count_dirty"); !s) {
        return s.error();
    }
    return guest_->count_dirty();
}

Status FakeDomain::set_log_dirty(bool on)
{
    if (auto s = faults_.pass("set_log_dirty"); !s) {
        return s;
    }
    return guest_->set_log_dirty(on);
}

Status FakeDomain::start_device_model_log_dirty()
{
    if (auto s = faults_.pass("start_device_model_log_dirty"); !s) {
        return s;
    }
    guest_->start_device_model_log_dirty();
    return {};
}

Status FakeDomain::pause()
{
    if (auto s = faults_.pass("pause"); !s) {
        return s;
    }
    return guest_->pause();
}

Status FakeDomain::unpause()
{
    if (auto s = faults_.pass("unpause"); !s) {
        return s;
    }
    return guest_->unpause();
}

Result<bool> FakeDomain::is_paused()
{
    if (auto s = faults_.pass("is_paused"); !s) {
        return s.error();
    }
    return guest_->is_paused();
}

Status FakeDomain::rename(const std::string& name)
{
    if (auto s = faults_.pass("rename"); !s) {
        return s;
    }
    guest_->rename(name);
    return {};
}

Status FakeDomain::destroy()
{
    if (auto s = faults_.pass("destroy"); !s) {
        return s;
    }
    guest_->destroy();
    return {};
}

Result<std::unique_ptr<GuestMemory>> FakeDomain::memory()
{
    if (auto s = faults_.pass("memory"); !s) {
        return s.error();
    }
    return std::unique_ptr<GuestMemory>(
        std::make_unique<FakeMemory>(guest_, faults_));
}

Result<CardConnection> FakeDomain::card_connection(unsigned number)
{
    if (auto s = faults_.pass("card_connection"); !s) {
        return s.error();
    }
    return guest_->card(number);
}

Result<unsigned> FakeDomain::release_card(unsigned number)
{
    if (auto s = faults_.pass("release_card"); !s) {
        return s.error();
    }
    return guest_->release_card(number);
}

Status FakeDomain::restore_card(unsigned number, unsigned frontend)
{
    if (auto s = faults_.pass("restore_card"); !s) {
        return s;
    }
    guest_->restore_card(number, frontend);
    return {};
}

Status FakeDomain::reconnect_card(unsigned number)
{
    if (auto s = faults_.pass("reconnect_card"); !s) {
        return s;
    }
    guest_->reconnect_card(number);
    return {};
}

Status FakeDomain::release_disk(const std::string& vdev)
{
    if (auto s = faults_.pass("release_disk"); !s) {
        return s;
    }
    guest_->set_disk(vdev, DiskConnection::released);
    return {};
}

Status FakeDomain::renew_disk(const std::string& vdev)
{
    if (auto s = faults_.pass("renew_disk"); !s) {
        return s;
    }
    if (guest_->disk(vdev) == DiskConnection::released) {
        guest_->set_disk(vdev, DiskConnection::begins_anew);
    }
    return {};
}

Status FakeDomain::restore_disk(const std::string& vdev)
{
    if (auto s = faults_.pass("restore_disk"); !s) {
        return s;
    }
    if (guest_->disk(vdev) == DiskConnection::released) {
        guest_->set_disk(vdev, DiskConnection::restored);
    } else if (guest_->disk(vdev) == DiskConnection::begins_anew) {
        guest_->set_disk(vdev, DiskConnection::made);
    }
    return {};
}

Result<std::unique_ptr<DeviceWatch>> FakeDomain::watch_devices(
    const std::vector<DeviceFacts>&)
{
    if (auto s = faults_.pass("watch_devices"); !s) {
        return s.error();
    }
    return std::unique_ptr<DeviceWatch>(
        std::make_unique<FakeDeviceWatch>(guest_, faults_));
}

Result<std::vector<Pfn>> FakeDomain::hypervisor_pages()
{
    if (auto s = faults_.pass("hypervisor_pages"); !s) {
        return s.error();
    }
    return std::vector<Pfn>{FakeGuest::hypervisor_page};
}

Result<std::vector<Pfn>> FakeDomain::pages_backends_write()
{
    if (auto s = faults_.pass("pages_backends_write"); !s) {
        return s.error();
    }
    return guest_->written_by_backends;
}

}  // namespace xl_colo
