// What is in xenstore, as C++ has it.
#pragma once

#include <string>
#include <vector>

#include "xen/handles.h"

namespace xl_colo {

// Empty: there is no such node, or nothing in it.
std::string read_node(xs_handle* xs, const std::string& path,
                      xs_transaction_t transaction = XBT_NULL);
std::vector<std::string> entries_of(xs_handle* xs, const std::string& path);

}  // namespace xl_colo
