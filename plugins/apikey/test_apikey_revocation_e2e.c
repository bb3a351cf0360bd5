/* How soon a revoked key is refused, by every worker of every gateway, whatever the network does.
 *
 * SPDX-License-Identifier: MIT */
#include "test_gateways.h"
#include "test_proxy.h"

#define CROWD 16         /* connections, spread over the workers */
#define PROMISED_MS 2000 /* when Redis's word does not come through */
#define SOON_MS 100      /* when it does */

struct crowd {
    int wires[CROWD];
};

static void crowd_open(struct crowd *crowd, struct world *world)
{
    for (int i = 0; i < CROWD; i++)
        crowd->wires[i] = wire_open(other && i % 2 ? other : world);
}

static void crowd_close(struct crowd *crowd)
{
    for (int i = 0; i < CROWD; i++)
        wire_close(crowd->wires[i]);
}

/* How many of them the key lets in. */
static int crowd_ask(struct world *world, struct crowd *crowd, const char *key)
{
    int let_in = 0;
    for (int i = 0; i < CROWD; i++)
        wire_request(crowd->wires[i], "GET", HELLO, key);
    for (int i = 0; i < CROWD; i++) {
        struct answer *answer = wire_answer(world, crowd->wires[i]);
        assert_non_null(answer);
        assert_true(answer->status == 200 || answer->status == 401);
        let_in += answer->status == 200;
    }
    return let_in;
}

static long long gets(redisContext *redis)
{
    redisReply *info = redisCommand(redis, "INFO commandstats");
    const char *at = strstr(info->str, "cmdstat_get:calls=");
    long long calls = at ? atoll(at + 18) : 0;
    freeReplyObject(info);
    return calls;
}

/* Until each worker remembers the key. */
static void warm_up(struct world *world, struct crowd *crowd, const char *key)
{
    redisContext *redis = store_open(world);
    for (int64_t until = now_ms() + PATIENCE_MS;;) {
        long long before = gets(redis);
        assert_int_equal(crowd_ask(world, crowd, key), CROWD);
        if (gets(redis) == before)
            break;
        assert_true(now_ms() < until);
    }
    redisFree(redis);
}

struct issued_key {
    const char *header;
    char path[128];
};

static struct issued_key new_key(struct world *world)
{
    struct answer *made = make_key(world, "{}");
    struct issued_key key = {.header = with_key(world, text_of(made, "key"))};
    (void)snprintf(key.path, sizeof key.path, KEYS "/%s", text_of(made, "id"));
    return key;
}

static int64_t revoke_key(struct world *world, const struct issued_key *key)
{
    assert_status(http(world, "DELETE", key->path, as_admin(world), NULL), 204);
    return now_ms();
}

/* How long after `since` the last request was sent that was let in; 0: none was. */
static int64_t last_let_in(struct world *world, struct crowd *crowd, const char *key, int64_t since)
{
    int64_t last = 0;
    for (int refused = 0; refused < 3;) {
        int64_t asked = now_ms() - since;
        assert_true(asked < PATIENCE_MS);
        if (crowd_ask(world, crowd, key) > 0) {
            last = asked;
            refused = 0;
        } else {
            refused++;
        }
    }
    return last;
}

/* ---- As a rule ------------------------------------------------------------------------------- */

static void enable(struct world *world)
{
    assert_status(http(other, "PATCH", "/v1/clients/acme", as_admin(world), "{\"disabled\":false}"),
                  200);
}

/* A machine that is busy may be late once; a gateway that does not listen is late each time. */
static void assert_soon(struct world *world, struct crowd *crowd,
                        void (*end)(struct world *world, const struct issued_key *key))
{
    int64_t best = INT64_MAX;
    for (int round = 0; round < 5 && best > SOON_MS; round++) {
        enable(world); /* the round before may have disabled the client */
        struct issued_key key = new_key(world);
        warm_up(world, crowd, key.header);
        end(world, &key);
        int64_t took = last_let_in(world, crowd, key.header, now_ms());
        assert_in_range(took, 0, PROMISED_MS);
        best = took < best ? took : best;
    }
    assert_in_range(best, 0, SOON_MS);
}

static void by_revoking(struct world *world, const struct issued_key *key)
{
    (void)revoke_key(world, key);
}

static void by_rotating_without_grace(struct world *world, const struct issued_key *key)
{
    char path[160];
    (void)snprintf(path, sizeof path, "%s/rotate", key->path);
    assert_status(http(other, "POST", path, as_admin(world), "{\"graceMs\":0}"), 201);
}

static void by_disabling(struct world *world, const struct issued_key *key)
{
    (void)key;
    assert_status(http(other, "PATCH", "/v1/clients/acme", as_admin(world), "{\"disabled\":true}"),
                  200);
}

