#include "filler.h"

#include <algorithm>
#include <cstring>

namespace xl_colo::bench {

namespace {

using model::next_random;

enum Register : size_t { done, progress, differing };

constexpr uint64_t pages_a_step = 64;
constexpr uint64_t pages_a_run = 16;
// So many distinct words a page: what a compressor makes of it is about a
// quarter.
constexpr uint64_t words_of_text = 64;

uint64_t mix(uint64_t a, uint64_t b)
{
    uint64_t state = a * 0x9e3779b97f4a7c15 + b;
    return next_random(state);
}

}  // namespace

// Of the pages left each is as likely as any other (Knuth, algorithm 3.4.2S).
bool Filler::next_differs(model::Registers& registers, uint64_t n) const
{
    const uint64_t pages = task_.dirty_pages;
    uint64_t& drawn = registers.word[differing];
    const uint64_t wanted = pages - pages * task_.identical_percent / 100;
    const bool differs =
        mix(~task_.number.load(), n) % (pages - n) < wanted - drawn;
    drawn += differs;
    return differs;
}

void Filler::fill(model::Bus& bus, uint64_t number, uint64_t n,
                  bool differs) const
{
    const uint64_t runs =
        (task_.dirty_pages + pages_a_run - 1) / pages_a_run;
    const uint64_t stride = layout_.ram.value() / runs;
    const uint64_t shift = mix(number, 0) % (stride - pages_a_run + 1);
    const Pfn page = layout_.at(n / pages_a_run * stride + shift +
                                n % pages_a_run);

    uint64_t random = mix(number, n + 1);
    if (differs) {
        random += bus.time_stamp();
    }
    std::array<uint64_t, page_size / sizeof(uint64_t)> words;
    if (contents_ == Contents::noise) {
        std::ranges::generate(words, [&] { return next_random(random); });
    } else {
        const uint64_t start = random;
        std::ranges::generate(words, [&] {
            return start ^ next_random(random) % words_of_text;
        });
    }
    std::array<uint8_t, page_size> bytes;
    std::memcpy(bytes.data(), words.data(), bytes.size());
    bus.store(page, bytes);
}

model::Then Filler::step(model::Registers& registers, model::Bus& bus) const
{
    const uint64_t number = task_.number;
    if (registers.word[done] == number) {
        return model::Then::halt;
    }
    uint64_t& next = registers.word[progress];
    const uint64_t end = std::min<uint64_t>(next + pages_a_step,
                                            task_.dirty_pages);
    for (; next < end; ++next) {
        fill(bus, number, next, next_differs(registers, next));
    }
    if (next == task_.dirty_pages) {
        next = 0;
        registers.word[differing] = 0;
        registers.word[done] = number;
    }
    return model::Then::go_on;
}

}  // namespace xl_colo::bench
