/* The limiter end to end: real gateways, a real Redis, real HTTP.
 *
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <client.h>
#include <hiredis/hiredis.h>

#include "test_fields.h"

#define HELLO "/probe/hello"

/* Who asks /probe/hello has no identity: its bucket is that of its address. */
#define BUCKET "ratelimit:default::address/127.0.0.1"

#define PLUGINS(policies)                                                                          \
    CONFIG_PROBE "  - ratelimit: { policies: { " policies " } }\n"                                 \
                 "routes: { GET /probe/hello: { limit: default } }\n"
#define CONFIG_POLICY(policy)                                                                      \
    CONFIG_HEAD "workers: 1\n" CONFIG_STORE PLUGINS("default: { " policy " }")

#define CONFIG_CHECK                                                                               \
    CONFIG_HEAD "workers: 2\n" CONFIG_STORE CONFIG_PROBE "  - apikey\n"                            \
                "  - ratelimit: { policies: { mail: { capacity: 3, refill: 1/1h }, "               \
                "few: { algorithm: gcra, capacity: 2, refill: 1/1h } } }\n"                        \
                "routes: { GET /probe/hello: { auth: client, limit: default+few } }\n"

/* ---- Redis -------------------------------------------------------------------------------- */

static redisContext *store_open(const struct world *world)
{
    char path[108];
    (void)snprintf(path, sizeof path, "%s/store.sock", world->folder);
    redisContext *redis = redisConnectUnix(path);
    assert_true(redis && !redis->err);
    return redis;
}

static long long store_time_ms(redisContext *redis)
{
    redisReply *reply = redisCommand(redis, "TIME");
    assert_true(reply && reply->type == REDIS_REPLY_ARRAY);
    long long ms = atoll(reply->element[0]->str) * 1000 + atoll(reply->element[1]->str) / 1000;
    freeReplyObject(reply);
    return ms;
}

static void read_bucket(redisContext *redis, long long *ret_level, long long *ret_at)
{
    redisReply *reply = redisCommand(redis, "GET %s", BUCKET);
    assert_true(reply && reply->type == REDIS_REPLY_STRING);
    assert_int_equal(sscanf(reply->str, "%lld %lld", ret_level, ret_at), 2);
    freeReplyObject(reply);
}

/* ---- Several gateways ---------------------------------------------------------------------- */

#define OTHERS 3

static struct world *others[OTHERS];

/* One more gateway at the store of `world`. */
static struct world *join_store(const struct world *world, const char *policy)
{
    static const struct plan plan = {NULL, ""};
    char config[1024];
    void *state = (void *)&plan;
    assert_int_equal(world_set_up(&state), 0);
    struct world *other = state;
    (void)snprintf(config, sizeof config,
                   CONFIG_HEAD
                   "workers: 1\nredis: { url: \"unix://%s/store.sock\" }\n" CONFIG_TOKEN PLUGINS(
                       "default: { %s }"),
                   world->folder, policy);
    gateway_configure(other, config);
    other->passed = true; /* its log is shown with nobody's failure */
    return other;
}

/* First all processes, so that nobody waits for those of another. */
static int tear_down_all(void **state)
{
    struct world *world = *state;
    int failed = 0;
    for (int i = 0; i < OTHERS; i++)
        if (others[i] && others[i]->gateway > 0)
            (void)kill(others[i]->gateway, SIGKILL);
    if (world->gateway > 0)
        (void)kill(world->gateway, SIGKILL);
    failed |= world_tear_down(state);
    for (int i = 0; i < OTHERS; i++) {
        if (!others[i])
            continue;
        others[i]->gateway = 0;
        void *other = others[i];
        failed |= world_tear_down(&other);
        others[i] = NULL;
    }
    return failed;
}

/* ---- Many connections ---------------------------------------------------------------------- */

#define CONNECTIONS 64

struct connection {
    int wire;
    char answer[2048];
    size_t len;
};

struct crowd {
    struct connection connections[CONNECTIONS];
    struct pollfd polls[CONNECTIONS];
    long long passed, refused;
    int64_t first_ms; /* when the first answer came */
};

