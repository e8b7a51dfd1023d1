// Text that came from elsewhere, before it is shown or passed on.
#pragma once

#include <string>
#include <string_view>

namespace xl_colo {

// With a space in place of each control character: a terminal acts on those.
std::string without_controls(std::string text);

// Whether it can stand in JSON as it is: no surrogates, nothing in more bytes
// than it needs, nothing beyond U+10FFFF.
bool is_utf8(std::string_view text);

}  // namespace xl_colo
