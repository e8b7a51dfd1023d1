#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server.h"
#include "workload.h"

#define LOADED "/server/ld.so", "--library-path", "/server/lib"

static char *const database[] = {
    LOADED, "/server/redis-server", "--appendonly", "no", "--save", "",
    "--protected-mode", "no", "--port", "6379", "--loglevel", "warning",
    NULL,
};
static char *const web[] = {
    LOADED, "/server/nginx", "-c", "/server/nginx.conf",
    "-g", "daemon off;", NULL,
};

// What they have to say comes between the workload's lines.
static void replace_streams(void)
{
    int console = open("/dev/console", O_RDWR | O_NOCTTY);

    for (int stream = 0; stream < 3; stream++)
        dup2(console, stream);
}

static void *run(void *argument)
{
    char *const *command = argument;
    char line[LINE_SIZE];
    int status = -1;
    pid_t child = fork();

    if (child == 0) {
        replace_streams();
        execve(command[0], command, (char *const[]){ NULL });
        _exit(127);
    }
    if (child > 0)
        waitpid(child, &status, 0);
    snprintf(line, sizeof(line), "server: BROKEN %s: status %d\n", command[3],
             status);
    platform_write(line);
    return NULL;
}

void server_start(void)
{
    pthread_t thread;

    if (access(database[0], X_OK))
        return;
    pthread_create(&thread, NULL, run, (void *)database);
    pthread_create(&thread, NULL, run, (void *)web);
}
