/* Sessions in time, end to end: changes at once, ends, and a Redis that is away.
 *
 * SPDX-License-Identifier: MIT */
#include "test_sessions.h"

#include <signal.h>

#define STORM 100

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
                   CONFIG_HEAD "workers: 1\nredis: { url: \"unix://%s/store.sock\" }\n" CONFIG_TOKEN
                               "plugins:\n  - apikey\n  - session\n",
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

#define BOTH(test, config)                                                                         \
    {                                                                                              \
#test, world_run, world_set_up, tear_down_both, &(struct plan)                             \
        {                                                                                          \
            test, config                                                                           \
        }                                                                                          \
    }

/* ---- Changes at once ----------------------------------------------------------------------- */

/* A change on a connection of its own; its answer is not waited for. */
static int send_patch(const struct world *at, const char *session, const char *more,
                      const char *body)
{
    char whole[1024];
    (void)snprintf(whole, sizeof whole,
                   "PATCH " CURRENT " HTTP/1.1\r\nHost: x\r\n%s\r\n%s"
                   "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                   session, more, strlen(body), body);
    int wire = wire_open(at);
    wire_send(wire, whole);
    return wire;
}

static long status_at_end(struct world *world, int wire)
{
    struct answer *answer = wire_answer(world, wire);
    assert_non_null(answer);
    wire_close(wire);
    return answer->status;
}

/* STORM changes, half of them at either gateway; `format` has the number of each in it. How many
 * were answered with 200; the others had to be `else_status`. */
static int storm(struct world *world, const char *session, const char *more, const char *format,
                 long else_status)
{
    int wires[STORM], taken = 0;
    char body[128];
    for (int i = 0; i < STORM; i++) {
        (void)snprintf(body, sizeof body, format, i, i);
        wires[i] = send_patch(i % 2 ? world : other, session, more, body);
    }
    for (int i = 0; i < STORM; i++) {
        long status = status_at_end(world, wires[i]);
        if (status != 200)
            assert_int_equal(status, else_status);
        taken += status == 200;
    }
    return taken;
}

static void assert_all_landed(const json_t *members)
{
    char name[16];
    assert_int_equal(json_object_size(members), STORM);
    for (int i = 0; i < STORM; i++) {
        (void)snprintf(name, sizeof name, "f%d", i);
        assert_int_equal(json_integer_value(json_object_get(members, name)), i);
    }
}

static void a_hundred_changes_of_different_fields_all_land(struct world *world)
{
    const char *session = sign_in(world, start(world));
    join_store(world);
    assert_int_equal(storm(world, session, "", "{\"data\":{\"f%d\":%d}}", 200), STORM);
    struct answer *seen = get(world, CURRENT, session);
    assert_all_landed(data_of(seen));
    assert_int_equal(number_of(seen, "version"), STORM + 1);
}

static void a_hundred_changes_below_one_field_all_land(struct world *world)
{
    const char *session = sign_in(world, start(world));
    join_store(world);
    assert_int_equal(storm(world, session, "", "{\"data\":{\"cart\":{\"f%d\":%d}}}", 200), STORM);
    assert_all_landed(json_object_get(data_of(get(world, CURRENT, session)), "cart"));
}

static void of_a_hundred_changes_of_one_version_one_is_taken(struct world *world)
{
    const char *session = sign_in(world, start(world));
    join_store(world);
    assert_int_equal(
        storm(world, session, "If-Match: \"1\"\r\n", "{\"data\":{\"a\":%d,\"b\":%d}}", 412), 1);
    struct answer *seen = get(world, CURRENT, session);
    assert_int_equal(number_of(seen, "version"), 2);
    assert_true(
        json_equal(json_object_get(data_of(seen), "a"), json_object_get(data_of(seen), "b")));
}

static void what_one_gateway_ends_is_over_at_the_other(struct world *world)
{
    const char *session = sign_in(world, start(world));
    join_store(world);
    assert_int_equal(status_of(other, session), 200);
    struct answer *rotated = http(other, "POST", CURRENT "/rotate", session, NULL);
    assert_status(rotated, 200);
    assert_int_equal(status_of(world, session), 401);
    session = by_id(world, rotated);
    assert_status(http(world, "DELETE", CURRENT, session, NULL), 204);
    assert_int_equal(status_of(other, session), 401);
}

/* ---- Ends ---------------------------------------------------------------------------------- */

static void an_idle_session_ends_and_no_list_shows_it(struct world *world)
{
    const char *key = start(world);
    const char *session = sign_in(world, key);
    redisContext *redis = store_open(world);
    int64_t made = now_ms();
    assert_int_equal(count_of(world, key), 1);
    wait_until(world, count_of(world, key) == 0);
    assert_true(now_ms() - made >= 900);
    assert_problem(get(world, CURRENT, session), 401, "invalid_session");
    assert_int_equal(store_number(redis, "EXISTS user:acme:ann"), 0);
    redisFree(redis);
}

static void a_session_that_is_used_outlives_its_idle_time_but_not_its_age(struct world *world)
{
    const char *session = sign_in(world, start(world));
    int64_t made = now_ms();
    wait_until(world, status_of(world, session) == 401);
    int64_t age = now_ms() - made;
    assert_true(age >= 3900); /* idle is 1 s, absolute 4 s */
    assert_problem(get(world, CURRENT, session), 401, "invalid_session");
    assert_int_equal(http(world, "POST", CURRENT "/rotate", session, NULL)->status, 401);
}

static void rotation_does_not_make_a_session_younger(struct world *world)
{
    const char *session = sign_in(world, start(world));
    struct answer *first = get(world, CURRENT, session);
    struct answer *rotated = http(world, "POST", CURRENT "/rotate", session, NULL);
    assert_string_equal(text_of(first, "createdAt"), text_of(rotated, "createdAt"));
    session = by_id(world, rotated);
    int64_t made = now_ms();
    wait_until(world, status_of(world, session) == 401);
    assert_true(now_ms() - made < 4500);
}

/* ---- Many sessions ------------------------------------------------------------------------- */

/* Sessions of ann, over one connection. */
static void sign_in_often(struct world *world, const char *key, int count)
{
    static const char body[] = "{\"userId\":\"ann\"}";
    char whole[512];
    int wire = wire_open(world);
    (void)snprintf(whole, sizeof whole,
                   "POST /v1/sessions HTTP/1.1\r\nHost: x\r\n%s\r\nContent-Type: "
                   "application/json\r\nContent-Length: %zu\r\n\r\n%s",
                   key, strlen(body), body);
    for (int i = 0; i < count; i++) {
        wire_send(wire, whole);
        struct answer *answer = wire_answer(world, wire);
        assert_non_null(answer);
        assert_status(answer, 201);
    }
    wire_close(wire);
}

static long long calls_of(redisContext *redis, const char *command)
{
    char field[64];
    redisReply *info = redisCommand(redis, "INFO commandstats");
    (void)snprintf(field, sizeof field, "cmdstat_%s:calls=", command);
    const char *at = strstr(info->str, field);
    long long calls = at ? atoll(at + strlen(field)) : 0;
    freeReplyObject(info);
    return calls;
}

static void a_thousand_sessions_end_with_one_call_in_small_steps(struct world *world)
{
    const char *key = start(world);
    const char *mine = sign_in(world, key);
    sign_in_often(world, key, 999);
    assert_problem(http(world, "POST", "/v1/sessions", key, "{\"userId\":\"ann\"}"), 409,
                   "too_many_sessions");
    redisContext *redis = store_open(world);
    assert_int_equal(store_number(redis, "ZCARD user:acme:ann"), 1000);
    freeReplyObject(redisCommand(redis, "CONFIG RESETSTAT"));
    assert_status(http(world, "DELETE", OF_ANN "?except=current", mine, NULL), 204);
    assert_int_equal(store_number(redis, "ZCARD user:acme:ann"), 1);
    long long scripts = calls_of(redis, "evalsha");
    assert_int_equal(calls_of(redis, "unlink"), 999);
    assert_true(scripts >= 1 + 999 / 200); /* each ends 200 at most */
    assert_int_equal(status_of(world, mine), 200);
    assert_status(http(world, "DELETE", OF_ANN, key, NULL), 204);
    assert_int_equal(status_of(world, mine), 401);
    assert_int_equal(store_number(redis, "EXISTS user:acme:ann"), 0);
    redisFree(redis);
}

static void a_list_of_many_comes_in_pages_each_session_once(struct world *world)
{
    char path[128] = OF_ANN "?limit=7";
    const char *key = start(world);
    sign_in_often(world, key, 50);
    size_t seen = 0, pages = 0;
    for (bool more = true; more; pages++) {
        struct answer *page = get(world, path, key);
        assert_status(page, 200);
        seen += json_array_size(json_object_get(page->json, "sessions"));
        more = json_object_get(page->json, "cursor") != NULL;
        if (more)
            (void)snprintf(path, sizeof path, OF_ANN "?limit=7&cursor=%s", text_of(page, "cursor"));
        assert_true(pages < 20);
    }
    assert_int_equal(seen, 50);
    assert_int_equal(pages, 8);
    assert_problem(get(world, OF_ANN "?cursor=x", key), 422, "invalid_parameter");
    assert_problem(get(world, OF_ANN "?limit=101", key), 422, "invalid_parameter");
}

/* ---- Redis is away ------------------------------------------------------------------------- */

static void without_redis_nobody_is_signed_out(struct world *world)
{
    const char *key = start(world);
    const char *session = sign_in(world, key);
    assert_int_equal(status_of(world, session), 200);
    store_signal(world, SIGSTOP);
    struct answer *late = get(world, CURRENT, session);
    store_signal(world, SIGCONT);
    assert_problem(late, 503, "store_unavailable");
    wait_until(world, status_of(world, session) == 200);
    store_kill(world);
    for (int i = 0; i < 10; i++) {
        struct answer *refused = get(world, i % 2 ? CURRENT : "/session/get", session);
        assert_problem(refused, 503, "store_unavailable");
        assert_null(header_of(refused, "Set-Cookie"));
        assert_non_null(header_of(refused, "Retry-After"));
        assert_status(get(world, "/probe/hello", session), 503);
    }
    assert_problem(patch(world, session, "{\"data\":{}}"), 503, "store_unavailable");
    assert_problem(http(world, "DELETE", CURRENT, session, NULL), 503, "store_unavailable");
}

static void a_session_that_nobody_received_is_taken_back(struct world *world)
{
    const char *key = start(world);
    (void)sign_in(world, key);
    redisContext *redis = store_open(world);
    store_signal(world, SIGSTOP);
    struct answer *late = http(world, "POST", "/v1/sessions", key, "{\"userId\":\"ann\"}");
    store_signal(world, SIGCONT);
    assert_problem(late, 503, "store_unavailable");
    wait_until(world, store_number(redis, "ZCARD user:acme:ann") == 1);
    assert_int_equal(count_of(world, key), 1);
    redisFree(redis);
}

static void a_rotation_that_came_too_late_leaves_the_old_id(struct world *world)
{
    const char *key = start(world);
    const char *session = sign_in(world, key);
    assert_int_equal(status_of(world, session), 200);
    store_signal(world, SIGSTOP);
    struct answer *late = http(world, "POST", CURRENT "/rotate", session, NULL);
    store_signal(world, SIGCONT);
    assert_problem(late, 503, "store_unavailable");
    wait_until(world, status_of(world, session) == 200);
    assert_int_equal(count_of(world, key), 1);
}

#define SHORT CONFIG_WITH("idle: 1s, absolute: 4s, failures: { capacity: 100000 }")

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(a_hundred_changes_of_different_fields_all_land, CONFIG),
        BOTH(a_hundred_changes_below_one_field_all_land, CONFIG),
        BOTH(of_a_hundred_changes_of_one_version_one_is_taken, CONFIG),
        BOTH(what_one_gateway_ends_is_over_at_the_other, CONFIG),
        E2E(an_idle_session_ends_and_no_list_shows_it, SHORT),
        E2E(a_session_that_is_used_outlives_its_idle_time_but_not_its_age, SHORT),
        E2E(rotation_does_not_make_a_session_younger, SHORT),
        E2E(a_thousand_sessions_end_with_one_call_in_small_steps, CONFIG),
        E2E(a_list_of_many_comes_in_pages_each_session_once, CONFIG),
        E2E(without_redis_nobody_is_signed_out, CONFIG),
        E2E(a_session_that_nobody_received_is_taken_back, CONFIG),
        E2E(a_rotation_that_came_too_late_leaves_the_old_id, CONFIG),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
