/* A generation's processes: started, watched, started again when they die, and drained.
 *
 *   place: start -> ready -> (dies) -> again after 50 ms .. 30 s        SIGTERM -> drain -> all gone
 *
 * A place is an http worker's or that of a process of a plugin, which may have executors.
 *
 * SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "channel.h"
#include "child.h"
#include "clock.h"
#include "generation_internal.h"
#include "log.h"

#define AFTER_GRACE_MS 5000 /* for a process that hangs in its own draining */
#define NAME_SIZE 48

static const char *name_of(const struct place *place, char ret_name[NAME_SIZE])
{
    if (place->process)
        (void)snprintf(ret_name, NAME_SIZE, "process %s", place->process->row.name);
    else
        (void)snprintf(ret_name, NAME_SIZE, "worker %u", place->index);
    return ret_name;
}

static void close_end(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* ---- Starting ----------------------------------------------------------------------------- */

/* In the child: what belongs to the generation alone. */
static void forget_generation(struct serving *serving)
{
    close(serving->signals);
    close(serving->setup->channel);
    for (unsigned i = 0; i < serving->place_count; i++) {
        close_end(&serving->places[i].ready_fd);
        close_end(&serving->places[i].channel);
    }
}

static int run(struct serving *serving, const struct place *place, int ready_fd, int channel)
{
    struct worker_setup setup = serving->worker;
    forget_generation(serving);
    setup.index = place->index;
    setup.ready_fd = ready_fd;
    setup.process = place->process;
    setup.channel = channel;
    return worker_main(&setup);
}

/* The ends of what a place's process talks through: ours first. */
struct ends {
    int ready[2], channel[2];
};

static int open_ends(const struct place *place, struct ends *ret_ends)
{
    *ret_ends = (struct ends){{-1, -1}, {-1, -1}};
    if (pipe2(ret_ends->ready, O_CLOEXEC) < 0)
        return -errno;
    if (!place->process)
        return 0;
    int error = channel_pair(ret_ends->channel);
    if (error == 0 && fcntl(ret_ends->channel[0], F_SETFL, O_NONBLOCK) < 0)
        error = -errno;
    return error;
}

static void start(struct serving *serving, struct place *place)
{
    struct ends ends;
    char name[NAME_SIZE];
    int64_t now = clock_monotonic_ms();
    place->start_at = 0;
    int error = open_ends(place, &ends);
    pid_t pid = error < 0 ? error : child_fork(SIGKILL);
    if (pid == 0) {
        close_end(&ends.ready[0]);
        close_end(&ends.channel[0]);
        _exit(run(serving, place, ends.ready[1], ends.channel[1]));
    }
    close_end(&ends.ready[1]);
    close_end(&ends.channel[1]);
    if (pid < 0) {
        log_error("can't fork %s: %s", name_of(place, name), strerror((int)-pid));
        close_end(&ends.ready[0]);
        close_end(&ends.channel[0]);
        place->start_at = backoff_next(&place->backoff, now);
        return;
    }
    place->pid = pid;
    place->ready = false;
    place->ready_fd = ends.ready[0];
    place->channel = ends.channel[0];
    backoff_started(&place->backoff, now);
}

static bool all_ready(const struct serving *serving)
{
    for (unsigned i = 0; i < serving->place_count; i++)
        if (!serving->places[i].ready)
            return false;
    return true;
}

static void on_ready(struct serving *serving, struct place *place,
                     void (*ready)(struct serving *serving))
{
    char byte;
    place->ready = read(place->ready_fd, &byte, 1) == 1; /* else it died: SIGCHLD follows */
    close_end(&place->ready_fd);
    if (!serving->told && all_ready(serving)) {
        serving->told = true;
        ready(serving);
    }
}

/* ---- Ending ------------------------------------------------------------------------------- */

static void signal_all(struct serving *serving, int number)
{
    for (unsigned i = 0; i < serving->place_count; i++)
        if (serving->places[i].pid)
            kill(serving->places[i].pid, number);
}

static void drain(struct serving *serving)
{
    if (serving->drain_until)
        return;
    serving->drain_until = clock_monotonic_ms() + serving->gateway.settings.grace + AFTER_GRACE_MS;
    signal_all(serving, SIGTERM);
}

static void free_place(struct serving *serving, struct place *place)
{
    place->pid = 0;
    close_end(&place->channel);
    executors_kill(place);
    if (!place->process)
        serving->worker.counters->workers[serving->setup->slot][place->index].accepting = 0;
}

static void place_ended(struct serving *serving, struct place *place, int status)
{
    char end[CHILD_END_SIZE], name[NAME_SIZE];
    pid_t pid = place->pid;
    free_place(serving, place);
    if (serving->drain_until)
        return;
    child_end(status, end);
    if (!serving->told) { /* a generation is ready as a whole, or not at all */
        log_error("%s (pid %ld) %s before it was ready", name_of(place, name), (long)pid, end);
        serving->failed = true;
        drain(serving);
        return;
    }
    if (!place->process)
        serving->worker.counters->workers[serving->setup->slot][place->index].restarts++;
    place->start_at = backoff_next(&place->backoff, clock_monotonic_ms());
    log_error("%s (pid %ld) %s; starting it again in %lld ms", name_of(place, name), (long)pid, end,
              (long long)place->backoff.delay);
}

static bool is_known(const struct serving *serving, pid_t pid)
{
    for (unsigned i = 0; i < serving->place_count; i++) {
        const struct place *place = &serving->places[i];
        if (place->pid == pid)
            return true;
        for (unsigned j = 0; place->process && j < place->process->row.executors; j++)
            if (place->executors[j] == pid)
                return true;
    }
    return false;
}

/* Processes that a handler left behind, whatever group they put themselves into: they became
 * children of this process, which is their subreaper, when their parent died. */
static void kill_orphans(const struct serving *serving)
{
    char path[64];
    long pid;
    (void)snprintf(path, sizeof path, "/proc/self/task/%ld/children", (long)getpid());
    FILE *children = fopen(path, "re");
    if (!children)
        return; /* a kernel without CONFIG_PROC_CHILDREN: groups alone are killed */
    while (fscanf(children, "%ld", &pid) == 1)
        if (!is_known(serving, (pid_t)pid))
            kill((pid_t)pid, SIGKILL);
    fclose(children);
}

static void child_ended(struct serving *serving, pid_t pid, int status, const struct rusage *usage)
{
    for (unsigned i = 0; i < serving->place_count; i++) {
        struct place *place = &serving->places[i];
        if (place->pid == pid) {
            place_ended(serving, place, status);
            return;
        }
        if (executors_ended(place, pid, status, usage)) {
            kill_orphans(serving);
            return;
        }
    }
}

/* Looks at each dead child before it is reaped: as long as it is a zombie, nobody else can have its
 * number, and the signal reaches its group alone. */
static void reap(struct serving *serving)
{
    for (;;) {
        siginfo_t info = {0};
        struct rusage usage;
        int status;
        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == 0)
            return;
        (void)kill(-info.si_pid, SIGKILL);
        if (wait4(info.si_pid, &status, WNOHANG, &usage) == info.si_pid)
            child_ended(serving, info.si_pid, status, &usage);
    }
}

