/* Locks end to end: real gateways, a real Redis, real HTTP.
 *
 * SPDX-License-Identifier: MIT */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <client.h>
#include <hiredis/hiredis.h>

#define PLUGINS "plugins:\n  - apikey\n  - lock\n"
#define CONFIG CONFIG_HEAD "workers: 2\n" CONFIG_STORE PLUGINS

#define WAITERS 50
#define TTL_MS 1500
#define CLAIM_MS 1000
#define SLACK_MS 500 /* of a busy machine */
#define TAKE "{\"ttlMs\":60000,\"lockId\":\"%s\"}"

/* ---- Clients ------------------------------------------------------------------------------- */

static const char *key_of(struct world *world, const char *client)
{
    char body[128];
    (void)snprintf(body, sizeof body, "{\"id\":\"%s\",\"name\":\"%s\"}", client, client);
    struct answer *made = http(world, "POST", "/clients/createClient", as_admin(world), body);
    assert_status(made, 200);
    return with_key(world, text_of(made, "apiKey"));
}

static const char *start(struct world *world)
{
    store_start(world);
    gateway_start(world);
    return key_of(world, "acme");
}

static struct answer *take(struct world *world, const char *key, const char *id)
{
    char body[128];
    (void)snprintf(body, sizeof body, TAKE, id);
    return http(world, "POST", "/v1/locks/r", key, body);
}

static struct answer *release(struct world *world, const char *key, const char *id)
{
    char path[128];
    (void)snprintf(path, sizeof path, "/v1/locks/r?lockId=%s", id);
    return http(world, "DELETE", path, key, NULL);
}

static long status_of(struct world *world, const char *key)
{
    return get(world, "/v1/locks/r", key)->status;
}

/* How many wait for the lock, which somebody holds. */
static long long waiting(struct world *world, const char *key)
{
    struct answer *lock = get(world, "/v1/locks/r", key);
    return lock->status == 200 ? number_of(lock, "waiting") : -1;
}