static void ask_again(const struct connection *connection)
{
    wire_send(connection->wire, "GET " HELLO " HTTP/1.1\r\nHost: x\r\n\r\n");
}

/* The whole answer is there: its head, and as much body as that says. */
static bool is_whole(const struct connection *connection)
{
    const char *end = strstr(connection->answer, "\r\n\r\n");
    const char *length = strstr(connection->answer, "Content-Length: ");
    if (!end || !length)
        return false;
    size_t head = (size_t)(end + 4 - connection->answer);
    return connection->len >= head + strtoul(length + 16, NULL, 10);
}

static void read_some(struct crowd *crowd, struct connection *connection)
{
    ssize_t got = recv(connection->wire, connection->answer + connection->len,
                       sizeof connection->answer - 1 - connection->len, 0);
    assert_true(got > 0);
    connection->len += (size_t)got;
    connection->answer[connection->len] = '\0';
    if (!is_whole(connection))
        return;
    if (!crowd->first_ms)
        crowd->first_ms = now_ms();
    if (strncmp(connection->answer, "HTTP/1.1 200", 12) == 0)
        crowd->passed++;
    else if (strncmp(connection->answer, "HTTP/1.1 429", 12) == 0)
        crowd->refused++;
    else
        fail_msg("neither 200 nor 429: %s", connection->answer);
    connection->len = 0;
}

static void crowd_start(struct crowd *crowd, struct world *const *worlds, int count)
{
    memset(crowd, 0, sizeof *crowd);
    for (int i = 0; i < CONNECTIONS; i++) {
        crowd->connections[i].wire = wire_open(worlds[i % count]);
        crowd->polls[i] = (struct pollfd){crowd->connections[i].wire, POLLIN, 0};
    }
}

/* Everybody asks again as soon as answered, for so long; then the last answers are waited for. */
static void crowd_ask(struct crowd *crowd, int64_t ms)
{
    int64_t until = now_ms() + ms;
    int waiting = CONNECTIONS;
    for (int i = 0; i < CONNECTIONS; i++)
        ask_again(&crowd->connections[i]);
    while (waiting > 0) {
        assert_true(poll(crowd->polls, CONNECTIONS, PATIENCE_MS) > 0);
        for (int i = 0; i < CONNECTIONS; i++) {
            struct connection *connection = &crowd->connections[i];
            if (!(crowd->polls[i].revents & POLLIN))
                continue;
            read_some(crowd, connection);
            if (connection->len == 0 && now_ms() < until)
                ask_again(connection);
            else if (connection->len == 0)
                waiting--;
        }
    }
}

static void crowd_end(struct crowd *crowd)
{
    for (int i = 0; i < CONNECTIONS; i++)
        wire_close(crowd->connections[i].wire);
}

/* What passed is what the bucket held, and what came until it was last written, less what is left:
 * to the token, but for the time of the first request, which lies between two looks at a clock. */
static void four_gateways_admit_exactly_what_one_bucket_gives(struct world *world)
{
    static struct crowd crowd;
    struct world *all[1 + OTHERS] = {world};
    long long level, at;
    store_start(world);
    gateway_start(world);
    for (int i = 0; i < OTHERS; i++) {
        all[i + 1] = others[i] = join_store(world, "capacity: 100, refill: 50/s");
        gateway_start(others[i]);
    }
    redisContext *redis = store_open(world);
    crowd_start(&crowd, all, 1 + OTHERS);
    int64_t started = now_ms();
    long long first = store_time_ms(redis);
    crowd_ask(&crowd, 3000);
    read_bucket(redis, &level, &at);
    crowd_end(&crowd);
    redisFree(redis);
    long long slack = crowd.first_ms - started + 1; /* ms in which the first request came */
    long long given = 100 * 1000 + 50 * (at - first) - level;
    assert_in_range(crowd.passed * 1000, given - 50 * slack, given);
    assert_true(crowd.refused > crowd.passed);
    assert_true(at - first >= 2500);
}

/* ---- Without Redis ------------------------------------------------------------------------- */

