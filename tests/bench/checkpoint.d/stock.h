// COLO as libxl's own, for the benchmark to compare with: xc_domain_save() and
// xc_domain_restore() on both ends of one connection, and between their
// callbacks what libxl_colo_save.c and libxl_colo_restore.c (Xen 4.17) say to
// each other over the same descriptors. Left out is what libxl itself costs,
// its helper processes and the messages between them; F3 is repaired as in
// ours, since without that it copies less than it must.
#pragma once

#include <cstdint>

#include "hypervisor/host.h"

namespace xl_colo::bench {

// Both borrow the connection and duplicate it.
Status run_stock_primary(Domain& domain, PageMover& mover, int connection,
                         uint64_t checkpoints);
Status run_stock_secondary(Host& host, int connection, Pages gfns);

}  // namespace xl_colo::bench
