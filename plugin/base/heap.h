// What the process does with memory that was freed.
#pragma once

namespace xl_colo {

// On a secondary libxc keeps each checkpoint's records aside in memory from
// malloc(), and frees them when they are applied. By itself malloc() gives most
// of it back to the kernel, and the next checkpoint takes its pages one fault
// each, in the middle of the pause. So up to 256 MiB (a checkpoint of 65,536
// pages) stay with the process: with 20,000 pages the pause on an unlimited
// link was 0.95 to 1.15 s, for 1.8 to 2.1 s without this (make bench, where a
// fault cost 10 us). For the whole process, and for what its main thread
// allocates.
void keep_freed_memory();

}  // namespace xl_colo
