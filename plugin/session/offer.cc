#include "session/offer.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/json.h"
#include "session/session_key.h"

namespace xl_colo {

namespace {

constexpr std::pair<DeviceType, const char*> device_types[] = {
    {DeviceType::disk, "disk"},
    {DeviceType::network_card, "network-card"},
    {DeviceType::pv_connection, "pv-connection"},
    {DeviceType::acting, "acting"},
};

constexpr uint64_t too_many_cards = 0x10000;
constexpr uint64_t too_many_volumes = 0x10000;
constexpr uint64_t most_store_bytes = uint64_t{1} << 40;

const char* name_of(DeviceType type)
{
    return std::ranges::find(device_types, type, [](auto& t) {
               return t.first;
           })->second;
}

std::optional<DeviceType> device_type_of(const std::string& name)
{
    for (const auto& [type, its_name] : device_types) {
        if (name == its_name) {
            return type;
        }
    }
    return std::nullopt;
}

CardFacts parse_card(JsonMembers& members)
{
    // One that is too large stays so.
    const uint64_t number = std::min(members.number("number"), too_many_cards);
    return {static_cast<unsigned>(number), members.text("interface"),
            members.text("bridge"),        members.text("script"),
            members.flag("emulated"),      members.flag("elsewhere")};
}

DiskFacts parse_disk(JsonMembers& members)
{
    DiskFacts disk;
    disk.path = members.text("path");
    disk.elsewhere = members.flag("elsewhere");
    disk.resource = members.text("resource");
    disk.volume = static_cast<unsigned>(
        std::min(members.number("volume"), too_many_volumes));
    return disk;
}

Result<std::vector<DeviceFacts>> parse_devices(
    const std::vector<Json>& objects)
{
    std::vector<DeviceFacts> devices;
    for (const Json& object : objects) {
        JsonMembers members(object);
        DeviceFacts device{members.named("type", device_type_of),
                           members.text("name"), members.flag("writable"),
                           members.flag("pv-driver")};
        if (device.type == DeviceType::network_card) {
            device.card = parse_card(members);
        }
        if (device.type == DeviceType::disk) {
            device.disk = parse_disk(members);
        }
        devices.push_back(std::move(device));
        if (members.error()) {
            return members.error()->with_context("\"devices\"");
        }
        if (devices.back().card.number == too_many_cards) {
            return Error(ErrorKind::protocol,
                         "\"devices\": \"number\" is out of range");
        }
        if (devices.back().disk.volume == too_many_volumes) {
            return Error(ErrorKind::protocol,
                         "\"devices\": \"volume\" is out of range");
        }
    }
    return devices;
}

}  // namespace

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
        .member("verify-disks", offer.verify_disks)
        .member("session", offer.session)
        .member("digest-key", offer.digest_key)
        .member("fence", offer.fence)
        .member("witness", offer.witness)
        .member("compression", to_string(offer.compression))
        .member("output", to_string(offer.output))
        .member("disk-store", to_string(offer.disk_store))
        .member("disk-store-bytes",
                offer.disk_store.size.value_or(Bytes{0}).value());
    json.key("devices").open_list();
    for (const DeviceFacts& device : offer.devices) {
        json.open_object()
            .member("type", name_of(device.type))
            .member("name", device.name)
            .member("writable", device.writable)
            .member("pv-driver", device.used_by_pv_driver);
        if (device.type == DeviceType::network_card) {
            json.member("number", uint64_t{device.card.number})
                .member("interface", device.card.interface)
                .member("bridge", device.card.bridge)
                .member("script", device.card.script)
                .member("emulated", device.card.emulated)
                .member("elsewhere", device.card.elsewhere);
        }
        if (device.type == DeviceType::disk) {
            // Where one that is replicated is on its own host is no business of
            // the other's.
            json.member("path", device.writable ? "" : device.disk.path)
                .member("elsewhere", device.disk.elsewhere)
                .member("resource", device.disk.resource)
                .member("volume", uint64_t{device.disk.volume});
        }
        json.close_object();
    }
    json.close_list().key("without").open_list();
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
    offer.verify_disks = members.flag("verify-disks");
    offer.session = members.text("session");
    offer.digest_key = members.text("digest-key");
    offer.fence = members.text("fence");
    offer.witness = members.text("witness");
    const std::string compression = members.text("compression");
    const std::string output = members.text("output");
    const std::string disk_store = members.text("disk-store");
    const uint64_t store_bytes = members.number("disk-store-bytes");
    const auto without = members.texts("without");
    const auto devices = members.take(json->objects("devices"));
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
        offer.domain.empty() || (offer.verify_disks && !offer.verify)) {
        return Error(ErrorKind::protocol, "OFFER: a value is out of range");
    }
    if (offer.gfns.value() >
        offer.memory_kib / kib_of_a_page + 2 * hole_gfns) {
        return Error(ErrorKind::protocol,
                     "OFFER: " + std::to_string(offer.gfns.value()) +
                         " gfns are more than a guest of " +
                         std::to_string(offer.memory_kib) + " KiB can have");
    }
    if (!is_session_id(offer.session)) {
        return Error(ErrorKind::protocol,
                     "OFFER: \"session\" is not 32 hexadecimal digits");
    }
    const auto known = parse_compression(compression);
    if (!known) {
        return Error(ErrorKind::protocol,
                     "OFFER: \"compression\" is none that is known here");
    }
    offer.compression = *known;
    const auto known_output = parse_output(output);
    if (!known_output) {
        return Error(ErrorKind::protocol,
                     "OFFER: \"output\" is none that is known here");
    }
    offer.output = *known_output;
    const auto known_store = parse_disk_store(disk_store);
    if (!known_store) {
        return Error(ErrorKind::protocol,
                     "OFFER: \"disk-store\" is none that is known here");
    }
    offer.disk_store = *known_store;
    if (store_bytes > most_store_bytes) {
        return Error(ErrorKind::protocol, "OFFER: a value is out of range");
    }
    if (store_bytes > 0) {
        offer.disk_store.size = Bytes{store_bytes};
    }
    offer.timeout = std::chrono::milliseconds(timeout_ms);
    offer.interval = std::chrono::milliseconds(interval_ms);
    offer.without.insert(without.begin(), without.end());
    auto known_devices = parse_devices(devices);
    if (!known_devices) {
        return known_devices.error().with_context("OFFER");
    }
    offer.devices = std::move(*known_devices);
    return offer;
}

}  // namespace xl_colo
