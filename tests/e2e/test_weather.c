/* Bad weather: Redis away, slow or stopped, clients that go.
 *
 * SPDX-License-Identifier: MIT */
#include "client.h"

#include <signal.h>
#include <string.h>

#define CONFIG CONFIG_HEAD "workers: 2\n" CONFIG_STORE CONFIG_PROBE
#define CONFIG_ONE CONFIG_HEAD "workers: 1\n" CONFIG_STORE CONFIG_PROBE

/* Within this a gateway must serve again once its Redis is back. */
#define RECOVERY_MS 2000
/* redis.timeout is 250 ms; a machine that is busy may be late, not by this much. */
#define TIMEOUT_MS 2000

static void assert_store_unavailable(struct world *world)
{
    struct answer *answer = get(world, "/probe/count", NULL);
    assert_problem(answer, 503, "store_unavailable");
    assert_non_null(header_of(answer, "retry-after"));
}

static void assert_recovers(struct world *world)
{
    int64_t since = now_ms();
    wait_until(world, get(world, "/readyz", NULL)->status == 200 &&
                          get(world, "/probe/count", NULL)->status == 200);
    assert_in_range(now_ms() - since, 0, RECOVERY_MS);
}

/* ---- Redis -------------------------------------------------------------------------------- */

static void without_redis_the_gateway_starts_and_says_that_it_is_not_ready(struct world *world)
{
    gateway_start(world);
    assert_status(get(world, "/health", NULL), 200);
    struct answer *ready = get(world, "/readyz", NULL);
    assert_problem(ready, 503, "not_ready");
    const json_t *reasons = json_object_get(ready->json, "reasons");
    assert_int_equal(json_array_size(reasons), 1);
    assert_non_null(strstr(json_string_value(json_array_get(reasons, 0)), "Redis"));
    assert_store_unavailable(world);
    assert_int_equal(gateway_stop(world), 0);
}

static void a_redis_that_comes_later_is_found(struct world *world)
{
    gateway_start(world);
    assert_store_unavailable(world);
    store_start(world);
    wait_until(world, get(world, "/readyz", NULL)->status == 200);
    wait_until(world, get(world, "/probe/count", NULL)->status == 200);
}

static void who_comes_before_redis_answers_waits_for_it(struct world *world)
{
    pid_t workers[PROCESSES_MAX];
    store_start(world);
    store_signal(world, SIGSTOP);
    gateway_launch(world);
    gateway_wait_listening(world);
    int wire = wire_open(world);
    wire_send(wire, "GET /probe/count HTTP/1.1\r\nHost: gateway\r\n\r\n");
    wait_until(world, gateway_workers(world, workers) == 2);
    for (int i = 0; i < 20; i++)
        short_pause(); /* in which they could answer without it */
    store_signal(world, SIGCONT);
    struct answer *answer = wire_answer(world, wire);
    assert_non_null(answer);
    assert_status(answer, 200);
    wire_close(wire);
    gateway_wait_ready(world);
    assert_int_equal(gateway_stop(world), 0);
}

static void a_redis_that_is_killed_under_load_costs_503s_and_nothing_else(struct world *world)
{
    store_start(world);
    gateway_start(world);
    struct load *load = load_start(world, "/probe/count", NULL);
    wait_until(world, load_count(load, 200) > 100);
    store_kill(world);
    wait_until(world, load_count(load, 503) > 10);
    assert_status(get(world, "/probe/hello", NULL), 200);
    store_start(world);
    assert_recovers(world);
    unsigned long before = load_count(load, 200);
    wait_until(world, load_count(load, 200) > before + 100);
    struct load_result result = load_stop(load);
    assert_int_equal(result.failed, 0);
    assert_int_equal(result.done, result.statuses[200] + result.statuses[503]);
    assert_false(logged(world, "starting it again")); /* no worker died of it */
    assert_int_equal(gateway_stop(world), 0);
}

static void a_redis_that_hangs_costs_no_more_than_its_timeout(struct world *world)
{
    store_start(world);
    gateway_start(world);
    wait_until(world, get(world, "/probe/count", NULL)->status == 200);
    store_signal(world, SIGSTOP);
    int64_t since = now_ms();
    assert_store_unavailable(world);
    assert_in_range(now_ms() - since, 0, TIMEOUT_MS);
    assert_status(get(world, "/probe/hello", NULL), 200);
    store_signal(world, SIGCONT);
    assert_recovers(world);
    assert_int_equal(gateway_stop(world), 0);
}

static void a_worker_drains_while_redis_hangs(struct world *world)
{
    store_start(world);
    gateway_start(world);
    wait_until(world, get(world, "/probe/count", NULL)->status == 200);
    store_signal(world, SIGSTOP);
    int wire = wire_open(world);
    wire_send(wire, "GET /probe/count HTTP/1.1\r\nHost: gateway\r\n\r\n");
    struct answer *answer = wire_answer(world, wire);
    assert_non_null(answer);
    assert_status(answer, 503);
    wire_close(wire);
    assert_int_equal(gateway_stop(world), 0);
}

/* ---- Clients ------------------------------------------------------------------------------ */

static long long waiting(struct world *world, const char *what)
{
    return number_of(get(world, "/probe/waiting", NULL), what);
}

static void a_wait_ends_when_its_client_goes(struct world *world)
{
    store_start(world);
    gateway_start(world);
    int wires[20];
    for (size_t i = 0; i < 20; i++) {
        wires[i] = wire_open(world);
        wire_send(wires[i], "GET /probe/park HTTP/1.1\r\nHost: gateway\r\n\r\n");
    }
    wait_until(world, waiting(world, "parked") == 20);
    for (size_t i = 0; i < 20; i++)
        wire_close(wires[i]);
    wait_until(world, waiting(world, "parked") == 0);
    assert_int_equal(waiting(world, "ended"), 20);
    assert_int_equal(gateway_stop(world), 0);
}

static void a_client_that_goes_while_redis_hangs_leaves_nothing_behind(struct world *world)
{
    store_start(world);
    gateway_start(world);
    wait_until(world, get(world, "/probe/count", NULL)->status == 200);
    store_signal(world, SIGSTOP);
    for (int i = 0; i < 20; i++) {
        int wire = wire_open(world);
        wire_send(wire, "GET /probe/count HTTP/1.1\r\nHost: gateway\r\n\r\n");
        wire_close(wire);
    }
    assert_store_unavailable(world);
    store_signal(world, SIGCONT);
    assert_recovers(world);
    assert_int_equal(gateway_stop(world), 0);
    assert_false(logged(world, "did not end within the grace"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        E2E(without_redis_the_gateway_starts_and_says_that_it_is_not_ready, CONFIG),
        E2E(a_redis_that_comes_later_is_found, CONFIG),
        E2E(who_comes_before_redis_answers_waits_for_it, CONFIG),
        E2E(a_redis_that_is_killed_under_load_costs_503s_and_nothing_else, CONFIG),
        E2E(a_redis_that_hangs_costs_no_more_than_its_timeout, CONFIG),
        E2E(a_worker_drains_while_redis_hangs, CONFIG),
        E2E(a_wait_ends_when_its_client_goes, CONFIG_ONE),
        E2E(a_client_that_goes_while_redis_hangs_leaves_nothing_behind, CONFIG_ONE),
    };
    return cmocka_run_group_tests_name("weather", tests, NULL, NULL);
}
