/* Processes: starts that fail, ends that are clean, crashes that others survive, reloads that
 * nobody notices.
 *
 * SPDX-License-Identifier: MIT */
#include "client.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define CONFIG CONFIG_HEAD "workers: 2\n" CONFIG_PROBE
#define CONFIG_ONE CONFIG_HEAD "workers: 1\n" CONFIG_PROBE
#define CONFIG_SHORT "listen: 127.0.0.1:0\nworkers: 1\nshutdown: { grace: 100ms }\n" CONFIG_PROBE

/* ---- Ends --------------------------------------------------------------------------------- */

static void a_stop_lets_requests_end_and_exits_with_0(struct world *world)
{
    gateway_start(world);
    int wire = wire_open(world);
    wire_send(wire, "GET /probe/sleep/500 HTTP/1.1\r\nHost: gateway\r\n\r\n");
    wait_until(world, number_of(get(world, "/probe/waiting", NULL), "asleep") == 1);
    gateway_signal(world, SIGTERM);
    struct answer *answer = wire_answer(world, wire);
    wire_close(wire);
    assert_non_null(answer);
    assert_status(answer, 200);
    assert_header(answer, "connection", "close");
    assert_int_equal(gateway_wait_end(world), 0);
}

static void requests_that_wait_beyond_the_grace_are_503(struct world *world)
{
    gateway_start(world);
    int wire = wire_open(world);
    wire_send(wire, "GET /probe/park HTTP/1.1\r\nHost: gateway\r\n\r\n");
    wait_until(world, number_of(get(world, "/probe/waiting", NULL), "parked") == 1);
    gateway_signal(world, SIGTERM);
    struct answer *answer = wire_answer(world, wire);
    wire_close(wire);
    assert_non_null(answer);
    assert_problem(answer, 503, "shutting_down");
    assert_non_null(header_of(answer, "retry-after"));
    assert_int_equal(gateway_wait_end(world), 0);
}

static void a_stopped_gateway_leaves_no_process(struct world *world)
{
    pid_t pids[PROCESSES_MAX];
    gateway_start(world);
    size_t count = processes_below(world->gateway, pids);
    assert_true(count >= 4); /* redis-server, a generation, two workers */
    assert_int_equal(gateway_stop(world), 0);
    for (size_t i = 0; i < count; i++)
        assert_false(process_is_alive(pids[i]));
}

static void a_killed_master_leaves_no_orphan(struct world *world)
{
    pid_t pids[PROCESSES_MAX];
    gateway_start(world);
    size_t count = processes_below(world->gateway, pids);
    assert_true(count >= 4);
    gateway_signal(world, SIGKILL);
    assert_int_equal(gateway_wait_end(world), -1);
    for (size_t i = 0; i < count; i++)
        wait_until(world, !process_is_alive(pids[i]));
}

static void what_a_killed_gateway_left_behind_does_not_stop_the_next(struct world *world)
{
    gateway_start(world);
    wait_until(world, get(world, "/probe/count", NULL)->status == 200);
    gateway_signal(world, SIGKILL);
    assert_int_equal(gateway_wait_end(world), -1);
    gateway_start(world);
    wait_until(world, get(world, "/probe/count", NULL)->status == 200);
    assert_int_equal(gateway_stop(world), 0);
}

static pid_t embedded_redis(struct world *world)
{
    static const char up[] = "redis-server is up (pid ";
    const char *line = strstr(gateway_log(world), up);
    assert_non_null(line);
    return (pid_t)strtol(line + strlen(up), NULL, 10);
}

/* A redis-server removes its socket when it ends, whoever's that is by then. */
static void a_redis_that_ends_late_does_not_get_in_the_way_of_the_next(struct world *world)
{
    gateway_start(world);
    pid_t late = embedded_redis(world);
    assert_int_equal(kill(late, SIGSTOP), 0);
    gateway_signal(world, SIGKILL);
    assert_int_equal(gateway_wait_end(world), -1);
    gateway_launch(world);
    wait_until(world, logged(world, "listening on"));
    assert_int_equal(kill(late, SIGCONT), 0);
    gateway_wait_ready(world);
    wait_until(world, !process_is_alive(late));
    /* Whoever connects from now on must find the socket, too. */
    pid_t workers[PROCESSES_MAX], now[PROCESSES_MAX];
    assert_int_equal(gateway_workers(world, workers), 2);
    assert_int_equal(kill(workers[0], SIGKILL), 0);
    assert_int_equal(kill(workers[1], SIGKILL), 0);
    wait_until(world, !process_is_alive(workers[0]) && !process_is_alive(workers[1]) &&
                          gateway_workers(world, now) == 2);
    wait_until(world, get(world, "/probe/count", NULL)->status == 200);
    assert_int_equal(gateway_stop(world), 0);
}

