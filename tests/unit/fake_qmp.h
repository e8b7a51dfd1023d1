// A pretend QEMU at the other end of a QMP socket: serves one client at a time,
// as a script of the test's says, in a thread of its own.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/json.h"
#include "base/unique_fd.h"

namespace xl_colo {

class FakeQmp {
public:
    class Client {
    public:
        explicit Client(int fd) : fd_(fd) {}

        void send(const std::string& text)
        {
            size_t sent = 0;
            while (sent < text.size()) {
                const ssize_t r = ::send(fd_, text.data() + sent,
                                         text.size() - sent, MSG_NOSIGNAL);
                if (r <= 0) {
                    return;
                }
                sent += static_cast<size_t>(r);
            }
        }
        void event(const std::string& name, const std::string& data = "{}")
        {
            send("{\"timestamp\": {\"seconds\": 1, \"microseconds\": 2}, "
                 "\"event\": \"" + name + "\", \"data\": " + data + "}\r\n");
        }

        // The next command with its number; nothing when the client has gone.
        struct Command {
            std::string name;
            std::string line;
            uint64_t id = 0;
        };
        std::optional<Command> next()
        {
            std::string line;
            for (char c; recv(fd_, &c, 1, 0) == 1;) {
                if (c != '\n') {
                    line += c;
                    continue;
                }
                auto json = Json::parse(line);
                if (!json) {
                    return Command{"not JSON", line, 0};
                }
                auto name = json->text("execute");
                auto id = json->number("id");
                return Command{name ? *name : "", line, id ? *id : 0};
            }
            return std::nullopt;
        }
        void succeed(const Command& command, const std::string& value = "{}")
        {
            send("{\"return\": " + value +
                 ", \"id\": " + std::to_string(command.id) + "}\r\n");
        }
        void refuse(const Command& command, const std::string& why)
        {
            send("{\"id\": " + std::to_string(command.id) +
                 ", \"error\": {\"class\": \"GenericError\", \"desc\": \"" +
                 why + "\"}}\r\n");
        }

        static std::string greeting(int major = 7, int minor = 2)
        {
            return "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 22, "
                   "\"minor\": " + std::to_string(minor) +
                   ", \"major\": " + std::to_string(major) +
                   "}, \"package\": \"Debian\"}, "
                   "\"capabilities\": [\"oob\"]}}\r\n";
        }
        void negotiate(int major = 7, int minor = 2)
        {
            send(greeting(major, minor));
            if (auto command = next()) {
                succeed(*command);
            }
        }

    private:
        int fd_;
    };

    using Script = std::function<void(Client&)>;

    // One script for each client, in the order in which they come.
    FakeQmp(const std::string& path, std::vector<Script> scripts)
        : listener_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0))
    {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strncpy(address.sun_path, path.c_str(),
                     sizeof(address.sun_path) - 1);
        if (bind(listener_.get(), reinterpret_cast<sockaddr*>(&address),
                 sizeof(address)) != 0 ||
            listen(listener_.get(), 4) != 0) {
            std::abort();
        }
        server_ = std::thread([this, all = std::move(scripts)] {
            for (const Script& script : all) {
                UniqueFd fd(accept(listener_.get(), nullptr, nullptr));
                if (!fd) {
                    return;
                }
                Client client(fd.get());
                script(client);
            }
        });
    }
    FakeQmp(const FakeQmp&) = delete;
    FakeQmp& operator=(const FakeQmp&) = delete;
    ~FakeQmp()
    {
        shutdown(listener_.get(), SHUT_RDWR);  // ends an accept()
        server_.join();
    }

private:
    UniqueFd listener_;
    std::thread server_;
};

}  // namespace xl_colo
