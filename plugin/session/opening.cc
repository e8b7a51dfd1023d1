#include "session/opening.h"

#include <sys/random.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <new>

#include "base/json.h"

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

namespace xl_colo {

namespace {

constexpr size_t digest_key_size = 64;

View view_of(const std::string& text)
{
    return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

std::string text_of(View bytes)
{
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string to_string(XenVersion xen)
{
    return std::to_string(xen.major) + "." + std::to_string(xen.minor);
}

Result<XenVersion> parse_xen_version(const std::string& text)
{
    XenVersion xen;
    char end = 0;
    // sscanf would take a sign or a space as well.
    if (text.find_first_not_of("0123456789.") != std::string::npos ||
        std::sscanf(text.c_str(), "%3u.%3u%c", &xen.major, &xen.minor, &end) !=
        2) {
        return Error(ErrorKind::protocol,
                     "\"xen\" is not a version: " + text);
    }
    return xen;
}

// Reads members one after another and keeps the first error, so that a parser
// is the list of its members.
class Members {
public:
    explicit Members(const Json& json) : json_(json) {}

    template <typename T, typename Get>
    Members& read(T& to, Get get, const char* key)
    {
        if (!error_) {
            auto value = (json_.*get)(key);
            if (value) {
                to = T(std::move(*value));
            } else {
                error_ = value.error();
            }
        }
        return *this;
    }
    const std::optional<Error>& error() const { return error_; }

private:
    const Json& json_;
    std::optional<Error> error_;
};

}  // namespace

Hello make_hello(const HostFacts& facts)
{
    Hello hello;
    hello.version = PACKAGE_VERSION;
    hello.host = facts.name;
    hello.xen = facts.xen;
    hello.cpu_features = facts.cpu_features;
    hello.unpacks = {compression_lz4};
    return hello;
}

std::string to_json(const Hello& hello)
{
    JsonWriter json;
    json.open_object()
        .member("protocol", hello.protocol)
        .member("version", hello.version)
        .member("host", hello.host)
        .member("xen", to_string(hello.xen))
        .member("max-frame", hello.max_frame);
    json.key("features").open_list();
    for (const auto& name : hello.features) {
        json.value(name);
    }
    json.close_list().key("unpacks").open_list();
    for (const auto& name : hello.unpacks) {
        json.value(name);
    }
    json.close_list().key("cpu-features").open_list();
    for (const uint32_t word : hello.cpu_features) {
        json.value(uint64_t{word});
    }
    json.close_list().close_object();
    return json.take();
}

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

Result<Hello> parse_hello(View body)
{
    auto json = Json::parse(text_of(body));
    if (!json) {
        return json.error().with_context("HELLO");
    }
    Hello hello;
    std::string xen;
    std::vector<uint64_t> words;
    Members members(*json);
    // The protocol first: another one may name its members otherwise.
    members.read(hello.protocol, &Json::number, "protocol");
    if (!members.error() && hello.protocol != protocol_version) {
        return Error(ErrorKind::refused,
                     "speaks version " + std::to_string(hello.protocol) +
                         " of the protocol and this side version " +
                         std::to_string(protocol_version) +
                         ": install the same xl-colo on both hosts");
    }
    members.read(hello.version, &Json::text, "version")
        .read(hello.host, &Json::text, "host")
        .read(xen, &Json::text, "xen")
        .read(hello.max_frame, &Json::number, "max-frame")
        .read(hello.features, &Json::texts, "features")
        .read(hello.unpacks, &Json::texts, "unpacks")
        .read(words, &Json::numbers, "cpu-features");
    if (members.error()) {
        return members.error()->with_context("HELLO");
    }
    auto version = parse_xen_version(xen);
    if (!version) {
        return version.error().with_context("HELLO");
    }
    hello.xen = *version;
    for (const uint64_t word : words) {
        if (word > UINT32_MAX) {
            return Error(ErrorKind::protocol,
                         "HELLO: \"cpu-features\" has a word of more than 32 "
                         "bits");
        }
    }
    hello.cpu_features.assign(words.begin(), words.end());
    return hello;
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

Status check_peer(const Hello& primary, const Hello& secondary)
{
    const auto refuse = [](const std::string& why) {
        return Error(ErrorKind::refused, why);
    };
    if (!secondary.features.empty()) {
        return refuse("asks for feature \"" + secondary.features.front() +
                      "\", which this xl-colo " + primary.version +
                      " does not know: install the same xl-colo on both "
                      "hosts");
    }
    if (secondary.max_frame < frame_body_max) {
        return refuse("accepts frames of at most " +
                      std::to_string(secondary.max_frame) + " bytes, " +
                      std::to_string(frame_body_max) + " are needed");
    }
    // libxc reads the streams of older releases, not of newer ones.
    if (secondary.xen < primary.xen) {
        return refuse("runs Xen " + to_string(secondary.xen) +
                      ", older than this host's " + to_string(primary.xen) +
                      ": upgrade it first");
    }
    for (size_t i = 0; i < primary.cpu_features.size(); ++i) {
        const uint32_t theirs = i < secondary.cpu_features.size()
                                    ? secondary.cpu_features[i]
                                    : 0;
        const uint32_t missing = primary.cpu_features[i] & ~theirs;
        if (missing) {
            char text[128];
            std::snprintf(text, sizeof text,
                          "lacks CPU features of this host: word %zu of "
                          "hw_caps, bits 0x%08x",
                          i, missing);
            return refuse(text);
        }
    }
    return {};
}

Result<Compression> agree_on(Compression wanted, const Hello& secondary)
{
    if (wanted == Compression::none ||
        std::ranges::find(secondary.unpacks, compression_lz4) !=
            secondary.unpacks.end()) {
        return wanted;
    }
    if (wanted == Compression::automatic) {
        return Compression::none;
    }
    return Error(ErrorKind::refused,
                 "its xl-colo " + secondary.version + " does not unpack " +
                     to_string(wanted) +
                     ": install the same one on both hosts, or use "
                     "--compress=none");
}

Result<Hello> exchange_hello(Link& link, const Hello& mine)
{
    const std::string text = to_json(mine);
    // A peer that ended at once may have said why before: read that first.
    const Status sent = link.send(FrameType::HELLO, {view_of(text)});
    auto frame = link.receive();
    if (!frame) {
        return frame.error();
    }
    if (frame->type == FrameType::STOP) {
        return Error(ErrorKind::peer_stopped, stop_text(*frame));
    }
    if (frame->type != FrameType::HELLO) {
        return Error(ErrorKind::protocol,
                     "expected HELLO, received " + to_string(frame->type));
    }
    if (!sent) {
        return sent.error();
    }
    return parse_hello(frame->body);
}

std::string stop_text(const Frame& frame)
{
    std::string text = text_of(frame.body);
    for (char& c : text) {
        if (std::iscntrl(static_cast<unsigned char>(c))) {
            c = ' ';
        }
    }
    return text;
}

Status send_stop(FrameSender& sender, const std::string& why)
{
    constexpr size_t most = 60000;  // STOP holds 64 KiB
    const std::string text = why.substr(0, most);
    return sender.send(FrameType::STOP, {view_of(text)});
}

std::string make_digest_key()
{
    std::array<uint8_t, digest_key_size> key{};
    // Up to 256 bytes come whole or not at all, getrandom(2).
    if (getrandom(key.data(), key.size(), 0) !=
        static_cast<ssize_t>(key.size())) {
        throw std::bad_alloc();
    }
    std::string hex;
    for (const uint8_t byte : key) {
        char digits[3];
        std::snprintf(digits, sizeof digits, "%02x", byte);
        hex += digits;
    }
    return hex;
}

Result<DigestKeys> parse_digest_key(const std::string& hex)
{
    Buffer key;
    for (size_t i = 0; i + 1 < hex.size(); i += 2) {
        unsigned byte = 0;
        if (!std::isxdigit(static_cast<unsigned char>(hex[i])) ||
            !std::isxdigit(static_cast<unsigned char>(hex[i + 1])) ||
            std::sscanf(hex.substr(i, 2).c_str(), "%2x", &byte) != 1) {
            break;
        }
        key.push_back(static_cast<uint8_t>(byte));
    }
    if (key.size() != digest_key_size || hex.size() != 2 * digest_key_size) {
        return Error(ErrorKind::protocol, "the digest key is not " +
                                              std::to_string(digest_key_size) +
                                              " bytes of hexadecimal");
    }
    const auto middle = key.begin() + digest_key_size / 2;
    return DigestKeys{Buffer(key.begin(), middle), Buffer(middle, key.end())};
}

}  // namespace xl_colo
