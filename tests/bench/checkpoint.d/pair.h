// Two processes joined by one TCP connection on the loopback, a guest in the
// first and its copy in the second, and checkpoint after checkpoint, each with
// a job of its own. In the second sits either our session or stock COLO.
#pragma once

#include <string>
#include <vector>

#include "job.h"

namespace xl_colo::bench {

// What sends: stock COLO, or ours with one kind of compression.
enum class Kind { stock, ours, lz4, automatic };
const char* to_string(Kind kind);

struct PairOptions {
    Kind kind = Kind::ours;
    Bytes guest;
    Contents contents = Contents::noise;
    bool digests = true;   // false: ours without them, so all pages are sent
    bool compare = false;  // the two guests after each checkpoint, in the pause
    std::vector<Job> jobs;
};

struct PairResult {
    std::vector<Sample> samples;  // one for each job
    std::string trouble;          // empty when all went well
};

PairResult run_pair(const PairOptions& options);

}  // namespace xl_colo::bench
