#include "commands/outcome.h"

#include <cstdio>
#include <cstdlib>

namespace xl_colo {

int tell_outcome(const std::string& domain, const Result<std::string>& outcome)
{
    if (outcome) {
        std::printf("domain %s: %s\n", domain.c_str(), outcome->c_str());
        return EXIT_SUCCESS;
    }
    const Error& error = outcome.error();
    // What was asked for is under way, and nobody knows how it will end.
    const char* advice = error.kind() == ErrorKind::timeout
                             ? "; it may still happen: see xl-colo-status"
                             : "";
    std::fprintf(stderr, "colo: error: domain %s: %s%s\n", domain.c_str(),
                 error.text().c_str(), advice);
    return EXIT_FAILURE;
}

}  // namespace xl_colo
