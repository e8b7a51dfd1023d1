#include "session/offer.h"

#include <vector>

#include "base/bytes.h"
#include "base/json.h"

namespace xl_colo {

std::string to_json(const Offer& offer)
{
    JsonWriter json;
    json.open_object()
        .member("domain", offer.domain)
        .member("configuration", offer.configuration)
        .member("gfns", offer.gfns.value())
        .member("memory-kib", offer.memory_kib)
        .member("timeout-ms", static_cast<uint64_t>(offer.timeout.count()))
        .member("interval-ms", static_cast<uint64_t>(offer.interval.count()))
        .member("verify", offer.verify)
        .member("digest-key", offer.digest_key)
        .member("fence", offer.fence)
        .member("compression", to_string(offer.compression));
    json.key("without").open_list();
    for (const auto& name : offer.without) {
        json.value(name);
    }
    json.close_list().close_object();
    return json.take();
}

Result<Offer> parse_offer(View body)
{
    auto json = Json::parse(text_of(body));
    if (!json) {
        return json.error().with_context("OFFER");
    }
    Offer offer;
    uint64_t timeout_ms = 0;
    uint64_t interval_ms = 0;
    std::vector<std::string> without;
    std::string compression;
    Members members(*json);
    members.read(offer.domain, &Json::text, "domain")
        .read(offer.configuration, &Json::text, "configuration")
        .read(offer.gfns, &Json::number, "gfns")
        .read(offer.memory_kib, &Json::number, "memory-kib")
        .read(timeout_ms, &Json::number, "timeout-ms")
        .read(interval_ms, &Json::number, "interval-ms")
        .read(offer.verify, &Json::flag, "verify")
        .read(offer.digest_key, &Json::text, "digest-key")
        .read(offer.fence, &Json::text, "fence")
        .read(compression, &Json::text, "compression")
        .read(without, &Json::texts, "without");
    if (members.error()) {
        return members.error()->with_context("OFFER");
    }
    // Bounds that keep later arithmetic safe: a day, and the 52 bits of a
    // physical address less the 12 of a page.
    constexpr uint64_t day_ms = 24 * 3600 * 1000;
    constexpr uint64_t gfns_max = uint64_t{1} << 40;
    if (timeout_ms == 0 || timeout_ms > day_ms || interval_ms > day_ms ||
        offer.gfns.value() == 0 || offer.gfns.value() > gfns_max ||
        offer.domain.empty()) {
        return Error(ErrorKind::protocol, "OFFER: a value is out of range");
    }
    const auto known = parse_compression(compression);
    if (!known) {
        return Error(ErrorKind::protocol,
                     "OFFER: \"compression\" is none that is known here");
    }
    offer.compression = *known;
    offer.timeout = std::chrono::milliseconds(timeout_ms);
    offer.interval = std::chrono::milliseconds(interval_ms);
    offer.without.insert(without.begin(), without.end());
    return offer;
}

}  // namespace xl_colo
