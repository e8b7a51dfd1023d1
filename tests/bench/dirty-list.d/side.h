/*
 * One side of the comparison: libxenguest's checkpoint code of one tree, as a
 * shared object, stock or patched. The harness loads two of them.
 */

#ifndef SIDE_H
#define SIDE_H

#include <stddef.h>
#include <stdint.h>

/*
 * The secondary: makes the list of the dirty pages in the bitmap, of nr_pfns
 * bits and whole pages, and writes it to nowhere. Octets written; 0 if the
 * code refuses.
 */
typedef size_t secondary_fn(void *bitmap, unsigned long nr_pfns);

/*
 * The primary: merges the records into the bitmap of its own dirty pages and
 * walks it, up to the batches of pfns that would be sent. Number of these
 * pfns; 0 if the code refuses.
 */
typedef size_t primary_fn(void *bitmap, unsigned long nr_pfns,
                          const void *records, size_t size);

secondary_fn secondary;
primary_fn primary;

#endif
