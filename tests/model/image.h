// All that a guest is, in one memfd: its pages, and behind them the state of
// its machine. Whoever has the descriptor can look at it, from another process
// too and after the guest's own process was killed.
#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include "base/unique_fd.h"
#include "base/units.h"

namespace xl_colo::model {

// What a virtual CPU knows besides the memory.
struct Registers {
    std::array<uint64_t, 16> word{};
    bool operator==(const Registers&) const = default;
};

constexpr size_t vcpus_max = 4;
constexpr size_t device_state_max = 64 << 10;

// Whole pages of the memfd, after those of the guest and the bitmap of the
// ones that exist.
struct Machine {
    std::array<Registers, vcpus_max> vcpus;
    uint64_t device_state_size;
    std::array<uint8_t, device_state_max> device_state;
};

class Image {
public:
    // Room for `gfns` pages, none of which exists yet. The constructors throw
    // std::system_error.
    explicit Image(Pages gfns);
    // The same guest once more: duplicates the descriptor.
    Image(const Image& other);
    Image& operator=(const Image&) = delete;
    ~Image();

    Pages gfns() const { return gfns_; }
    // Not to be read where there is no page: that would make one.
    uint8_t* page(Pfn pfn) const { return base_ + pfn.value() * page_size; }
    Machine& machine() const;

    bool has(Pfn pfn) const;
    void set_present(Pfn pfn, bool present) const;
    // Gives the memory back: the page is zero when it exists again.
    void discard(Pfn pfn);

    int file() const { return file_.get(); }

private:
    uint64_t* present_words() const;
    void map();

    Pages gfns_;
    UniqueFd file_;
    uint8_t* base_ = nullptr;
};

// Makes `to` what `from` is now; both have as many gfns. Nobody may use `to`,
// and `from` must stand still.
void copy_image(const Image& from, const Image& to);

// Pages that only one of the two guests has, or whose bytes differ. Both must
// stand still.
std::vector<Pfn> differing_pages(const Image& a, const Image& b);

}  // namespace xl_colo::model
