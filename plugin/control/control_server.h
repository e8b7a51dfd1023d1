// The control socket of one protected domain: xl-colo-status, -stop and
// -failover ask the live process over it. One JSON line asks, one answers:
//
//     {"request": "status"}      {"status": {...}}, see status_json.h, or
//                                keeper_status.h
//     {"request": "stop"}        {"done": "text"}
//     {"request": "failover"}    {"done": "text"}
//     anything that failed       {"error": "text"}
//
// It is /run/xl-colo/<domain>.sock, or in $XL_COLO_RUN_DIR; only root reaches
// it. A domain's name is made safe as a file name: see domain_file_name(). An
// xl-colo-start answers on <domain>.starting until protection begins, an
// xl-colo-keep on <domain>.keeper.
#pragma once

#include <atomic>
#include <chrono>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "control/control_socket.h"
#include "status/keeper_status.h"
#include "status/status.h"

namespace xl_colo {

// What the process answers. Called by threads of the server, several at once.
class ControlHandler {
public:
    virtual ~ControlHandler() = default;
    virtual void write_status(JsonWriter& out) = 0;  // one object
    // These return when it is done, or cannot be, with a line to show; they
    // have to return once the session has ended, because the server waits.
    virtual Result<std::string> stop() = 0;
    virtual Result<std::string> failover() = 0;
};

// One with a session.
class SessionHandler : public ControlHandler {
public:
    virtual SessionStatus status() = 0;
    void write_status(JsonWriter& out) final;
};

class ControlServer {
public:
    // Error refused when a live process has that socket of the domain already.
    // One that nobody answers is replaced. `handler` must outlive it.
    static Result<std::unique_ptr<ControlServer>> open(
        const std::string& domain, ControlHandler& handler,
        ControlPlace place = ControlPlace::serving);
    // From ControlPlace::starting to serving; clients stay. Error refused as
    // above, and nothing has changed then.
    Status begin_serving();
    // Takes no more requests, waits for the handler's calls that are running
    // and for their answers to go out, removes the socket.
    ~ControlServer();
    ControlServer(const ControlServer&) = delete;
    ControlServer& operator=(const ControlServer&) = delete;

    // A client has this long to send its line, and to take the answer. Where
    // all places are taken the oldest one that is slow at either loses its
    // place to the next.
    static constexpr std::chrono::milliseconds client_patience{5000};
    static constexpr size_t clients_max = 16;
    // Those that wait for an end; the rest is for who wants to know the status.
    static constexpr size_t waiting_max = 12;
    static constexpr size_t request_max = 4096;  // bytes

private:
    enum class Stage { asking, served, answered, sent_away, done };
    struct Client {
        UniqueFd connection;
        std::thread thread;
        // Its thread's, but for the step to `sent_away`.
        std::atomic<Stage> stage{Stage::asking};
    };

    ControlServer(std::string domain, UniqueFd folder, std::string file,
                  UniqueFd listener, UniqueFd closing,
                  ControlHandler& handler);
    void accept_loop();
    void serve(Client& client);
    std::string answer(const std::string& request);
    void join_finished();
    bool send_one_away();

    const std::string domain_;
    UniqueFd folder_;
    std::string file_;  // in it
    UniqueFd listener_;
    UniqueFd closing_;  // an eventfd: readable once the server is to end
    ControlHandler& handler_;
    std::atomic<size_t> waiting_{0};
    std::list<Client> clients_;  // the acceptor's alone, until it has ended
    std::thread acceptor_;
};

// The asking side. Errors: domain_gone when there is no socket; peer_lost when
// there is one but its process is gone; timeout when it does not answer in
// time; otherwise what the process said.
Result<SessionStatus> ask_status(const std::string& domain,
                                 std::chrono::milliseconds patience);
// Nothing where no xl-colo-keep looks after the domain.
Result<std::optional<KeeperStatus>> ask_keeper(
    const std::string& domain, std::chrono::milliseconds patience);
// An xl-colo-start that is under way is asked before all others.
Result<std::string> ask_stop(const std::string& domain,
                             std::chrono::milliseconds patience);
Result<std::string> ask_failover(const std::string& domain,
                                 std::chrono::milliseconds patience);

// Has the process leave that looks after a domain whose protection has ended,
// and waits until its socket is gone. False when there was none. Errors:
// refused when it protects the domain; timeout.
Result<bool> displace(const std::string& domain,
                      std::chrono::milliseconds patience);

// The name of a domain that an admin has given by name or, as xl takes it, by
// number. What no process here answers for stays as it is.
std::string controlled_name(const std::string& name_or_domid,
                            std::chrono::milliseconds patience);

// Domains that have a socket here, answered or not, by name.
Result<std::vector<std::string>> controlled_domains();

}  // namespace xl_colo
