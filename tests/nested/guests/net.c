#define _GNU_SOURCE
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "driver.h"
#include "net.h"
#include "net_stream.h"
#include "workload.h"

enum { CHUNK = 16384, STACK = 128 << 10 };

static int has_card;
static atomic_int is_up, wrong;
static atomic_uint opened, ended, kilobytes;

static int set_address(struct ifreq *request, unsigned long what,
                       const char *address, int control)
{
    struct sockaddr_in in = { .sin_family = AF_INET };

    inet_aton(address, &in.sin_addr);
    memcpy(&request->ifr_addr, &in, sizeof(in));
    return ioctl(control, what, request);
}

static int bring_up(const char *name, const char *address, const char *mask)
{
    struct ifreq request = { 0 };
    int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int r;

    strcpy(request.ifr_name, name);
    r = set_address(&request, SIOCSIFADDR, address, control);
    if (r == 0)
        r = set_address(&request, SIOCSIFNETMASK, mask, control);
    if (r == 0)
        r = ioctl(control, SIOCGIFFLAGS, &request);
    if (r == 0) {
        request.ifr_flags |= IFF_UP;
        r = ioctl(control, SIOCSIFFLAGS, &request);
    }
    close(control);
    return r;
}

static int write_all(int connection, const uint8_t *data, size_t size)
{
    while (size > 0) {
        ssize_t r = send(connection, data, size, MSG_NOSIGNAL);
        if (r < 0)
            return -1;
        data += r;
        size -= r;
    }
    return 0;
}

static void answer(int connection)
{
    uint8_t data[CHUNK], begin[NET_NUMBER_SIZE];
    uint64_t number = 0, place = 0;
    unsigned counted = 0;
    ssize_t size;

    if (recv(connection, begin, sizeof(begin), MSG_WAITALL) != sizeof(begin))
        return;
    for (int i = NET_NUMBER_SIZE; i-- > 0;)
        number = number << 8 | begin[i];
    while ((size = recv(connection, data, sizeof(data), 0)) > 0) {
        size_t right = net_right(number, NET_TO_SERVER, place, data, size);
        if (right != (size_t)size) {
            wrong++;
            return;
        }
        net_fill(number, NET_TO_CLIENT, place, data, size);
        if (write_all(connection, data, size))
            return;
        place += size;
        kilobytes += place / 1024 - counted;
        counted = place / 1024;
    }
}

static void *serve(void *argument)
{
    int connection = (intptr_t)argument, one = 1;

    setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    answer(connection);
    close(connection);
    ended++;
    return NULL;
}

static void *listen_for_ever(void *unused)
{
    struct sockaddr_in any = { .sin_family = AF_INET,
                               .sin_port = htons(NET_PORT) };
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    pthread_attr_t small;

    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, STACK);
    pthread_attr_setdetachstate(&small, PTHREAD_CREATE_DETACHED);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(listener, (struct sockaddr *)&any, sizeof(any)) ||
        listen(listener, 64))
        return unused;
    is_up = 1;
    for (;;) {
        int connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        pthread_t thread;
        if (connection < 0)
            continue;
        opened++;
        if (pthread_create(&thread, &small, serve,
                           (void *)(intptr_t)connection)) {
            close(connection);
            ended++;
        }
    }
}

static void *tell_the_clock(void *unused)
{
    struct sockaddr_in any = { .sin_family = AF_INET,
                               .sin_port = htons(NET_CLOCK_PORT) };
    int asked = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    uint8_t data[NET_QUESTION_SIZE + NET_CLOCK_SIZE];

    if (bind(asked, (struct sockaddr *)&any, sizeof(any)))
        return unused;
    for (;;) {
        struct sockaddr_in from;
        socklen_t size = sizeof(from);
        ssize_t r = recvfrom(asked, data, sizeof(data), MSG_TRUNC,
                             (struct sockaddr *)&from, &size);
        if (r != NET_QUESTION_SIZE)
            continue;
        uint64_t clock = __builtin_ia32_rdtsc();
        memcpy(data + NET_QUESTION_SIZE, &clock, sizeof(clock));
        sendto(asked, data, sizeof(data), 0, (struct sockaddr *)&from, size);
    }
}

// The card is there when xenbus, or PCI, has told the driver of it.
static void *bring_card_up(void *unused)
{
    const struct timespec pause = { .tv_nsec = 20000000 };
    pthread_attr_t small;
    pthread_t clock;

    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, STACK);
    while (bring_up("eth0", "10.77.0.10", "255.255.255.0"))
        nanosleep(&pause, NULL);
    pthread_create(&clock, &small, tell_the_clock, NULL);
    return listen_for_ever(unused);
}

// One more, on a network of its own, if there is one or comes one.
static void *bring_second_card_up(void *unused)
{
    const struct timespec pause = { .tv_sec = 1 };

    while (bring_up("eth1", "10.78.0.10", "255.255.255.0"))
        nanosleep(&pause, NULL);
    return unused;
}

void net_start(void)
{
    pthread_t thread;

    has_card = load_driver("/xen-netfront.ko") == 0 ||
               load_driver("/e1000.ko") == 0;
    if (has_card) {
        bring_up("lo", "127.0.0.1", "255.0.0.0");
        pthread_create(&thread, NULL, bring_card_up, NULL);
        pthread_create(&thread, NULL, bring_second_card_up, NULL);
    }
}

int net_status(char *line)
{
    if (!has_card)
        return 0;
    snprintf(line, LINE_SIZE, "net: up=%d opened=%u ended=%u kilobytes=%u %s\n",
             is_up, opened, ended, kilobytes, wrong ? "BROKEN" : "ok");
    return 1;
}
