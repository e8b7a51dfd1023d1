// Whether, and how, pages are packed on their way to the secondary.
#pragma once

#include <chrono>
#include <optional>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "base/worker_pool.h"
#include "relay/compression.h"

namespace xl_colo {

// Nanoseconds a byte, as an average of what was seen lately.
class Cost {
public:
    void add(std::chrono::nanoseconds took, size_t bytes);
    // Nothing before the first add().
    std::optional<double> value() const { return value_; }

private:
    std::optional<double> value_;
};

// What decides for Compression::automatic, by what was measured so far: how
// long the link takes for a byte, how long packing does, and what is left then.
class PackingChoice {
public:
    // Of a frame that was sent. One that did not have to wait for the link
    // tells nothing of it.
    void sent(size_t bytes, std::chrono::nanoseconds took);
    void packed(size_t bytes, size_t left, std::chrono::nanoseconds took);

    // Whether the link is known, so that it is worth finding out the rest.
    bool wants_sample() const { return link_.value().has_value(); }
    bool worth_it() const;

private:
    Cost link_;
    Cost packing_;
    std::optional<double> left_;  // the share of each byte that packing leaves
};

// One thread at a time.
class Packer {
public:
    explicit Packer(Compression compression);

    // The body of a PACKED_PAGES frame, valid until the next call, that stands
    // for the PAGES frame of these two; nothing where that is to be sent.
    std::optional<View> pack(View head, View contents);
    // What was sent then, and how long that took.
    void sent(size_t bytes, std::chrono::nanoseconds took)
    {
        choice_.sent(bytes, took);
    }

private:
    void sample(View contents);
    size_t pack_all(View head, View contents);

    const Compression compression_;
    PackingChoice choice_;
    std::optional<WorkerPool> pool_;  // not without compression
    std::vector<Buffer> parts_;
    Buffer packed_;
};

}  // namespace xl_colo
