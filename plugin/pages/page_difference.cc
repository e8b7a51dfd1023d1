#include "pages/page_difference.h"

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "base/hex.h"

namespace xl_colo {

namespace {

// EVTCHN_FIFO_PENDING and _MASKED of xen/include/public/event_channel.h.
constexpr uint32_t fifo_pending = 1u << 31;
constexpr uint32_t fifo_masked = 1u << 30;

// More would be a dump.
constexpr size_t shown_bytes = 8;

std::string bytes(View page, size_t first, size_t last)
{
    std::string text;
    for (size_t i = first; i <= last; ++i) {
        text += ' ' + to_hex(page.subspan(i, 1));
    }
    return text;
}

std::string where(View original, View copy)
{
    if (original.empty() || copy.empty()) {
        return original.empty() ? "not on the primary" : "not on the copy";
    }
    size_t first = page_size;
    size_t last = 0;
    size_t count = 0;
    for (size_t i = 0; i < page_size; ++i) {
        if (original[i] != copy[i]) {
            first = std::min(first, i);
            last = i;
            ++count;
        }
    }
    if (count == 0) {
        return "equal when looked at again";
    }
    std::string text = count == 1 ? "byte " + hex(first)
                                  : std::to_string(count) + " bytes from " +
                                        hex(first) + " to " + hex(last);
    if (last - first < shown_bytes) {
        text += ":" + bytes(original, first, last) + ", on the copy" +
                bytes(copy, first, last);
    }
    return text;
}

bool only_masked_events(View original, View copy)
{
    if (original.empty() || copy.empty()) {
        return false;
    }
    bool differs = false;
    for (size_t at = 0; at < page_size; at += sizeof(uint32_t)) {
        uint32_t was, is;
        std::memcpy(&was, &copy[at], sizeof was);
        std::memcpy(&is, &original[at], sizeof is);
        if (is != was && ((was | fifo_pending) != is || !(was & fifo_masked))) {
            return false;
        }
        differs |= is != was;
    }
    return differs;
}

}  // namespace

PageDifference compare_pages(Pfn pfn, View original, View copy)
{
    return {hex(pfn.value()) + " (" + where(original, copy) + ")",
            only_masked_events(original, copy)};
}

}  // namespace xl_colo
