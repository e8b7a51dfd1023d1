#include "domain/card_connection.h"

#include <cerrno>
#include <chrono>

#include "base/errors.h"
#include "domain/xenbus_pair.h"

namespace xl_colo {

namespace {

using namespace xenbus;

constexpr bool abort_it = true;

// The copy stands meanwhile.
constexpr std::chrono::seconds backend_limit{20};

Result<XenbusPair> pair_of(Domid domid, unsigned number)
{
    return XenbusPair::of(domid, "vif", number);
}

// The one that has not seen what the other wrote gets to see it once more.
bool have_look_again(const XenbusPair& pair, xs_transaction_t transaction,
                     const XenbusPair::States& now)
{
    if (now.frontend == connected) {
        return pair.write_frontend(transaction, connected);
    }
    if (now.backend == init_wait) {
        return pair.write_backend(transaction, init_wait);
    }
    return pair.write_frontend(transaction, initialising);
}

bool backend_comes_to(const XenbusPair& pair, unsigned state)
{
    return pair.backend_comes_to(
        state, std::chrono::steady_clock::now() + backend_limit);
}

}  // namespace

Result<CardConnection> read_card_connection(Domid domid, unsigned number)
{
    const auto pair = pair_of(domid, number);
    if (!pair) {
        return pair.error();
    }
    const auto [frontend, backend] = pair->look();
    return CardConnection{frontend, backend};
}

Result<unsigned> release_card_connection(Domid domid, unsigned number)
{
    const auto pair = pair_of(domid, number);
    if (!pair) {
        return pair.error();
    }
    const auto before = pair->look();
    if (before.frontend == initialising && before.backend == init_wait) {
        return before.frontend;
    }
    if (auto s = pair->set_frontend(initialising); !s) {
        return s.error();
    }
    // netback closes the rings, and is then where a new domain's is.
    if (!backend_comes_to(*pair, init_wait)) {
        return Error(ErrorKind::timeout,
                     "the backend does not let go of the card");
    }
    return before.frontend;
}

Status restore_card_connection(Domid domid, unsigned number,
                               unsigned frontend)
{
    const auto pair = pair_of(domid, number);
    if (!pair) {
        return pair.error();
    }
    // A driver that was not connected goes on by itself.
    if (frontend != connected) {
        return {};
    }
    // netback maps the rings that the driver believes in, and goes on in them.
    // The driver must not see it before that: one that closes has it close,
    // too.
    if (auto s = pair->set_frontend(connected); !s) {
        return s;
    }
    return backend_comes_to(*pair, connected)
               ? Status()
               : Error(ErrorKind::timeout,
                       "the backend does not connect to the card again");
}

Status remake_card_connection(Domid domid, unsigned number)
{
    const auto pair = pair_of(domid, number);
    if (!pair) {
        return pair.error();
    }
    // Either may be writing just now: then there is another state to look at.
    constexpr int tries = 10;
    for (int i = 0; i < tries; ++i) {
        const xs_transaction_t transaction = xs_transaction_start(pair->xs());
        if (transaction == XBT_NULL) {
            return io_error("cannot begin to change xenstore", errno);
        }
        const auto now = pair->look(transaction);
        if (now.frontend == connected && now.backend == connected) {
            (void)xs_transaction_end(pair->xs(), transaction, abort_it);
            return {};
        }
        if (!have_look_again(*pair, transaction, now)) {
            const int why = errno;
            (void)xs_transaction_end(pair->xs(), transaction, abort_it);
            return io_error("cannot write a card's state", why);
        }
        if (xs_transaction_end(pair->xs(), transaction, !abort_it)) {
            return {};
        }
        if (errno != EAGAIN) {
            return io_error("cannot write a card's state", errno);
        }
    }
    return Error(ErrorKind::timeout, "a card's state changes all the time");
}

}  // namespace xl_colo
