// Whether a page of the primary and one of the secondary hold the same, told by
// 16 bytes. A page whose digests agree is not sent, so a collision would be a
// wrong page in the copy, and the guest decides what its pages hold.
//
// This is Poly1305 under a secret of the session, as a universal hash: two
// different pages, chosen by whoever does not know the secret, agree with a
// chance of at most 8 * 256 / 2^106 = 2^-95 (Bernstein, "The Poly1305-AES
// message-authentication code", theorem 3.3). That a key must serve for one
// message only is about forgers who see tags. Here none is seen but by the two
// hosts, which hold the guest's memory anyway. The guest may learn from the
// pause which pages agreed; as long as no two different ones did, that excludes
// one secret in 2^95 a try. 100,000 tries a second for a year leave 2^-53.
//
// The digests of --verify are another function, under another secret: so it
// finds what this one gets wrong. That one, XXH3, would not do here: it sums
// 32-bit products, and a chance of 2^-32 a try is within a guest's reach.
//
// Measured on one core (Zen 4, OpenSSL 3.0.19, a page at a time, per page):
// XXH3 300 ns, Poly1305 470 ns, GMAC 700 ns (7,200 ns on a CPU without
// PCLMULQDQ), SipHash 1,560 ns, SHA-256 2,900 ns, BLAKE2b 4,000 ns, AES-CMAC
// 4,700 ns.
#pragma once

#include <memory>

#include "base/units.h"
#include "hypervisor/guest_memory.h"

namespace xl_colo {

// One thread at a time.
class ContentHash {
public:
    static constexpr size_t key_size = 32;

    // Throws std::runtime_error where libcrypto has no Poly1305.
    explicit ContentHash(View key);
    ~ContentHash();
    ContentHash(ContentHash&&) noexcept;

    PageDigest operator()(View page);

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace xl_colo