/* Redis forgets everything when it is killed: what it comes back with is a full bucket. */
static void an_outage_is_no_way_around_a_local_limit(struct world *world)
{
    store_start(world);
    gateway_start(world);
    struct load *load = load_start(world, HELLO, NULL);
    wait_until(world, load_count(load, 429) > 0);
    int64_t started = now_ms();
    unsigned long before = load_count(load, 200), refused = load_count(load, 429);
    store_kill(world);
    wait_until(world, load_count(load, 429) > refused + 100);
    wait_until(world, load_count(load, 200) >= before + 8); /* and still at the rate */
    store_start(world);
    wait_until(world, get(world, "/readyz", NULL)->status == 200);
    unsigned long back = load_count(load, 200);
    wait_until(world, load_count(load, 200) >= back + 8);
    struct load_result result = load_stop(load);
    int64_t took = now_ms() - started;
    assert_int_equal(result.failed, 0);
    assert_int_equal(result.done, result.statuses[200] + result.statuses[429]);
    /* 10/s; what was in flight when Redis died may have been counted by it alone */
    assert_in_range(result.statuses[200] - before, 16, 10 * took / 1000 + 2 * LOAD_THREADS);
}

static void an_open_policy_passes_everything_while_redis_is_away(struct world *world)
{
    store_start(world);
    gateway_start(world);
    struct load *load = load_start(world, HELLO, NULL);
    wait_until(world, load_count(load, 429) > 10);
    store_kill(world);
    unsigned long before = load_count(load, 200);
    wait_until(world, load_count(load, 200) > before + 500);
    assert_true(logged(world, "requests pass uncounted"));
    store_start(world);
    wait_until(world, get(world, "/readyz", NULL)->status == 200);
    unsigned long refused = load_count(load, 429);
    wait_until(world, load_count(load, 429) > refused + 100);
    struct load_result result = load_stop(load);
    assert_int_equal(result.done, result.statuses[200] + result.statuses[429]);
    assert_int_equal(result.failed, 0);
}

static void a_closed_policy_passes_nothing_while_redis_is_away(struct world *world)
{
    store_start(world);
    gateway_start(world);
    assert_status(get(world, HELLO, NULL), 200);
    store_kill(world);
    wait_until(world, get(world, HELLO, NULL)->status == 503);
    struct answer *answer = get(world, HELLO, NULL);
    assert_problem(answer, 503, "store_unavailable");
    assert_header(answer, "retry-after", "1");
    store_start(world);
    wait_until(world, get(world, HELLO, NULL)->status == 200);
}

/* Replies stop, the connection stays: each request waits for at most one deadline or two. */
static void a_redis_that_hangs_makes_nobody_wait_long(struct world *world)
{
    store_start(world);
    gateway_start(world);
    assert_status(get(world, HELLO, NULL), 200);
    store_signal(world, SIGSTOP);
    int64_t since = now_ms();
    assert_status(get(world, HELLO, NULL), 200);
    assert_in_range(now_ms() - since, 0, 2000);
    store_signal(world, SIGCONT);
}

/* ---- Answers ------------------------------------------------------------------------------- */

static const char *new_client(struct world *world, const char *id)
{
    char body[128];
    (void)snprintf(body, sizeof body, "{\"id\":\"%s\",\"name\":\"A client\"}", id);
    struct answer *made = http(world, "POST", "/clients/createClient", as_admin(world), body);
    assert_status(made, 200);
    return with_key(world, text_of(made, "apiKey"));
}

