// What follows the number in RESUME: with --output=auto, whether the copy runs
// from there to the next checkpoint. In the other modes OFFER has said it.
#pragma once

#include "base/result.h"
#include "base/units.h"
#include "session/output.h"
#include "wire/frame.h"

namespace xl_colo {

inline Buffer encode_resume(Output output, bool copy_runs)
{
    return output == Output::automatic
               ? BodyWriter().u64(copy_runs ? 1 : 0).take()
               : Buffer();
}

// Whether the copy runs. Error protocol.
inline Result<bool> decode_resume(Output output, View rest)
{
    const size_t size = output == Output::automatic ? sizeof(uint64_t) : 0;
    if (rest.size() != size) {
        return Error(ErrorKind::protocol,
                     "RESUME with " + std::to_string(rest.size()) +
                         " bytes after its number, not " +
                         std::to_string(size));
    }
    if (output != Output::automatic) {
        return output == Output::compare;
    }
    const auto runs = BodyReader(rest).u64();
    if (*runs > 1) {
        return Error(ErrorKind::protocol,
                     "RESUME says neither that the copy runs nor that it "
                     "stands");
    }
    return *runs == 1;
}

}  // namespace xl_colo