static void a_revoked_key_is_refused_everywhere_within_100_ms(struct world *world)
{
    struct crowd crowd;
    start_two(world);
    make_acme(world);
    crowd_open(&crowd, world);
    assert_soon(world, &crowd, by_revoking);
    assert_soon(world, &crowd, by_rotating_without_grace);
    assert_soon(world, &crowd, by_disabling);
    crowd_close(&crowd);
}

static void a_deleted_clients_keys_are_refused_everywhere(struct world *world)
{
    struct crowd crowd;
    start_two(world);
    make_acme(world);
    struct issued_key key = new_key(world);
    crowd_open(&crowd, world);
    warm_up(world, &crowd, key.header);
    assert_status(http(world, "DELETE", "/v1/clients/acme", as_admin(world), NULL), 204);
    assert_in_range(last_let_in(world, &crowd, key.header, now_ms()), 0, PROMISED_MS);
    crowd_close(&crowd);
}

/* ---- When the network fails ------------------------------------------------------------------- */

static void kill_watchers(redisContext *redis)
{
    redisReply *killed = redisCommand(redis, "CLIENT KILL TYPE pubsub");
    assert_true(killed && killed->type == REDIS_REPLY_INTEGER);
    freeReplyObject(killed);
}

/* The watch is lost before, between and after; requests go on all the while. */
static void no_revoked_key_outlives_a_watch_that_is_killed(struct world *world)
{
    struct crowd crowd;
    start_two(world);
    make_acme(world);
    crowd_open(&crowd, world);
    redisContext *redis = store_open(world);
    for (int round = 0; round < 12; round++) {
        struct issued_key key = new_key(world);
        if (round % 4 != 3)
            warm_up(world, &crowd, key.header);
        if (round % 3 != 1)
            kill_watchers(redis);
        int64_t since = revoke_key(world, &key);
        if (round % 3 != 0)
            kill_watchers(redis);
        assert_in_range(last_let_in(world, &crowd, key.header, since), 0, PROMISED_MS);
    }
    redisFree(redis);
    crowd_close(&crowd);
}

/* What Redis says is lost without a word: the key lives on, but not beyond the promise. */
static void no_revoked_key_outlives_the_promise_on_a_silent_network(struct world *world)
{
    struct crowd crowd;
    store_start(world);
    proxy_start(world);
    gateway_start(world);
    make_acme(world);
    crowd_open(&crowd, world);
    struct issued_key key = new_key(world);
    warm_up(world, &crowd, key.header);
    proxy_swallow(true);
    int64_t since = revoke_key(world, &key);
    assert_int_equal(crowd_ask(world, &crowd, key.header), CROWD); /* nobody has heard of it */
    assert_in_range(last_let_in(world, &crowd, key.header, since), 1, PROMISED_MS);
    proxy_swallow(false);
    struct issued_key next = new_key(world);
    warm_up(world, &crowd, next.header); /* and all is well again */
    (void)revoke_key(world, &next);
    assert_in_range(last_let_in(world, &crowd, next.header, now_ms()), 0, PROMISED_MS);
    crowd_close(&crowd);
}

/* Redis answers the look-up, then the key is revoked, and the word of that is here first. */
static void an_answer_that_a_revocation_has_overtaken_is_not_remembered(struct world *world)
{
    store_start(world);
    proxy_start(world);
    gateway_start(world);
    start_other(world);
    make_acme(world);
    redisContext *redis = store_open(world);
    struct issued_key warm = new_key(world), key = new_key(world);
    int wire = wire_open(world);
    /* until changes are followed: only then is anything remembered */
    for (long long before = -1; before != gets(redis);) {
        before = gets(redis);
        assert_int_equal(wire_status(world, wire, HELLO, warm.header), 200);
    }
    long long before = gets(redis);
    proxy_hold(true);
    wire_request(wire, "GET", HELLO, key.header);
    wait_until(world, gets(redis) == before + 1);
    unsigned told = proxy_told();
    assert_status(http(other, "DELETE", key.path, as_admin(world), NULL), 204);
    wait_until(world, proxy_told() > told);
    proxy_hold(false);
    struct answer *overtaken = wire_answer(world, wire);
    assert_non_null(overtaken);
    assert_status(overtaken, 200); /* when Redis was asked, it was a key */
    assert_int_equal(wire_status(world, wire, HELLO, key.header), 401);
    wire_close(wire);
    redisFree(redis);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        E2E_TWO(a_revoked_key_is_refused_everywhere_within_100_ms, CONFIG_HERE),
        E2E_TWO(a_deleted_clients_keys_are_refused_everywhere, CONFIG_HERE),
        E2E_TWO(no_revoked_key_outlives_a_watch_that_is_killed, CONFIG_HERE),
        E2E(no_revoked_key_outlives_the_promise_on_a_silent_network, CONFIG_PROXIED),
        E2E_TWO(an_answer_that_a_revocation_has_overtaken_is_not_remembered, CONFIG_PATIENT),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
