#include "xen/store_nodes.h"

namespace xl_colo {

std::string read_node(xs_handle* xs, const std::string& path,
                      xs_transaction_t transaction)
{
    unsigned length = 0;
    const Malloced<char> value(
        static_cast<char*>(xs_read(xs, transaction, path.c_str(), &length)));
    return value ? std::string(value.get(), length) : "";
}

std::vector<std::string> entries_of(xs_handle* xs, const std::string& path)
{
    unsigned count = 0;
    const Malloced<char*> names(
        xs_directory(xs, XBT_NULL, path.c_str(), &count));
    return names ? std::vector<std::string>(names.get(), names.get() + count)
                 : std::vector<std::string>();
}

}  // namespace xl_colo
