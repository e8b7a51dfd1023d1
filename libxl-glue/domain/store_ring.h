// A copy is stopped wherever it happens to be, also halfway through writing a
// request into its xenstore ring. xenstored holds what it has read of that, and
// when the domain is introduced again, domain_conn_reset() (xenstored_domain.c,
// 4.14 to 4.22) frees it without forgetting where it was: the request that the
// guest writes next is read into freed memory, and the guest waits for its
// answer for good.
//
// So the request is brought to its end before that, with zeros. What is cut
// short by them is refused for its form, or ends up in the store of the copy's
// host, which follows the copy's own doings anyway.
#pragma once

#include <chrono>
#include <functional>

#include "base/result.h"
#include "xen/xen_headers.h"

namespace xl_colo {

// `ring` is that of a domain that stands still, and is to be reset afterwards.
// `turn` has xenstored go round its connections once. False when nobody begins
// to read from the ring within `patience` and a number of turns, which leaves
// all as it was: oxenstored, which resets connections as it should, waits for
// an event from the guest. Once somebody does read, the end is awaited, and
// each byte of it as long again. After that it is error timeout: half a request
// is what must not be left, so the domain is not to be introduced again.
Result<bool> end_request(xenstore_domain_interface& ring,
                         const std::function<Status()>& turn,
                         std::chrono::milliseconds patience);

}  // namespace xl_colo
