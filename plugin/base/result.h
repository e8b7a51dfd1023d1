// Expected failures as values. An exception means a bug or no memory; it stops
// the program in main and never crosses an extern "C" line.
#pragma once

#include <string>
#include <utility>
#include <variant>

namespace xl_colo {

enum class ErrorKind {
    usage,          // the command line is wrong
    refused,        // a check before anything was changed said no
    peer_lost,      // silence, end of file or an error on the wire
    peer_stopped,   // the peer ended protection and said why
    peer_yielded,   // the peer has left the guest to this side
    protocol,       // the peer sent what the specification does not allow
    domain_gone,    // the domain does not exist (any more)
    guest_stopped,  // the guest shut down, rebooted or crashed by itself
    devices_changed,  // somebody has given the guest others
    hypercall,      // libxenctrl or libxenguest; `code` is errno
    libxl,          // `code` is a libxl rc
    io,             // a system call; `code` is errno
    timeout,        // something did not happen in time
    asked_to_stop,  // somebody here wants it to end: nothing went wrong
    aborted,        // our own side gave up waiting; another error says why
    diverged,       // the copy differs from the guest, or may do so
};

// One line that a person can read. Each layer adds what it was about, in
// front, so that the line goes from the large to the small.
class Error {
public:
    Error(ErrorKind kind, std::string text, int code = 0)
        : kind_(kind), code_(code), text_(std::move(text)) {}

    // Keeps errno `code` and appends its text.
    static Error from_errno(ErrorKind kind, const std::string& what, int code);

    [[nodiscard]] Error with_context(const std::string& context) const
    {
        return {kind_, context + ": " + text_, code_};
    }

    ErrorKind kind() const { return kind_; }
    int code() const { return code_; }
    const std::string& text() const { return text_; }

private:
    ErrorKind kind_;
    int code_;
    std::string text_;
};

// Either a T or an Error. Test before use: value() of an error is a bug and
// throws std::bad_variant_access.
template <typename T>
class [[nodiscard]] Result {
public:
    Result(T value) : state_(std::move(value)) {}
    Result(Error error) : state_(std::move(error)) {}

    explicit operator bool() const { return state_.index() == 0; }
    T& value() { return std::get<0>(state_); }
    const T& value() const { return std::get<0>(state_); }
    const Error& error() const { return std::get<1>(state_); }
    T& operator*() { return value(); }
    const T& operator*() const { return value(); }
    T* operator->() { return &value(); }
    const T* operator->() const { return &value(); }

private:
    std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
public:
    Result() = default;
    Result(Error error) : error_(std::move(error)) {}

    explicit operator bool() const { return error_.index() == 0; }
    const Error& error() const { return std::get<1>(error_); }

private:
    std::variant<std::monostate, Error> error_;
};

using Status = Result<void>;

}  // namespace xl_colo
