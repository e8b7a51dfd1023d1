#include "migration/callout.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <vector>

#include "base/bytes.h"
#include "base/descriptors.h"
#include "base/errors.h"

namespace xl_colo {

namespace {

// libxl_save_msgs_gen.pl numbers its table from 1.
constexpr uint16_t static_data_done_number = 8;
constexpr uint16_t restore_results_number = 9;
constexpr uint16_t complete_number = 10;

// libxl answers from its event loop at once; the helper's line comes as soon
// as it has connected.
constexpr std::chrono::seconds patience{60};

Buffer message(uint16_t number, const Buffer& arguments)
{
    Buffer out;
    put_native<uint16_t>(out, static_cast<uint16_t>(2 + arguments.size()));
    put_native<uint16_t>(out, number);
    out.insert(out.end(), arguments.begin(), arguments.end());
    return out;
}

// Waits until one of two descriptors can be read and says which.
Result<int> wait_readable(int first, int second, std::chrono::seconds timeout)
{
    const auto ready = wait_ready(first, POLLIN, second,
                                  std::chrono::steady_clock::now() + timeout);
    if (!ready) {
        return ready.error();
    }
    if (*ready == Ready::timed_out) {
        return Error(ErrorKind::timeout, "no answer");
    }
    return *ready == Ready::yes ? first : second;
}

Status read_exactly(int fd, void* to, size_t length,
                    std::chrono::seconds timeout)
{
    auto* at = static_cast<char*>(to);
    while (length > 0) {
        if (auto r = wait_readable(fd, -1, timeout); !r) {
            return r.error();
        }
        const ssize_t r = recv(fd, at, length, MSG_DONTWAIT);
        if (r > 0) {
            at += r;
            length -= static_cast<size_t>(r);
        } else if (r == 0) {
            return Error(ErrorKind::io, "the helper has ended");
        } else if (errno != EINTR && errno != EAGAIN) {
            return io_error("cannot read", errno);
        }
    }
    return {};
}

// Byte by byte: what follows the line is libxl's.
Result<std::string> read_line(int fd)
{
    constexpr size_t longest = 512;
    std::string line;
    for (char c; line.size() < longest; line += c) {
        if (auto r = read_exactly(fd, &c, 1, patience); !r) {
            return r.error();
        }
        if (c == '\n') {
            return line;
        }
    }
    return Error(ErrorKind::protocol, "line too long");
}

}  // namespace

Result<CalloutArguments> parse_callout_line(std::string_view line)
{
    const auto refuse = [&] {
        return Error(ErrorKind::protocol, "save helper was run with \"" +
                                              std::string(line) + "\"");
    };
    std::vector<std::string_view> words;
    for (size_t at = 0; at <= line.size();) {
        const size_t end = std::min(line.find(' ', at), line.size());
        words.push_back(line.substr(at, end - at));
        at = end + 1;
    }
    // The mode, two descriptors that we have no use for (the stream is ours,
    // and there is no back channel in it), seven numbers.
    if (words.size() != 10 || words[0] != "--restore-domain") {
        return refuse();
    }
    std::array<uint32_t, 7> numbers;
    for (size_t i = 0; i < numbers.size(); i++) {
        const auto word = words[i + 3];
        const auto [end, error] = std::from_chars(
            word.data(), word.data() + word.size(), numbers[i]);
        if (error != std::errc() || end != word.data() + word.size()) {
            return refuse();
        }
    }
    return CalloutArguments{Domid(numbers[0]), numbers[1], numbers[2],
                            numbers[3],        numbers[4], numbers[5],
                            numbers[6]};
}

Buffer static_data_done_message(uint32_t missing)
{
    Buffer arguments;
    put_native(arguments, missing);
    return message(static_data_done_number, arguments);
}

Buffer restore_results_message(uint64_t store_gfn, uint64_t console_gfn)
{
    Buffer arguments;
    put_native(arguments, store_gfn);
    put_native(arguments, console_gfn);
    return message(restore_results_number, arguments);
}

Buffer complete_message(int32_t retval, int32_t errnoval)
{
    Buffer arguments;
    put_native(arguments, retval);
    put_native(arguments, errnoval);
    return message(complete_number, arguments);
}

Status Callout::send(View bytes)
{
    const Status sent = send_all(socket_.get(), bytes);
    return sent ? sent : sent.error().with_context("the save helper");
}

Result<int> Callout::answer()
{
    int value = 0;
    if (auto r = read_exactly(socket_.get(), &value, sizeof(value), patience);
        !r) {
        return r.error().with_context("libxl's answer to the save helper");
    }
    return value;
}

Result<int> Callout::static_data_done(uint32_t missing)
{
    if ((arguments_.callbacks & (1u << static_data_done_number)) == 0) {
        return 0;
    }
    if (auto r = send(static_data_done_message(missing)); !r) {
        return r.error();
    }
    return answer();
}

Status Callout::restored(Pfn store, Pfn console)
{
    Buffer both = restore_results_message(store.value(), console.value());
    const Buffer complete = complete_message(0, 0);
    both.insert(both.end(), complete.begin(), complete.end());
    if (auto r = send(both); !r) {
        return r;
    }
    auto r = answer();
    // The helper sees the end of its input and exits; libxl waits for that.
    cancel();
    return r ? Status() : r.error();
}

void Callout::cancel()
{
    // Not close(): another thread may be reading, and the number could be
    // another file's by then.
    shutdown(socket_.get(), SHUT_RDWR);
}

Result<CalloutListener> CalloutListener::listen(const std::string& path)
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof(address.sun_path)) {
        return Error(ErrorKind::io, "socket path too long: " + path);
    }
    std::copy(path.begin(), path.end(), address.sun_path);
    unlink(path.c_str());  // a process of that number, long gone

    UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!socket ||
        bind(socket.get(), reinterpret_cast<sockaddr*>(&address),
             sizeof(address)) != 0 ||
        ::listen(socket.get(), 1) != 0) {
        return io_error("cannot listen on " + path, errno);
    }
    return CalloutListener(std::move(socket), path);
}

CalloutListener::~CalloutListener()
{
    if (!path_.empty()) {
        unlink(path_.c_str());
    }
}

Result<std::unique_ptr<Callout>> CalloutListener::accept(
    int gave_up, std::chrono::seconds timeout)
{
    auto ready = wait_readable(socket_.get(), gave_up, timeout);
    if (!ready) {
        return ready.error().with_context("libxl runs no save helper");
    }
    if (*ready == gave_up) {
        return Error(ErrorKind::aborted, "libxl gave up");
    }
    UniqueFd helper(accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!helper) {
        return io_error("cannot accept the save helper", errno);
    }
    auto line = read_line(helper.get());
    if (!line) {
        return line.error().with_context("save helper");
    }
    auto arguments = parse_callout_line(*line);
    if (!arguments) {
        return arguments.error();
    }
    return std::make_unique<Callout>(std::move(helper), *arguments);
}

}  // namespace xl_colo
