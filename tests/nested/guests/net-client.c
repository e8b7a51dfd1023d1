// A client of the guest's server, which checks every byte both ways:
//     net-client stream ADDRESS SECONDS [BYTES-A-SECOND]
//         one connection; ends it in order when the time is over
//     net-client connect ADDRESS SECONDS
//         one connection after another, some bytes on each
//     net-client clock ADDRESS SECONDS
//         questions whose answers are never the same twice
// Writes a line each second and a last one that ends in "ok" or "BROKEN"; the
// exit status is 1 after a wrong byte, a reset or a lost connection, and with
// `connect` and `clock` after a wrong byte only: a connection that cannot be made
// or that breaks is counted as failed, a question without an answer not at all.
// Times are ms of this machine's clock.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "net_stream.h"

enum {
    CHUNK = 16384,
    WINDOW = 256 << 10,   // bytes under way, both ways together
    PATIENCE_MS = 300000, // for the last bytes: a failover, and TCP backed off
    ATTEMPT_MS = 30000,   // for all of a connection of `connect`
    REQUEST = 1000,       // bytes on each of those
};

static struct sockaddr_in server = { .sin_family = AF_INET };

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000ll + now.tv_nsec / 1000000;
}

struct stream {
    int connection;
    uint64_t number;
    uint64_t sent, received; // bytes behind the number
    int wrong;               // a byte of the server's was not right
};

