/* A real gateway for end-to-end tests: each test has its own, in a folder of its own, on a port of
 * the system's choosing, so that all suites run at the same time.
 *
 *   static void rank_of_nobody_is_404(struct world *world)
 *   {
 *       gateway_start(world);
 *       assert_int_equal(get(world, "/leaderboard/rank/nobody", key)->status, 404);
 *   }
 *
 *   const struct CMUnitTest tests[] = {E2E(rank_of_nobody_is_404, CONFIG)};
 *
 * Nothing waits without a bound, nothing sleeps to synchronise. When a test ends, however it ends,
 * every process that it started is gone and its folder with it; when it failed, the end of the
 * gateway's log is shown first.
 *
 * SPDX-License-Identifier: MIT */
#ifndef E2E_GATEWAY_H
#define E2E_GATEWAY_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <cmocka.h>

#define PATIENCE_MS 20000 /* the longest that anything is waited for */
#define PROCESSES_MAX 64

struct answer;
struct plan;

struct world {
    const struct plan *plan;
    char folder[64];
    char config_file[128];
    pid_t gateway; /* the master; 0: not running */
    pid_t store;   /* a redis-server of the test's own; 0: none, or stopped */
    unsigned port;
    char token[256]; /* the admin token, once the gateway is ready */
    long log_start;  /* where this start's lines begin in the log */
    struct answer *answers;
    bool passed;
};

/* ---- Tests -------------------------------------------------------------------------------- */

struct plan {
    void (*test)(struct world *world);
    const char *config; /* the text of config.yaml; NULL: the shipped file */
};

int world_set_up(void **state);
void world_run(void **state);
int world_tear_down(void **state);

/* A row of the table of tests. */
#define E2E(test, config)                                                                          \
    {                                                                                              \
#test, world_run, world_set_up, world_tear_down, &(struct plan)                            \
        {                                                                                          \
            test, config                                                                           \
        }                                                                                          \
    }

/* The head of most configurations; `workers` and `plugins` follow. */
#define CONFIG_HEAD                                                                                \
    "listen: 127.0.0.1:0\n"                                                                        \
    "shutdown: { grace: 5s }\n"
#define CONFIG_PROBE "plugins:\n  - path: " PROBE_PLUGIN "\n"

/* ---- The gateway -------------------------------------------------------------------------- */

/* Runs it and waits until it is ready. Fails the test when it does not get there. */
void gateway_start(struct world *world);

/* Runs it and returns at once: for starts that should fail. */
void gateway_launch(struct world *world);
void gateway_wait_listening(struct world *world); /* connections are taken, or soon will be */
void gateway_wait_ready(struct world *world);

/* SIGTERM, and the exit status it ends with; -1 when a signal ended it. */
int gateway_stop(struct world *world);
/* Waits for it to end by itself; the exit status, or -1. */
int gateway_wait_end(struct world *world);
void gateway_signal(struct world *world, int number);

/* Runs `sluice ARGUMENT... -c config` to its end, its output in the log. The exit status. */
int gateway_command(struct world *world, const char *command);

/* Replaces config.yaml, for reloads. */
void gateway_configure(struct world *world, const char *config);

/* ---- Its processes ------------------------------------------------------------------------ */

size_t processes_below(pid_t parent, pid_t ret_pids[PROCESSES_MAX]); /* the whole tree */
/* The processes that serve: children of the generation. */
size_t gateway_workers(const struct world *world, pid_t ret_pids[PROCESSES_MAX]);
bool process_is_alive(pid_t pid);

/* ---- Its log ------------------------------------------------------------------------------ */

/* Everything logged since the last start; valid until the next call. */
const char *gateway_log(const struct world *world);
bool logged(const struct world *world, const char *part);
unsigned times_logged(const struct world *world, const char *part);
/* What it printed to standard output since the world began; valid until the next call. */
const char *gateway_output(const struct world *world);

/* ---- A Redis of the test's own ------------------------------------------------------------ */

/* CONFIG_STORE in a configuration names it; it keeps nothing when it ends. */
#define CONFIG_STORE "redis: { url: \"unix://${E2E_STORE}\" }\n" CONFIG_TOKEN
#define CONFIG_TOKEN "admin: { token: e2e-admin-token-0123456789abcdef }\n"
void store_start(struct world *world);
void store_kill(struct world *world);
void store_signal(const struct world *world, int number);

/* ---- Waiting ------------------------------------------------------------------------------ */

int64_t now_ms(void);
void short_pause(void); /* between two looks at a condition */
void give_up(const struct world *world, const char *what, const char *file, int line);

/* Looks again and again, for PATIENCE_MS; fails the test when the condition does not come true. */
#define wait_until(world, condition)                                                               \
    do {                                                                                           \
        int64_t until_ = now_ms() + PATIENCE_MS;                                                   \
        while (!(condition)) {                                                                     \
            if (now_ms() > until_)                                                                 \
                give_up((world), #condition, __FILE__, __LINE__);                                  \
            short_pause();                                                                         \
        }                                                                                          \
    } while (0)

#endif
