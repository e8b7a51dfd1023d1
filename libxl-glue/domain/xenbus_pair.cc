#include "domain/xenbus_pair.h"

#include <cerrno>
#include <cstdlib>
#include <thread>
#include <utility>

#include "base/errors.h"
#include "xen/store_nodes.h"

namespace xl_colo {

namespace {

bool write(xs_handle* xs, xs_transaction_t transaction,
           const std::string& path, unsigned state)
{
    const std::string value = std::to_string(state);
    return xs_write(xs, transaction, path.c_str(), value.data(),
                    static_cast<unsigned>(value.size()));
}

}  // namespace

XenbusPair::XenbusPair(XenstoreHandle xs, std::string frontend,
                       std::string backend)
    : xs_(std::move(xs)),
      frontend_(std::move(frontend)),
      backend_(std::move(backend))
{
}

Result<XenbusPair> XenbusPair::of(Domid domid, const std::string& kind,
                                  unsigned number)
{
    XenstoreHandle xs(xs_open(0));
    if (!xs) {
        return io_error("cannot connect to xenstored", errno);
    }
    const std::string id = std::to_string(domid.value());
    const std::string device =
        "/device/" + kind + "/" + std::to_string(number);
    // libxl's own note of it, which no guest can write to.
    const std::string note = "/libxl/" + id + device + "/backend";
    XenbusPair pair(std::move(xs), "/local/domain/" + id + device, "");
    pair.backend_ = read_node(pair.xs_.get(), note);
    if (pair.backend_.empty()) {
        return io_error("cannot read " + note, errno);
    }
    return pair;
}

bool XenbusPair::backend_is(const std::string& kind) const
{
    return backend_.find("/backend/" + kind + "/") != std::string::npos;
}

XenbusPair::States XenbusPair::look(xs_transaction_t transaction) const
{
    const auto state = [&](const std::string& end) {
        return static_cast<unsigned>(std::strtoul(
            read_node(xs_.get(), end + "/state", transaction).c_str(), nullptr,
            10));
    };
    return {state(frontend_), state(backend_)};
}

bool XenbusPair::write_frontend(xs_transaction_t transaction,
                                unsigned state) const
{
    return write(xs_.get(), transaction, frontend_ + "/state", state);
}

bool XenbusPair::write_backend(xs_transaction_t transaction,
                               unsigned state) const
{
    return write(xs_.get(), transaction, backend_ + "/state", state);
}

Status XenbusPair::set_frontend(unsigned state) const
{
    return write_frontend(XBT_NULL, state)
               ? Status()
               : io_error("cannot write " + frontend_ + "/state", errno);
}

Status XenbusPair::set_backend(unsigned state) const
{
    return write_backend(XBT_NULL, state)
               ? Status()
               : io_error("cannot write " + backend_ + "/state", errno);
}

bool XenbusPair::backend_comes_to(
    unsigned state, std::chrono::steady_clock::time_point deadline) const
{
    while (look().backend != state) {
        if (std::chrono::steady_clock::now() > deadline) {
            return false;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return true;
}

}  // namespace xl_colo
