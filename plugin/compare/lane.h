// Frames of the primary's guest that wait for the copy, in one flow: they go in
// the order in which they came.
#pragma once

#include <chrono>
#include <list>

#include "compare/packet.h"

namespace xl_colo {

// Stays where it is: the packet borrows its bytes.
struct WaitingFrame {
    Buffer bytes;
    Packet packet;
    std::chrono::steady_clock::time_point since;
    size_t matched = 0;    // TCP: of its payload
    uint64_t datagram = 0; // fragments: to which it belongs
    std::list<WaitingFrame>::iterator self;
    WaitingFrame* next = nullptr;
};

struct Lane {
    WaitingFrame* first = nullptr;
    WaitingFrame* last = nullptr;
    // Nothing in it is confirmed any more.
    bool is_shut = false;

    void push(WaitingFrame& frame)
    {
        (last ? last->next : first) = &frame;
        last = &frame;
    }
    void pop()
    {
        first = first->next;
        if (!first) {
            last = nullptr;
        }
    }
};

}  // namespace xl_colo
