#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "disk.h"
#include "driver.h"
#include "workload.h"

enum {
    BLOCK = 4096,
    MOST_BLOCKS = 256, // of one write: 1 MiB
    READ_BLOCKS = 64,  // of one read
    READS_A_WRITE = 4,
    WRITES_A_DISCARD = 8,
    SHARES = 2, // of a disk, each with a thread of its own
    DISKS = 2,
    RESTS_OF_WORK = 8,
    SHORTEST_REST = 50000000, // ns
    REPORTED = 10,
    STACK = 128 << 10,
};

struct disk;

// One thread's part of a disk, which nobody else writes.
struct share {
    struct disk *disk;
    uint32_t begin, end; // blocks
    uint32_t next;       // to be read
    atomic_uint passes;
    char *data; // MOST_BLOCKS
};

struct disk {
    const char *name;
    int direct, cached; // the disk, opened in two ways
    uint32_t *seeds;    // of each block: its contents, see fill()
    uint8_t *discarded; // each, since it was written
    struct share shares[SHARES];
    atomic_int is_there;
    atomic_uint writes, fsyncs, kilobytes, discards, broken;
};

static struct disk disks[DISKS] = { { .name = "xvda" }, { .name = "xvdb" } };

// A block begins with its seed and its number, for whoever finds it elsewhere.
static void fill(void *data, uint32_t seed, uint32_t block)
{
    uint32_t *words = data;
    uint32_t value = seed ^ block * 2654435761u;

    words[0] = seed;
    words[1] = block;
    for (int i = 2; i < BLOCK / 4; i++) {
        value = value * 1664525 + 1013904223;
        words[i] = value;
    }
}

static void report(struct disk *disk, const char *what, uint32_t block,
                   const char *more)
{
    char line[LINE_SIZE];

    if (disk->broken++ >= REPORTED)
        return;
    snprintf(line, sizeof(line), "disk: BROKEN %s %s block %u: %s\n",
             disk->name, what, block, more);
    platform_write(line);
}

static void compare(struct disk *disk, uint32_t block, const void *data)
{
    static const uint32_t zeros[BLOCK / 4];
    uint32_t must[BLOCK / 4];
    const uint32_t *is = data;
    char more[64];
    int i = 0;

    fill(must, disk->seeds[block], block);
    if (!memcmp(must, is, BLOCK))
        return;
    if (disk->discarded[block] && !memcmp(zeros, is, BLOCK))
        return;
    while (must[i] == is[i])
        i++;
    snprintf(more, sizeof(more), "%08x, not %08x; word %d, of block %u", is[0],
             must[0], i, is[1]);
    report(disk, "reads", block, more);
}

static void read_next(struct share *share)
{
    struct disk *disk = share->disk;
    uint32_t count = share->end - share->next;

    if (count > READ_BLOCKS)
        count = READ_BLOCKS;
    ssize_t size = (ssize_t)count * BLOCK;
    if (pread(disk->direct, share->data, size, (off_t)share->next * BLOCK) !=
        size)
        report(disk, "cannot read", share->next, strerror(errno));
    else
        for (uint32_t i = 0; i < count; i++)
            compare(disk, share->next + i, share->data + i * BLOCK);
    share->next += count;
    if (share->next == share->end) {
        share->next = share->begin;
        share->passes++;
    }
}

static void write_blocks(struct share *share, uint32_t block, uint32_t count,
                         uint32_t seed, int is_direct)
{
    struct disk *disk = share->disk;
    ssize_t size = (ssize_t)count * BLOCK;

    for (uint32_t i = 0; i < count; i++)
        fill(share->data + i * BLOCK, seed, block + i);
    if (pwrite(is_direct ? disk->direct : disk->cached, share->data, size,
               (off_t)block * BLOCK) != size ||
        (!is_direct && fsync(disk->cached))) {
        report(disk, "cannot write", block, strerror(errno));
        return;
    }
    for (uint32_t i = 0; i < count; i++)
        disk->seeds[block + i] = seed;
    memset(disk->discarded + block, 0, count);
    disk->writes++;
    disk->fsyncs += !is_direct;
    disk->kilobytes += size / 1024;
}

// Whatever it says: a backend that does not take it any more, as the guest is on
// another host, may follow one that has.
static void discard_blocks(struct share *share, uint32_t block, uint32_t count)
{
    struct disk *disk = share->disk;
    uint64_t range[] = { (uint64_t)block * BLOCK, (uint64_t)count * BLOCK };

    memset(disk->discarded + block, 1, count);
    if (!ioctl(disk->direct, BLKDISCARD, range))
        disk->discards++;
    else if (errno != EOPNOTSUPP)
        report(disk, "cannot discard", block, strerror(errno));
}

