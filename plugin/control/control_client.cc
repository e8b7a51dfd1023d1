#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "base/domain_files.h"
#include "base/errors.h"
#include "base/json.h"
#include "control/control_server.h"
#include "control/control_socket.h"
#include "status/status_json.h"

namespace xl_colo {

namespace {

using Clock = std::chrono::steady_clock;

// The answer to status holds 128 checkpoints of some 200 bytes.
constexpr size_t answer_max = 1 << 20;

// The answer's object; what the process refused is an error here.
Result<Json> ask(const std::string& domain, const char* request,
                 std::chrono::milliseconds patience)
{
    const Error unknown(ErrorKind::domain_gone,
                        "no process protects it on this host");
    auto folder = open_control_folder();
    if (!folder) {
        return folder.error().code() == ENOENT ? unknown : folder.error();
    }
    auto address = control_address(*folder, domain);
    if (!address) {
        return address.error();
    }
    const UniqueFd connection = make_control_socket();
    if (!connection) {
        return io_error("cannot make a socket", errno);
    }
    const int code = connect_control(connection, *address);
    if (code == ENOENT) {
        return unknown;
    }
    if (code == ECONNREFUSED) {
        return Error(ErrorKind::peer_lost,
                     "its process is gone: the guest is not protected");
    }
    if (code == EAGAIN) {
        return Error(ErrorKind::timeout, "its process does not answer");
    }
    if (code != 0) {
        return io_error("cannot reach its process", code);
    }

    const auto deadline = Clock::now() + patience;
    const auto sent = write_control_line(
        connection, control_object("request", request), deadline);
    if (!sent) {
        return sent.error().with_context("cannot ask its process");
    }
    const auto line = read_control_line(connection, answer_max, deadline);
    if (!line) {
        return line.error().kind() == ErrorKind::timeout
                   ? Error(ErrorKind::timeout,
                           "its process does not answer within " +
                               std::to_string(patience.count()) + " ms")
                   : line.error().with_context("its process gave no answer");
    }
    auto json = Json::parse(*line);
    if (json && json->has("error")) {
        const auto error = json->text("error");
        return error ? Error(ErrorKind::refused, *error) : error.error();
    }
    return json;
}

Result<std::string> ask_for_done(const std::string& domain,
                                 const char* request,
                                 std::chrono::milliseconds patience)
{
    const auto json = ask(domain, request, patience);
    return json ? json->text("done") : json.error();
}

}  // namespace

Result<SessionStatus> ask_status(const std::string& domain,
                                 std::chrono::milliseconds patience)
{
    const auto json = ask(domain, "status", patience);
    if (!json) {
        return json.error();
    }
    const auto object = json->object("status");
    if (!object) {
        return Error(ErrorKind::protocol, "its process sent no status");
    }
    return status_from_json(*object);
}

Result<std::string> ask_stop(const std::string& domain,
                             std::chrono::milliseconds patience)
{
    return ask_for_done(domain, "stop", patience);
}

Result<std::string> ask_failover(const std::string& domain,
                                 std::chrono::milliseconds patience)
{
    return ask_for_done(domain, "failover", patience);
}

Result<std::vector<std::string>> controlled_domains()
{
    std::vector<std::string> domains;
    std::error_code code;
    for (const auto& entry :
         std::filesystem::directory_iterator(run_folder(), code)) {
        const auto& file = entry.path();
        const auto domain = domain_of_file_name(file.stem().string());
        if (file.extension() == control_suffix && domain) {
            domains.push_back(*domain);
        }
    }
    if (code && code != std::errc::no_such_file_or_directory) {
        return io_error("cannot list " + run_folder(), code.value());
    }
    std::sort(domains.begin(), domains.end());
    return domains;
}

}  // namespace xl_colo