/* ---- Crashes ------------------------------------------------------------------------------ */

static void a_killed_worker_is_replaced_and_the_others_serve_on(struct world *world)
{
    pid_t workers[PROCESSES_MAX], now[PROCESSES_MAX];
    gateway_start(world);
    assert_int_equal(gateway_workers(world, workers), 2);
    assert_int_equal(kill(workers[0], SIGKILL), 0);
    wait_until(world, !process_is_alive(workers[0]));
    for (int i = 0; i < 20; i++)
        assert_status(get(world, "/probe/hello", NULL), 200);
    wait_until(world, gateway_workers(world, now) == 2);
    assert_true(process_is_alive(workers[1]));
    assert_true(logged(world, "was killed by SIGKILL; starting it again in"));
    assert_int_equal(gateway_stop(world), 0);
}

static void a_killed_embedded_redis_comes_back_with_its_data(struct world *world)
{
    gateway_start(world);
    wait_until(world, get(world, "/probe/count", NULL)->status == 200);
    pid_t redis = embedded_redis(world);
    assert_int_equal(kill(redis, SIGKILL), 0);
    wait_until(world, times_logged(world, "redis-server is up (pid ") == 2);
    struct answer *answer;
    wait_until(world, (answer = get(world, "/probe/count", NULL))->status == 200);
    assert_true(number_of(answer, "count") >= 2);
}

/* ---- Reloads ------------------------------------------------------------------------------ */

static void reload(struct world *world, unsigned number)
{
    char ready[64];
    (void)snprintf(ready, sizeof ready, "ready: generation %u serves", number);
    gateway_signal(world, SIGHUP);
    wait_until(world, logged(world, ready));
}

static void a_reload_brings_the_new_configuration(struct world *world)
{
    gateway_start(world);
    gateway_configure(world, CONFIG "    config: { greeting: changed }\n");
    assert_string_equal(text_of(get(world, "/probe/hello", NULL), "greeting"), "hello");
    reload(world, 2);
    struct answer *answer;
    wait_until(world, (answer = get(world, "/probe/hello", NULL))->status == 200 &&
                          strcmp(text_of(answer, "greeting"), "changed") == 0);
    wait_until(world, logged(world, "generation 1 has drained"));
    assert_int_equal(gateway_stop(world), 0);
}

static void reloads_under_load_fail_no_request(struct world *world)
{
    gateway_start(world);
    struct load *load = load_start(world, "/probe/sleep/2", NULL);
    wait_until(world, load_done(load) > 100);
    for (unsigned number = 2; number <= 4; number++) {
        unsigned long before = load_done(load);
        reload(world, number);
        wait_until(world, load_done(load) > before + 100);
    }
    wait_until(world, times_logged(world, "has drained") == 3);
    struct load_result result = load_stop(load);
    if (result.failed || result.statuses[200] != result.done)
        fail_msg("%lu of %lu failed, %lu were no 200: %s", result.failed, result.done,
                 result.done - result.statuses[200], result.first_failure);
    assert_int_equal(gateway_stop(world), 0);
}

static void a_reload_with_a_mistake_changes_nothing(struct world *world)
{
    gateway_start(world);
    gateway_configure(world, CONFIG "    config: { level: 10 }\n");
    gateway_signal(world, SIGHUP);
    wait_until(world, logged(world, "reload refused: generation 2"));
    assert_true(logged(world, "level"));
    assert_status(get(world, "/probe/hello", NULL), 200);
    gateway_configure(world, CONFIG);
    reload(world, 3);
    assert_int_equal(gateway_stop(world), 0);
}

static void a_reload_during_a_reload_is_not_lost(struct world *world)
{
    pid_t workers[PROCESSES_MAX];
    gateway_start(world);
    gateway_signal(world, SIGHUP);
    wait_until(world, logged(world, "reloading"));
    for (int i = 0; i < 3; i++)
        gateway_signal(world, SIGHUP);
    wait_until(world, logged(world, "ready: generation 3 serves"));
    wait_until(world,
               times_logged(world, "has drained") + 1 == times_logged(world, "ready: generation"));
    wait_until(world, gateway_workers(world, workers) == 2);
    assert_status(get(world, "/probe/hello", NULL), 200);
    assert_int_equal(gateway_stop(world), 0);
}

/* ---- Starts that fail --------------------------------------------------------------------- */

static void assert_start_fails(struct world *world, const char *why)
{
    gateway_launch(world);
    assert_int_equal(gateway_wait_end(world), 1);
    if (!logged(world, why))
        fail_msg("the log does not say \"%s\"", why);
}

