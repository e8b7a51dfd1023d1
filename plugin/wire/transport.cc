#include "wire/transport.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/descriptors.h"

namespace xl_colo {

namespace {

// A host that goes down ends all of a service, or of a login, at once: what
// joins the hosts has to live until our STOP is through. ssh leaves a signal
// alone that it finds ignored.
const std::string no_end_by_signal = "trap '' HUP TERM; ";

struct Pipe {
    UniqueFd read;
    UniqueFd write;
};

Result<Pipe> make_pipe()
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0) {
        return Error::from_errno(ErrorKind::io, "cannot make a pipe", errno);
    }
    return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

}  // namespace

Result<std::unique_ptr<Transport>> Transport::open(const std::string& command)
{
    auto to_child = make_pipe();
    if (!to_child) {
        return to_child.error();
    }
    auto from_child = make_pipe();
    if (!from_child) {
        return from_child.error();
    }
    auto messages = make_pipe();
    if (!messages) {
        return messages.error();
    }
    auto child = ChildProcess::spawn(
        no_end_by_signal + command,
        {to_child->read.get(), from_child->write.get(),
         messages->write.get()});
    if (!child) {
        return child.error();
    }
    return std::unique_ptr<Transport>(new Transport(
        command, std::move(*child), std::move(from_child->read),
        std::move(to_child->write), std::move(messages->read)));
}

Transport::Transport(std::string command, ChildProcess child, UniqueFd input,
                     UniqueFd output, UniqueFd messages)
    : command_(std::move(command)),
      child_(std::move(child)),
      input_(std::move(input)),
      output_(std::move(output)),
      messages_(std::move(messages)),
      finished_(eventfd(0, EFD_CLOEXEC)),
      passing_([this] { pass_on_messages(); })
{
}

Transport::~Transport()
{
    input_.reset();
    output_.reset();
    if (child_.wait(grace) != ChildProcess::Waited::ended) {
        child_.end(grace);
    }
    eventfd_write(finished_.get(), 1);
    passing_.join();
}

// Passes on whole lines, so that ours and theirs do not mix on one. The end of
// the command ends it, not the end of file: an ssh that leaves a master process
// behind (ControlPersist) keeps the pipe open.
void Transport::pass_on_messages()
{
    std::string kept;
    std::array<char, 4096> bytes;
    for (;;) {
        std::array<pollfd, 2> fds{pollfd{messages_.get(), POLLIN, 0},
                                  pollfd{finished_.get(), POLLIN, 0}};
        if (!poll_until(fds)) {
            continue;
        }
        ssize_t r = 0;
        if (fds[0].revents) {
            r = read(messages_.get(), bytes.data(), bytes.size());
            if (r < 0 && errno == EINTR) {
                continue;
            }
        }
        if (r > 0) {
            kept.append(bytes.data(), static_cast<size_t>(r));
        } else if (!kept.empty()) {
            kept += '\n';
        }
        const size_t lines = kept.size() > bytes.size()
                                 ? kept.size()
                                 : kept.find_last_of("\r\n") + 1;
        if (lines > 0) {
            // With nowhere to show it, the far side must not stall on that.
            [[maybe_unused]] const auto written =
                write(STDERR_FILENO, kept.data(), lines);
            kept.erase(0, lines);
        }
        if (r <= 0) {
            return;
        }
    }
}

std::optional<std::string> Transport::failure(std::chrono::milliseconds wait)
{
    child_.wait(wait);
    const auto status = child_.status();
    if (!status || *status == 0) {
        return std::nullopt;
    }
    const std::string what = "the command \"" + command_ + "\" ";
    if (WIFSIGNALED(*status)) {
        const int number = WTERMSIG(*status);
        return what + "was killed by signal " + std::to_string(number) + ": " +
               strsignal(number);
    }
    const int code = WEXITSTATUS(*status);
    const std::string ended = what + "ended with " + std::to_string(code);
    switch (code) {
    case 126:
        return ended + ": a program in it may not be run";
    case 127:
        return ended +
               ": a program was not found; is xl-colo installed on the other "
               "host, with xl-colo-receive in root's PATH";
    case 255:
        return ended +
               ": ssh did not get through; root needs to log in there without "
               "a password, and once by hand for the host key";
    default:
        return ended + ": see the messages above";
    }
}

}  // namespace xl_colo
