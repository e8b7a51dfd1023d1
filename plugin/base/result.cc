#include "base/result.h"

#include <system_error>

namespace xl_colo {

Error Error::from_errno(ErrorKind kind, const std::string& what, int code)
{
    return {kind, what + ": " + std::generic_category().message(code), code};
}

}  // namespace xl_colo
