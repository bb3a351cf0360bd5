/* A generation: reads a configuration, loads what it names, forks its workers and keeps them alive.
 *
 *   read -> home -> build (plugins from private copies) -> listen -> Redis -> fork -> READY
 *   worker dies -> started again after 50 ms .. 30 s          SIGTERM -> all drain -> exit
 *
 * It has no loop and no thread, so that forking it is safe: what a plugin set up in configure is
 * there in every worker. A plugin that starts a thread before the fork would not be: it is refused.
 *
 * SPDX-License-Identifier: MIT */
#include "generation.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "address.h"
#include "admin_token.h"
#include "backoff.h"
#include "channel.h"
#include "child.h"
#include "clock.h"
#include "log.h"
#include "object_file.h"
#include "worker.h"

#define AFTER_GRACE_MS 5000 /* for a worker that hangs in its own draining */

/* One worker's place: it is filled again when its process dies. */
struct place {
    pid_t pid;    /* 0: nobody */
    int ready_fd; /* until it is ready; -1 */
    bool ready;
    int64_t start_at; /* monotonic ms; 0: no start is due */
    struct backoff backoff;
};

struct serving {
    const struct generation_setup *setup;
    struct gateway gateway;
    struct gateway_source source;
    struct worker_setup worker;
    struct place *places;
    int *listeners;
    int signals;
    bool told;           /* READY was sent */
    int64_t drain_until; /* monotonic ms; 0: serving */
    bool failed;
};

/* ---- Asking the master -------------------------------------------------------------------- */

/* 0 with the answer, or -EINVAL after an error that was logged. No time limit: Redis may load its
 * files for minutes, the master answers in any case, and if it dies so does this process. */
static int ask(struct serving *serving, enum channel_kind kind, const char *text,
               struct channel_message *ret_answer)
{
    int error = channel_send(serving->setup->channel, kind, text, -1);
    if (error == 0)
        do
            error = channel_receive(serving->setup->channel, ret_answer, -1);
        while (error == -EAGAIN); /* a signal of a plugin's */
    if (error < 0) {
        log_error("the master does not answer: %s", strerror(-error));
        return -EINVAL;
    }
    if (ret_answer->kind == CHANNEL_OK)
        return 0;
    log_error("%s", ret_answer->text);
    return -EINVAL;
}

static int take_listeners(struct serving *serving)
{
    struct channel_message answer;
    sluice_texts addresses = serving->gateway.settings.listen;
    serving->listeners = arena_array(&serving->gateway.arena, int, addresses.count);
    for (uint64_t i = 0; i < addresses.count; i++) {
        if (ask(serving, CHANNEL_LISTEN, addresses.items[i], &answer) < 0)
            return -EINVAL;
        serving->listeners[i] = answer.fd;
    }
    serving->worker.listeners = serving->listeners;
    serving->worker.listener_count = addresses.count;
    return 0;
}

static int take_redis(struct serving *serving)
{
    struct channel_message answer;
    struct arena *arena = &serving->gateway.arena;
    const struct redis_settings *redis = &serving->gateway.settings.redis;
    const char *why = "";
    if (strcmp(redis->url, "embedded") != 0) {
        if (redis_target_parse(&serving->worker.redis, arena, redis->url, &why) == 0)
            return 0;
        log_error("redis.url: %s", why);
        return -EINVAL;
    }
    if (ask(serving, CHANNEL_REDIS, redis->server, &answer) < 0)
        return -EINVAL;
    serving->worker.redis = (struct redis_target){.path = arena_copy_text(arena, answer.text)};
    return 0;
}

static int take_token(struct serving *serving)
{
    const struct settings *settings = &serving->gateway.settings;
    const char *why = "";
    serving->worker.admin_token = settings->admin_token;
    if (!settings->admin_token)
        serving->worker.admin_token =
            admin_token_load(&serving->gateway.arena, settings->data_dir, &why);
    if (serving->worker.admin_token)
        return 0;
    log_error("admin token: %s", why);
    return -EINVAL;
}

/* ---- Loading ------------------------------------------------------------------------------ */

static unsigned count_threads(void)
{
    unsigned count = 0;
    DIR *dir = opendir("/proc/self/task");
    if (!dir)
        return 1;
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir))
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}

static int say(const struct diag *diag)
{
    fputs(diag->lines.data, stderr);
    log_error("the configuration has %u error%s", diag->count, diag->count == 1 ? "" : "s");
    return GENERATION_REFUSED;
}

static int build(struct serving *serving, struct diag *diag)
{
    struct channel_message answer;
    unsigned threads = count_threads();
    const char *data_dir = serving->gateway.settings.data_dir;
    if (ask(serving, CHANNEL_HOME, data_dir, &answer) < 0)
        return 1;
    serving->source.copies =
        arena_printf(&serving->gateway.arena, "%s/run/%u", data_dir, serving->setup->number);
    if (gateway_build(&serving->gateway, &serving->source, diag) < 0)
        return say(diag);
    if (count_threads() == threads)
        return 0;
    log_error("a plugin started a thread while it was loaded or configured; threads do not survive "
              "the fork of the workers: start them in the plugin's start instead");
    return GENERATION_REFUSED;
}

