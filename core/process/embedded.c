/* The embedded Redis.
 *
 * Started with its whole configuration on the command line, so that no file of ours can be stale:
 * append-only file every second, no eviction (state is not a cache), no TCP port. It gets SIGTERM
 * when the master dies, which makes it save and exit. That takes a moment in which a new master may
 * be there already, and two servers on one append-only file would destroy it (and the older one
 * removes the socket at its end): data_dir/redis/lock is an flock(2) that the server inherits, so
 * that it is held until the last process that could write there has ended.
 *
 * SPDX-License-Identifier: MIT */
#include "embedded.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "child.h"
#include "clock.h"
#include "log.h"

#define LOOK_MS 20
#define SILENCE_MS 60000 /* until it answers; that it is loading its files is an answer */
#define PING "PING\r\n"

/* ---- The process -------------------------------------------------------------------------- */

/* In the child: only execs and ends. Its words go to its own log file. */
static void become_redis(const struct embedded *embedded, const char *folder)
{
    const char *arguments[] = {embedded->program,
                               "--port",
                               "0",
                               "--unixsocket",
                               embedded->socket,
                               "--unixsocketperm",
                               "700",
                               "--dir",
                               folder,
                               "--appendonly",
                               "yes",
                               "--appendfsync",
                               embedded->fsync,
                               "--save",
                               "",
                               "--maxmemory-policy",
                               "noeviction",
                               "--daemonize",
                               "no",
                               "--logfile",
                               "redis.log",
                               NULL};
    setpgid(0, 0);                           /* a terminal's ^C is for the master alone */
    (void)fcntl(embedded->lock, F_SETFD, 0); /* kept over exec */
    if (chdir(folder) == 0)
        execvp(embedded->program, (char *const *)(uintptr_t)arguments);
    _exit(127);
}

/* Whose lock it is, for messages: the server that was started last. */
static void mark_lock(const struct embedded *embedded)
{
    char line[16];
    int len = snprintf(line, sizeof line, "%-10ld\n", (long)embedded->pid);
    if (pwrite(embedded->lock, line, (size_t)len, 0) != len)
        log_warn("can't write %s/redis/lock: %s", embedded->data_dir, strerror(errno));
}

static void wait_for_other(struct embedded *embedded, int64_t now)
{
    char digits[16] = "", who[EMBEDDED_TROUBLE_SIZE - 16];
    long pid =
        pread(embedded->lock, digits, sizeof digits - 1, 0) > 0 ? strtol(digits, NULL, 10) : 0;
    (void)snprintf(who, sizeof who,
                   "a redis-server that an earlier gateway left behind (pid %ld) still uses "
                   "%s/redis",
                   pid, embedded->data_dir);
    if (embedded->state == EMBEDDED_OFF)
        log_warn("%s; waiting for its end", who);
    if (now >= embedded->answer_by)
        (void)snprintf(embedded->trouble, sizeof embedded->trouble, "%s; end it", who);
    embedded->state = EMBEDDED_WAITING;
    embedded->next_look = now + LOOK_MS;
}

static void launch(struct embedded *embedded, int64_t now)
{
    char folder[4096];
    if (flock(embedded->lock, LOCK_EX | LOCK_NB) < 0) { /* ours already: no change */
        wait_for_other(embedded, now);
        return;
    }
    (void)snprintf(folder, sizeof folder, "%s/redis", embedded->data_dir);
    unlink(embedded->socket); /* of a server that was killed */
    pid_t pid = child_fork(SIGTERM);
    if (pid == 0)
        become_redis(embedded, folder);
    if (pid < 0) {
        log_error("can't fork redis-server: %s", strerror((int)-pid));
        embedded->state = EMBEDDED_WAITING;
        embedded->next_look = backoff_next(&embedded->backoff, now);
        return;
    }
    embedded->pid = pid;
    mark_lock(embedded);
    embedded->state = EMBEDDED_STARTING;
    embedded->next_look = now + LOOK_MS;
    embedded->answer_by = now + SILENCE_MS;
    backoff_started(&embedded->backoff, now);
}

static bool is_program(const char *path)
{
    struct stat stat_buffer;
    return stat(path, &stat_buffer) == 0 && S_ISREG(stat_buffer.st_mode) && access(path, X_OK) == 0;
}

/* As execvp will look for it. */
static bool is_on_path(struct arena *arena, const char *program)
{
    if (strchr(program, '/'))
        return is_program(program);
    const char *path = getenv("PATH");
    while (path && *path) {
        size_t len = strcspn(path, ":");
        if (is_program(arena_printf(arena, "%.*s/%s", (int)len, path, program)))
            return true;
        path += len + (path[len] == ':');
    }
    return false;
}

