// The workload as the only program of a small Linux guest, its /init.

#include <err.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

#include "workload.h"

static int serial;

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
    serial = open("/dev/ttyS0", O_RDWR | O_NOCTTY);
    if (serial < 0 || tcgetattr(serial, &settings))
        err(1, "serial port");
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

    if (read(serial, &c, 1) != 1 || workload_input(w, c))
        return;
    if (c == 'p')
        reboot(RB_POWER_OFF);
    else if (c == 'r')
        reboot(RB_AUTOBOOT);
    else if (c == 'c')
        crash();
}

static uint32_t seconds_up(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

int main(void)
{
    static uint32_t sums[PAGES];
    static struct workload w;
    char line[LINE_SIZE];
    uint32_t started, last = 0;

    set_up_linux();
    void *memory = mmap(NULL, sizeof(uint32_t[PAGES][WORDS]),
                        PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                        -1, 0);
    if (memory == MAP_FAILED || mlockall(MCL_CURRENT))
        err(1, "memory");
    workload_init(&w, memory, sums);
    platform_write("workload: started\n");
    started = seconds_up();
    for (;;) {
        struct pollfd input = { .fd = serial, .events = POLLIN };

        if (poll(&input, 1, 1000 / TICKS_PER_SECOND) > 0)
            obey(&w);
        workload_tick(&w);
        uint32_t now = seconds_up() - started;
        if (now == last)
            continue;
        last = now;
        workload_status(&w, now, line);
        platform_write(line);
    }
}
