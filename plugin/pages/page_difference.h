// How the two hosts' copies of one page differ.
#pragma once

#include <string>

#include "base/result.h"
#include "base/units.h"

namespace xl_colo {

struct PageDifference {
    // "0x4e0c (8 bytes from 0x1c0 to 0x1cf)", "0x4e0c (not on the copy)";
    // "0x4e0c (byte 0x7: c0, on the copy 40)" where these are close together
    std::string text;
    // All of it is what Xen itself wrote there after the page was sent: events
    // for a guest that stands still and has masked them. It sets the bit
    // PENDING of a masked word of the FIFO ABI's event array and nothing else
    // (evtchn_fifo_set_pending(), xen/common/event_fifo.c, Xen 4.17), and marks
    // no page dirty. The copy's event channels begin anew.
    bool is_event;
};

// Of a page that is not equal on both. A view is empty where the host does not
// have the page.
PageDifference compare_pages(Pfn pfn, View original, View copy);

}  // namespace xl_colo