/* 0, or the exit status. */
static int load(struct serving *serving)
{
    struct diag diag;
    int status;
    diag_init(&diag);
    if (gateway_read(&serving->gateway, &serving->source, &diag) < 0) {
        /* Built all the same, without copies, so that one start tells every error. */
        (void)gateway_build(&serving->gateway, &serving->source, &diag);
        status = say(&diag);
    } else {
        log_threshold((enum log_level)serving->gateway.settings.log_level);
        status = build(serving, &diag);
    }
    diag_release(&diag);
    return status;
}

/* ---- Workers ------------------------------------------------------------------------------ */

/* In the child: what belongs to the generation alone. */
static void forget_generation(struct serving *serving)
{
    close(serving->signals);
    close(serving->setup->channel);
    for (unsigned i = 0; i < serving->worker.count; i++)
        if (serving->places[i].ready_fd >= 0)
            close(serving->places[i].ready_fd);
}

static void start_worker(struct serving *serving, unsigned index)
{
    struct place *place = &serving->places[index];
    int pipe_ends[2] = {-1, -1};
    int64_t now = clock_monotonic_ms();
    place->start_at = 0;
    pid_t pid = pipe2(pipe_ends, O_CLOEXEC) < 0 ? -errno : child_fork(SIGKILL);
    if (pid == 0) {
        struct worker_setup setup = serving->worker;
        forget_generation(serving);
        close(pipe_ends[0]);
        setup.index = index;
        setup.ready_fd = pipe_ends[1];
        _exit(worker_main(&setup));
    }
    close(pipe_ends[1]);
    if (pid < 0) {
        log_error("can't fork worker %u: %s", index, strerror((int)-pid));
        close(pipe_ends[0]);
        place->start_at = backoff_next(&place->backoff, now);
        return;
    }
    place->pid = pid;
    place->ready = false;
    place->ready_fd = pipe_ends[0];
    backoff_started(&place->backoff, now);
}

/* Where a socket is reached: its real port, or the path that the configuration names. */
static const char *url(struct serving *serving, size_t index)
{
    const struct settings *settings = &serving->gateway.settings;
    char bound[ADDRESS_TEXT_SIZE + 8] = "?";
    (void)address_bound(serving->listeners[index], bound);
    if (strcmp(bound, "unix") == 0)
        return settings->listen.items[index];
    return arena_printf(&serving->gateway.arena, "http://%s", bound);
}

static const char *banner(struct serving *serving)
{
    const struct settings *settings = &serving->gateway.settings;
    struct arena *arena = &serving->gateway.arena;
    const char *first = url(serving, 0), *all = first;
    for (size_t i = 1; i < serving->worker.listener_count; i++)
        all = arena_printf(arena, "%s, %s", all, url(serving, i));
    if (strncmp(first, "unix:", 5) == 0)
        first = arena_printf(arena, "--unix-socket %s http://localhost", first + 5);
    const char *file = arena_printf(arena, "%s/admin.token", settings->data_dir);
    const char *token =
        settings->admin_token ? "$ADMIN_TOKEN" : arena_printf(arena, "$(cat %s)", file);
    return arena_printf(arena,
                        "Sluice is serving on %s\n"
                        "The admin token is %s\n"
                        "Create a client:\n"
                        "  curl -s -XPOST %s/clients/createClient \\\n"
                        "       -H \"authorization: Bearer %s\" \\\n"
                        "       -H 'content-type: application/json' -d '{\"id\":\"acme\","
                        "\"name\":\"Acme\"}'\n",
                        all, settings->admin_token ? "the one in the configuration" : file, first,
                        token);
}

static void tell_when_all_ready(struct serving *serving)
{
    for (unsigned i = 0; i < serving->worker.count; i++)
        if (!serving->places[i].ready)
            return;
    if (serving->told)
        return;
    serving->told = true;
    int error = channel_send(serving->setup->channel, CHANNEL_READY, banner(serving), -1);
    if (error < 0) {
        log_error("can't tell the master that everything is ready: %s", strerror(-error));
        serving->failed = true;
    }
}

static void on_ready(struct serving *serving, struct place *place)
{
    char byte;
    place->ready = read(place->ready_fd, &byte, 1) == 1; /* else it died: SIGCHLD follows */
    close(place->ready_fd);
    place->ready_fd = -1;
    tell_when_all_ready(serving);
}

/* ---- Draining ----------------------------------------------------------------------------- */

