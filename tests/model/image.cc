#include "image.h"

#include <fcntl.h>
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace xl_colo::model {

namespace {

constexpr uint64_t word_bits = 64;

int checked(int r)
{
    if (r < 0) {
        throw std::system_error(errno, std::generic_category(),
                                "memory of a model guest");
    }
    return r;
}

uint64_t whole_pages(uint64_t bytes)
{
    return (bytes + page_size - 1) / page_size * page_size;
}

uint64_t bitmap_bytes(Pages gfns)
{
    return whole_pages((gfns.value() + word_bits - 1) / word_bits *
                       sizeof(uint64_t));
}

uint64_t file_bytes(Pages gfns)
{
    return gfns.value() * page_size + bitmap_bytes(gfns) +
           whole_pages(sizeof(Machine));
}

}  // namespace

Image::Image(Pages gfns)
    : gfns_(gfns), file_(checked(memfd_create("model-guest", MFD_CLOEXEC)))
{
    checked(ftruncate(file_.get(), static_cast<off_t>(file_bytes(gfns))));
    map();
}

Image::Image(const Image& other)
    : gfns_(other.gfns_),
      file_(checked(fcntl(other.file_.get(), F_DUPFD_CLOEXEC, 0)))
{
    map();
}

void Image::map()
{
    void* const at = mmap(nullptr, file_bytes(gfns_), PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_NORESERVE, file_.get(), 0);
    if (at == MAP_FAILED) {
        checked(-1);
    }
    base_ = static_cast<uint8_t*>(at);
}

Image::~Image()
{
    munmap(base_, file_bytes(gfns_));
}

uint64_t* Image::present_words() const
{
    return reinterpret_cast<uint64_t*>(base_ + gfns_.value() * page_size);
}

Machine& Image::machine() const
{
    return *reinterpret_cast<Machine*>(base_ + gfns_.value() * page_size +
                                       bitmap_bytes(gfns_));
}

bool Image::has(Pfn pfn) const
{
    if (pfn.value() >= gfns_.value()) {
        return false;
    }
    const std::atomic_ref word(present_words()[pfn.value() / word_bits]);
    return word.load(std::memory_order_relaxed) >> pfn.value() % word_bits & 1;
}

void Image::set_present(Pfn pfn, bool present) const
{
    const std::atomic_ref word(present_words()[pfn.value() / word_bits]);
    const uint64_t bit = uint64_t{1} << pfn.value() % word_bits;
    if (present) {
        word.fetch_or(bit, std::memory_order_relaxed);
    } else {
        word.fetch_and(~bit, std::memory_order_relaxed);
    }
}

void Image::discard(Pfn pfn)
{
    checked(fallocate(file_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                      static_cast<off_t>(pfn.value() * page_size), page_size));
}

void copy_image(const Image& from, const Image& to)
{
    for (uint64_t i = 0; i < from.gfns().value(); ++i) {
        const Pfn pfn{i};
        const bool there = from.has(pfn);
        if (there != to.has(pfn)) {
            to.set_present(pfn, there);
        }
        if (there) {
            std::memcpy(to.page(pfn), from.page(pfn), page_size);
        }
    }
    to.machine() = from.machine();
}

std::vector<Pfn> differing_pages(const Image& a, const Image& b)
{
    std::vector<Pfn> differing;
    const uint64_t gfns = std::max(a.gfns(), b.gfns()).value();
    for (uint64_t i = 0; i < gfns; ++i) {
        const Pfn pfn{i};
        const bool there = a.has(pfn);
        if (there != b.has(pfn) ||
            (there && std::memcmp(a.page(pfn), b.page(pfn), page_size) != 0)) {
            differing.push_back(pfn);
        }
    }
    return differing;
}

}  // namespace xl_colo::model