// Begins to connect; -1 and errno.
static int begin(struct stream *s)
{
    static uint64_t number;
    int one = 1;

    if (number == 0)
        number = (uint64_t)time(NULL) << 24 ^ (uint64_t)getpid() << 50;
    *s = (struct stream){ .number = ++number };
    s->connection =
        socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (s->connection < 0)
        return -1;
    setsockopt(s->connection, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (connect(s->connection, (struct sockaddr *)&server, sizeof(server)) &&
        errno != EINPROGRESS) {
        close(s->connection);
        return -1;
    }
    return 0;
}

// Waits until the connection stands; 0, or the reason.
static int finish_connecting(struct stream *s, int64_t deadline)
{
    struct pollfd polled = { .fd = s->connection, .events = POLLOUT };
    uint8_t number[NET_NUMBER_SIZE];
    int64_t left = deadline - now_ms();
    int error = 0;
    socklen_t size = sizeof(error);

    if (left <= 0 || poll(&polled, 1, left) == 0)
        return ETIMEDOUT;
    if (getsockopt(s->connection, SOL_SOCKET, SO_ERROR, &error, &size) ||
        error)
        return error ? error : errno;
    for (int i = 0; i < NET_NUMBER_SIZE; i++)
        number[i] = s->number >> (8 * i);
    if (send(s->connection, number, sizeof(number), MSG_NOSIGNAL) !=
        sizeof(number))
        return EIO;
    return 0;
}

// Sends what is due of the stream up to `end`; 0, or the reason.
static int send_some(struct stream *s, uint64_t end)
{
    uint8_t data[CHUNK];
    size_t size = end - s->sent < CHUNK ? end - s->sent : CHUNK;

    net_fill(s->number, NET_TO_SERVER, s->sent, data, size);
    ssize_t r = send(s->connection, data, size, MSG_NOSIGNAL);
    if (r < 0)
        return errno == EAGAIN ? 0 : errno;
    s->sent += r;
    return 0;
}

// 0, or the reason: ENODATA at the end of the stream, EBADMSG at a wrong byte.
static int receive_some(struct stream *s)
{
    uint8_t data[CHUNK];
    ssize_t r = recv(s->connection, data, sizeof(data), 0);

    if (r < 0)
        return errno == EAGAIN ? 0 : errno;
    if (r == 0)
        return ENODATA;
    size_t right =
        net_right(s->number, NET_TO_CLIENT, s->received, data, r);
    s->received += r;
    // More than was asked for is as wrong as another byte.
    if (right == (size_t)r && s->received <= s->sent)
        return 0;
    printf("wrong byte at %llu\n",
           (unsigned long long)(s->received - r + right));
    s->wrong = 1;
    return EBADMSG;
}

// Sends up to `end` and receives for `wait_ms` at most; 0, or the reason.
static int move(struct stream *s, uint64_t end, int wait_ms)
{
    struct pollfd polled = { .fd = s->connection,
                             .events = s->sent < end ? POLLIN | POLLOUT
                                                     : POLLIN };
    int r = 0;

    if (poll(&polled, 1, wait_ms) <= 0)
        return 0;
    if (polled.revents & ~POLLOUT)
        r = receive_some(s);
    if (r == 0 && polled.revents & POLLOUT)
        r = send_some(s, end);
    return r;
}

// ---- one connection ----

struct meter {
    int64_t started, printed;   // printed: the last line's second
    int64_t heard, longest;     // when bytes last came; the longest wait
};

static void measure(struct meter *m, const struct stream *s, int more)
{
    int64_t now = now_ms();

    if (s->received == s->sent || more)
        m->heard = now;
    else if (now - m->heard > m->longest)
        m->longest = now - m->heard;
    if ((now - m->started) / 1000 == m->printed)
        return;
    m->printed = (now - m->started) / 1000;
    printf("stream: seconds=%lld sent=%llu received=%llu waiting-ms=%lld "
           "longest-ms=%lld\n",
           (long long)m->printed, (unsigned long long)s->sent,
           (unsigned long long)s->received, (long long)(now - m->heard),
           (long long)m->longest);
}

static int end_stream(const struct meter *m, const struct stream *s, int r)
{
    int ok = r == ENODATA && s->received == s->sent && s->sent > 0;

    printf("stream: ended sent=%llu received=%llu longest-ms=%lld: %s %s\n",
           (unsigned long long)s->sent, (unsigned long long)s->received,
           (long long)m->longest,
           r == ENODATA ? "closed" : strerror(r), ok ? "ok" : "BROKEN");
    return !ok;
}

static int stream(int64_t seconds, int64_t rate)
{
    struct stream s;
    int64_t started = now_ms();
    struct meter m = { .started = started, .heard = started };
    int64_t stop = started + seconds * 1000;
    int r = begin(&s) ? errno : finish_connecting(&s, stop);
    int stopped = 0;

    m.heard = now_ms();
    while (r == 0) {
        uint64_t before = s.received, end = s.received + WINDOW;
        int64_t now = now_ms();

        if (rate && end > (uint64_t)((now - started) * rate / 1000))
            end = (now - started) * rate / 1000;
        if (now >= stop) {
            end = s.sent;
            if (!stopped++)
                shutdown(s.connection, SHUT_WR);
            if (now - stop > PATIENCE_MS) {
                r = ETIMEDOUT;
                break;
            }
        }
        r = move(&s, end, 10);
        measure(&m, &s, s.received > before);
    }
    // The server ends only after the client has.
    if (r == ENODATA && !stopped)
        r = ECONNRESET;
    return end_stream(&m, &s, r);
}

// ---- many connections ----

// 0, or why the connection could not be made or broke.
static int ask_once(int *wrong)
{
    struct stream s;
    int64_t deadline = now_ms() + ATTEMPT_MS;

    if (begin(&s))
        return errno;
    int r = finish_connecting(&s, deadline);
    while (r == 0 && s.received < REQUEST)
        r = now_ms() > deadline ? ETIMEDOUT : move(&s, REQUEST, 100);
    *wrong |= s.wrong;
    close(s.connection);
    return r;
}

static int connect_for(int64_t seconds)
{
    const struct timespec pause = { .tv_nsec = 50000000 };
    int64_t started = now_ms(), printed = 0, longest = 0, now = started;
    unsigned good = 0, failed = 0;
    int wrong = 0, r, reason = 0;

    while (now < started + seconds * 1000) {
        int64_t before = now;
        r = ask_once(&wrong);
        if (r) {
            reason = r;
            failed++;
        } else {
            good++;
        }
        nanosleep(&pause, NULL);
        now = now_ms();
        if (now - before > longest)
            longest = now - before;
        if ((now - started) / 1000 == printed)
            continue;
        printed = (now - started) / 1000;
        printf("connect: seconds=%lld good=%u failed=%u longest-ms=%lld%s%s\n",
               (long long)printed, good, failed, (long long)longest,
               reason ? " last failure: " : "",
               reason ? strerror(reason) : "");
    }
    printf("connect: ended good=%u failed=%u longest-ms=%lld %s\n", good,
           failed, (long long)longest, wrong ? "BROKEN" : "ok");
    return wrong;
}

// ---- answers that differ ----

// One that came, to any question that was asked: whether it is right.
static int answer_is_right(const uint8_t *data, ssize_t size, uint64_t number,
                           uint64_t asked)
{
    uint64_t place;

    if (size != NET_QUESTION_SIZE + NET_CLOCK_SIZE)
        return 0;
    memcpy(&place, data, sizeof(place));
    return place < asked &&
           net_right(number, NET_TO_SERVER, place * 8, data + sizeof(place),
                     NET_QUESTION_SIZE - sizeof(place)) ==
               NET_QUESTION_SIZE - sizeof(place);
}

static int clock_for(int64_t seconds)
{
    int socket_ = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int64_t started = now_ms(), printed = 0, now = started, next = started;
    int64_t heard = started, longest = 0;
    uint64_t number = (uint64_t)time(NULL) << 20, asked = 0;
    unsigned good = 0;
    int wrong = 0;

    server.sin_port = htons(NET_CLOCK_PORT);
    if (connect(socket_, (struct sockaddr *)&server, sizeof(server)))
        err(2, "no socket");
    while (now < started + seconds * 1000 && !wrong) {
        struct pollfd polled = { .fd = socket_, .events = POLLIN };
        uint8_t data[64];

        if (now >= next) {
            memcpy(data, &asked, sizeof(asked));
            net_fill(number, NET_TO_SERVER, asked * 8, data + sizeof(asked),
                     NET_QUESTION_SIZE - sizeof(asked));
            asked++;
            next = now + 100;
            // A host that is gone is no error of the guest's.
            if (send(socket_, data, NET_QUESTION_SIZE, MSG_NOSIGNAL) < 0)
                next = now + 200;
        }
        if (poll(&polled, 1, 20) > 0) {
            ssize_t r = recv(socket_, data, sizeof(data), MSG_DONTWAIT);
            if (r >= 0) {
                wrong = !answer_is_right(data, r, number, asked);
                good += !wrong;
                heard = now_ms();
            }
        }
        now = now_ms();
        if (now - heard > longest)
            longest = now - heard;
        if ((now - started) / 1000 == printed)
            continue;
        printed = (now - started) / 1000;
        printf("clock: seconds=%lld asked=%llu good=%u longest-ms=%lld%s\n",
               (long long)printed, (unsigned long long)asked, good,
               (long long)longest, wrong ? " wrong byte" : "");
    }
    printf("clock: ended asked=%llu good=%u longest-ms=%lld %s\n",
           (unsigned long long)asked, good, (long long)longest,
           wrong ? "BROKEN" : "ok");
    return wrong;
}

int main(int argc, char **argv)
{
    int64_t seconds = argc < 4 ? 0 : atoll(argv[3]);

    setvbuf(stdout, NULL, _IOLBF, 0);
    server.sin_port = htons(NET_PORT);
    if (seconds > 0 && inet_aton(argv[2], &server.sin_addr)) {
        if (strcmp(argv[1], "stream") == 0 && argc <= 5)
            return stream(seconds, argc == 5 ? atoll(argv[4]) : 0);
        if (strcmp(argv[1], "connect") == 0 && argc == 4)
            return connect_for(seconds);
        if (strcmp(argv[1], "clock") == 0 && argc == 4)
            return clock_for(seconds);
    }
    errx(2, "usage: net-client stream ADDRESS SECONDS [BYTES-A-SECOND] | "
            "connect ADDRESS SECONDS | clock ADDRESS SECONDS");
}