int embedded_start(struct embedded *embedded, struct arena *arena, const char *program,
                   const char *fsync, const char *data_dir, const char **ret_why)
{
    struct sockaddr_un address;
    *embedded = EMBEDDED_INIT;
    embedded->program = program;
    embedded->fsync = fsync;
    embedded->data_dir = data_dir;
    embedded->socket = arena_printf(arena, "%s/run/redis.sock", data_dir);
    if (!is_on_path(arena, program)) {
        *ret_why = arena_printf(arena,
                                "%s is not installed (Debian: apt-get install redis-server); "
                                "install it, or set redis.url to a Redis of your own",
                                program);
        return -EINVAL;
    }
    if (strlen(embedded->socket) >= sizeof address.sun_path) {
        *ret_why = arena_printf(arena,
                                "%s is too long for a unix socket (%zu bytes at most); "
                                "set data_dir to a shorter path",
                                embedded->socket, sizeof address.sun_path - 1);
        return -EINVAL;
    }
    const char *folder = arena_printf(arena, "%s/redis", data_dir);
    if (mkdir(folder, 0700) < 0 && errno != EEXIST) {
        *ret_why = arena_printf(arena, "can't make %s: %s", folder, strerror(errno));
        return -EINVAL;
    }
    const char *lock = arena_printf(arena, "%s/lock", folder);
    embedded->lock = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (embedded->lock < 0) {
        *ret_why = arena_printf(arena, "can't open %s: %s", lock, strerror(errno));
        return -EINVAL;
    }
    embedded->answer_by = clock_monotonic_ms() + SILENCE_MS;
    launch(embedded, clock_monotonic_ms());
    return 0;
}

/* ---- Does it answer? ---------------------------------------------------------------------- */

static void drop_probe(struct embedded *embedded)
{
    if (embedded->probe >= 0)
        close(embedded->probe);
    embedded->probe = -1;
}

/* Connects and asks; fails as long as there is no socket. */
static void ask(struct embedded *embedded)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    memcpy(address.sun_path, embedded->socket, strlen(embedded->socket) + 1);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0 ||
        write(fd, PING, strlen(PING)) != (ssize_t)strlen(PING)) {
        close(fd);
        return;
    }
    embedded->probe = fd;
}

/* +PONG means up; -LOADING and the like mean not yet. */
static void hear(struct embedded *embedded, int64_t now)
{
    char answer[64];
    ssize_t len = read(embedded->probe, answer, sizeof answer - 1);
    if (len < 0 && errno == EAGAIN)
        return;
    drop_probe(embedded);
    if (len > 0)
        embedded->answer_by = now + SILENCE_MS;
    if (len >= 5 && memcmp(answer, "+PONG", 5) == 0) {
        embedded->state = EMBEDDED_UP;
        embedded->next_look = 0;
        embedded->trouble[0] = '\0';
        log_info("redis-server is up (pid %ld)", (long)embedded->pid);
    }
}

int embedded_poll(const struct embedded *embedded, int64_t *ret_until)
{
    *ret_until = embedded->next_look;
    return embedded->probe;
}

void embedded_turn(struct embedded *embedded, int64_t now)
{
    if (embedded->state == EMBEDDED_STARTING && embedded->probe >= 0)
        hear(embedded, now);
    if (!embedded->next_look || now < embedded->next_look)
        return;
    if (embedded->state == EMBEDDED_STARTING && now >= embedded->answer_by) {
        log_error("redis-server (pid %ld) has not answered for %d s; killing it",
                  (long)embedded->pid, SILENCE_MS / 1000);
        embedded->next_look = 0; /* its end comes next */
        kill(embedded->pid, SIGKILL);
    } else if (embedded->state == EMBEDDED_STARTING) {
        if (embedded->probe < 0)
            ask(embedded);
        embedded->next_look = now + LOOK_MS;
    } else if (embedded->state == EMBEDDED_WAITING) {
        launch(embedded, now);
    }
}

/* ---- Its end ------------------------------------------------------------------------------ */

static void turn_off(struct embedded *embedded)
{
    embedded->state = EMBEDDED_OFF;
    close(embedded->lock);
    embedded->lock = -1;
}

bool embedded_reaped(struct embedded *embedded, pid_t pid, int status, int64_t now)
{
    char end[CHILD_END_SIZE];
    if (embedded->state == EMBEDDED_OFF || pid != embedded->pid)
        return false;
    drop_probe(embedded);
    embedded->pid = 0;
    if (embedded->state == EMBEDDED_STOPPING) {
        turn_off(embedded);
        return true;
    }
    child_end(status, end);
    if (embedded->state == EMBEDDED_STARTING)
        (void)snprintf(embedded->trouble, sizeof embedded->trouble,
                       "redis-server %s before it was up; its log: %s/redis/redis.log", end,
                       embedded->data_dir);
    embedded->state = EMBEDDED_WAITING;
    embedded->next_look = backoff_next(&embedded->backoff, now);
    log_error("redis-server %s; starting it again in %lld ms (its log: %s/redis/redis.log)", end,
              (long long)embedded->backoff.delay, embedded->data_dir);
    return true;
}

void embedded_stop(struct embedded *embedded)
{
    drop_probe(embedded);
    embedded->next_look = 0;
    if (embedded->pid > 0 && kill(embedded->pid, SIGTERM) == 0)
        embedded->state = EMBEDDED_STOPPING;
    else
        turn_off(embedded);
}

void embedded_force(const struct embedded *embedded)
{
    if (embedded->state == EMBEDDED_STOPPING)
        kill(embedded->pid, SIGKILL);
}

void embedded_forget(const struct embedded *embedded)
{
    if (embedded->probe >= 0)
        close(embedded->probe);
    if (embedded->lock >= 0)
        close(embedded->lock);
}
