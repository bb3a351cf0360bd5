/* The master: starts generations, hands out what they share, replaces one by the next.
 *
 *   SIGHUP -> generation N+1 forked -> READY -> N gets SIGTERM, drains, exits
 *                                  `-> fails -> N serves on, the reason is in the log
 *   SIGTERM -> every generation drains -> the embedded Redis stops -> exit 0
 *
 * One thread, one poll(2), no YAML, no plugin: there is next to nothing here that could crash, and
 * everything that must not be lost in a reload is kept here.
 *
 * SPDX-License-Identifier: MIT */
#include "master.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backoff.h"
#include "channel.h"
#include "child.h"
#include "clock.h"
#include "counters.h"
#include "embedded.h"
#include "generation.h"
#include "home.h"
#include "listeners.h"
#include "log.h"

#define GENERATIONS COUNTERS_GENERATIONS
#define DRAINING_MAX 4

/* A generation that is not ready by then is ended, else a plugin that hangs in its configure would
 * keep every reload waiting. Waiting for the embedded Redis does not count: it may have much to
 * load. `sluice reload` waits a little longer. Not const: a test is in a hurry. */
static int64_t start_max_ms = 50000;

enum life { LIFE_NONE, LIFE_STARTING, LIFE_SERVING, LIFE_DRAINING };

struct generation {
    enum life life;
    unsigned number;
    pid_t pid;
    int channel;
    bool wants_redis; /* its REDIS question is not answered yet */
    int64_t ready_by; /* monotonic ms; 0: it may take its time */
};

struct master {
    const struct gateway_source *source;
    struct arena arena; /* for what is made once, and for sentences */
    struct home home;
    struct embedded embedded;
    int counters;
    int signals;
    struct generation generations[GENERATIONS];
    struct listeners listeners;
    unsigned last_number;
    bool has_served;
    bool reload_queued;
    int stopping; /* how many times it was told to */
    bool failed;
    struct backoff backoff; /* of a serving generation that died */
    int64_t start_at;       /* monotonic ms; 0: no start is due */
};

/* ---- Starting a generation ---------------------------------------------------------------- */

static struct generation *in_life(struct master *master, enum life life)
{
    for (unsigned i = 0; i < GENERATIONS; i++)
        if (master->generations[i].life == life)
            return &master->generations[i];
    return NULL;
}

static unsigned slot_of(const struct master *master, const struct generation *generation)
{
    return (unsigned)(generation - master->generations);
}

/* In the child: what belongs to the master alone. The pid file's lock goes with the master. */
static void forget_master(struct master *master)
{
    close(master->signals);
    if (master->home.data_dir)
        close(master->home.lock);
    embedded_forget(&master->embedded);
    for (unsigned i = 0; i < GENERATIONS; i++)
        if (master->generations[i].life != LIFE_NONE)
            close(master->generations[i].channel);
    listeners_forget(&master->listeners);
}

static pid_t fork_generation(struct master *master, const struct generation *generation,
                             const int ends[2])
{
    pid_t pid = child_fork(SIGKILL);
    if (pid != 0)
        return pid;
    struct generation_setup setup = {
        .source = master->source,
        .number = generation->number,
        .slot = slot_of(master, generation),
        .channel = ends[1],
        .counters = master->counters,
    };
    forget_master(master);
    close(ends[0]);
    _exit(generation_main(&setup));
}

/* 0 or a negative errno. */
static int fill_slot(struct master *master)
{
    int ends[2];
    struct generation *generation = in_life(master, LIFE_NONE);
    int error = generation ? channel_pair(ends) : -EAGAIN;
    if (error < 0)
        return error;
    generation->number = ++master->last_number;
    pid_t pid = fork_generation(master, generation, ends);
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return (int)pid;
    }
    generation->life = LIFE_STARTING;
    generation->pid = pid;
    generation->channel = ends[0];
    generation->wants_redis = false;
    generation->ready_by = clock_monotonic_ms() + start_max_ms;
    return 0;
}

/* Nobody serves: the next try comes later and later. */
static void start_later(struct master *master)
{
    master->start_at = backoff_next(&master->backoff, clock_monotonic_ms());
}

