// A remote shell without cryptography, for emulated hosts on their own wire.
//
//     plain-shell --listen             serve, one process a connection
//     plain-shell HOST WORD...         run the words there, like ssh does
//
// Standard input, output and errors go to and from the command, each ends
// when its other end does, and the command's exit status is the client's.
// bed/shell.py speaks the same protocol. Each way a connection carries
// frames of {u8 type, u32 length in network order} and a body:
//   to the server:  'c' the command line, first; 'i' its input, where length
//                   0 is the end; 'k' kills the command and what it started
//   to the client:  'o' and 'e' its output and errors, where length 0 is the
//                   end; 'x' the exit status, one byte, last
// A connection that just goes away ends the command's input and output, as
// with ssh; it does not kill the command.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PORT = 1000, CHUNK = 65536 };

struct frame {
    char type;
    uint32_t length;
    char body[CHUNK + 1];
};

static int write_all(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t r = write(fd, data, size);
        if (r < 0)
            return -1;
        data += r;
        size -= r;
    }
    return 0;
}

static int read_all(int fd, char *data, size_t size)
{
    while (size > 0) {
        ssize_t r = read(fd, data, size);
        if (r <= 0)
            return -1;
        data += r;
        size -= r;
    }
    return 0;
}

static int send_frame(int fd, char type, const char *body, uint32_t length)
{
    char packet[5 + CHUNK] = { type };
    uint32_t wire_length = htonl(length);

    memcpy(packet + 1, &wire_length, 4);
    memcpy(packet + 5, body, length);
    return write_all(fd, packet, 5 + length);
}

// The body gets a NUL after its end.
static int receive_frame(int fd, struct frame *frame)
{
    char header[5];

    if (read_all(fd, header, sizeof(header)))
        return -1;
    frame->type = header[0];
    memcpy(&frame->length, header + 1, 4);
    frame->length = ntohl(frame->length);
    if (frame->length > CHUNK)
        return -1;
    frame->body[frame->length] = '\0';
    return read_all(fd, frame->body, frame->length);
}

// ---- the server's side ----

struct command {
    int connection;
    int input;
    pid_t pid;
};

static void *feed_command(void *arg)
{
    struct command *command = arg;
    static struct frame frame;

    while (receive_frame(command->connection, &frame) == 0) {
        if (frame.type == 'k') {
            kill(-command->pid, SIGKILL);
        } else if (command->input >= 0 &&
                   (frame.length == 0 ||
                    write_all(command->input, frame.body, frame.length))) {
            close(command->input);
            command->input = -1;
        }
    }
    if (command->input >= 0)
        close(command->input);
    return NULL;
}

// Passes on what the command wrote; -1 when there is nothing to wait for.
static int pass_output(int connection, char type, int fd)
{
    char data[CHUNK];
    ssize_t size = read(fd, data, sizeof(data));

    if (size < 0)
        return -1;
    // A client that is gone must not look like a full pipe to the command:
    // the command gets SIGPIPE, as it would from ssh.
    if (send_frame(connection, type, data, size) || size == 0) {
        close(fd);
        return -1;
    }
    return 0;
}

static pid_t start_command(const char *line, int fds[3])
{
    int in[2], out[2], errors[2];

    if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC) ||
        pipe2(errors, O_CLOEXEC))
        err(1, "pipe");
    pid_t pid = fork();
    if (pid == 0) {
        setsid();
        signal(SIGPIPE, SIG_DFL);
        dup2(in[0], 0);
        dup2(out[1], 1);
        dup2(errors[1], 2);
        execl("/bin/sh", "sh", "-c", line, (char *)NULL);
        err(127, "/bin/sh");
    }
    close(in[0]);
    close(out[1]);
    close(errors[1]);
    fds[0] = in[1];
    fds[1] = out[0];
    fds[2] = errors[0];
    return pid;
}

