#include "churn.h"

#include <cstring>

namespace xl_colo::model {

namespace {

enum Register : size_t { steps, random_state, sum, growth };

constexpr size_t words_a_page = page_size / sizeof(uint64_t);
constexpr unsigned steps_between_rests = 16;

}  // namespace

uint64_t Churn::sum_of(const Image& image) const
{
    uint64_t total = 0;
    for (uint64_t n = 0; n < layout_.ram.value(); ++n) {
        for (size_t i = 0; i < words_a_page; ++i) {
            uint64_t word;
            std::memcpy(&word, image.page(layout_.at(n)) + i * sizeof word,
                        sizeof word);
            total += word;
        }
    }
    return total;
}

void Churn::prepare(Vm& vm) const
{
    vm.image().machine().vcpus[0].word[sum] = sum_of(vm.image());
}

bool Churn::is_sound(const Image& image) const
{
    return image.machine().vcpus[0].word[sum] == sum_of(image);
}

uint64_t Churn::steps_of(const Image& image)
{
    return image.machine().vcpus[0].word[steps];
}

void Churn::add(Registers& registers, Bus& bus, Pfn page, size_t word,
                uint64_t value) const
{
    registers.word[sum] += value - bus.load(page, word);
    bus.store(page, word, value);
}

Then Churn::step(Registers& registers, Bus& bus) const
{
    auto& state = registers.word[random_state];
    const uint64_t random = next_random(state);
    const uint64_t now = ++registers.word[steps];
    const uint64_t pages = layout_.ram.value();
    const Pfn any = layout_.at(random / 8 % pages);
    const size_t word = random >> 48 & (words_a_page - 1);
    switch (random % 8) {
    case 0:  // one page, over and over
    case 1:
        add(registers, bus, layout_.at(0), word, now);
        break;
    case 2:  // a front that moves through memory
        add(registers, bus, layout_.at(registers.word[growth]++ % pages), word,
            now);
        break;
    case 3:  // anywhere, the same on every host
    case 4:
        add(registers, bus, any, word, random);
        break;
    case 5:  // the same place with different contents
        add(registers, bus, any, word, bus.time_stamp());
        break;
    case 6:  // a whole page
        for (size_t i = 0; i < words_a_page; ++i) {
            add(registers, bus, any, i, next_random(state));
        }
        break;
    default:  // from here on each host goes its own way
        state += bus.time_stamp();
        break;
    }
    return now % steps_between_rests == 0 ? Then::rest : Then::go_on;
}

}  // namespace xl_colo::model