static void start_generation(struct master *master)
{
    bool serving = in_life(master, LIFE_SERVING);
    master->start_at = 0;
    if (in_life(master, LIFE_STARTING)) /* it will do */
        return;
    if (!serving)
        backoff_started(&master->backoff, clock_monotonic_ms());
    int error = fill_slot(master);
    if (error == 0)
        return;
    log_error("can't start generation %u: %s", master->last_number, strerror(-error));
    if (!serving && master->has_served)
        start_later(master);
}

/* ---- Answering its questions -------------------------------------------------------------- */

static void answer(struct generation *generation, enum channel_kind kind, const char *text, int fd)
{
    int error = channel_send(generation->channel, kind, text, fd);
    if (error < 0)
        log_error("generation %u can't be answered: %s", generation->number, strerror(-error));
}

static void on_listen(struct master *master, struct generation *generation, const char *address)
{
    const char *why = "";
    int fd = listeners_use(&master->listeners, slot_of(master, generation), address, &master->arena,
                           &why);
    answer(generation, fd < 0 ? CHANNEL_ERROR : CHANNEL_OK, why, fd);
}

static void on_home(struct master *master, struct generation *generation, const char *data_dir)
{
    const char *why = "";
    int error = home_take(&master->home, &master->arena, data_dir, &why);
    answer(generation, error < 0 ? CHANNEL_ERROR : CHANNEL_OK, why, -1);
}

/* `wish` is how often its file is synced, and its program. */
static bool is_as_wished(const struct embedded *embedded, const char *wish)
{
    size_t len = strlen(embedded->fsync);
    return strncmp(wish, embedded->fsync, len) == 0 && wish[len] == ' ' &&
           strcmp(wish + len + 1, embedded->program) == 0;
}

static int use_redis(struct master *master, const char *wish, const char **ret_why)
{
    struct embedded *embedded = &master->embedded;
    if (embedded->state == EMBEDDED_OFF) {
        size_t len = strcspn(wish, " ");
        const char *fsync = arena_copy(&master->arena, wish, len);
        const char *program = arena_copy_text(&master->arena, wish + len + (wish[len] == ' '));
        return embedded_start(embedded, &master->arena, program, fsync, master->home.data_dir,
                              ret_why);
    }
    if (is_as_wished(embedded, wish))
        return 0;
    *ret_why =
        arena_printf(&master->arena,
                     "the embedded Redis runs with redis.fsync %s and redis.server %s, which "
                     "no reload can change; stop the gateway and start it again",
                     embedded->fsync, embedded->program);
    return -EBUSY;
}

static void on_redis(struct master *master, struct generation *generation, const char *wish)
{
    const char *why = "";
    if (use_redis(master, wish, &why) < 0) {
        answer(generation, CHANNEL_ERROR, why, -1);
        return;
    }
    generation->wants_redis = true;
    generation->ready_by = 0;
}

static void tell_about_redis(struct master *master)
{
    const struct embedded *embedded = &master->embedded;
    bool up = embedded->state == EMBEDDED_UP;
    if (!up && !embedded->trouble[0])
        return;
    for (unsigned i = 0; i < GENERATIONS; i++) {
        struct generation *generation = &master->generations[i];
        if (generation->life == LIFE_STARTING && generation->wants_redis) {
            generation->wants_redis = false;
            generation->ready_by = clock_monotonic_ms() + start_max_ms;
            answer(generation, up ? CHANNEL_OK : CHANNEL_ERROR,
                   up ? embedded->socket : embedded->trouble, -1);
        }
    }
}

/* ---- Replacing ---------------------------------------------------------------------------- */

/* More than four at once means that reloads come faster than requests end. */
static void force_oldest(struct master *master)
{
    struct generation *oldest = NULL;
    unsigned draining = 0;
    for (unsigned i = 0; i < GENERATIONS; i++) {
        struct generation *each = &master->generations[i];
        if (each->life != LIFE_DRAINING)
            continue;
        draining++;
        if (!oldest || each->number < oldest->number)
            oldest = each;
    }
    if (draining <= DRAINING_MAX)
        return;
    log_warn("%u generations drain at once; generation %u is forced to end", draining,
             oldest->number);
    kill(oldest->pid, SIGKILL);
}