static void serve(int connection)
{
    static struct frame frame;
    int fds[3], status;

    if (receive_frame(connection, &frame) || frame.type != 'c')
        return;
    pid_t pid = start_command(frame.body, fds);
    if (pid < 0)
        err(1, "fork");
    struct command command = { connection, fds[0], pid };
    pthread_t feeder;
    if (pthread_create(&feeder, NULL, feed_command, &command))
        errx(1, "cannot start a thread");

    // A program that the command left in the background may keep its output
    // open for ever: the end is when the command itself ends.
    struct pollfd polled[3] = {
        { .fd = fds[1], .events = POLLIN },
        { .fd = fds[2], .events = POLLIN },
        { .fd = pidfd_open(pid, 0), .events = POLLIN },
    };
    while (!polled[2].revents) {
        poll(polled, 3, -1);
        for (int i = 0; i < 2; i++)
            if (polled[i].revents &&
                pass_output(connection, "oe"[i], polled[i].fd))
                polled[i].fd = -1;
    }
    for (int i = 0; i < 2; i++) {
        if (polled[i].fd < 0)
            continue;
        fcntl(polled[i].fd, F_SETFL, O_NONBLOCK);
        while (pass_output(connection, "oe"[i], polled[i].fd) == 0)
            continue;
    }
    waitpid(pid, &status, 0);
    char code = WIFEXITED(status) ? WEXITSTATUS(status)
                                  : 128 + WTERMSIG(status);
    send_frame(connection, 'x', &code, 1);
}

static int serve_forever(void)
{
    struct sockaddr_in any = { .sin_family = AF_INET,
                               .sin_port = htons(PORT) };
    int one = 1;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(listener, (struct sockaddr *)&any, sizeof(any)) ||
        listen(listener, 64))
        err(1, "cannot listen on port %d", PORT);
    signal(SIGCHLD, SIG_IGN);
    for (;;) {
        int connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (connection < 0)
            continue;
        if (fork() == 0) {
            signal(SIGCHLD, SIG_DFL);
            setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &one,
                       sizeof(one));
            serve(connection);
            _exit(0);
        }
        close(connection);
    }
}

// ---- the client's side ----

static void *send_input(void *arg)
{
    int connection = *(int *)arg;
    static char data[CHUNK];
    ssize_t size;

    do {
        size = read(0, data, sizeof(data));
        if (size < 0)
            size = 0;
    } while (send_frame(connection, 'i', data, size) == 0 && size > 0);
    return NULL;
}

// The C library's own resolver cannot be linked statically.
static struct in_addr look_up(const char *host)
{
    char address[64], name[64];
    struct in_addr found;
    FILE *hosts = fopen("/etc/hosts", "r");

    while (hosts && fscanf(hosts, "%63s %63s", address, name) == 2)
        if (strcmp(name, host) == 0 && inet_aton(address, &found))
            return found;
    errx(255, "no host %s in /etc/hosts", host);
}

static int run_remotely(const char *host, int count, char **words)
{
    static struct frame frame;
    char line[CHUNK] = "";
    struct sockaddr_in server = { .sin_family = AF_INET,
                                  .sin_port = htons(PORT),
                                  .sin_addr = look_up(host) };
    int one = 1;
    int connection = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    for (int i = 0; i < count; i++) {
        if (strlen(line) + strlen(words[i]) + 2 > sizeof(line))
            errx(255, "command line too long");
        strcat(strcat(line, i ? " " : ""), words[i]);
    }
    if (connect(connection, (struct sockaddr *)&server, sizeof(server)))
        err(255, "cannot connect to %s", host);
    setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    send_frame(connection, 'c', line, strlen(line));

    pthread_t sender;
    if (pthread_create(&sender, NULL, send_input, &connection))
        errx(255, "cannot start a thread");
    while (receive_frame(connection, &frame) == 0) {
        if (frame.type == 'x')
            return (unsigned char)frame.body[0];
        int fd = frame.type == 'o' ? 1 : 2;
        if (frame.length == 0)
            close(fd);
        else if (write_all(fd, frame.body, frame.length))
            return 255;
    }
    errx(255, "connection to %s lost", host);
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    if (argc == 2 && strcmp(argv[1], "--listen") == 0)
        return serve_forever();
    if (argc < 3)
        errx(255, "usage: plain-shell --listen | plain-shell HOST WORD...");
    _exit(run_remotely(argv[1], argc - 2, argv + 2));
}
