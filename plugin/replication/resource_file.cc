#include "replication/resource_file.h"

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/errors.h"

namespace xl_colo {

namespace {

std::string folder()
{
    const char* const value = std::getenv("XL_COLO_DRBD_DIR");
    return value && *value ? value : "/etc/drbd.d";
}

std::string path_of(const std::string& resource)
{
    return folder() + "/xl-colo-" + resource + ".res";
}

std::string quoted(const std::string& word)
{
    return "\"" + word + "\"";
}

}  // namespace

// By addresses and not by the hosts' names, of which neither has to be known.
// Of the other host only its address counts here.
std::string resource_text(const ResourcePlace& place)
{
    const std::string port = ":" + std::to_string(place.route.port);
    const std::string on = "        disk " + quoted(place.lower) +
                           ";\n        flexible-meta-disk " +
                           quoted(place.metadata) + ";\n    }\n";
    return "# Written by xl-colo, and removed by it: xl-colo-replicate(1).\n"
           "resource " + quoted(place.resource) + " {\n"
           "    net { protocol C; }\n"
           "    device minor " + std::to_string(place.minor) + ";\n"
           "    floating " + place.route.here + port + " {\n" + on +
           "    floating " + place.route.there + port + " {\n" + on + "}\n";
}

Status write_resource_file(const ResourcePlace& place)
{
    std::error_code ignored;
    if (!std::filesystem::is_directory(folder(), ignored)) {
        return Error(ErrorKind::refused,
                     "there is no " + folder() + ": install drbd-utils");
    }
    const std::string path = path_of(place.resource);
    std::ofstream file(path, std::ios::trunc);
    if (!(file << resource_text(place)).flush()) {
        return io_error("cannot write " + path, errno);
    }
    return {};
}

void remove_resource_file(const std::string& resource)
{
    std::error_code ignored;
    std::filesystem::remove(path_of(resource), ignored);
}

}  // namespace xl_colo
