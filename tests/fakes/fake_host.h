// A pretend Xen host: domains that are FakeGuests, and a fault switch for each
// call. Two of them in one process are what a session's tests need.
#pragma once

#include <map>
#include <memory>
#include <mutex>

#include "fake_guest.h"
#include "fake_page_mover.h"
#include "faults.h"
#include "hypervisor/host.h"

namespace xl_colo {

class FakeHost : public Host {
public:
    // Its domains are this process's alone, or in the file `table`.
    explicit FakeHost(const std::string& name, const std::string& table = "");

    // Set before the session starts.
    HostFacts host_facts;
    DomainFacts guest_facts;       // of add_guest()'s, but for what it knows
    LibxcKind libxc;
    bool suspect_stray_word = false;
    const FakeGuest* origin = nullptr;  // of what receive() builds, if known

    Faults faults;

    // A running guest on this host.
    std::shared_ptr<FakeGuest> add_guest(const std::string& name);
    std::shared_ptr<FakeGuest> guest(Domid domid) const;
    // The newest domain here, if there was one at all.
    std::shared_ptr<FakeGuest> last_guest() const;
    // What each checkpoint moved; look when no mover is at work.
    const std::vector<Moved>& moved() const { return moved_; }
    // The guest ends by itself, or (gone) by an admin's hand, and those who
    // watch are told.
    void shut_down(Domid domid, GuestState state);

    Result<HostFacts> facts() override;
    Result<DomainFacts> find(const std::string& name_or_domid) override;
    Result<std::optional<std::string>> taken(const std::string& name,
                                             const std::string& uuid) override;
    // A configuration here is "fake <uuid>".
    Result<std::string> uuid_of(const std::string& configuration) override;
    Result<uint64_t> memory_needed_kib(
        const std::string& configuration) override;
    Result<std::unique_ptr<Domain>> open(Domid domid,
                                         const OpenOptions& options) override;
    Result<std::unique_ptr<Incoming>> receive(
        const std::string& configuration, const std::string& name,
        const DiskPaths& disks, const OpenOptions& options) override;
    std::unique_ptr<PageMover> page_mover() override;
    Result<std::unique_ptr<DomainWatch>> watch_domains() override;
    Result<std::optional<Domid>> carry_out_shutdown(Domid domid,
                                                    GuestState state) override;
    bool suspect_long_dirty_header() const override
    {
        return suspect_stray_word;
    }

private:
    class Watch;

    template <typename... Origin>
    std::shared_ptr<FakeGuest> insert(const std::string& name,
                                      const std::string& uuid,
                                      Origin... its_origin);
    std::vector<std::shared_ptr<FakeGuest>> all() const;

    mutable std::mutex mutex_;
    mutable DomainTable table_;
    // Those that this process has made or looked at.
    mutable std::map<Domid, std::shared_ptr<FakeGuest>> guests_;
    std::vector<Watch*> watches_;
    std::vector<Moved> moved_;
    uint64_t seed_;
};

}  // namespace xl_colo
