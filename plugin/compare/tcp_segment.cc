#include "compare/tcp_segment.h"

#include <algorithm>

#include "base/bytes.h"

namespace xl_colo {

namespace {

constexpr size_t timestamps_size = 10;
constexpr uint8_t reserved_bits = 0x0e;

bool is_plain(View option)
{
    return (option[0] == tcp_option_timestamps &&
            option.size() == timestamps_size) ||
           (option[0] == tcp_option_sack && option.size() % 8 == 2);
}

// `any`: of any kind, as long as they are well-formed.
bool are_understood(View options, bool any)
{
    size_t at = 0;
    while (const auto option = next_option(options, at)) {
        if (!any && !is_plain(*option)) {
            return false;
        }
    }
    return at == options.size();
}

}  // namespace

std::optional<View> next_option(View options, size_t& at)
{
    while (at < options.size() && options[at] == tcp_option_nop) {
        ++at;
    }
    if (at == options.size()) {
        return std::nullopt;
    }
    const View rest = options.subspan(at);
    if (rest[0] == tcp_option_end) {
        // What is behind the end has to be nothing at all.
        if (std::ranges::all_of(rest, [](uint8_t b) { return b == 0; })) {
            at = options.size();
        }
        return std::nullopt;
    }
    if (rest.size() < 2 || rest[1] < 2 || rest[1] > rest.size()) {
        return std::nullopt;
    }
    at += rest[1];
    return rest.first(rest[1]);
}

std::optional<size_t> timestamps_at(View options)
{
    size_t at = 0;
    while (const auto option = next_option(options, at)) {
        if ((*option)[0] == tcp_option_timestamps &&
            option->size() == timestamps_size) {
            return at - timestamps_size + 2;
        }
    }
    return std::nullopt;
}

std::optional<TcpSegment> parse_tcp(View transport)
{
    if (transport.size() < tcp_header_min) {
        return std::nullopt;
    }
    const size_t header = size_t{transport[12]} / 16 * 4;
    if (header < tcp_header_min || header > transport.size() ||
        (transport[12] & reserved_bits) != 0) {
        return std::nullopt;
    }
    TcpSegment segment;
    segment.sequence = load_big<uint32_t>(&transport[4]);
    segment.acknowledgement = load_big<uint32_t>(&transport[8]);
    segment.flags = static_cast<uint16_t>((transport[12] & 1) << 8 |
                                          transport[13]);
    segment.urgent = load_big<uint16_t>(&transport[18]);
    segment.options =
        transport.subspan(tcp_header_min, header - tcp_header_min);
    segment.payload = transport.subspan(header);
    const bool is_syn = segment.has(tcp_syn);
    if ((is_syn && segment.has(tcp_fin | tcp_rst)) ||
        !are_understood(segment.options, is_syn)) {
        return std::nullopt;
    }
    return segment;
}

}  // namespace xl_colo
