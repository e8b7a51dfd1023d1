// Xen's two kinds of failure as ours.
#pragma once

#include <exception>
#include <string>

#include "base/result.h"

namespace xl_colo {

// `errno_value`: save errno right after the call that failed. It may be 0:
// libxc fails without one where a stream is at fault.
inline Error hypercall_error(const std::string& what, int errno_value)
{
    return errno_value == 0
               ? Error(ErrorKind::hypercall, what)
               : Error::from_errno(ErrorKind::hypercall, what, errno_value);
}

inline Error io_error(const std::string& what, int errno_value)
{
    return Error::from_errno(ErrorKind::io, what, errno_value);
}

// What nobody has thought of; memory that is short, too.
inline Error unexpected(const std::exception& bug)
{
    return {ErrorKind::aborted, std::string("this is a bug: ") + bug.what()};
}

// libxl has told its log the details.
inline Error libxl_error(const std::string& what, int rc)
{
    return {ErrorKind::libxl, what + " (rc " + std::to_string(rc) + ")", rc};
}

}  // namespace xl_colo
