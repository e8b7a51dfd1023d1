#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <set>
#include <thread>

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

// The answer's object; what the process refused is an error here. For the
// errors see control_server.h.
Result<Json> ask(const std::string& domain, ControlPlace place,
                 const char* request, std::chrono::milliseconds patience)
{
    const Error unknown(ErrorKind::domain_gone,
                        "no process protects it on this host");
    auto folder = open_control_folder();
    if (!folder) {
        return folder.error().code() == ENOENT ? unknown : folder.error();
    }
    auto address = control_address(*folder, domain, place);
    if (!address) {
        return address.error();
    }
    const UniqueFd connection = make_control_socket();
    if (!connection) {
        return io_error("cannot make a socket", errno);
    }
    const auto deadline = Clock::now() + patience;
    int code = connect_control(connection, *address);
    // Its queue is full: others may only be quicker.
    while (code == EAGAIN && Clock::now() < deadline) {
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
        code = connect_control(connection, *address);
    }
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
                                 ControlPlace place, const char* request,
                                 std::chrono::milliseconds patience)
{
    const auto json = ask(domain, place, request, patience);
    return json ? json->text("done") : json.error();
}

Result<Json> ask_for_object(const std::string& domain, ControlPlace place,
                            std::chrono::milliseconds patience)
{
    const auto json = ask(domain, place, "status", patience);
    if (!json) {
        return json.error();
    }
    const auto object = json->object("status");
    if (!object) {
        return Error(ErrorKind::protocol, "its process sent no status");
    }
    return *object;
}

Result<SessionStatus> ask_for_status(const std::string& domain,
                                     ControlPlace place,
                                     std::chrono::milliseconds patience)
{
    const auto object = ask_for_object(domain, place, patience);
    return object ? status_from_json(*object) : object.error();
}

// Nobody there. What a process left that was killed while it started means
// nothing: it protected nothing.
bool nobody(const Error& error)
{
    return error.kind() == ErrorKind::domain_gone ||
           error.kind() == ErrorKind::peer_lost;
}

}  // namespace

Result<SessionStatus> ask_status(const std::string& domain,
                                 std::chrono::milliseconds patience)
{
    auto status = ask_for_status(domain, ControlPlace::serving, patience);
    if (!status && nobody(status.error())) {
        auto starting =
            ask_for_status(domain, ControlPlace::starting, patience);
        if (starting || !nobody(starting.error())) {
            return starting;
        }
    }
    return status;
}

Result<std::optional<KeeperStatus>> ask_keeper(
    const std::string& domain, std::chrono::milliseconds patience)
{
    const auto object = ask_for_object(domain, ControlPlace::keeping, patience);
    if (object) {
        auto keeper = keeper_from_json(*object);
        return keeper ? Result(std::optional(std::move(*keeper)))
                      : keeper.error();
    }
    switch (object.error().kind()) {
    case ErrorKind::domain_gone:
    case ErrorKind::usage:  // of a name too long for a socket there is none
        return std::optional<KeeperStatus>();
    case ErrorKind::peer_lost:
        return Error(ErrorKind::peer_lost,
                     "xl-colo-keep is gone: nobody has the guest protected "
                     "again");
    default:
        return object.error();
    }
}

Result<std::string> ask_stop(const std::string& domain,
                             std::chrono::milliseconds patience)
{
    auto done = ask_for_done(domain, ControlPlace::starting, "stop", patience);
    return done || !nobody(done.error())
               ? done
               : ask_for_done(domain, ControlPlace::serving, "stop", patience);
}

Result<bool> displace(const std::string& domain,
                      std::chrono::milliseconds patience)
{
    constexpr auto place = ControlPlace::serving;
    const auto status = ask_for_status(domain, place, patience);
    if (!status) {
        // One that does not answer keeps its socket: the control server finds
        // that out.
        return false;
    }
    if (status->state != State::unprotected &&
        status->state != State::taken_over) {
        return Error(ErrorKind::refused,
                     "is protected already, with " + status->peer +
                         ": see xl-colo-status, or xl-colo-stop it first");
    }
    const auto asked = ask_for_done(domain, place, "stop", patience);
    if (!asked && !nobody(asked.error())) {
        return asked.error();
    }
    // It has answered; its socket goes when its process does.
    const auto deadline = Clock::now() + patience;
    while (ask_for_status(domain, place, patience)) {
        if (Clock::now() > deadline) {
            return Error(ErrorKind::timeout,
                         "the process that looks after it does not leave");
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return true;
}

Result<std::string> ask_failover(const std::string& domain,
                                 std::chrono::milliseconds patience)
{
    return ask_for_done(domain, ControlPlace::serving, "failover", patience);
}

Result<std::vector<std::string>> controlled_domains()
{
    std::set<std::string> domains;
    std::error_code code;
    for (const auto& entry :
         std::filesystem::directory_iterator(run_folder(), code)) {
        if (auto domain =
                domain_of_control_file(entry.path().filename().string())) {
            domains.insert(std::move(*domain));
        }
    }
    if (code && code != std::errc::no_such_file_or_directory) {
        return no_control_folder(code.value());
    }
    return std::vector(domains.begin(), domains.end());
}

std::string controlled_name(const std::string& name_or_domid,
                            std::chrono::milliseconds patience)
{
    const auto domains = controlled_domains();
    if (!domains ||
        std::ranges::find(*domains, name_or_domid) != domains->end() ||
        !std::ranges::all_of(name_or_domid,
                             [](char c) { return c >= '0' && c <= '9'; })) {
        return name_or_domid;
    }
    for (const std::string& domain : *domains) {
        const auto status = ask_status(domain, patience);
        if (status && std::to_string(status->domid.value()) == name_or_domid) {
            return domain;
        }
    }
    return name_or_domid;
}

}  // namespace xl_colo
