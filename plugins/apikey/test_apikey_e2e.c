/* Clients and keys end to end: real gateways, a real Redis, real HTTP.
 *
 * SPDX-License-Identifier: MIT */
#include "test_gateways.h"

/* ---- Rotation ------------------------------------------------------------------------------- */

#define WIRES 40
#define ROTATIONS 200
#define RETENTION 3

static char rotated[ROTATIONS][64];

/* All at once, half of them at each gateway. */
static void rotate_200_times(struct world *world)
{
    int wires[WIRES];
    const char *admin = as_admin(world);
    for (int i = 0; i < WIRES; i++)
        wires[i] = wire_open(i % 2 ? other : world);
    for (int done = 0; done < ROTATIONS; done += WIRES) {
        for (int i = 0; i < WIRES; i++)
            wire_request(wires[i], "POST", "/clients/rotateKey/acme", admin);
        for (int i = 0; i < WIRES; i++) {
            struct answer *answer = wire_answer(world, wires[i]);
            assert_non_null(answer);
            assert_status(answer, 200);
            (void)snprintf(rotated[done + i], sizeof rotated[0], "%s", text_of(answer, "newKey"));
        }
    }
    for (int i = 0; i < WIRES; i++)
        wire_close(wires[i]);
}

static bool is_good(struct world *world, const char *key)
{
    long status = get(world, HELLO, with_key(world, key))->status;
    assert_true(status == 200 || status == 401);
    return status == 200;
}

/* The index lists exactly the entries that there are; `count` of them. */
static void assert_index_and_entries_agree(const struct world *world, size_t count)
{
    redisContext *redis = store_open(world);
    redisReply *index = redisCommand(redis, "ZRANGE client:acme:apiKeys 0 -1");
    redisReply *entries = redisCommand(redis, "KEYS apiKey:*");
    assert_int_equal(index->elements, count);
    assert_int_equal(entries->elements, count);
    for (size_t i = 0; i < count; i++) {
        redisReply *there = redisCommand(redis, "EXISTS apiKey:%s", index->element[i]->str);
        assert_int_equal(there->integer, 1);
        freeReplyObject(there);
    }
    freeReplyObject(index);
    freeReplyObject(entries);
    redisFree(redis);
}

static const json_t *listed_keys(struct world *world)
{
    struct answer *list = get(world, KEYS, as_admin(world));
    assert_status(list, 200);
    return json_object_get(list->json, "keys");
}

static void two_hundred_rotations_at_once_lose_nothing(struct world *world)
{
    int good = 0;
    start_two(world);
    make_acme(world);
    const char *ci = text_of(make_key(world, "{\"line\":\"ci\"}"), "key");
    const char *first = text_of(make_key(world, "{}"), "key");
    rotate_200_times(world);
    for (int i = 0; i < ROTATIONS; i++) {
        bool here = is_good(world, rotated[i]);
        assert_int_equal(is_good(other, rotated[i]), here);
        good += here;
    }
    assert_int_equal(good, RETENTION);
    assert_false(is_good(world, first));
    assert_true(is_good(world, ci));
    assert_index_and_entries_agree(world, RETENTION + 1);
    const json_t *keys = listed_keys(world);
    const json_t *newest = json_array_get(keys, json_array_size(keys) - 1);
    char last[8];
    (void)snprintf(last, sizeof last, "%d", ROTATIONS + 2);
    assert_string_equal(json_string_value(json_object_get(newest, "id")), last);
    assert_null(json_object_get(newest, "expiresAt"));
    assert_null(json_object_get(json_array_get(keys, 0), "expiresAt")); /* the other line's */
    assert_non_null(json_object_get(json_array_get(keys, 1), "expiresAt"));
}

/* ---- Bodies --------------------------------------------------------------------------------- */

static void an_id_that_is_taken_is_409_and_changes_nothing(struct world *world)
{
    const char *body = "{\"id\":\"acme\",\"name\":\"Other\"}";
    gateway_start(world);
    struct answer *made = http(world, "POST", "/clients/createCLient", as_admin(world),
                               "{\"id\":\"acme\",\"name\":\"Acme Ltd\"}");
    assert_status(made, 200);
    assert_problem(http(world, "POST", "/clients/createClient", as_admin(world), body), 409,
                   "client_exists");
    assert_problem(http(world, "POST", "/v1/clients", as_admin(world), body), 409, "client_exists");
    assert_true(is_good(world, text_of(made, "apiKey")));
    assert_string_equal(text_of(get(world, "/v1/clients/acme", as_admin(world)), "name"),
                        "Acme Ltd");
}

