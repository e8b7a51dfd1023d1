#include "base/text.h"

#include <cctype>
#include <cstdint>

namespace xl_colo {

std::string without_controls(std::string text)
{
    for (char& c : text) {
        if (std::iscntrl(static_cast<unsigned char>(c))) {
            c = ' ';
        }
    }
    return text;
}

bool is_utf8(std::string_view text)
{
    while (!text.empty()) {
        const auto lead = static_cast<unsigned char>(text[0]);
        const size_t more = lead < 0x80             ? 0
                            : (lead & 0xe0) == 0xc0 ? 1
                            : (lead & 0xf0) == 0xe0 ? 2
                            : (lead & 0xf8) == 0xf0 ? 3
                                                    : text.size();
        if (more >= text.size()) {
            return false;
        }
        uint32_t code = more == 0 ? lead : lead & (0x3fu >> more);
        for (size_t i = 1; i <= more; ++i) {
            const auto next = static_cast<unsigned char>(text[i]);
            if ((next & 0xc0) != 0x80) {
                return false;
            }
            code = code << 6 | (next & 0x3f);
        }
        constexpr uint32_t least[] = {0, 0x80, 0x800, 0x10000};
        if (code < least[more] || code > 0x10ffff ||
            (code >= 0xd800 && code < 0xe000)) {
            return false;
        }
        text.remove_prefix(more + 1);
    }
    return true;
}

}  // namespace xl_colo
