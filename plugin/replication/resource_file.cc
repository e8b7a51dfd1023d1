#include "replication/resource_file.h"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

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
           // What cannot be read fails for the guest as without DRBD: to detach
           // would fail all of it, as long as the other host has not got all.
           "    disk { on-io-error pass_on; }\n"
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

void keep_resource_files(const std::vector<std::string>& resources)
{
    std::error_code ignored;
    for (const auto& entry :
         std::filesystem::directory_iterator(folder(), ignored)) {
        const std::string path = entry.path();
        const bool is_ours = entry.path().extension() == ".res" &&
                             entry.path().filename().string().starts_with(
                                 "xl-colo-");
        const auto is_of = [&](const std::string& resource) {
            return path == path_of(resource);
        };
        if (is_ours && std::ranges::none_of(resources, is_of)) {
            std::filesystem::remove(entry.path(), ignored);
        }
    }
}

bool is_configured(uint16_t port)
{
    const std::string wanted = ":" + std::to_string(port);
    std::error_code ignored;
    for (const auto& entry :
         std::filesystem::directory_iterator(folder(), ignored)) {
        std::ostringstream text;
        text << std::ifstream(entry.path()).rdbuf();
        const std::string all = text.str();
        for (size_t at = all.find(wanted); at != std::string::npos;
             at = all.find(wanted, at + 1)) {
            const size_t behind = at + wanted.size();
            if (behind == all.size() ||
                std::isdigit(static_cast<unsigned char>(all[behind])) == 0) {
                return true;
            }
        }
    }
    return false;
}

}  // namespace xl_colo