static void ids_that_can_not_be_are_422(struct world *world)
{
    const char *ids[] = {"[]",      "{}",         "\"\"",    "7",      "null",    "true",
                         "\"a:b\"", "\"a b\"",    "\".\"",   "\"..\"", "\"a/b\"", "\"a\\u0000\"",
                         "\"\\n\"", "\"\u00e4\"", "[\"a\"]", "\"*\"",  NULL};
    char body[512], longest[160];
    gateway_start(world);
    memset(longest, 'a', sizeof longest);
    (void)snprintf(body, sizeof body, "{\"id\":\"%.129s\",\"name\":\"n\"}", longest);
    for (const char **id = ids;; id++) {
        assert_problem(http(world, "POST", "/clients/createClient", as_admin(world), body), 422,
                       "invalid_body");
        assert_problem(http(world, "POST", "/v1/clients", as_admin(world), body), 422,
                       "invalid_body");
        if (!*id)
            break;
        (void)snprintf(body, sizeof body, "{\"id\":%s,\"name\":\"n\"}", *id);
    }
    assert_problem(http(world, "GET", "/v1/clients/a%3Ab", as_admin(world), NULL), 422,
                   "invalid_parameter");
}

/* ---- What Redis is asked --------------------------------------------------------------------- */

/* What Redis ran so far; to be freed. */
static redisReply *statistics(redisContext *redis)
{
    redisReply *info = redisCommand(redis, "INFO commandstats");
    assert_true(info && info->type == REDIS_REPLY_STRING);
    return info;
}

/* How often it ran a command. */
static long long calls_of(const redisReply *info, const char *command)
{
    char field[64];
    (void)snprintf(field, sizeof field, "cmdstat_%s:calls=", command);
    const char *at = strstr(info->str, field);
    return at ? atoll(at + strlen(field)) : 0;
}

static long long look_ups(redisContext *redis)
{
    redisReply *info = statistics(redis);
    long long calls = calls_of(info, "get") + calls_of(info, "pttl") + calls_of(info, "evalsha");
    freeReplyObject(info);
    return calls;
}

/* Every command, but for those of connecting, of signs of life, and our own. */
static long long commands(redisContext *redis)
{
    static const char *const others[] = {
        "ping", "info", "script|load", "client|id", "client|tracking", "subscribe"};
    redisReply *info = statistics(redis);
    long long calls = 0;
    for (const char *at = info->str; (at = strstr(at, "cmdstat_")); at++)
        calls += atoll(strstr(at, "calls=") + 6);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        calls -= calls_of(info, others[i]);
    freeReplyObject(info);
    return calls;
}

/* Of the right form; the checksum is right once in 2^32. */
static void random_token(char ret_header[80])
{
    static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    int len = snprintf(ret_header, 80, "x-api-key: slc_");
    for (int i = 0; i < 50; i++)
        ret_header[len++] = i == 43 ? '_' : digits[(size_t)rand() % 62];
    ret_header[len] = '\0';
}

static void ten_thousand_random_tokens_never_reach_redis(struct world *world)
{
    char header[80];
    store_start(world);
    gateway_start(world);
    redisContext *redis = store_open(world);
    long long before = commands(redis);
    int wire = wire_open(world);
    srand(1);
    for (int i = 0; i < 10000; i++) {
        random_token(header);
        assert_int_equal(wire_status(world, wire, HELLO, header), 401);
    }
    assert_int_equal(commands(redis), before);
    wire_close(wire);
    redisFree(redis);
}

static void a_remembered_key_costs_redis_nothing(struct world *world)
{
    store_start(world);
    gateway_start(world);
    make_acme(world);
    const char *key = with_key(world, text_of(make_key(world, "{}"), "key"));
    redisContext *redis = store_open(world);
    int wire = wire_open(world);
    long long before;
    /* until changes are followed and the use is noted, by this connection's worker */
    do {
        before = look_ups(redis);
        assert_int_equal(wire_status(world, wire, HELLO, key), 200);
    } while (look_ups(redis) != before);
    before = look_ups(redis);
    for (int i = 0; i < 500; i++)
        assert_int_equal(wire_status(world, wire, HELLO, key), 200);
    assert_int_equal(look_ups(redis), before);
    const json_t *used = json_object_get(json_array_get(listed_keys(world), 0), "lastUsedAt");
    assert_int_equal(json_string_length(used), strlen("2026-01-01T00:00:00.000Z"));
    wire_close(wire);
    redisFree(redis);
}

