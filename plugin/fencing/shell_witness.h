// The witness command of --witness, run by a shell on either host.
#pragma once

#include <chrono>
#include <string>
#include <utility>

#include "fencing/witness.h"

namespace xl_colo {

// The command learns what is wanted from its environment:
//
//     XL_COLO_SESSION   32 hexadecimal digits, the same on both sides
//     XL_COLO_ROLE      primary or secondary: who asks
//     XL_COLO_DOMAIN    name of the guest
//     XL_COLO_ACTION    claim
//
// Exit status 0 says yours and 1 theirs. Anything else is unknown, among it 255
// of an ssh that does not get through, and no answer in time.
class ShellWitness : public Witness {
public:
    enum class Side { primary, secondary };
    ShellWitness(std::string command, std::string session, Side side,
                 std::string domain)
        : command_(std::move(command)),
          session_(std::move(session)),
          side_(side),
          domain_(std::move(domain)) {}
    ClaimAnswer claim(const Interrupted& interrupted) override;

    // A claim is one round trip to a third host. The guest stands meanwhile,
    // and whoever got no answer asks again.
    static constexpr std::chrono::seconds time_limit{10};

private:
    std::string command_, session_;
    Side side_;
    std::string domain_;
};

}  // namespace xl_colo
