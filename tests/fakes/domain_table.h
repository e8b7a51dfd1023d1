// The domains of a fake host as Xen and xenstore know them. They outlive the
// process that uses them where the table is in a file, which several processes
// may have open; what is in a guest's memory does not.
#pragma once

#include <atomic>
#include <string>

#include "base/units.h"
#include "hypervisor/domain.h"

namespace xl_colo {

// Any process that has the table, any thread, but for the two texts: those are
// the domain's maker's, and whoever renames it must be alone with it.
struct DomainRecord {
    std::atomic<bool> used;
    std::atomic<GuestState> state;
    std::atomic<unsigned> pauses;
    std::atomic<unsigned> resumes;  // how often it went on after a suspend
    char name[128];
    char uuid[128];

    void set_name(const std::string& text);
};

class DomainTable {
public:
    static constexpr size_t size = 32;

    // Of this process alone, or in the file `path`, which is made if need be.
    explicit DomainTable(const std::string& path = "");
    ~DomainTable();
    DomainTable(const DomainTable&) = delete;
    DomainTable& operator=(const DomainTable&) = delete;

    // Takes the next free place. Domids begin with 1 and are never used again.
    Domid add(const std::string& name, const std::string& uuid);
    // Null where there has never been such a domain.
    DomainRecord* find(Domid domid);
    // Of all that there have been.
    size_t count() const;

private:
    DomainRecord* records_;
};

}  // namespace xl_colo
