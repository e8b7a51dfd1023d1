#include "domain/card_connection.h"

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <string>
#include <thread>

#include "base/errors.h"

namespace xl_colo {

namespace {

// Of enum xenbus_state, Xen's public/io/xenbus.h.
constexpr unsigned initialising = 1, waiting = 2, connected = 4;

constexpr bool abort_it = true;

// The copy stands meanwhile.
constexpr std::chrono::seconds backend_limit{20};

class Nodes {
public:
    static Result<Nodes> of(Domid domid, unsigned number)
    {
        XenstoreHandle xs(xs_open(0));
        if (!xs) {
            return io_error("cannot connect to xenstored", errno);
        }
        const std::string id = std::to_string(domid.value());
        const std::string card = "/device/vif/" + std::to_string(number);
        Nodes nodes(std::move(xs), "/local/domain/" + id + card + "/state");
        // libxl's own note of it, which no guest can write to.
        const std::string backend = "/libxl/" + id + card + "/backend";
        const std::string folder = nodes.read(XBT_NULL, backend);
        if (folder.empty()) {
            return io_error("cannot read " + backend, errno);
        }
        nodes.backend_ = folder + "/state";
        return nodes;
    }

    xs_handle* xs() const { return xs_.get(); }

    CardConnection look(xs_transaction_t transaction) const
    {
        return {state(transaction, frontend_), state(transaction, backend_)};
    }
    bool write_frontend(xs_transaction_t transaction, unsigned state) const
    {
        return write(transaction, frontend_, state);
    }
    bool write_backend(xs_transaction_t transaction, unsigned state) const
    {
        return write(transaction, backend_, state);
    }

private:
    Nodes(XenstoreHandle xs, std::string frontend)
        : xs_(std::move(xs)), frontend_(std::move(frontend))
    {
    }
    std::string read(xs_transaction_t transaction,
                     const std::string& path) const
    {
        unsigned length = 0;
        const Malloced<char> value(static_cast<char*>(
            xs_read(xs_.get(), transaction, path.c_str(), &length)));
        return value ? std::string(value.get(), length) : "";
    }
    unsigned state(xs_transaction_t transaction, const std::string& path) const
    {
        return static_cast<unsigned>(
            std::strtoul(read(transaction, path).c_str(), nullptr, 10));
    }
    // xenstored keeps the node's permissions.
    bool write(xs_transaction_t transaction, const std::string& path,
               unsigned state) const
    {
        const std::string value = std::to_string(state);
        return xs_write(xs_.get(), transaction, path.c_str(), value.data(),
                        static_cast<unsigned>(value.size()));
    }

    XenstoreHandle xs_;
    std::string frontend_, backend_;
};

// The one that has not seen what the other wrote gets to see it once more.
bool have_look_again(const Nodes& nodes, xs_transaction_t transaction,
                     const CardConnection& now)
{
    if (now.frontend == connected) {
        return nodes.write_frontend(transaction, connected);
    }
    if (now.backend == waiting) {
        return nodes.write_backend(transaction, waiting);
    }
    return nodes.write_frontend(transaction, initialising);
}

bool backend_comes_to(const Nodes& nodes, unsigned state)
{
    const auto deadline = std::chrono::steady_clock::now() + backend_limit;
    while (nodes.look(XBT_NULL).backend != state) {
        if (std::chrono::steady_clock::now() > deadline) {
            return false;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return true;
}

}  // namespace

Result<CardConnection> read_card_connection(Domid domid, unsigned number)
{
    const auto nodes = Nodes::of(domid, number);
    return nodes ? Result<CardConnection>(nodes->look(XBT_NULL))
                 : nodes.error();
}

Result<unsigned> release_card_connection(Domid domid, unsigned number)
{
    const auto nodes = Nodes::of(domid, number);
    if (!nodes) {
        return nodes.error();
    }
    const CardConnection before = nodes->look(XBT_NULL);
    if (before.frontend == initialising && before.backend == waiting) {
        return before.frontend;
    }
    if (!nodes->write_frontend(XBT_NULL, initialising)) {
        return io_error("cannot write a card's state", errno);
    }
    // netback closes the rings, and is then where a new domain's is.
    if (!backend_comes_to(*nodes, waiting)) {
        return Error(ErrorKind::timeout,
                     "the backend does not let go of the card");
    }
    return before.frontend;
}

Status restore_card_connection(Domid domid, unsigned number,
                               unsigned frontend)
{
    const auto nodes = Nodes::of(domid, number);
    if (!nodes) {
        return nodes.error();
    }
    // A driver that was not connected goes on by itself.
    if (frontend != connected) {
        return {};
    }
    // netback maps the rings that the driver believes in, and goes on in them.
    // The driver must not see it before that: one that closes has it close,
    // too.
    if (!nodes->write_frontend(XBT_NULL, connected)) {
        return io_error("cannot write a card's state", errno);
    }
    return backend_comes_to(*nodes, connected)
               ? Status()
               : Error(ErrorKind::timeout,
                       "the backend does not connect to the card again");
}

Status remake_card_connection(Domid domid, unsigned number)
{
    const auto nodes = Nodes::of(domid, number);
    if (!nodes) {
        return nodes.error();
    }
    // Either may be writing just now: then there is another state to look at.
    constexpr int tries = 10;
    for (int i = 0; i < tries; ++i) {
        const xs_transaction_t transaction = xs_transaction_start(nodes->xs());
        if (transaction == XBT_NULL) {
            return io_error("cannot begin to change xenstore", errno);
        }
        const CardConnection now = nodes->look(transaction);
        if (now.is_made()) {
            (void)xs_transaction_end(nodes->xs(), transaction, abort_it);
            return {};
        }
        if (!have_look_again(*nodes, transaction, now)) {
            const int why = errno;
            (void)xs_transaction_end(nodes->xs(), transaction, abort_it);
            return io_error("cannot write a card's state", why);
        }
        if (xs_transaction_end(nodes->xs(), transaction, !abort_it)) {
            return {};
        }
        if (errno != EAGAIN) {
            return io_error("cannot write a card's state", errno);
        }
    }
    return Error(ErrorKind::timeout, "a card's state changes all the time");
}

}  // namespace xl_colo