/* A request for the lock "r", on a connection of its own; its answer is not waited for. */
static int ask_for_lock(const struct world *world, const char *key, const char *id, int wait_ms,
                        int ttl_ms)
{
    char body[128], whole[1024];
    (void)snprintf(body, sizeof body, "{\"ttlMs\":%d,\"waitMs\":%d,\"lockId\":\"%s\"}", ttl_ms,
                   wait_ms, id);
    (void)snprintf(whole, sizeof whole,
                   "POST /v1/locks/r HTTP/1.1\r\nHost: x\r\n%s\r\n"
                   "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                   key, strlen(body), body);
    int wire = wire_open(world);
    wire_send(wire, whole);
    return wire;
}

static const char *nth(int i)
{
    static char id[16];
    (void)snprintf(id, sizeof id, "w%d", i);
    return id;
}

/* Waiters w<first> ..., each in the queue before the next one comes. The lock is held. */
static void queue_up(struct world *world, const struct world *at, const char *key, int *wires,
                     int first, int count)
{
    for (int i = first; i < first + count; i++) {
        long long before = waiting(world, key);
        wires[i] = ask_for_lock(at, key, nth(i), 30000, 60000);
        wait_until(world, waiting(world, key) == before + 1);
    }
}

/* The fence with which this one has the lock. */
static long long got_lock(struct world *world, int wire)
{
    struct answer *answer = wire_answer(world, wire);
    assert_non_null(answer);
    assert_status(answer, 201);
    return number_of(answer, "fence");
}

static bool has_answer(int wire)
{
    struct pollfd poll_fd = {wire, POLLIN, 0};
    return poll(&poll_fd, 1, 0) == 1;
}

/* ---- Holding ------------------------------------------------------------------------------- */

static void a_lock_is_taken_seen_renewed_and_released(struct world *world)
{
    const char *key = start(world);
    struct answer *lease = http(world, "POST", "/v1/locks/r", key,
                                "{\"ttlMs\":60000,\"lockId\":\"me\",\"owner\":\"cron\"}");
    assert_status(lease, 201);
    assert_int_equal(number_of(take(world, key, "me"), "fence"), number_of(lease, "fence"));
    struct answer *refused = take(world, key, "you");
    assert_problem(refused, 423, "locked");
    assert_header(refused, "Retry-After", "60");
    struct answer *seen = get(world, "/v1/locks/r", key);
    assert_string_equal(text_of(seen, "owner"), "cron");
    assert_null(json_object_get(seen->json, "lockId"));
    assert_status(http(world, "PUT", "/v1/locks/r", key, "{\"lockId\":\"me\",\"ttlMs\":90000}"),
                  200);
    assert_problem(release(world, key, "you"), 409, "not_holder");
    assert_status(release(world, key, "me"), 204);
    assert_problem(get(world, "/v1/locks/r", key), 404, "lock_not_found");
}

static void a_fence_is_stale_when_somebody_else_has_held_the_lock(struct world *world)
{
    char body[64];
    const char *key = start(world);
    assert_problem(http(world, "POST", "/v1/locks/r/check", key, "{\"fence\":1}"), 412,
                   "stale_fence");
    (void)snprintf(body, sizeof body, "{\"fence\":%lld}",
                   number_of(take(world, key, "me"), "fence"));
    assert_status(http(world, "POST", "/v1/locks/r/check", key, body), 200);
    assert_status(release(world, key, "me"), 204);
    assert_status(http(world, "POST", "/v1/locks/r/check", key, body), 200);
    assert_status(take(world, key, "you"), 201);
    assert_problem(http(world, "POST", "/v1/locks/r/check", key, body), 412, "stale_fence");
}

static void the_lock_of_another_space_is_another_lock(struct world *world)
{
    const char *key = start(world);
    const char *other_key = key_of(world, "other");
    assert_status(take(world, key, "me"), 201);
    assert_problem(get(world, "/v1/locks/r", other_key), 404, "lock_not_found");
    assert_problem(release(world, other_key, "me"), 409, "not_holder");
    assert_status(take(world, other_key, "me"), 201);
}

static void several_locks_are_taken_all_or_none(struct world *world)
{
    const char *key = start(world);
    assert_status(take(world, key, "me"), 201);
    struct answer *refused = http(world, "POST", "/v1/locks", key,
                                  "{\"resources\":[\"z\",\"r\",\"a\"],\"ttlMs\":60000}");
    assert_problem(refused, 423, "locked");
    assert_string_equal(text_of(refused, "resource"), "r");
    assert_int_equal(get(world, "/v1/locks/a", key)->status, 404);
    assert_int_equal(get(world, "/v1/locks/z", key)->status, 404);
    assert_status(release(world, key, "me"), 204);
    struct answer *all = http(world, "POST", "/v1/locks", key,
                              "{\"resources\":[\"z\",\"r\",\"a\"],\"ttlMs\":60000}");
    assert_status(all, 201);
    assert_int_equal(json_array_size(json_object_get(all->json, "locks")), 3);
    assert_int_equal(get(world, "/v1/locks/a", key)->status, 200);
}

static void an_update_waits_for_nobody_and_leaves_no_lock(struct world *world)
{
    const char *key = start(world);
    assert_int_equal(number_of(http(world, "POST", "/resource/update/r", key, NULL), "value"), 1);
    assert_int_equal(number_of(http(world, "POST", "/resource/update/r", key, NULL), "value"), 2);
    assert_status(take(world, key, "me"), 201);
    assert_problem(http(world, "POST", "/resource/update/r", key, NULL), 423, "locked");
    assert_status(release(world, key, "me"), 204);
    assert_int_equal(number_of(http(world, "POST", "/resource/update/r", key, NULL), "value"), 3);
}

/* ---- Waiting ------------------------------------------------------------------------------- */

static void fifty_waiters_get_the_lock_in_order_each_with_a_larger_fence(struct world *world)
{
    int wires[WAITERS];
    const char *key = start(world);
    long long last = number_of(take(world, key, "me"), "fence");
    queue_up(world, world, key, wires, 0, WAITERS);
    assert_status(release(world, key, "me"), 204);
    for (int i = 0; i < WAITERS; i++) {
        long long fence = got_lock(world, wires[i]);
        assert_true(fence > last);
        last = fence;
        for (int j = i + 1; j < WAITERS; j++)
            assert_false(has_answer(wires[j]));
        assert_status(release(world, key, nth(i)), 204);
        wire_close(wires[i]);
    }
    assert_int_equal(status_of(world, key), 404);
}

static void who_waits_in_vain_is_told_so_and_leaves_the_queue(struct world *world)
{
    const char *key = start(world);
    assert_status(take(world, key, "me"), 201);
    int wire = ask_for_lock(world, key, "late", 300, 1000);
    wait_until(world, waiting(world, key) == 1);
    struct answer *answer = wire_answer(world, wire);
    assert_non_null(answer);
    assert_problem(answer, 423, "locked");
    assert_int_equal(waiting(world, key), 0);
    wire_close(wire);
}

static void waiters_whose_connections_end_strand_nobody(struct world *world)
{
    int wires[WAITERS];
    const char *key = start(world);
    assert_status(take(world, key, "me"), 201);
    queue_up(world, world, key, wires, 0, WAITERS);
    for (int i = 0; i < WAITERS; i++)
        if (i % 3 != 2)
            wire_close(wires[i]);
    wait_until(world, waiting(world, key) == WAITERS / 3);
    assert_status(release(world, key, "me"), 204);
    for (int i = 2; i < WAITERS; i += 3) {
        (void)got_lock(world, wires[i]);
        assert_status(release(world, key, nth(i)), 204);
        wire_close(wires[i]);
    }
    assert_int_equal(status_of(world, key), 404);
}

static void the_lock_of_a_holder_that_died_goes_to_the_next_when_it_runs_out(struct world *world)
{
    const char *key = start(world);
    int64_t before = now_ms();
    int dead = ask_for_lock(world, key, "dead", 0, TTL_MS);
    (void)got_lock(world, dead);
    int64_t taken = now_ms();
    wire_close(dead);
    int wire = ask_for_lock(world, key, "next", 30000, 60000);
    (void)got_lock(world, wire);
    assert_in_range(now_ms(), before + TTL_MS, taken + TTL_MS + SLACK_MS);
    wire_close(wire);
}

/* ---- Redis stops and starts ---------------------------------------------------------------- */

static void a_grant_that_comes_too_late_is_taken_back(struct world *world)
{
    const char *key = start(world);
    assert_status(take(world, key, "me"), 201); /* the key is known, the scripts are loaded */
    assert_status(release(world, key, "me"), 204);
    store_signal(world, SIGSTOP);
    assert_problem(take(world, key, "me"), 503, "store_unavailable");
    store_signal(world, SIGCONT);
    wait_until(world, status_of(world, key) == 404);
    assert_status(take(world, key, "you"), 201);
}

static void a_redis_that_lost_everything_strands_nobody(struct world *world)
{
    const char *key = start(world);
    assert_status(take(world, key, "me"), 201);
    int wire = ask_for_lock(world, key, "next", 30000, 60000);
    wait_until(world, waiting(world, key) == 1);
    store_kill(world);
    store_start(world);
    struct answer *answer = wire_answer(world, wire);
    assert_non_null(answer);
    assert_status(answer, 201);
    wire_close(wire);
}

/* ---- Two gateways -------------------------------------------------------------------------- */

static struct world *other;

/* One more gateway at the store of `world`. */
static void join_store(const struct world *world)
{
    static const struct plan plan = {NULL, ""};
    char config[512];
    void *state = (void *)(uintptr_t)&plan;
    assert_int_equal(world_set_up(&state), 0);
    other = state;
    (void)snprintf(config, sizeof config,
                   CONFIG_HEAD
                   "workers: 1\nredis: { url: \"unix://%s/store.sock\" }\n" CONFIG_TOKEN PLUGINS,
                   world->folder);
    gateway_configure(other, config);
    other->passed = true; /* its log is shown with nobody's failure */
    gateway_start(other);
}

static int tear_down_both(void **state)
{
    int failed = world_tear_down(state);
    if (!other)
        return failed;
    void *second = other;
    other->gateway = 0;
    other = NULL;
    return world_tear_down(&second) | failed;
}

static void kill_whole(struct world *world)
{
    pid_t all[PROCESSES_MAX];
    size_t count = processes_below(world->gateway, all);
    gateway_signal(world, SIGKILL);
    for (size_t i = 0; i < count; i++)
        (void)kill(all[i], SIGKILL);
    (void)gateway_wait_end(world);
}

static void a_gateway_that_is_killed_strands_nobody(struct world *world)
{
    int wires[WAITERS];
    const char *key = start(world);
    join_store(world);
    long long last = number_of(take(world, key, "me"), "fence");
    queue_up(world, other, key, wires, 0, 10);
    queue_up(world, world, key, wires, 10, 5);
    queue_up(world, other, key, wires, 15, 5);
    queue_up(world, world, key, wires, 20, 5);
    kill_whole(other);
    assert_status(release(world, key, "me"), 204);
    for (int i = 10; i < 25; i++) {
        if (i >= 15 && i < 20)
            continue;
        long long fence = got_lock(world, wires[i]);
        assert_true(fence > last);
        last = fence;
        assert_status(release(world, key, nth(i)), 204);
        wire_close(wires[i]);
    }
    for (int i = 0; i < 20; i++)
        if (i < 10 || i >= 15)
            wire_close(wires[i]);
}

/* The dead gateway's waiter comes first, and has a second to claim the lock. */
static void a_gateway_that_is_killed_with_its_holder_costs_the_ttl_at_most(struct world *world)
{
    int wires[3];
    const char *key = start(world);
    join_store(world);
    int64_t before = now_ms();
    int dead = ask_for_lock(other, key, "dead", 0, TTL_MS);
    (void)got_lock(other, dead);
    int64_t taken = now_ms();
    queue_up(world, other, key, wires, 0, 1);
    queue_up(world, world, key, wires, 1, 2);
    kill_whole(other);
    (void)got_lock(world, wires[1]);
    assert_in_range(now_ms(), before + TTL_MS, taken + TTL_MS + CLAIM_MS + SLACK_MS);
    assert_status(release(world, key, nth(1)), 204);
    (void)got_lock(world, wires[2]);
    for (int i = 0; i < 3; i++)
        wire_close(wires[i]);
    wire_close(dead);
}

/* Of the locks m00 ... m31, those that somebody has. */
static long long held_of_many(redisContext *redis)
{
    redisReply *held =
        redisCommand(redis, "EVAL %s 0",
                     "local held = 0 for i = 0, 31 do held = held + redis.call("
                     "'EXISTS', string.format('lock:acme:m%02d', i)) end return held");
    assert_true(held && held->type == REDIS_REPLY_INTEGER);
    long long count = held->integer;
    freeReplyObject(held);
    return count;
}

static void signal_workers(const struct world *world, int number)
{
    pid_t workers[PROCESSES_MAX];
    size_t count = gateway_workers(world, workers);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(kill(workers[i], number), 0);
}

/* All 32 at once, held for TTL_MS; the answer is not waited for. */
static int ask_for_many(const struct world *at, const char *key)
{
    char body[512] = "{\"ttlMs\":1500,\"resources\":[", whole[1024];
    size_t len = strlen(body);
    for (int i = 0; i < 32; i++)
        len += (size_t)snprintf(body + len, sizeof body - len, "%s\"m%02d\"", i ? "," : "", i);
    (void)snprintf(body + len, sizeof body - len, "]}");
    (void)snprintf(whole, sizeof whole,
                   "POST /v1/locks HTTP/1.1\r\nHost: x\r\n%s\r\nContent-Type: application/json\r\n"
                   "Content-Length: %zu\r\n\r\n%s",
                   key, strlen(body), body);
    int wire = wire_open(at);
    wire_send(wire, whole);
    return wire;
}

/* Stops the gateway's workers when they have some of the locks, and not all of them yet. */
static bool stop_midway(redisContext *redis, const char *key, int *ret_wire)
{
    *ret_wire = ask_for_many(other, key);
    for (int64_t until = now_ms() + PATIENCE_MS; held_of_many(redis) == 0;)
        assert_true(now_ms() < until);
    signal_workers(other, SIGSTOP);
    /* what is on its way arrives */
    for (long long held = -1; held != held_of_many(redis);)
        held = held_of_many(redis);
    return held_of_many(redis) < 32;
}

static void several_locks_of_a_gateway_that_died_midway_end_with_their_ttl(struct world *world)
{
    char path[128];
    int wire;
    const char *key = start(world);
    join_store(world);
    (void)snprintf(path, sizeof path, "%s/store.sock", world->folder);
    redisContext *redis = redisConnectUnix(path);
    assert_true(redis && !redis->err);
    bool midway = false;
    for (int tries = 0; tries < 50 && !midway; tries++) {
        midway = stop_midway(redis, key, &wire);
        if (!midway) {
            signal_workers(other, SIGCONT);
            wire_close(wire);
            wait_until(world, held_of_many(redis) == 0);
        }
    }
    assert_true(midway);
    int64_t killed = now_ms();
    kill_whole(other);
    wait_until(world, held_of_many(redis) == 0);
    assert_in_range(now_ms() - killed, 0, TTL_MS + SLACK_MS);
    wire_close(wire);
    wire = ask_for_many(world, key);
    struct answer *answer = wire_answer(world, wire);
    assert_non_null(answer);
    assert_status(answer, 201);
    wire_close(wire);
    redisFree(redis);
}

static void waiters_of_two_gateways_get_the_lock_in_one_order(struct world *world)
{
    int wires[WAITERS];
    const char *key = start(world);
    join_store(world);
    assert_status(take(world, key, "me"), 201);
    for (int i = 0; i < 20; i++)
        queue_up(world, i % 2 ? world : other, key, wires, i, 1);
    assert_status(release(world, key, "me"), 204);
    for (int i = 0; i < 20; i++) {
        (void)got_lock(world, wires[i]);
        assert_status(release(i % 3 ? world : other, key, nth(i)), 204);
        wire_close(wires[i]);
    }
}

/* ---- A gateway that ends ------------------------------------------------------------------- */

static void a_gateway_that_stops_takes_its_waiters_out_of_the_queue(struct world *world)
{
    int wires[WAITERS];
    const char *key = start(world);
    join_store(world);
    assert_status(take(world, key, "me"), 201);
    queue_up(world, other, key, wires, 0, 3);
    queue_up(world, world, key, wires, 3, 1);
    assert_int_equal(gateway_stop(other), 0);
    for (int i = 0; i < 3; i++) {
        struct answer *answer = wire_answer(world, wires[i]);
        assert_non_null(answer);
        assert_problem(answer, 503, "shutting_down");
        wire_close(wires[i]);
    }
    assert_int_equal(waiting(world, key), 1);
    assert_status(release(world, key, "me"), 204);
    (void)got_lock(world, wires[3]);
    wire_close(wires[3]);
}

#define BOTH(test)                                                                                 \
    {                                                                                              \
#test, world_run, world_set_up, tear_down_both, &(struct plan)                             \
        {                                                                                          \
            test, CONFIG                                                                           \
        }                                                                                          \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        E2E(a_lock_is_taken_seen_renewed_and_released, CONFIG),
        E2E(a_fence_is_stale_when_somebody_else_has_held_the_lock, CONFIG),
        E2E(the_lock_of_another_space_is_another_lock, CONFIG),
        E2E(several_locks_are_taken_all_or_none, CONFIG),
        E2E(an_update_waits_for_nobody_and_leaves_no_lock, CONFIG),
        E2E(fifty_waiters_get_the_lock_in_order_each_with_a_larger_fence, CONFIG),
        E2E(who_waits_in_vain_is_told_so_and_leaves_the_queue, CONFIG),
        E2E(waiters_whose_connections_end_strand_nobody, CONFIG),
        E2E(the_lock_of_a_holder_that_died_goes_to_the_next_when_it_runs_out, CONFIG),
        E2E(a_grant_that_comes_too_late_is_taken_back, CONFIG),
        E2E(a_redis_that_lost_everything_strands_nobody, CONFIG),
        BOTH(a_gateway_that_is_killed_strands_nobody),
        BOTH(a_gateway_that_is_killed_with_its_holder_costs_the_ttl_at_most),
        BOTH(several_locks_of_a_gateway_that_died_midway_end_with_their_ttl),
        BOTH(waiters_of_two_gateways_get_the_lock_in_one_order),
        BOTH(a_gateway_that_stops_takes_its_waiters_out_of_the_queue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