static void signal_workers(struct serving *serving, int number)
{
    for (unsigned i = 0; i < serving->worker.count; i++)
        if (serving->places[i].pid)
            kill(serving->places[i].pid, number);
}

static void drain(struct serving *serving)
{
    if (serving->drain_until)
        return;
    serving->drain_until = clock_monotonic_ms() + serving->gateway.settings.grace + AFTER_GRACE_MS;
    signal_workers(serving, SIGTERM);
}

static void worker_ended(struct serving *serving, unsigned index, int status)
{
    struct place *place = &serving->places[index];
    char end[CHILD_END_SIZE];
    struct worker_counters *counters =
        &serving->worker.counters->workers[serving->setup->slot][index];
    pid_t pid = place->pid;
    place->pid = 0;
    counters->accepting = 0;
    if (serving->drain_until)
        return;
    child_end(status, end);
    if (!serving->told) { /* a generation is ready as a whole, or not at all */
        log_error("worker %u (pid %ld) %s before it was ready", index, (long)pid, end);
        serving->failed = true;
        drain(serving);
        return;
    }
    counters->restarts++;
    place->start_at = backoff_next(&place->backoff, clock_monotonic_ms());
    log_error("worker %u (pid %ld) %s; starting it again in %lld ms", index, (long)pid, end,
              (long long)place->backoff.delay);
}

static void reap(struct serving *serving)
{
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
        for (unsigned i = 0; i < serving->worker.count; i++)
            if (serving->places[i].pid == pid)
                worker_ended(serving, i, status);
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
    for (unsigned i = 0; i < serving->worker.count; i++)
        if (serving->places[i].pid)
            return true;
    return false;
}

/* Milliseconds until something is due, -1 for never. */
static int next_due(const struct serving *serving, int64_t now)
{
    int64_t due = serving->drain_until;
    for (unsigned i = 0; !serving->drain_until && i < serving->worker.count; i++) {
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
        log_warn("not all workers have ended %d ms after the grace; killing them", AFTER_GRACE_MS);
        signal_workers(serving, SIGKILL);
        serving->drain_until = now + AFTER_GRACE_MS; /* what the kernel holds up ends later */
    }
    if (serving->drain_until)
        return;
    for (unsigned i = 0; i < serving->worker.count; i++)
        if (serving->places[i].start_at && now >= serving->places[i].start_at)
            start_worker(serving, i);
}

static void wait_and_handle(struct serving *serving, struct pollfd *fds)
{
    unsigned count = serving->worker.count;
    for (unsigned i = 0; i < count; i++)
        fds[i] = (struct pollfd){.fd = serving->places[i].ready_fd, .events = POLLIN};
    fds[count] = (struct pollfd){.fd = serving->signals, .events = POLLIN};
    if (poll(fds, count + 1, next_due(serving, clock_monotonic_ms())) < 0)
        return;
    for (unsigned i = 0; i < count; i++)
        if (fds[i].revents)
            on_ready(serving, &serving->places[i]);
    if (fds[count].revents)
        on_signals(serving);
    do_what_is_due(serving);
}

static void serve(struct serving *serving)
{
    struct arena *arena = &serving->gateway.arena;
    unsigned count = (unsigned)serving->gateway.settings.workers;
    struct pollfd *fds = arena_array(arena, struct pollfd, count + 1);
    serving->places = arena_array(arena, struct place, count);
    serving->worker.count = count;
    for (unsigned i = 0; i < count; i++)
        serving->places[i].ready_fd = -1;
    for (unsigned i = 0; i < count; i++)
        start_worker(serving, i);
    while (any_alive(serving) || !serving->drain_until)
        wait_and_handle(serving, fds);
}

static int prepare(struct serving *serving)
{
    static const int signals[] = {SIGTERM, 0};
    int status = load(serving);
    if (status)
        return status;
    if (take_listeners(serving) < 0 || take_redis(serving) < 0 || take_token(serving) < 0)
        return 1;
    serving->worker.gateway = &serving->gateway;
    serving->worker.generation_slot = serving->setup->slot;
    serving->worker.counters = counters_map(serving->setup->counters);
    serving->signals = child_signals(signals);
    if (serving->worker.counters && serving->signals >= 0)
        return 0;
    log_error("can't map the counters or make a signalfd: %s", strerror(errno));
    return 1;
}

int generation_main(const struct generation_setup *setup)
{
    char role[32];
    struct serving serving = {.setup = setup, .source = *setup->source};
    (void)snprintf(role, sizeof role, "generation %u", setup->number);
    log_role(role);
    signal(SIGINT, SIG_IGN); /* a terminal's ^C: the master decides */
    signal(SIGHUP, SIG_IGN);
    int status = prepare(&serving);
    if (status == 0) {
        serve(&serving);
        status = serving.failed;
    }
    if (serving.source.copies)
        folder_remove(serving.source.copies);
    gateway_release(&serving.gateway);
    return status;
}
