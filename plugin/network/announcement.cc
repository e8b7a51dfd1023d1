#include "network/announcement.h"

#include <linux/if_arp.h>
#include <linux/if_ether.h>

#include <charconv>

#include "base/bytes.h"

namespace xl_colo {

namespace {

void put(Buffer& out, const MacAddress& mac)
{
    out.insert(out.end(), mac.begin(), mac.end());
}

}  // namespace

Result<MacAddress> parse_mac(const std::string& text)
{
    const Error wrong(ErrorKind::refused,
                      "\"" + text + "\" is no Ethernet address");
    MacAddress mac;
    if (text.size() != 3 * mac.size() - 1) {
        return wrong;
    }
    const char* at = text.data();
    for (uint8_t& byte : mac) {
        if (&byte != mac.data() && *at++ != ':') {
            return wrong;
        }
        const auto [end, failed] = std::from_chars(at, at + 2, byte, 16);
        if (failed != std::errc() || end != at + 2) {
            return wrong;
        }
        at = end;
    }
    return mac;
}

Buffer rarp_announcement(const MacAddress& mac)
{
    constexpr MacAddress everybody{0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    constexpr uint32_t unknown = 0;
    Buffer frame;
    put(frame, everybody);
    put(frame, mac);
    put_big<uint16_t>(frame, ETH_P_RARP);
    put_big<uint16_t>(frame, ARPHRD_ETHER);
    put_big<uint16_t>(frame, ETH_P_IP);
    put_big<uint8_t>(frame, ETH_ALEN);
    put_big<uint8_t>(frame, sizeof(unknown));
    put_big<uint16_t>(frame, ARPOP_RREQUEST);
    put(frame, mac);  // who asks
    put_big(frame, unknown);
    put(frame, mac);  // whose address is asked for
    put_big(frame, unknown);
    frame.resize(ETH_ZLEN);
    return frame;
}

}  // namespace xl_colo
