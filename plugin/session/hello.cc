#include "session/hello.h"

#include <cstdio>

#include "base/bytes.h"
#include "base/json.h"
#include "base/text.h"
#include "relay/compression.h"

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

namespace xl_colo {

namespace {

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

Result<Hello> parse_hello(View body)
{
    auto json = Json::parse(text_of(body));
    if (!json) {
        return json.error().with_context("HELLO");
    }
    Hello hello;
    JsonMembers members(*json);
    // The protocol first: another one may name its members otherwise.
    hello.protocol = members.number("protocol");
    if (!members.error() && hello.protocol != protocol_version) {
        return Error(ErrorKind::refused,
                     "speaks version " + std::to_string(hello.protocol) +
                         " of the protocol and this side version " +
                         std::to_string(protocol_version) +
                         ": install the same xl-colo on both hosts");
    }
    hello.version = members.text("version");
    // It goes into messages and the status.
    hello.host = without_controls(members.text("host"));
    const std::string xen = members.text("xen");
    hello.max_frame = members.number("max-frame");
    hello.features = members.texts("features");
    hello.unpacks = members.texts("unpacks");
    const auto words = members.numbers("cpu-features");
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

}  // namespace xl_colo
