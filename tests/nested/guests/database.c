#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "database.h"
#include "driver.h"
#include "workload.h"

static const char *const drivers[] = {
    "/crc16.ko", "/crc32c_generic.ko", "/mbcache.ko",
    "/jbd2.ko",  "/ext4.ko",           "/xen-blkfront.ko",
};
static const char disk[] = "/dev/xvda", folder[] = "/data";

// By the loader and the libraries that came with it.
static char *const command[] = {
    "/database/ld.so", "--library-path", "/database/lib",
    "/database/redis-server",
    "--dir", "/data", "--appendonly", "yes", "--appendfsync", "always",
    "--auto-aof-rewrite-percentage", "0", "--save", "",
    "--protected-mode", "no", "--port", "6379", "--loglevel", "warning",
    NULL,
};

static void say_broken(const char *what)
{
    char line[LINE_SIZE];

    snprintf(line, sizeof(line), "database: BROKEN %s: %s\n", what,
             strerror(errno));
    platform_write(line);
}

// The disk comes once its driver has connected.
static int mount_disk(void)
{
    const struct timespec pause = { .tv_nsec = 100000000 };

    mkdir(folder, 0755);
    for (int i = 0; i < 600; i++) {
        if (mount(disk, folder, "ext4", 0, "errors=remount-ro") == 0)
            return 0;
        nanosleep(&pause, NULL);
    }
    return -1;
}

static void *run_database(void *unused)
{
    int status;

    if (mount_disk()) {
        say_broken("mount");
        return unused;
    }
    platform_write("database: mounted\n");
    pid_t child = fork();
    if (child == 0) {
        execve(command[0], command, (char *const[]){ NULL });
        _exit(127);
    }
    if (child < 0 || waitpid(child, &status, 0) < 0)
        say_broken("start");
    else
        say_broken("it has ended");
    return unused;
}

int database_start(void)
{
    static pthread_t thread;

    if (access(command[0], X_OK))
        return 0;
    for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++)
        if (load_driver(drivers[i]) && errno != EEXIST)
            say_broken(drivers[i]);
    pthread_create(&thread, NULL, run_database, NULL);
    return 1;
}
