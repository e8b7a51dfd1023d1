// systemd's journal, where there is one: messages with fields, by its native
// protocol, https://systemd.io/JOURNAL_NATIVE_PROTOCOL/. That is one datagram,
// kept stable for others to send, and needs no libsystemd: a program that runs
// on hosts without systemd, too, would have to be built with and without.
#pragma once

#include <sys/un.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/unique_fd.h"

namespace xl_colo {

// Any thread.
class Journal {
public:
    // A field's name and its value. Empty ones are left out.
    using Fields = std::vector<std::pair<std::string_view, std::string>>;

    // Nothing where there is none: /run/systemd/journal/socket, or what
    // $XL_COLO_JOURNAL names; empty: none.
    static std::optional<Journal> open();

    // Whether what is written to `fd` gets there anyway, line by line, as a
    // service's stderr does: $JOURNAL_STREAM, see systemd.exec(5).
    static bool is_behind(int fd);

    // False when it did not take that. Never waits.
    bool send(const Fields& fields) const;

private:
    Journal(UniqueFd fd, const sockaddr_un& address)
        : fd_(std::move(fd)), address_(address) {}

    UniqueFd fd_;
    sockaddr_un address_;
};

}  // namespace xl_colo
