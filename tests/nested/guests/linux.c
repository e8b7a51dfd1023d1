// The workload as the only program of a small Linux guest, its /init. Where
// Linux has started its PV drivers, pv.c gives them work as well; net.c serves
// the network and disk.c uses the disks where the guest has their drivers.

#include <err.h>
#include <fcntl.h>
#include <libgen.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

#include "database.h"
#include "disk.h"
#include "net.h"
#include "pv.h"
#include "server.h"
#include "workload.h"

static int serial;
static int orders; // what obey() reads, or -1

void platform_write(const char *line)
{
    if (write(serial, line, strlen(line)) < 0)
        err(1, "serial port");
}

uint32_t platform_clock(void)
{
    return __rdtsc();
}

static void set_up_linux(void)
{
    struct termios settings;

    mkdir("/dev", 0755);
    mkdir("/proc", 0755);
    mount("dev", "/dev", "devtmpfs", 0, NULL);
    mount("proc", "/proc", "proc", 0, NULL);
    serial = orders = open("/dev/ttyS0", O_RDWR | O_NOCTTY);
    // A PVH guest has just the PV console, on which pv.c listens.
    if (serial < 0 || tcgetattr(serial, &settings)) {
        orders = -1;
        serial = open("/dev/hvc0", O_RDWR | O_NOCTTY);
        if (serial < 0 || tcgetattr(serial, &settings))
            err(1, "console");
    }
    cfmakeraw(&settings);
    tcsetattr(serial, TCSANOW, &settings);
}

static void crash(void)
{
    int trigger = open("/proc/sysrq-trigger", O_WRONLY);

    if (trigger < 0 || write(trigger, "c", 1) != 1)
        platform_write("workload: BROKEN no crash\n");
}

static void obey(struct workload *w)
{
    char c;

    if (read(orders, &c, 1) != 1 || workload_input(w, c))
        return;
    if (c == 'p')
        reboot(RB_POWER_OFF);
    else if (c == 'r')
        reboot(RB_AUTOBOOT);
    else if (c == 'c')
        crash();
}

static uint64_t nanoseconds(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return now.tv_sec * 1000000000ull + now.tv_nsec;
}

// A second's line, and what the clocks say, which a test compares across a
// failover. Memory holds the latest of both: a copy that takes over begins
// with what the primary's had when the last checkpoint was taken.
static uint32_t watch_clocks(uint32_t last, uint64_t *latest)
{
    char line[LINE_SIZE];
    uint64_t now = nanoseconds(CLOCK_MONOTONIC);

    if (now < *latest)
        platform_write("workload: clock went back\n");
    *latest = now;
    if (now / 1000000000 == last)
        return last;
    snprintf(line, sizeof(line), "clock: monotonic=%llu realtime=%llu\n",
             (unsigned long long)(now / 1000000),
             (unsigned long long)(nanoseconds(CLOCK_REALTIME) / 1000000));
    platform_write(line);
    return now / 1000000000;
}

int main(int argc, char **argv)
{
    static uint32_t sums[PAGES];
    static struct workload w;
    char line[LINE_SIZE];
    uint64_t latest = 0;

    // What Linux runs when Xen asks for an orderly end.
    if (argc > 0 && !strcmp(basename(argv[0]), "poweroff"))
        return reboot(RB_POWER_OFF);
    if (argc > 0 && !strcmp(basename(argv[0]), "reboot"))
        return reboot(RB_AUTOBOOT);

    set_up_linux();
    void *memory = mmap(NULL, sizeof(uint32_t[PAGES][WORDS]),
                        PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                        -1, 0);
    if (memory == MAP_FAILED || mlockall(MCL_CURRENT))
        err(1, "memory");
    workload_init(&w, memory, sums);
    platform_write("workload: started\n");
    pv_start();
    net_start();
    if (!database_start())
        disk_start();
    server_start();
    uint32_t last = watch_clocks(0, &latest);
    uint32_t started = last;
    for (;;) {
        struct pollfd input = { .fd = orders, .events = POLLIN };

        if (poll(&input, 1, 1000 / TICKS_PER_SECOND) > 0)
            obey(&w);
        workload_tick(&w);
        uint32_t now = watch_clocks(last, &latest);
        if (now == last)
            continue;
        last = now;
        if (pv_status(line))
            platform_write(line);
        if (net_status(line))
            platform_write(line);
        for (int disk = 0; disk_status(disk, line); disk++)
            platform_write(line);
        workload_status(&w, now - started, line);
        platform_write(line);
    }
}
