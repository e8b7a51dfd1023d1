#include "base/heap.h"

#include <malloc.h>

namespace xl_colo {

namespace {

constexpr int kept_bytes = 256 << 20;
// The greatest that malloc() takes for it (DEFAULT_MMAP_THRESHOLD_MAX, glibc
// 2.36): libxc's records of pages are of 4 MiB.
constexpr int mapped_apart_bytes = 32 << 20;

}  // namespace

void keep_freed_memory()
{
    // Where it refuses, it is only slower.
    (void)mallopt(M_MMAP_THRESHOLD, mapped_apart_bytes);
    (void)mallopt(M_TRIM_THRESHOLD, kept_bytes);
}

}  // namespace xl_colo
