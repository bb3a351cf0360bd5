/* A test's world: made before it, taken down after it, whatever happened in between.
 *
 *   set up: folder, config.yaml -> test -> tear down: log (if it failed), processes, folder
 *
 * SPDX-License-Identifier: MIT */
#include "gateway.h"

#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "client.h"

#define TAIL_BYTES 6000 /* of the log, shown when a test failed */

/* ---- Time --------------------------------------------------------------------------------- */

int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

void short_pause(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
}

void give_up(const struct world *world, const char *what, const char *file, int line)
{
    (void)world;
    print_error("%s:%d: not so after %d s: %s\n", file, line, PATIENCE_MS / 1000, what);
    _fail(file, line);
}

/* ---- Before ------------------------------------------------------------------------------- */

int world_set_up(void **state)
{
    const struct plan *plan = *state;
    struct world *world = calloc(1, sizeof *world);
    assert_non_null(world);
    (void)snprintf(world->folder, sizeof world->folder, "/tmp/sluice-e2e-XXXXXX");
    assert_non_null(mkdtemp(world->folder));
    (void)snprintf(world->config_file, sizeof world->config_file, "%s/config.yaml", world->folder);
    world->plan = plan;
    if (plan->config)
        gateway_configure(world, plan->config);
    /* What a killed gateway leaves behind becomes ours to reap, so that it is seen to end. */
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    *state = world;
    return 0;
}

void world_run(void **state)
{
    struct world *world = *state;
    world->plan->test(world);
    world->passed = true;
}

/* ---- After -------------------------------------------------------------------------------- */

/* Not by print_error, which cuts what is long. */
static void show_tail(const struct world *world)
{
    const char *log = gateway_log(world);
    size_t len = strlen(log);
    fprintf(stderr, "---- the gateway's log, its end\n%s----\n",
            len > TAIL_BYTES ? log + len - TAIL_BYTES : log);
}

/* What a sanitizer found in any process of the gateway is a failure of the test that made it. */
static bool sanitizers_found_something(struct world *world)
{
    world->log_start = 0;
    return logged(world, "ERROR: AddressSanitizer") || logged(world, "ERROR: LeakSanitizer") ||
           logged(world, "WARNING: ThreadSanitizer") || logged(world, "runtime error:");
}

/* Everything below the test, also what has lost its own parent. */
static void kill_all(void)
{
    pid_t below[PROCESSES_MAX];
    size_t count = processes_below(getpid(), below);
    for (size_t i = 0; i < count; i++)
        kill(below[i], SIGKILL);
}

static void reap_all(void)
{
    int64_t until = now_ms() + PATIENCE_MS;
    while (now_ms() < until && waitpid(-1, NULL, WNOHANG) >= 0)
        short_pause();
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *place)
{
    (void)info, (void)type, (void)place;
    return remove(path);
}

int world_tear_down(void **state)
{
    struct world *world = *state;
    bool found = sanitizers_found_something(world);
    if (!world->passed || found)
        show_tail(world);
    kill_all();
    reap_all();
    answers_free(world);
    nftw(world->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(world);
    return found ? -1 : 0;
}