static void on_signals(struct serving *serving)
{
    struct signalfd_siginfo info;
    while (read(serving->signals, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo == SIGCHLD)
            reap(serving);
        else
            drain(serving);
    }
}

/* ---- The loop ----------------------------------------------------------------------------- */

static bool any_alive(const struct serving *serving)
{
    for (unsigned i = 0; i < serving->place_count; i++)
        if (serving->places[i].pid || executors_alive(&serving->places[i]))
            return true;
    return false;
}

/* Milliseconds until something is due, -1 for never. */
static int next_due(const struct serving *serving, int64_t now)
{
    int64_t due = serving->drain_until;
    for (unsigned i = 0; !serving->drain_until && i < serving->place_count; i++) {
        int64_t at = serving->places[i].start_at;
        if (at && (!due || at < due))
            due = at;
    }
    if (!due)
        return -1;
    return due > now ? (int)(due - now) : 0;
}

static void do_what_is_due(struct serving *serving)
{
    int64_t now = clock_monotonic_ms();
    if (serving->drain_until && now >= serving->drain_until) {
        log_warn("not all processes have ended %d ms after the grace; killing them",
                 AFTER_GRACE_MS);
        signal_all(serving, SIGKILL);
        serving->drain_until = now + AFTER_GRACE_MS; /* what the kernel holds up ends later */
    }
    if (serving->drain_until)
        return;
    for (unsigned i = 0; i < serving->place_count; i++) {
        struct place *place = &serving->places[i];
        if (!place->start_at || now < place->start_at)
            continue;
        if (executors_alive(place)) /* killed, and gone in a moment */
            place->start_at = now + 1;
        else
            start(serving, place);
    }
}

/* Two entries a place: its readiness, and what its process asks for. */
static void wait_and_handle(struct serving *serving, struct pollfd *fds,
                            void (*ready)(struct serving *serving))
{
    unsigned count = serving->place_count;
    for (unsigned i = 0; i < count; i++) {
        fds[2 * i] = (struct pollfd){.fd = serving->places[i].ready_fd, .events = POLLIN};
        fds[2 * i + 1] = (struct pollfd){.fd = serving->places[i].channel, .events = POLLIN};
    }
    fds[2 * count] = (struct pollfd){.fd = serving->signals, .events = POLLIN};
    if (poll(fds, 2 * count + 1, next_due(serving, clock_monotonic_ms())) < 0)
        return;
    for (unsigned i = 0; i < count; i++) {
        struct place *place = &serving->places[i];
        if (fds[2 * i].revents)
            on_ready(serving, place, ready);
        if (fds[2 * i + 1].revents && executors_obey(serving, place) < 0)
            close_end(&place->channel); /* it died: SIGCHLD follows */
    }
    if (fds[2 * count].revents)
        on_signals(serving);
    do_what_is_due(serving);
}

static void make_places(struct serving *serving)
{
    struct arena *arena = &serving->gateway.arena;
    const struct plugins *plugins = &serving->gateway.plugins;
    unsigned workers = serving->worker.count;
    serving->place_count = workers + (unsigned)plugins->process_count;
    serving->places = arena_array(arena, struct place, serving->place_count);
    for (unsigned i = 0; i < serving->place_count; i++) {
        struct place *place = &serving->places[i];
        place->index = i;
        place->ready_fd = place->channel = -1;
        if (i < workers)
            continue;
        place->process = &plugins->processes[i - workers];
        place->executors = arena_array(arena, pid_t, place->process->row.executors + 1);
    }
}

void places_serve(struct serving *serving, void (*ready)(struct serving *serving))
{
    serving->worker.count = (unsigned)serving->gateway.settings.workers;
    make_places(serving);
    struct pollfd *fds =
        arena_array(&serving->gateway.arena, struct pollfd, 2 * serving->place_count + 1);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    for (unsigned i = 0; i < serving->place_count; i++)
        start(serving, &serving->places[i]);
    while (any_alive(serving) || !serving->drain_until)
        wait_and_handle(serving, fds, ready);
}
