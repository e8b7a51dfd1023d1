// A client of the guest's database, which keeps one list of numbers there:
//     database-client push ADDRESS SECONDS
//         one connection; appends the next number, again and again, and each
//         answer must be how long the list is then. So an append that was lost,
//         or done twice, is a wrong answer.
//     database-client check ADDRESS LEAST
//         the list must be the numbers from 1 on, LEAST of them or more
// Writes a line each second, and a last one that ends in "ok" or "BROKEN".

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PORT = 6379, WINDOW = 16 /* appends without their answers */ };

static FILE *database;

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000ll + now.tv_nsec / 1000000;
}

static void fail(const char *what)
{
    printf("database: %s: BROKEN\n", what);
    exit(1);
}

static void connect_to(const char *address)
{
    struct sockaddr_in server = { .sin_family = AF_INET,
                                  .sin_port = htons(PORT) };
    int one = 1;
    int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (s < 0 || !inet_aton(address, &server.sin_addr) ||
        connect(s, (struct sockaddr *)&server, sizeof(server)))
        err(1, "%s", address);
    setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    database = fdopen(s, "r+");
    if (!database)
        err(1, "connection");
}

static void ask(const char *request)
{
    if (dprintf(fileno(database), "%s\r\n", request) < 0)
        fail("the connection is lost");
}

// An answer's line begins with its kind, and is a number.
static long long answer(char kind)
{
    char line[64];

    if (!fgets(line, sizeof(line), database))
        fail("the connection is lost");
    if (line[0] != kind)
        fail(line);
    return atoll(line + 1);
}

static int push(int64_t seconds)
{
    char request[64];
    int64_t started = now_ms(), heard = started, longest = 0, printed = 0;
    long long sent, received;

    ask("LLEN log");
    sent = received = answer(':');
    while (now_ms() - started < seconds * 1000) {
        while (sent - received < WINDOW) {
            snprintf(request, sizeof(request), "RPUSH log %lld", ++sent);
            ask(request);
        }
        if (answer(':') != ++received)
            fail("an append was lost, or done twice");
        if (now_ms() - heard > longest)
            longest = now_ms() - heard;
        heard = now_ms();
        if ((heard - started) / 1000 == printed)
            continue;
        printed = (heard - started) / 1000;
        printf("database: seconds=%lld sent=%lld received=%lld "
               "longest-ms=%lld\n",
               (long long)printed, sent, received, (long long)longest);
    }
    printf("database: ended sent=%lld received=%lld longest-ms=%lld ok\n", sent,
           received, (long long)longest);
    return 0;
}

static int check(long long least)
{
    char line[64];

    ask("LRANGE log 0 -1");
    long long count = answer('*');
    for (long long i = 1; i <= count; i++) {
        answer('$');
        if (!fgets(line, sizeof(line), database) || atoll(line) != i)
            fail("a number is missing, or there twice");
    }
    printf("database: %lld numbers, %lld were acknowledged: %s\n", count, least,
           count >= least ? "ok" : "BROKEN");
    return count < least;
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc != 4)
        errx(2, "usage: database-client push|check ADDRESS NUMBER");
    connect_to(argv[2]);
    return strcmp(argv[1], "check") ? push(atoll(argv[3]))
                                    : check(atoll(argv[3]));
}
