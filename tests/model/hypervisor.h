// The hypervisor of this process. There is one, because the C libraries above
// it are given no more than a number for a domain.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>

#include "vm.h"

namespace xl_colo::model {

class Hypervisor {
public:
    static Hypervisor& of_this_process();

    Domid add(std::shared_ptr<Vm> vm);
    void remove(Domid domid);
    // Null where there is none.
    std::shared_ptr<Vm> find(Domid domid) const;
    // The one with that number or the next one, as XEN_DOMCTL_getdomaininfo
    // wants it.
    std::pair<Domid, std::shared_ptr<Vm>> find_from(Domid domid) const;

    // Called ahead of hypercalls of note, with their name ("map"); what it
    // returns, if not 0, is the errno that the call fails with. Set it while
    // none is under way.
    using Observer = std::function<int(const char*)>;
    void observe(Observer observer) { observer_ = std::move(observer); }
    int observed(const char* call) const
    {
        return observer_ ? observer_(call) : 0;
    }

    // 0 or more, or a negative errno, as the hypervisor itself answers. One
    // that is not modelled ends the process, and says which it was.
    long hypercall(unsigned op, const std::array<uint64_t, 5>& arguments);

private:
    mutable std::mutex mutex_;
    std::map<Domid, std::shared_ptr<Vm>> vms_;
    Domid last_{0};
    Observer observer_;
};

// The hypercalls that have many operations of their own.
long domctl(Hypervisor& xen, xen_domctl& op);
long memory_op(Hypervisor& xen, unsigned command, void* argument);
long sysctl(Hypervisor& xen, xen_sysctl& op);

// Says on stderr what was asked for, and aborts: a test must not go on with a
// guess.
[[noreturn]] void not_modelled(const char* what, uint64_t number);

}  // namespace xl_colo::model