static void reload(struct master *master)
{
    if (in_life(master, LIFE_STARTING)) {
        master->reload_queued = true;
        return;
    }
    log_info("reloading");
    start_generation(master);
}

static void after_start(struct master *master)
{
    if (!master->reload_queued || master->failed)
        return;
    master->reload_queued = false;
    reload(master);
}

static void on_ready(struct master *master, struct generation *generation, const char *banner)
{
    struct generation *before = in_life(master, LIFE_SERVING);
    generation->life = LIFE_SERVING;
    backoff_started(&master->backoff, clock_monotonic_ms());
    log_info("ready: generation %u serves", generation->number);
    home_tell(&master->home, generation->number, true);
    if (!master->has_served) {
        master->has_served = true;
        fputs(banner, stdout);
        fflush(stdout);
    }
    if (before) {
        before->life = LIFE_DRAINING;
        kill(before->pid, SIGTERM);
    }
    force_oldest(master);
    after_start(master);
}

static void on_message(struct master *master, struct generation *generation)
{
    struct channel_message message;
    int error = channel_receive(generation->channel, &message, 0);
    if (error == -EAGAIN)
        return;
    if (error < 0) { /* its exit tells the rest */
        close(generation->channel);
        generation->channel = -1;
        return;
    }
    if (message.fd >= 0)
        close(message.fd);
    if (message.kind == CHANNEL_HOME)
        on_home(master, generation, message.text);
    else if (message.kind == CHANNEL_LISTEN)
        on_listen(master, generation, message.text);
    else if (message.kind == CHANNEL_REDIS)
        on_redis(master, generation, message.text);
    else if (message.kind == CHANNEL_READY && generation->life == LIFE_STARTING &&
             !master->stopping)
        on_ready(master, generation, message.text);
}

/* Its end tells the rest. */
static void force_late(struct master *master, int64_t now)
{
    struct generation *starting = in_life(master, LIFE_STARTING);
    if (!starting || !starting->ready_by || now < starting->ready_by)
        return;
    log_error("generation %u is not ready after %lld s, and is ended; a plugin may hang in its "
              "configure or start",
              starting->number, (long long)(start_max_ms / 1000));
    starting->ready_by = 0;
    kill(starting->pid, SIGKILL);
}

/* ---- Ends --------------------------------------------------------------------------------- */

static void failed_to_start(struct master *master, const struct generation *generation,
                            const char *end)
{
    const struct generation *serving = in_life(master, LIFE_SERVING);
    if (master->has_served)
        home_tell(&master->home, generation->number, false);
    if (serving)
        log_error("reload refused: generation %u %s; generation %u serves on", generation->number,
                  end, serving->number);
    else if (!master->has_served)
        master->failed = true;
    else
        start_later(master);
    after_start(master);
}

static void ended(struct master *master, struct generation *generation, int status)
{
    char end[CHILD_END_SIZE];
    enum life life = generation->life;
    child_end(status, end);
    if (generation->channel >= 0)
        close(generation->channel);
    generation->life = LIFE_NONE;
    listeners_leave(&master->listeners, slot_of(master, generation));
    if (life == LIFE_DRAINING && status == 0)
        log_info("generation %u has drained", generation->number);
    else if (life == LIFE_DRAINING)
        log_warn("generation %u %s while it drained", generation->number, end);
    if (master->stopping)
        return;
    if (life == LIFE_STARTING)
        failed_to_start(master, generation, end);
    if (life == LIFE_SERVING) {
        start_later(master);
        log_error("generation %u %s; starting another one in %lld ms", generation->number, end,
                  (long long)master->backoff.delay);
    }
}

static void reap(struct master *master)
{
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
        if (embedded_reaped(&master->embedded, pid, status, clock_monotonic_ms()))
            continue;
        for (unsigned i = 0; i < GENERATIONS; i++)
            if (master->generations[i].life != LIFE_NONE && master->generations[i].pid == pid)
                ended(master, &master->generations[i], status);
    }
}

