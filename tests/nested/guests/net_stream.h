// The two streams of bytes of a connection to a guest's server (net.c), each
// told by the place of a byte alone: neither end keeps what it sent, and a byte
// that is wrong, missing, doubled or another connection's is seen at once.
//
// The client begins with 8 bytes, the connection's number, lowest first. Then
// for each byte of the stream from the client the server gives one of the
// stream to the client.
//
// A datagram of NET_QUESTION_SIZE bytes to another port comes back with the
// processor's clock behind it: two guests never answer that alike.

#ifndef NET_STREAM_H
#define NET_STREAM_H

#include <stddef.h>
#include <stdint.h>

enum { NET_PORT = 7, NET_NUMBER_SIZE = 8 };
enum { NET_CLOCK_PORT = 13, NET_QUESTION_SIZE = 16, NET_CLOCK_SIZE = 8 };
enum net_way { NET_TO_SERVER, NET_TO_CLIENT };

// Eight bytes of a stream: splitmix64 of their place.
static inline uint64_t net_word(uint64_t number, enum net_way way,
                                uint64_t index)
{
    uint64_t z = number + (index * 2 + way) * 0x9e3779b97f4a7c15;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

static inline void net_fill(uint64_t number, enum net_way way, uint64_t place,
                            uint8_t *bytes, size_t size)
{
    uint64_t word = net_word(number, way, place / 8);

    for (size_t i = 0; i < size; i++, place++) {
        if (place % 8 == 0)
            word = net_word(number, way, place / 8);
        bytes[i] = word >> (place % 8 * 8);
    }
}

// How many of the bytes are right, up to the first that is not.
static inline size_t net_right(uint64_t number, enum net_way way,
                               uint64_t place, const uint8_t *bytes,
                               size_t size)
{
    size_t i = 0;

    for (uint64_t word = net_word(number, way, place / 8); i < size;
         i++, place++) {
        if (place % 8 == 0)
            word = net_word(number, way, place / 8);
        if (bytes[i] != (uint8_t)(word >> (place % 8 * 8)))
            break;
    }
    return i;
}

#endif