static void a_refusal_is_what_the_draft_says(struct world *world)
{
    struct item items[ITEMS_MAX];
    store_start(world);
    gateway_start(world);
    const char *key = new_client(world, "acme");
    assert_status(get(world, HELLO, key), 200);
    assert_status(get(world, HELLO, key), 200);
    struct answer *answer = get(world, HELLO, key);
    assert_problem(answer, 429, "rate_limited");
    assert_string_equal(text_of(answer, "type"),
                        "https://iana.org/assignments/http-problem-types#quota-exceeded");
    assert_int_equal(number_of(answer, "retryAfter"), atoll(header_of(answer, "retry-after")));
    assert_in_range(number_of(answer, "retryAfter"), 3590, 3600);
    const json_t *violated = json_object_get(answer->json, "violated-policies");
    assert_int_equal(json_array_size(violated), 1);
    assert_string_equal(json_string_value(json_array_get(violated, 0)), "few");
    assert_int_equal(parse_list(header_of(answer, "ratelimit-policy"), items), 2);
    assert_int_equal(parse_list(header_of(answer, "ratelimit"), items), 2);
    assert_in_range(parameter(&items[0], 'r'), 18, 20); /* the refusal took nothing from it */
    assert_int_equal(parameter(&items[1], 'r'), 0);
    assert_in_range(parameter(&items[1], 't'), 3590, 3600);
    assert_status(get(world, HELLO, new_client(world, "other")), 200);
}

static bool is_allowed(const struct answer *answer)
{
    const json_t *allowed = json_object_get(answer->json, "allowed");
    assert_true(json_is_boolean(allowed));
    return json_is_true(allowed);
}

static struct answer *check(struct world *world, const char *key, const char *body)
{
    struct answer *answer = http(world, "POST", "/v1/ratelimit/check", key, body);
    assert_status(answer, 200);
    return answer;
}

static void a_service_can_limit_its_own_users(struct world *world)
{
    const char *take = "{\"policy\":\"mail\",\"subject\":\"ann\",\"cost\":2}";
    store_start(world);
    gateway_start(world);
    const char *acme = new_client(world, "acme"), *other = new_client(world, "other");
    assert_true(is_allowed(check(world, acme, take)));
    assert_false(is_allowed(check(world, acme, take)));
    assert_int_equal(number_of(check(world, other, take), "remaining"), 1); /* of its own space */
    struct answer *shown = get(world, "/v1/ratelimit/mail/ann?space=acme", as_admin(world));
    assert_status(shown, 200);
    assert_int_equal(number_of(shown, "remaining"), 1);
    assert_problem(get(world, "/v1/ratelimit/mail/ann?space=acme", acme), 403, "forbidden");
    assert_status(http(world, "DELETE", "/v1/ratelimit/mail/ann?space=acme", as_admin(world), NULL),
                  204);
    assert_int_equal(number_of(check(world, acme, take), "remaining"), 1);
}

static void a_route_with_an_unknown_policy_is_a_mistake_of_the_configuration(struct world *world)
{
    assert_int_equal(gateway_command(world, "check"), 1);
    assert_true(logged(world, "GET /probe/hello: there is no limit policy \"bursts\""));
}

#define CONFIG_UNKNOWN                                                                             \
    CONFIG_HEAD CONFIG_PROBE                                                                       \
        "  - ratelimit\nroutes: { GET /probe/hello: { limit: default+bursts } }\n"

#define JOINED(test, config)                                                                       \
    {                                                                                              \
#test, world_run, world_set_up, tear_down_all, &(struct plan)                              \
        {                                                                                          \
            test, config                                                                           \
        }                                                                                          \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        JOINED(four_gateways_admit_exactly_what_one_bucket_gives,
               CONFIG_POLICY("capacity: 100, refill: 50/s")),
        E2E(an_outage_is_no_way_around_a_local_limit, CONFIG_POLICY("capacity: 50, refill: 10/s")),
        E2E(an_open_policy_passes_everything_while_redis_is_away,
            CONFIG_POLICY("capacity: 50, refill: 10/s, on_store_error: open")),
        E2E(a_closed_policy_passes_nothing_while_redis_is_away,
            CONFIG_POLICY("capacity: 1000, refill: 100/s, on_store_error: closed")),
        E2E(a_redis_that_hangs_makes_nobody_wait_long,
            CONFIG_POLICY("capacity: 1000, refill: 100/s")),
        E2E(a_refusal_is_what_the_draft_says, CONFIG_CHECK),
        E2E(a_service_can_limit_its_own_users, CONFIG_CHECK),
        E2E(a_route_with_an_unknown_policy_is_a_mistake_of_the_configuration, CONFIG_UNKNOWN),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
