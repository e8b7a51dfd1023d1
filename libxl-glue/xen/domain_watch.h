// The watch that xenstored fires when a domain shuts down or goes away.
#pragma once

#include <memory>

#include "hypervisor/host.h"
#include "xen/handles.h"

namespace xl_colo {

// Has a connection to xenstored of its own: its descriptor tells of nothing
// but this watch.
class XenstoreWatch : public DomainWatch {
public:
    static Result<std::unique_ptr<DomainWatch>> on_domains();

    int fd() const override { return xs_fileno(xs_.get()); }
    void drain() override;

private:
    explicit XenstoreWatch(XenstoreHandle xs) : xs_(std::move(xs)) {}

    XenstoreHandle xs_;
};

}  // namespace xl_colo
