// Has this host believe that frames came in from an interface: those by which a
// guest that is new here makes itself known. The interface has to be open, and
// without a Gate.
#pragma once

#include <string>

#include "base/result.h"
#include "network/tap.h"

namespace xl_colo {

// For one thread at a time.
class Injector {
public:
    // By a tap `name` of its own. Runs tc. Errors as Tap::make() and run_tc().
    static Result<Injector> make(const std::string& interface,
                                 const std::string& name);

    // Error io, as Tap::write().
    Status write(View ethernet);

private:
    explicit Injector(Tap tap) : tap_(std::move(tap)) {}

    Tap tap_;
};

}  // namespace xl_colo
