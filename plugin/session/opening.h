// The opening of a session from both sides, docs/specs/colo-wire.md, "Opening".
// Nothing is changed on either host by the time these return.
//
//     open_as_primary              open_as_secondary
//         HELLO                        HELLO
//         check_peer
//         OFFER                 ->
//                                  (looks whether there is room for the guest)
//                               <- accept(), or send_stop()
#pragma once

#include <mutex>
#include <optional>
#include <string>

#include "base/result.h"
#include "hypervisor/host.h"
#include "session/hello.h"
#include "session/offer.h"
#include "session/session.h"
#include "wire/link.h"

namespace xl_colo {

// Who is asked while a session is being opened: a wish to stop ends that.
class OpeningControl : public SessionControl {
public:
    // Borrows the link.
    explicit OpeningControl(Link& link) : link_(link) {}

    void request_stop(const std::string& reason) override;
    void request_failover() override {}
    void domains_changed() override {}

    // The wish, as an error asked_to_stop, if there was one.
    std::optional<Error> stopped() const;

private:
    Link& link_;
    mutable std::mutex mutex_;
    std::optional<std::string> reason_;
};

// Returns once the secondary has accepted: what it is. `offer`'s compression is
// what the two agreed on then. Errors: refused, by either side, with its name
// in front; peer_lost; protocol.
Result<Hello> open_as_primary(Link& link, const HostFacts& here, Offer& offer);

struct Opened {
    Hello primary;
    Offer offer;
    Buffer said;  // by both, which is the key of what checks the frames
};

// The answer is still to be given. Errors: peer_stopped with the primary's
// words, peer_lost, protocol.
Result<Opened> open_as_secondary(Link& link, const HostFacts& here);
// The link's timeout is the session's from here on, and each frame has its
// check. Error peer_lost.
Status accept(Link& link, const Opened& opened);

// What the two agree on of what the admin asked for. Error refused.
Result<Compression> agree_on(Compression wanted, const Hello& secondary);

}  // namespace xl_colo
