// To tell a live socket from a stale one the server connects to it; to keep two
// servers from doing so at once, each holds a lock on the folder meanwhile.
#include "control/control_server.h"

#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>

#include "base/descriptors.h"
#include "base/domain_files.h"
#include "base/errors.h"
#include "base/json.h"
#include "control/control_socket.h"
#include "status/status_json.h"

namespace xl_colo {

namespace {

using Clock = std::chrono::steady_clock;

// Held until the descriptor is closed.
Result<UniqueFd> lock_folder()
{
    auto folder = open_control_folder();
    if (!folder) {
        return folder.error();
    }
    int r = 0;
    do {
        r = flock(folder->get(), LOCK_EX);
    } while (r < 0 && errno == EINTR);
    if (r < 0) {
        return io_error("cannot lock " + run_folder(), errno);
    }
    return std::move(*folder);
}

const char* already_there(ControlPlace place)
{
    switch (place) {
    case ControlPlace::serving:
        return "a process protects it here already: see xl-colo-status";
    case ControlPlace::starting:
        return "another xl-colo-start of it is under way";
    case ControlPlace::keeping:
        return "another xl-colo-keep looks after it already: see "
               "xl-colo-status";
    }
    return "?";
}

// Makes sure that nothing is in the socket's place. To be called under the
// folder's lock. Error refused.
Status clear_place(const UniqueFd& folder, const std::string& domain,
                   ControlPlace place)
{
    auto address = control_address(folder, domain, place);
    if (!address) {
        return address.error();
    }
    const UniqueFd probe = make_control_socket();
    if (!probe) {
        return io_error("cannot make a socket", errno);
    }
    // A process that is stopped or busy does not answer either, but its queue
    // takes a connection, or is full: that is as live as one can tell.
    const int code = connect_control(probe, *address);
    if (code == 0 || code == EAGAIN) {
        return Error(ErrorKind::refused, already_there(place));
    }
    if (code == ECONNREFUSED) {
        unlinkat(folder.get(), control_file(domain, place).c_str(), 0);
    } else if (code != ENOENT) {
        return io_error("cannot look at the control socket", code);
    }
    return {};
}

}  // namespace

void SessionHandler::write_status(JsonWriter& out)
{
    const SessionStatus now = status();
    write_report(out, {now.domain, now, std::nullopt}, WallClock::now());
}

Result<std::unique_ptr<ControlServer>> ControlServer::open(
    const std::string& domain, ControlHandler& handler, ControlPlace place)
{
    const std::string path = run_folder();
    if (auto s = make_private_folder(path); !s) {
        return s.error();
    }
    auto folder = open_control_folder();
    if (!folder) {
        return folder.error();
    }
    auto lock = lock_folder();
    if (!lock) {
        return lock.error();
    }
    const std::string file = control_file(domain, place);
    auto address = control_address(*folder, domain, place);
    if (!address) {
        return address.error();
    }
    UniqueFd listener = make_control_socket();
    UniqueFd closing(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!listener || !closing) {
        return io_error("cannot make a socket", errno);
    }
    if (auto s = clear_place(*folder, domain, place); !s) {
        return s.error();
    }
    if (bind(listener.get(), reinterpret_cast<sockaddr*>(&*address),
             sizeof *address) < 0) {
        return io_error("cannot make the control socket in " + path, errno);
    }
    // The folder lets nobody else near it, so there is no moment in between.
    fchmodat(folder->get(), file.c_str(), 0600, 0);
    if (listen(listener.get(), static_cast<int>(clients_max)) < 0) {
        return io_error("cannot listen on the control socket", errno);
    }
    return std::unique_ptr<ControlServer>(
        new ControlServer(domain, std::move(*folder), file,
                          std::move(listener), std::move(closing), handler));
}

Status ControlServer::begin_serving()
{
    auto lock = lock_folder();
    if (!lock) {
        return lock.error();
    }
    if (auto s = clear_place(folder_, domain_, ControlPlace::serving); !s) {
        return s;
    }
    const std::string file = control_file(domain_, ControlPlace::serving);
    if (renameat(folder_.get(), file_.c_str(), folder_.get(), file.c_str()) <
        0) {
        return io_error("cannot rename the control socket", errno);
    }
    file_ = file;
    return {};
}

ControlServer::ControlServer(std::string domain, UniqueFd folder,
                             std::string file, UniqueFd listener,
                             UniqueFd closing, ControlHandler& handler)
    : domain_(std::move(domain)),
      folder_(std::move(folder)),
      file_(std::move(file)),
      listener_(std::move(listener)),
      closing_(std::move(closing)),
      handler_(handler),
      acceptor_(std::thread([this] { accept_loop(); }))
{
}

ControlServer::~ControlServer()
{
    eventfd_write(closing_.get(), 1);
    acceptor_.join();
    for (Client& client : clients_) {
        client.thread.join();
    }
    // Under the lock nobody mistakes our socket for a stale one and puts theirs
    // in its place before we remove the name.
    const auto lock = lock_folder();
    unlinkat(folder_.get(), file_.c_str(), 0);
    listener_.reset();
}

void ControlServer::accept_loop()
{
    for (;;) {
        std::array<pollfd, 2> fds{pollfd{listener_.get(), POLLIN, 0},
                                  pollfd{closing_.get(), POLLIN, 0}};
        if (!poll_until(fds) || fds[1].revents) {
            return;
        }
        UniqueFd connection(accept4(listener_.get(), nullptr, nullptr,
                                    SOCK_CLOEXEC | SOCK_NONBLOCK));
        join_finished();
        if (!connection) {
            // Out of descriptors, say: no use in trying all the time.
            (void)wait_ready(-1, 0, closing_.get(),
                             Clock::now() + std::chrono::milliseconds(100));
            continue;
        }
        if (clients_.size() >= clients_max && !send_one_away()) {
            // Small enough for any socket's buffer, so it does not wait.
            (void)bool(write_control_line(
                connection, control_object("error", "too many requests"),
                Clock::now()));
            continue;
        }
        Client& client = clients_.emplace_back();
        client.connection = std::move(connection);
        client.thread = std::thread([this, &client] {
            serve(client);
            client.stage = Stage::done;
        });
    }
}

// What has been asked for is carried out, and answered: not one of those.
bool ControlServer::send_one_away()
{
    for (auto client = clients_.begin(); client != clients_.end(); ++client) {
        Stage stage = client->stage;
        if ((stage == Stage::asking || stage == Stage::answered) &&
            client->stage.compare_exchange_strong(stage, Stage::sent_away)) {
            shutdown(client->connection.get(), SHUT_RDWR);
            client->thread.join();
            clients_.erase(client);
            return true;
        }
    }
    return false;
}

void ControlServer::join_finished()
{
    clients_.remove_if([](Client& client) {
        if (client.stage == Stage::done) {
            client.thread.join();
        }
        return !client.thread.joinable();
    });
}

void ControlServer::serve(Client& client)
{
    const auto request =
        read_control_line(client.connection, request_max,
                          Clock::now() + client_patience, closing_);
    // Who hangs up, or is too slow to ask, gets no answer.
    Stage stage = Stage::asking;
    if ((!request && request.error().kind() != ErrorKind::protocol) ||
        !client.stage.compare_exchange_strong(stage, Stage::served)) {
        return;
    }
    const std::string text =
        request ? answer(*request)
                : control_object("error", request.error().text());
    client.stage = Stage::answered;
    // A client that went away meanwhile does not matter: it was carried out.
    (void)bool(write_control_line(client.connection, text,
                                  Clock::now() + client_patience));
}

std::string ControlServer::answer(const std::string& request)
{
    const auto json = Json::parse(request);
    if (!json) {
        return control_object("error", json.error().text());
    }
    const auto name = json->text("request");
    if (!name) {
        return control_object("error", name.error().text());
    }
    if (*name == "status") {
        JsonWriter out;
        out.open_object().key("status");
        handler_.write_status(out);
        return out.close_object().take();
    }
    if (*name != "stop" && *name != "failover") {
        return control_object("error", "there is no request \"" + *name + "\"");
    }
    if (++waiting_ > waiting_max) {
        --waiting_;
        return control_object("error", "too many wait for its end already");
    }
    const auto done = *name == "stop" ? handler_.stop() : handler_.failover();
    --waiting_;
    return done ? control_object("done", *done)
                : control_object("error", done.error().text());
}

}  // namespace xl_colo