/* The first time everybody drains, the second time generations are killed, the third time so is a
 * Redis that does not end. */
static void stop(struct master *master)
{
    struct generation *serving = in_life(master, LIFE_SERVING);
    master->stopping++;
    log_info(master->stopping == 1 ? "stopping" : "told again to stop: not waiting any longer");
    if (serving)
        serving->life = LIFE_DRAINING;
    for (unsigned i = 0; i < GENERATIONS; i++)
        if (master->generations[i].life != LIFE_NONE)
            kill(master->generations[i].pid, master->stopping == 1 ? SIGTERM : SIGKILL);
    if (master->stopping > 2)
        embedded_force(&master->embedded);
}

static void on_signals(struct master *master)
{
    struct signalfd_siginfo info;
    while (read(master->signals, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo == SIGCHLD)
            reap(master);
        else if (info.ssi_signo == SIGHUP && !master->stopping)
            reload(master);
        else if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT)
            stop(master);
    }
}

/* ---- The loop ----------------------------------------------------------------------------- */

static bool any_alive(const struct master *master)
{
    for (unsigned i = 0; i < GENERATIONS; i++)
        if (master->generations[i].life != LIFE_NONE)
            return true;
    return false;
}

static int until(int64_t when, int timeout, int64_t now)
{
    if (!when)
        return timeout;
    int left = when > now ? (int)(when - now) : 0;
    return timeout < 0 || left < timeout ? left : timeout;
}

static void wait_and_handle(struct master *master)
{
    struct pollfd fds[GENERATIONS + 2];
    struct pollfd *signals = &fds[GENERATIONS], *probe = &fds[GENERATIONS + 1];
    int64_t look = 0;
    for (unsigned i = 0; i < GENERATIONS; i++) {
        const struct generation *each = &master->generations[i];
        int fd = each->life == LIFE_NONE ? -1 : each->channel; /* poll(2) leaves -1 out */
        fds[i] = (struct pollfd){.fd = fd, .events = POLLIN};
    }
    *signals = (struct pollfd){.fd = master->signals, .events = POLLIN};
    *probe = (struct pollfd){.fd = embedded_poll(&master->embedded, &look), .events = POLLIN};
    const struct generation *starting = in_life(master, LIFE_STARTING);
    int64_t now = clock_monotonic_ms();
    int timeout = until(master->start_at, until(look, -1, now), now);
    timeout = until(starting ? starting->ready_by : 0, timeout, now);
    if (poll(fds, GENERATIONS + 2, timeout) < 0)
        return;
    for (unsigned i = 0; i < GENERATIONS; i++)
        if (fds[i].revents)
            on_message(master, &master->generations[i]);
    if (signals->revents)
        on_signals(master);
    now = clock_monotonic_ms();
    embedded_turn(&master->embedded, now);
    tell_about_redis(master);
    force_late(master, now);
    if (master->start_at && now >= master->start_at && !master->stopping)
        start_generation(master);
}

static bool finished(struct master *master)
{
    if (any_alive(master) || (!master->stopping && !master->failed))
        return false;
    if (master->embedded.state != EMBEDDED_OFF && master->embedded.state != EMBEDDED_STOPPING)
        embedded_stop(&master->embedded);
    return master->embedded.state == EMBEDDED_OFF;
}

int master_main(const struct gateway_source *source)
{
    static const int signals[] = {SIGHUP, SIGTERM, SIGINT, 0};
    struct master master = {.source = source, .embedded = EMBEDDED_INIT};
    log_role("master");
    signal(SIGPIPE, SIG_IGN);
    master.signals = child_signals(signals);
    master.counters = counters_create();
    if (master.signals < 0 || master.counters < 0) {
        log_error("can't make a signalfd or a memfd: %s",
                  strerror(master.signals < 0 ? -master.signals : -master.counters));
        return 1;
    }
    start_generation(&master);
    master.failed = !any_alive(&master);
    while (!finished(&master))
        wait_and_handle(&master);
    if (!master.failed)
        log_info("stopped");
    home_leave(&master.home);
    arena_release(&master.arena);
    return master.failed || master.stopping > 1;
}
