#include "fake_host.h"

#include <sys/eventfd.h>

#include <algorithm>

#include "fake_domain.h"
#include "fake_incoming.h"

namespace xl_colo {

namespace {

const char* const configuration_start = "fake ";

Result<std::string> uuid_in(const std::string& configuration)
{
    if (!configuration.starts_with(configuration_start)) {
        return Error(ErrorKind::protocol, "the configuration makes no sense");
    }
    return configuration.substr(std::string(configuration_start).size());
}

}  // namespace

class FakeHost::Watch : public DomainWatch {
public:
    explicit Watch(FakeHost& host)
        : host_(host), event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK))
    {
        const std::lock_guard lock(host_.mutex_);
        host_.watches_.push_back(this);
    }
    ~Watch() override
    {
        const std::lock_guard lock(host_.mutex_);
        std::erase(host_.watches_, this);
    }

    int fd() const override { return event_.get(); }
    void drain() override
    {
        eventfd_t count;
        eventfd_read(event_.get(), &count);
    }
    void fire() { eventfd_write(event_.get(), 1); }

private:
    FakeHost& host_;
    UniqueFd event_;
};

// The name seeds what the guests do, so that no two hosts do the same.
FakeHost::FakeHost(const std::string& name, const std::string& table)
    : table_(table), seed_(std::hash<std::string>()(name))
{
    host_facts.name = name;
    host_facts.xen = {4, 17};
    host_facts.cpu_features = {0x178bfbff, 0xf6d83203};
    host_facts.free_kib = 1 << 20;
    guest_facts.memory_kib = FakeGuest::gfns.value() * 4;
    guest_facts.gfns = FakeGuest::gfns;
}

// With an origin it is an empty copy of that, without one a guest of its own.
template <typename... Origin>
std::shared_ptr<FakeGuest> FakeHost::insert(const std::string& name,
                                            const std::string& uuid,
                                            Origin... its_origin)
{
    const std::lock_guard lock(mutex_);
    const Domid domid = table_.add(name, uuid);
    auto guest = std::make_shared<FakeGuest>(domid, *table_.find(domid),
                                             ++seed_, its_origin...);
    guests_[domid] = guest;
    return guest;
}

std::shared_ptr<FakeGuest> FakeHost::add_guest(const std::string& name)
{
    auto guest = insert(name, "uuid-of-" + name);
    guest->run();
    return guest;
}

std::shared_ptr<FakeGuest> FakeHost::guest(Domid domid) const
{
    const std::lock_guard lock(mutex_);
    DomainRecord* const record = table_.find(domid);
    if (!record) {
        return nullptr;
    }
    // One of another process's comes without what is in its memory.
    auto& guest = guests_[domid];
    if (!guest) {
        guest = std::make_shared<FakeGuest>(domid, *record, domid.value());
    }
    return guest;
}

std::vector<std::shared_ptr<FakeGuest>> FakeHost::all() const
{
    std::vector<std::shared_ptr<FakeGuest>> guests;
    for (uint32_t i = 1; auto its_guest = guest(Domid{i}); ++i) {
        guests.push_back(std::move(its_guest));
    }
    return guests;
}

std::shared_ptr<FakeGuest> FakeHost::last_guest() const
{
    const auto guests = all();
    return guests.empty() ? nullptr : guests.back();
}

void FakeHost::shut_down(Domid domid, GuestState state)
{
    if (state == GuestState::gone) {
        guest(domid)->destroy();
    } else {
        guest(domid)->shut_down(state);
    }
    const std::lock_guard lock(mutex_);
    for (Watch* watch : watches_) {
        watch->fire();
    }
}

Result<HostFacts> FakeHost::facts()
{
    if (auto s = faults.pass("facts"); !s) {
        return s.error();
    }
    return host_facts;
}

Result<DomainFacts> FakeHost::find(const std::string& name_or_domid)
{
    if (auto s = faults.pass("find"); !s) {
        return s.error();
    }
    for (const auto& guest : all()) {
        if (guest->state() == GuestState::gone ||
            (guest->name() != name_or_domid &&
             std::to_string(guest->domid.value()) != name_or_domid)) {
            continue;
        }
        DomainFacts facts = guest_facts;
        facts.domid = guest->domid;
        facts.name = guest->name();
        facts.state = guest->state();
        facts.configuration = configuration_start + guest->uuid;
        return facts;
    }
    return Error(ErrorKind::domain_gone, "no domain " + name_or_domid);
}

Result<std::optional<std::string>> FakeHost::taken(const std::string& name,
                                                   const std::string& uuid)
{
    if (auto s = faults.pass("taken"); !s) {
        return s.error();
    }
    for (const auto& guest : all()) {
        if (guest->state() == GuestState::gone) {
            continue;
        }
        if (guest->name() == name) {
            return std::optional("a domain named " + name + " exists");
        }
        if (guest->uuid == uuid) {
            return std::optional("a domain with UUID " + uuid + " exists");
        }
    }
    return std::optional<std::string>();
}

Result<std::string> FakeHost::uuid_of(const std::string& configuration)
{
    if (auto s = faults.pass("uuid_of"); !s) {
        return s.error();
    }
    return uuid_in(configuration);
}

Result<uint64_t> FakeHost::memory_needed_kib(const std::string&)
{
    if (auto s = faults.pass("memory_needed_kib"); !s) {
        return s.error();
    }
    return guest_facts.memory_kib;
}

Result<std::unique_ptr<Domain>> FakeHost::open(Domid domid,
                                               const OpenOptions& options)
{
    if (auto s = faults.pass("open"); !s) {
        return s.error();
    }
    auto its_guest = guest(domid);
    if (!its_guest) {
        return Error(ErrorKind::domain_gone, "no such domain");
    }
    return std::unique_ptr<Domain>(
        std::make_unique<FakeDomain>(its_guest, faults, options));
}

Result<std::unique_ptr<Incoming>> FakeHost::receive(
    const std::string& configuration, const std::string& name,
    const DiskPaths&, const OpenOptions& options)
{
    if (auto s = faults.pass("receive"); !s) {
        return s.error();
    }
    const auto uuid = uuid_in(configuration);
    if (!uuid) {
        return uuid.error();
    }
    return std::unique_ptr<Incoming>(std::make_unique<FakeIncoming>(
        insert(name, *uuid, origin), faults, options));
}

std::unique_ptr<PageMover> FakeHost::page_mover()
{
    return std::make_unique<FakePageMover>(
        [this](Domid domid) { return guest(domid); }, faults, libxc, moved_);
}

Result<std::unique_ptr<DomainWatch>> FakeHost::watch_domains()
{
    if (auto s = faults.pass("watch_domains"); !s) {
        return s.error();
    }
    return std::unique_ptr<DomainWatch>(std::make_unique<Watch>(*this));
}

Result<std::optional<Domid>> FakeHost::carry_out_shutdown(Domid domid,
                                                          GuestState state)
{
    if (auto s = faults.pass("carry_out_shutdown"); !s) {
        return s.error();
    }
    const auto old = guest(domid);
    old->destroy();
    if (state != GuestState::reboot) {
        return std::optional<Domid>();
    }
    return std::optional(insert(old->name(), old->uuid)->domid);
}

}  // namespace xl_colo
