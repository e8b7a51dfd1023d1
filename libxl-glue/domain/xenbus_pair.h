// A PV driver in a guest and its backend in domain 0, by the nodes in xenstore
// in which each tells the other how far it has come. Each looks at the other's
// state when that is written, also when it is what it was.
#pragma once

#include <chrono>
#include <string>

#include "base/result.h"
#include "base/units.h"
#include "xen/handles.h"

namespace xl_colo {

// Of enum xenbus_state, Xen's public/io/xenbus.h.
namespace xenbus {
constexpr unsigned initialising = 1, init_wait = 2, initialised = 3,
                   connected = 4, closing = 5, closed = 6;
}  // namespace xenbus

class XenbusPair {
public:
    struct States {
        unsigned frontend = 0, backend = 0;  // 0: it says nothing
    };

    // `kind`: "vif" or "vbd". Error io; also where there is no such device.
    static Result<XenbusPair> of(Domid domid, const std::string& kind,
                                 unsigned number);

    xs_handle* xs() const { return xs_.get(); }
    // Where the frontend's nodes are; the guest can write what it likes there.
    const std::string& frontend() const { return frontend_; }
    // By its path: "vbd" is in the kernel, "qdisk" in QEMU.
    bool backend_is(const std::string& kind) const;

    States look(xs_transaction_t transaction = XBT_NULL) const;
    // xenstored keeps the nodes' permissions. With a transaction, for the
    // caller to see to; without, error io.
    bool write_frontend(xs_transaction_t transaction, unsigned state) const;
    bool write_backend(xs_transaction_t transaction, unsigned state) const;
    Status set_frontend(unsigned state) const;
    Status set_backend(unsigned state) const;

    // Whether the backend gets there before the deadline.
    bool backend_comes_to(unsigned state,
                          std::chrono::steady_clock::time_point deadline) const;

private:
    XenbusPair(XenstoreHandle xs, std::string frontend, std::string backend);

    XenstoreHandle xs_;
    std::string frontend_, backend_;
};

}  // namespace xl_colo
