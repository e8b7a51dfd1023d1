// xl-colo-save-helper: what libxl runs in libxl-save-helper's place. It ties
// its stdin and stdout, with libxl at the other end, to a socket of the process
// that runs libxl; callout.h has the rest. It knows nothing of Xen.
//
// libxl takes a status other than 0 for a failure of the restore. Where the
// process at the socket goes away early, libxl notices by itself that no result
// has come.
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "base/descriptors.h"
#include "migration/callout.h"

namespace {

[[noreturn]] void fail(const char* what)
{
    std::fprintf(stderr, "xl-colo-save-helper: %s: %s\n", what,
                 std::strerror(errno));
    std::exit(EXIT_FAILURE);
}

[[noreturn]] void refuse(const char* why)
{
    std::fprintf(stderr,
                 "xl-colo-save-helper: %s; only libxl runs this program, for "
                 "xl-colo-receive\n",
                 why);
    std::exit(EXIT_FAILURE);
}

int connect_to_parent()
{
    const char* path = std::getenv(xl_colo::callout_socket_variable);
    if (path == nullptr) {
        refuse("XL_COLO_SAVE_SOCKET is not set");
    }
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (std::strlen(path) >= sizeof(address.sun_path)) {
        refuse("XL_COLO_SAVE_SOCKET is too long");
    }
    std::strcpy(address.sun_path, path);
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, reinterpret_cast<sockaddr*>(&address),
                          sizeof(address)) != 0) {
        fail(path);
    }
    return fd;
}

void write_on(int fd, std::string_view text)
{
    using namespace xl_colo;
    if (!write_all(fd, {reinterpret_cast<const uint8_t*>(text.data()),
                        text.size()})) {
        fail("cannot write");
    }
}

// False at the end of what there is to read.
bool carry(int from, int to)
{
    std::array<char, 4096> buffer;
    const ssize_t r = read(from, buffer.data(), buffer.size());
    if (r < 0 && errno != EINTR) {
        fail("cannot read");
    }
    if (r > 0) {
        write_on(to, {buffer.data(), static_cast<size_t>(r)});
    }
    return r != 0;
}

}  // namespace

int main(int argc, char** argv)
{
    if (argc < 2) {
        refuse("no arguments");
    }
    const int parent = connect_to_parent();
    std::string line;
    for (int i = 1; i < argc; i++) {
        line += i > 1 ? " " : "";
        line += argv[i];
    }
    line += '\n';
    write_on(parent, line);

    std::array<pollfd, 2> fds{pollfd{parent, POLLIN, 0},
                              pollfd{STDIN_FILENO, POLLIN, 0}};
    for (;;) {
        if (!xl_colo::poll_until(fds)) {
            fail("cannot poll");
        }
        if (fds[1].revents != 0 && !carry(STDIN_FILENO, parent)) {
            return EXIT_SUCCESS;  // libxl has what it wanted, or is gone
        }
        if (fds[0].revents != 0 && !carry(parent, STDOUT_FILENO)) {
            return EXIT_SUCCESS;
        }
    }
}