static void without_redis_a_remembered_key_still_serves(struct world *world)
{
    store_start(world);
    gateway_start(world);
    make_acme(world);
    const char *key = with_key(world, text_of(make_key(world, "{}"), "key"));
    int wire = wire_open(world);
    redisContext *redis = store_open(world);
    long long before;
    do {
        before = look_ups(redis);
        assert_int_equal(wire_status(world, wire, HELLO, key), 200);
    } while (look_ups(redis) != before);
    redisFree(redis);
    store_kill(world);
    wait_until(world, get(world, "/readyz", NULL)->status == 503);
    wait_until(world, wire_status(world, wire, HELLO, key) == 200);
    for (int i = 0; i < 100; i++)
        assert_int_equal(wire_status(world, wire, HELLO, key), 200);
    wire_close(wire);
}

/* ---- Bounds --------------------------------------------------------------------------------- */

static void a_key_can_not_make_a_stronger_one(struct world *world)
{
    const char *wishes[] = {"{\"scopes\":[\"keys:verify\"]}", "{\"cidrs\":[\"0.0.0.0/0\"]}",
                            "{\"ttlMs\":7200000}"};
    gateway_start(world);
    make_acme(world);
    (void)make_key(world, "{}");
    struct answer *made =
        make_key(world, "{\"line\":\"ci\",\"scopes\":[\"jobs:work\"],\"cidrs\":[\"127.0.0.0/8\"],"
                        "\"ttlMs\":3600000}");
    const char *weak = with_key(world, text_of(made, "key"));
    for (size_t i = 0; i < sizeof wishes / sizeof wishes[0]; i++)
        assert_problem(http(world, "POST", KEYS, weak, wishes[i]), 403, "beyond_your_key");
    assert_problem(http(world, "POST", KEYS, weak, "{\"scopes\":[\"jobs:manage\"]}"), 403,
                   "scope_not_granted");
    assert_problem(http(world, "POST", KEYS "/1/rotate", weak, NULL), 403, "beyond_your_key");
    assert_problem(http(world, "POST", "/clients/rotateKey/acme", weak, NULL), 403,
                   "beyond_your_key");
    struct answer *child = http(world, "POST", KEYS, weak, "{}");
    assert_status(child, 201);
    assert_string_equal(text_of(child, "expiresAt"), text_of(made, "expiresAt"));
    assert_status(http(world, "POST", KEYS "/2/rotate", weak, "{\"graceMs\":0}"), 201);
    assert_problem(get(world, HELLO, weak), 401, "invalid_api_key");
}

static void a_key_is_refused_from_elsewhere(struct world *world)
{
    gateway_start(world);
    make_acme(world);
    const char *away =
        with_key(world, text_of(make_key(world, "{\"cidrs\":[\"192.0.2.0/24\"]}"), "key"));
    const char *here =
        with_key(world, text_of(make_key(world, "{\"cidrs\":[\"127.0.0.1\"]}"), "key"));
    assert_problem(get(world, HELLO, away), 403, "address_not_allowed");
    assert_problem(get(world, HELLO, away), 403, "address_not_allowed");
    assert_status(get(world, HELLO, here), 200);
}

static void a_service_verifies_keys_it_is_given(struct world *world)
{
    char body[128];
    gateway_start(world);
    make_acme(world);
    struct answer *key = make_key(world, "{\"scopes\":[\"keys:verify\"],\"ttlMs\":3600000}");
    (void)snprintf(body, sizeof body, "{\"key\":\"%s\"}", text_of(key, "key"));
    const char *verifier = with_key(world, text_of(key, "key"));
    struct answer *verified = http(world, "POST", "/v1/keys/verify", verifier, body);
    assert_status(verified, 200);
    assert_string_equal(text_of(verified, "clientId"), "acme");
    assert_string_equal(text_of(verified, "expiresAt"), text_of(key, "expiresAt"));
    assert_status(http(world, "PATCH", "/v1/clients/acme", as_admin(world), "{\"grants\":[]}"),
                  200);
    wait_until(world, http(world, "POST", "/v1/keys/verify", verifier, body)->status == 403);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        E2E_TWO(two_hundred_rotations_at_once_lose_nothing, CONFIG_HERE),
        E2E(an_id_that_is_taken_is_409_and_changes_nothing, CONFIG_AT("embedded")),
        E2E(ids_that_can_not_be_are_422, CONFIG_AT("embedded")),
        E2E(ten_thousand_random_tokens_never_reach_redis, CONFIG_HERE),
        E2E(a_remembered_key_costs_redis_nothing, CONFIG_HERE),
        E2E(without_redis_a_remembered_key_still_serves, CONFIG_HERE),
        E2E(a_key_can_not_make_a_stronger_one, CONFIG_AT("embedded")),
        E2E(a_key_is_refused_from_elsewhere, CONFIG_AT("embedded")),
        E2E(a_service_verifies_keys_it_is_given, CONFIG_AT("embedded")),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
