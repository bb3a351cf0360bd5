/* A plugin's process and its executors: messages, deaths, what is left behind, ends.
 *
 * SPDX-License-Identifier: MIT */
#include "client.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONFIG CONFIG_HEAD "workers: 1\nplugins:\n  - path: " WORKSHOP_PLUGIN "\n"

/* ---- Talking ------------------------------------------------------------------------------ */

static void tell(struct world *world, unsigned slot, const char *what)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/workshop/%u/%s", slot, what);
    assert_status(http(world, "POST", path, NULL, NULL), 204);
}

/* How often a line that begins so was said. */
static unsigned times_said(struct world *world, const char *start)
{
    struct answer *answer = get(world, "/workshop", NULL);
    json_t *lines = json_object_get(answer->json, "said"), *line;
    unsigned count = 0;
    size_t i;
    json_array_foreach(lines, i, line) count +=
        strncmp(json_string_value(line), start, strlen(start)) == 0;
    return count;
}

/* The pid in the newest line "<slot> started <pid>". */
static pid_t executor_of(struct world *world, unsigned slot)
{
    struct answer *answer = get(world, "/workshop", NULL);
    json_t *lines = json_object_get(answer->json, "said"), *line;
    long pid = 0;
    size_t i;
    json_array_foreach(lines, i, line)
    {
        unsigned which;
        long found;
        if (sscanf(json_string_value(line), "%u started %ld", &which, &found) == 2 && which == slot)
            pid = found;
    }
    return (pid_t)pid;
}

static void start(struct world *world)
{
    gateway_start(world);
    wait_until(world, executor_of(world, 0) && executor_of(world, 1));
}

/* ---- Tests -------------------------------------------------------------------------------- */

static void messages_go_both_ways_also_large_ones(struct world *world)
{
    start(world);
    tell(world, 0, "echo");
    wait_until(world, times_said(world, "0 echo") == 1);
    tell(world, 1, "big");
    wait_until(world, times_said(world, "1 big") == 1);
    assert_int_equal(times_said(world, "1 echo"), 0);
}

static void an_executor_may_wait_for_redis(struct world *world)
{
    start(world);
    tell(world, 0, "store");
    wait_until(world, times_said(world, "0 42") == 1);
}

static void a_death_is_told_with_its_signal_after_the_last_words(struct world *world)
{
    start(world);
    pid_t before = executor_of(world, 0);
    tell(world, 0, "last-words");
    wait_until(world, times_said(world, "0 ended 6 0") == 1);
    assert_int_equal(times_said(world, "0 last words"), 1);
    wait_until(world, executor_of(world, 0) != before);
    tell(world, 0, "echo");
    wait_until(world, times_said(world, "0 echo") == 1);
}

static void an_exit_is_told_with_its_status(struct world *world)
{
    start(world);
    tell(world, 1, "exit");
    wait_until(world, times_said(world, "1 ended 0 7") == 1);
}

static void what_ignores_sigterm_is_killed(struct world *world)
{
    start(world);
    tell(world, 0, "hang");
    wait_until(world, times_said(world, "0 hangs") == 1);
    tell(world, 0, "signal-15");
    tell(world, 1, "echo");
    wait_until(world, times_said(world, "1 echo") == 1);
    assert_int_equal(times_said(world, "0 ended"), 0);
    tell(world, 0, "signal-9");
    wait_until(world, times_said(world, "0 ended 9 0") == 1);
}

static size_t count_processes(struct world *world)
{
    pid_t pids[PROCESSES_MAX];
    return processes_below(world->gateway, pids);
}

static void what_a_handler_left_behind_ends_with_it(struct world *world)
{
    start(world);
    size_t before = count_processes(world);
    tell(world, 0, "litter");
    wait_until(world, times_said(world, "0 ended 6 0") == 1);
    wait_until(world, times_said(world, "0 started") == 2 && count_processes(world) == before);
}

static pid_t process_of(const struct world *world)
{
    const char *line = strstr(gateway_log(world), "process workshop (pid ");
    return line ? (pid_t)atol(line + strlen("process workshop (pid ")) : 0;
}

/* The parent of an executor is the generation; its only other children are workers. */
static void a_process_that_dies_is_started_again_with_new_executors(struct world *world)
{
    pid_t pids[PROCESSES_MAX];
    start(world);
    pid_t first = executor_of(world, 0), second = executor_of(world, 1);
    size_t count = gateway_workers(world, pids);
    assert_int_equal(count, 4); /* the worker, the process, two executors */
    for (size_t i = 0; i < count; i++)
        if (pids[i] != first && pids[i] != second)
            (void)kill(pids[i], SIGKILL); /* the worker, too: both come back */
    wait_until(world, !process_is_alive(first) && !process_is_alive(second));
    wait_until(world, process_of(world) != 0);
    wait_until(world, get(world, "/workshop", NULL)->status == 200 &&
                          executor_of(world, 0) != first && executor_of(world, 1) != second);
    tell(world, 0, "echo");
    wait_until(world, times_said(world, "0 echo") == 1);
}

static void a_stop_leaves_none_of_them(struct world *world)
{
    pid_t pids[PROCESSES_MAX];
    start(world);
    size_t count = processes_below(world->gateway, pids);
    assert_int_equal(gateway_stop(world), 0);
    for (size_t i = 0; i < count; i++)
        assert_false(process_is_alive(pids[i]));
}

static void a_killed_master_leaves_none_of_them(struct world *world)
{
    pid_t pids[PROCESSES_MAX];
    start(world);
    size_t count = processes_below(world->gateway, pids);
    gateway_signal(world, SIGKILL);
    assert_int_equal(gateway_wait_end(world), -1);
    for (size_t i = 0; i < count; i++)
        wait_until(world, !process_is_alive(pids[i]));
}

static void a_reload_starts_new_ones_and_ends_the_old(struct world *world)
{
    start(world);
    pid_t first = executor_of(world, 0), second = executor_of(world, 1);
    gateway_signal(world, SIGHUP);
    wait_until(world, !process_is_alive(first) && !process_is_alive(second));
    wait_until(world, executor_of(world, 0) != first && executor_of(world, 1) != second);
    tell(world, 1, "echo");
    wait_until(world, times_said(world, "1 echo") == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        E2E(messages_go_both_ways_also_large_ones, CONFIG),
        E2E(an_executor_may_wait_for_redis, CONFIG),
        E2E(a_death_is_told_with_its_signal_after_the_last_words, CONFIG),
        E2E(an_exit_is_told_with_its_status, CONFIG),
        E2E(what_ignores_sigterm_is_killed, CONFIG),
        E2E(what_a_handler_left_behind_ends_with_it, CONFIG),
        E2E(a_process_that_dies_is_started_again_with_new_executors, CONFIG),
        E2E(a_stop_leaves_none_of_them, CONFIG),
        E2E(a_killed_master_leaves_none_of_them, CONFIG),
        E2E(a_reload_starts_new_ones_and_ends_the_old, CONFIG),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
