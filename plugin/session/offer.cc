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
    JsonMembers members(*json);
    offer.domain = members.text("domain");
    offer.configuration = members.text("configuration");
    offer.gfns = Pages{members.number("gfns")};
    offer.memory_kib = members.number("memory-kib");
    const uint64_t timeout_ms = members.number("timeout-ms");
    const uint64_t interval_ms = members.number("interval-ms");
    offer.verify = members.flag("verify");
    offer.digest_key = members.text("digest-key");
    offer.fence = members.text("fence");
    const std::string compression = members.text("compression");
    const auto without = members.texts("without");
    if (members.error()) {
        return members.error()->with_context("OFFER");
    }
    // Bounds that keep later arithmetic safe: a day, and the 52 bits of a
    // physical address less the 12 of a page.
    constexpr uint64_t day_ms = 24 * 3600 * 1000;
    constexpr uint64_t gfns_max = uint64_t{1} << 40;
    // A guest's memory lies below a hole of less than 4 GiB and above it. Sets
    // of all gfns are made before anything else could tell that there are more
    // of them than the guest can use.
    constexpr uint64_t hole_gfns = uint64_t{1} << 20;
    constexpr uint64_t kib_of_a_page = page_size / 1024;
    if (timeout_ms == 0 || timeout_ms > day_ms || interval_ms > day_ms ||
        offer.gfns.value() == 0 || offer.gfns.value() > gfns_max ||
        offer.domain.empty()) {
        return Error(ErrorKind::protocol, "OFFER: a value is out of range");
    }
    if (offer.gfns.value() >
        offer.memory_kib / kib_of_a_page + 2 * hole_gfns) {
        return Error(ErrorKind::protocol,
                     "OFFER: " + std::to_string(offer.gfns.value()) +
                         " gfns are more than a guest of " +
                         std::to_string(offer.memory_kib) + " KiB can have");
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
