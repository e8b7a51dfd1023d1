#include "domain/shutdown_node.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>

#include "base/errors.h"

namespace xl_colo {

namespace {

constexpr const char* token = "xl-colo";

Error store_error(const char* what, const std::string& path)
{
    return io_error(what + (" " + path) + " in xenstore", errno);
}

}  // namespace

Result<std::unique_ptr<ShutdownNode>> XenstoreShutdownNode::open(Domid domid)
{
    XenstoreHandle xs(xs_open(0));
    if (!xs) {
        return io_error("cannot connect to xenstored", errno);
    }
    const std::string path =
        "/local/domain/" + std::to_string(domid.value()) + "/control/shutdown";
    for (const char* watched : {path.c_str(), "@releaseDomain"}) {
        if (!xs_watch(xs.get(), watched, token)) {
            return store_error("cannot watch", watched);
        }
    }
    return std::unique_ptr<ShutdownNode>(
        new XenstoreShutdownNode(std::move(xs), path));
}

Result<std::string> XenstoreShutdownNode::read(xs_transaction_t transaction)
{
    unsigned length = 0;
    const Malloced<char> word(static_cast<char*>(
        xs_read(xs_.get(), transaction, path_.c_str(), &length)));
    return word ? Result<std::string>(std::string(word.get(), length))
                : store_error("cannot read", path_);
}

Result<bool> XenstoreShutdownNode::replace(const std::string& from,
                                           const std::string& to)
{
    const xs_transaction_t transaction = xs_transaction_start(xs_.get());
    if (transaction == XBT_NULL) {
        return store_error("cannot begin to change", path_);
    }
    constexpr bool abort = true;
    auto word = read(transaction);
    if (!word || *word != from) {
        (void)xs_transaction_end(xs_.get(), transaction, abort);
        return word ? Result<bool>(false) : word.error();
    }
    if (!xs_write(xs_.get(), transaction, path_.c_str(), to.data(),
                  static_cast<unsigned>(to.size()))) {
        const Error failed = store_error("cannot write", path_);
        (void)xs_transaction_end(xs_.get(), transaction, abort);
        return failed;
    }
    if (!xs_transaction_end(xs_.get(), transaction, !abort)) {
        // Somebody else was at it.
        return errno == EAGAIN ? Result<bool>(false)
                               : store_error("cannot write", path_);
    }
    return true;
}

// Xen tells a guest's suspend to an event channel instead of xenstored, if one
// was ever asked for (__domain_finalise_shutdown() in xen/common/domain.c). Nor
// does a lost connection show here. So one looks again every now and then.
void XenstoreShutdownNode::wait(Clock::time_point deadline)
{
    constexpr std::chrono::milliseconds at_most{500};
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(
        deadline - Clock::now());
    const auto timeout = std::clamp(left, left.zero(), at_most).count();
    pollfd p{xs_fileno(xs_.get()), POLLIN, 0};
    (void)poll(&p, 1, static_cast<int>(timeout));
    while (Malloced<char*>(xs_check_watch(xs_.get()))) {
    }
}

}  // namespace xl_colo
