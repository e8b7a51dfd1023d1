// One program under many names: xl-colo-start is a link to it, and "xl-colo
// start" is the same thing.
#pragma once

#include <string>
#include <vector>

namespace xl_colo {

// main(), with the words of its command line; the exit status. Once in a
// process, which has one thread.
int run_program(const std::vector<std::string>& words);

}  // namespace xl_colo