static void a_port_in_use_is_named(struct world *world)
{
    char config[512], why[128];
    gateway_start(world);
    (void)snprintf(config, sizeof config,
                   "listen: 127.0.0.1:%u\ndata_dir: other\nworkers: 1\n" CONFIG_PROBE, world->port);
    (void)snprintf(why, sizeof why, "can't listen on 127.0.0.1:%u: another process does",
                   world->port);
    gateway_configure(world, config);
    struct world other = *world;
    other.gateway = 0;
    assert_start_fails(&other, why);
    assert_status(get(world, "/probe/hello", NULL), 200);
}

static void a_second_gateway_on_the_same_folder_is_refused(struct world *world)
{
    gateway_start(world);
    struct world other = *world;
    other.gateway = 0;
    assert_start_fails(&other, "is in use by another gateway, pid");
    assert_status(get(world, "/probe/hello", NULL), 200);
    assert_int_equal(gateway_stop(world), 0);
}

static void a_data_dir_that_can_not_be_is_named(struct world *world)
{
    /* Below a file: not even root can make a folder there. */
    assert_start_fails(world, "config.yaml/data: Not a directory");
}

static void a_redis_program_that_is_missing_is_named(struct world *world)
{
    assert_start_fails(world, "no-such-redis is not installed");
}

#define MISTAKES                                                                                   \
    "listen: 127.0.0.1:0\n"                                                                        \
    "wrkers: 2\n"                                                                                  \
    "http: { idle_timeout: soon }\n"                                                               \
    "log: { level: loud }\n" CONFIG_PROBE "    config: { level: 10, greting: hi }\n"

static void every_mistake_is_told_with_its_place(struct world *world)
{
    static const char *const told[] = {
        "config.yaml:2:1: ",  "\"workers\"",       "config.yaml:3:23: ", "idle_timeout",
        "config.yaml:4:15: ", "debug, info, warn", "config.yaml:7:22: ", "level",
        "config.yaml:7:26: ", "\"greeting\"",      "5 errors",
    };
    assert_int_equal(gateway_command(world, "check"), 1);
    for (size_t i = 0; i < sizeof told / sizeof told[0]; i++)
        if (!logged(world, told[i]))
            fail_msg("check does not say %s", told[i]);
    assert_start_fails(world, "the configuration has 5 errors");
    for (size_t i = 0; i + 1 < sizeof told / sizeof told[0]; i++)
        if (!logged(world, told[i]))
            fail_msg("run does not say %s", told[i]);
}

static void a_plugin_of_another_abi_is_refused_with_both_versions(struct world *world)
{
    assert_start_fails(world, "was built for plugin ABI 77.5 and this gateway has 1.");
}

static void a_right_configuration_checks(struct world *world)
{
    assert_int_equal(gateway_command(world, "check"), 0);
    assert_non_null(strstr(gateway_output(world), "ok"));
    assert_int_equal(gateway_command(world, "routes"), 0);
    assert_non_null(strstr(gateway_output(world), "/probe/echo/{text}"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        E2E(a_stop_lets_requests_end_and_exits_with_0, CONFIG_ONE),
        E2E(requests_that_wait_beyond_the_grace_are_503, CONFIG_SHORT),
        E2E(a_stopped_gateway_leaves_no_process, CONFIG),
        E2E(a_killed_master_leaves_no_orphan, CONFIG),
        E2E(what_a_killed_gateway_left_behind_does_not_stop_the_next, CONFIG),
        E2E(a_redis_that_ends_late_does_not_get_in_the_way_of_the_next, CONFIG),
        E2E(a_killed_worker_is_replaced_and_the_others_serve_on, CONFIG),
        E2E(a_killed_embedded_redis_comes_back_with_its_data, CONFIG),
        E2E(a_reload_brings_the_new_configuration, CONFIG),
        E2E(reloads_under_load_fail_no_request, CONFIG),
        E2E(a_reload_with_a_mistake_changes_nothing, CONFIG),
        E2E(a_reload_during_a_reload_is_not_lost, CONFIG),
        E2E(a_port_in_use_is_named, CONFIG),
        E2E(a_second_gateway_on_the_same_folder_is_refused, CONFIG),
        E2E(a_data_dir_that_can_not_be_is_named, CONFIG "data_dir: config.yaml/data\n"),
        E2E(a_redis_program_that_is_missing_is_named, CONFIG "redis: { server: no-such-redis }\n"),
        E2E(every_mistake_is_told_with_its_place, MISTAKES),
        E2E(a_plugin_of_another_abi_is_refused_with_both_versions,
            CONFIG_HEAD "plugins:\n  - path: " OTHER_ABI_PLUGIN "\n"),
        E2E(a_right_configuration_checks, CONFIG),
    };
    return cmocka_run_group_tests_name("processes", tests, NULL, NULL);
}
