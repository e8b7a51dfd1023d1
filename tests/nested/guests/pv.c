#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "pv.h"
#include "workload.h"

// xen/include/public/io/xs_wire.h, Xen 4.17
struct message {
    uint32_t type, request, transaction, length;
};
enum { XS_READ = 2, XS_WATCH = 4, XS_WRITE = 11, XS_WATCH_EVENT = 15,
       XS_ERROR = 16 };

static int store = -1; // /dev/xen/xenbus
static volatile unsigned balls, beats, lines, heard, poked;
static int there[2], back[2];

static void pause_ms(long ms)
{
    struct timespec time = { .tv_sec = ms / 1000,
                             .tv_nsec = ms % 1000 * 1000000 };

    nanosleep(&time, NULL);
}

static void stay_on(int processor)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(processor, &set);
    // Of a guest with one processor both threads run on that.
    sched_setaffinity(0, sizeof(set), &set);
}

// Two threads on two processors wake each other up, which takes a call from
// one processor to the other, and a timer each time.
static void *throw_balls(void *unused)
{
    char ball = 0;

    stay_on(0);
    for (;;) {
        pause_ms(2);
        if (write(there[1], &ball, 1) != 1 || read(back[0], &ball, 1) != 1)
            return unused;
        balls++;
    }
}

static void *return_balls(void *unused)
{
    char ball;

    stay_on(1);
    while (read(there[0], &ball, 1) == 1 && write(back[1], &ball, 1) == 1)
        ;
    return unused;
}

enum { NO_ANSWER = -1, REFUSED = -2 };

static int say(int to, uint32_t type, const char *payload, uint32_t length)
{
    char request[256];
    struct message message = { .type = type, .length = length };

    memcpy(request, &message, sizeof(message));
    memcpy(request + sizeof(message), payload, length);
    length += sizeof(message);
    return write(to, request, length) == (ssize_t)length;
}

// Returns the type of what it was told next, or NO_ANSWER.
static int hear(int from, char *payload, uint32_t size, uint32_t *length)
{
    struct message message;

    if (read(from, &message, sizeof(message)) != sizeof(message) ||
        message.length > size)
        return NO_ANSWER;
    for (uint32_t got = 0; got < message.length;) {
        ssize_t r = read(from, payload + got, message.length - got);
        if (r <= 0)
            return NO_ANSWER;
        got += r;
    }
    *length = message.length;
    return message.type;
}

// Returns the answer's length, or one of those.
static int ask_store(uint32_t type, const char *payload, uint32_t length,
                     char *answer, uint32_t size)
{
    if (!say(store, type, payload, length))
        return NO_ANSWER;
    int got = hear(store, answer, size, &length);
    if (got == XS_ERROR)
        return REFUSED;
    return got == NO_ANSWER ? got : (int)length;
}

// Any answer will do: the store of a copy's host is not that of the primary's,
// so a value that was written before a checkpoint may not be there after it.
static void *use_store(void *unused)
{
    char text[64], answer[64];

    for (;;) {
        int size = snprintf(text, sizeof(text), "data/beat%c%u", 0, beats);
        if (ask_store(XS_WRITE, text, size, answer, sizeof(answer)) < 0) {
            platform_write("pv: BROKEN xenstore does not take a value\n");
            return unused;
        }
        int got = ask_store(XS_READ, "data/beat", sizeof("data/beat"), answer,
                            sizeof(answer));
        if (got == NO_ANSWER) {
            platform_write("pv: BROKEN xenstore gives no answer\n");
            return unused;
        }
        beats++;
        pause_ms(100);
    }
}

// The kernel sets its watches anew on each host; a number that is written there
// to data/poke has to arrive.
static void *watch_store(void *unused)
{
    static const char path[] = "data/poke";
    static const char watch[] = "data/poke\0poke";
    char payload[256];
    uint32_t length;
    int from = open("/dev/xen/xenbus", O_RDWR);

    if (from < 0 || !say(from, XS_WATCH, watch, sizeof(watch)))
        return unused;
    for (;;) {
        int type = hear(from, payload, sizeof(payload) - 1, &length);
        if (type == NO_ANSWER)
            break;
        if (type == XS_WATCH_EVENT && !say(from, XS_READ, path, sizeof(path)))
            break;
        if (type == XS_READ) {
            payload[length] = 0;
            poked = atoi(payload);
        }
    }
    platform_write("pv: BROKEN xenstore's watch ended\n");
    return unused;
}

// What "xl console" is given to say: lines with a number.
static void *hear_console(void *unused)
{
    FILE *console = fopen("/dev/hvc0", "r");
    char line[64];

    while (console && fgets(line, sizeof(line), console))
        heard = atoi(line);
    return unused;
}

static void *use_console(void *unused)
{
    char text[64];
    int console = open("/dev/hvc0", O_WRONLY | O_NOCTTY);

    if (console < 0)
        platform_write("pv: BROKEN no PV console\n");
    while (console >= 0) {
        int size = snprintf(text, sizeof(text), "console: line %u\r\n", lines);
        if (write(console, text, size) != size)
            break;
        lines++;
        pause_ms(500);
    }
    return unused;
}

void pv_start(void)
{
    void *(*const parts[])(void *) = { throw_balls, return_balls, use_store,
                                       watch_store,  hear_console,
                                       use_console };
    pthread_t thread;

    store = open("/dev/xen/xenbus", O_RDWR);
    if (store < 0 || pipe(there) || pipe(back)) {
        store = -1;
        return;
    }
    for (unsigned i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        pthread_create(&thread, NULL, parts[i], NULL);
}

int pv_status(char *line)
{
    if (store < 0)
        return 0;
    snprintf(line, LINE_SIZE,
             "pv: balls=%u beats=%u lines=%u heard=%u poked=%u\n", balls, beats,
             lines, heard, poked);
    return 1;
}