// Up to 65535; between two copies of the guest, too.
static uint32_t differing(void)
{
    return platform_clock() * 2654435761u >> 16;
}

// All sizes of a power of two are as likely, and sizes between them.
static uint32_t some_count(uint32_t most)
{
    uint32_t limit = 1u << differing() % 9;
    uint32_t count = 1 + differing() % limit;

    return count < most ? count : most;
}

// However slow an emulated host is, it has time for other things, too. Of the
// processor's time: what waits for a checkpoint costs nothing.
static struct timespec rest_after(const struct timespec *begun,
                                  const struct timespec *ended)
{
    int64_t worked = (ended->tv_sec - begun->tv_sec) * 1000000000ll +
                     ended->tv_nsec - begun->tv_nsec;
    int64_t rest = worked * RESTS_OF_WORK + SHORTEST_REST;

    return (struct timespec){ .tv_sec = rest / 1000000000,
                              .tv_nsec = rest % 1000000000 };
}

static void *use_share(void *argument)
{
    struct share *share = argument;
    uint32_t all = share->end - share->begin;

    for (uint32_t block = share->begin; block < share->end;) {
        uint32_t count = share->end - block;
        if (count > MOST_BLOCKS)
            count = MOST_BLOCKS;
        write_blocks(share, block, count, platform_clock(), 1);
        block += count;
    }
    for (;;) {
        struct timespec begun, ended, pause;
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begun);
        uint32_t count = some_count(all);
        uint32_t block = share->begin + differing() % (all - count + 1);
        if (differing() % WRITES_A_DISCARD)
            write_blocks(share, block, count, platform_clock(),
                         differing() & 1);
        else
            discard_blocks(share, block, count);
        for (int i = 0; i < READS_A_WRITE; i++)
            read_next(share);
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ended);
        pause = rest_after(&begun, &ended);
        nanosleep(&pause, NULL);
    }
    return NULL;
}

static int open_disk(struct disk *disk)
{
    char path[16];
    uint64_t size;

    snprintf(path, sizeof(path), "/dev/%s", disk->name);
    disk->direct = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
    disk->cached = open(path, O_RDWR | O_CLOEXEC);
    if (disk->direct < 0 || disk->cached < 0 ||
        ioctl(disk->direct, BLKGETSIZE64, &size)) {
        if (disk->direct >= 0)
            close(disk->direct);
        if (disk->cached >= 0)
            close(disk->cached);
        return -1;
    }
    uint32_t blocks = size / BLOCK;
    disk->seeds = calloc(blocks, sizeof(*disk->seeds));
    disk->discarded = calloc(blocks, sizeof(*disk->discarded));
    for (int i = 0; i < SHARES; i++)
        disk->shares[i] = (struct share){
            .disk = disk,
            .begin = (uint64_t)blocks * i / SHARES,
            .next = (uint64_t)blocks * i / SHARES,
            .end = (uint64_t)blocks * (i + 1) / SHARES,
            .data = aligned_alloc(BLOCK, MOST_BLOCKS * BLOCK),
        };
    return 0;
}

// A disk is there when xenbus has told the driver of it.
static void *use_disk(void *argument)
{
    const struct timespec pause = { .tv_nsec = 20000000 };
    struct disk *disk = argument;
    pthread_attr_t small;
    pthread_t thread;

    while (open_disk(disk))
        nanosleep(&pause, NULL);
    disk->is_there = 1;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, STACK);
    for (int i = 0; i < SHARES; i++)
        pthread_create(&thread, &small, use_share, &disk->shares[i]);
    return NULL;
}

void disk_start(void)
{
    pthread_t thread;

    if (load_driver("/xen-blkfront.ko"))
        return;
    for (int i = 0; i < DISKS; i++)
        pthread_create(&thread, NULL, use_disk, &disks[i]);
}

int disk_status(int number, char *line)
{
    struct disk *disk = &disks[number];
    unsigned passes = -1u;

    if (number == DISKS || !disk->is_there)
        return 0;
    for (int i = 0; i < SHARES; i++)
        if (disk->shares[i].passes < passes)
            passes = disk->shares[i].passes;
    snprintf(line, LINE_SIZE,
             "disk: %s writes=%u fsyncs=%u kilobytes=%u discards=%u passes=%u "
             "%s\n",
             disk->name, disk->writes, disk->fsyncs, disk->kilobytes,
             disk->discards, passes, disk->broken ? "BROKEN" : "ok");
    return 1;
}
