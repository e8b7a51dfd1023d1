// The opening of a session, docs/specs/colo-wire.md, "Opening": who the two
// hosts are, and what the primary asks of the secondary.
#pragma once

#include <chrono>
#include <set>
#include <string>

#include "base/result.h"
#include "hypervisor/host.h"
#include "relay/compression.h"
#include "wire/link.h"

namespace xl_colo {

constexpr uint64_t protocol_version = 1;

struct Hello {
    uint64_t protocol = protocol_version;
    std::string version;                // of the program
    std::vector<std::string> features;  // both must know them
    std::string host;
    XenVersion xen;
    std::vector<uint32_t> cpu_features;
    uint64_t max_frame = frame_body_max;
    std::vector<std::string> unpacks;   // compressions that it understands
};

struct Offer {
    std::string domain;
    std::string configuration;  // libxl's JSON
    Pages gfns;
    uint64_t memory_kib = 0;
    std::chrono::milliseconds timeout{};
    std::chrono::milliseconds interval{};
    bool verify = false;
    std::string digest_key;  // hexadecimal; fresh for each session
    std::string fence;       // empty: none
    Compression compression = Compression::none;
    std::set<std::string> without;

    bool lacks(const char* work_around) const
    {
        return without.contains(work_around);
    }
};

// What a test may switch off with --without.
constexpr const char* without_f2 = "f2";
constexpr const char* without_f3 = "f3";
constexpr const char* without_f4 = "f4";
constexpr const char* without_pv_reset = "pv-reset";
constexpr const char* without_back_channel = "back-channel";
constexpr const char* without_elision = "elision";  // all pages are sent
constexpr const char* without_digest = "digest";    // all pages look the same

Hello make_hello(const HostFacts& facts);
std::string to_json(const Hello& hello);
std::string to_json(const Offer& offer);
Result<Hello> parse_hello(View body);
Result<Offer> parse_offer(View body);

// What the primary has against the secondary. Error refused, for an admin.
Status check_peer(const Hello& primary, const Hello& secondary);
// What the two agree on of what the admin asked for. Error refused alike.
Result<Compression> agree_on(Compression wanted, const Hello& secondary);

// Sends ours and waits for theirs. A STOP in its place is the peer's reason.
Result<Hello> exchange_hello(Link& link, const Hello& mine);

// The text of a STOP, fit to print: control characters become spaces.
std::string stop_text(const Frame& frame);
Status send_stop(FrameSender& sender, const std::string& why);

// The secrets of a session, 32 bytes each. They are two so that a comparison
// finds what the other digest takes for the same.
struct DigestKeys {
    Buffer verification;  // of PageHash
    Buffer contents;      // of ContentHash
};

// Both from the kernel's random source, and back from hexadecimal.
std::string make_digest_key();
Result<DigestKeys> parse_digest_key(const std::string& hex);

}  // namespace xl_colo
