// One connection to each domain's device model. QEMU serves one client at a
// time on a socket, so a Domain and a PageMover that work on the same domain
// must share it.
#pragma once

#include <functional>
#include <map>
#include <mutex>

#include "base/units.h"
#include "qemu/qmp.h"

namespace xl_colo {

class QmpConnections {
public:
    // Runs `work` with the domain's connection, made or made anew if need be.
    // Any thread; one at a time gets in.
    template <typename T>
    Result<T> with(Domid domid, const std::function<Result<T>(Qmp&)>& work)
    {
        std::lock_guard lock(mutex_);
        auto qmp = connection(domid);
        return qmp ? work(**qmp) : Result<T>(qmp.error());
    }
    void forget(Domid domid);

private:
    Result<Qmp*> connection(Domid domid);

    std::mutex mutex_;
    std::map<Domid, std::unique_ptr<Qmp>> open_;
};

}  // namespace xl_colo
