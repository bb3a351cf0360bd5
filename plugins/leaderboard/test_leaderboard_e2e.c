/* Leaderboards end to end: real gateways, a real Redis, real HTTP.
 *
 * SPDX-License-Identifier: MIT */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <client.h>
#include <hiredis/hiredis.h>

#define CONFIG_WITH(workers, apikey)                                                               \
    CONFIG_HEAD "workers: " workers "\n" CONFIG_STORE "plugins:\n  - apikey" apikey                \
                "\n  - leaderboard\n"
#define CONFIG CONFIG_WITH("2", "")
#define CONFIG_ONE CONFIG_WITH("1", "")
#define CONFIG_OPEN CONFIG_WITH("2", ": { open_registration: true }")

#define RACE "/v1/leaderboards/race"
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- Clients and Redis ---------------------------------------------------------------------- */

/* A client that an admin made, and its key. */
static const char *key_of(struct world *world, const char *client)
{
    char body[128], path[64];
    (void)snprintf(body, sizeof body, "{\"id\":\"%s\",\"name\":\"%s\"}", client, client);
    (void)snprintf(path, sizeof path, "/v1/clients/%s/keys", client);
    assert_status(http(world, "POST", "/v1/clients", as_admin(world), body), 201);
    struct answer *made = http(world, "POST", path, as_admin(world), "{}");
    assert_status(made, 201);
    return with_key(world, text_of(made, "key"));
}

static const char *key_of_guest(struct world *world)
{
    struct answer *made =
        http(world, "POST", "/clients/createClient", NULL, "{\"id\":\"guest\",\"name\":\"Guest\"}");
    assert_status(made, 200);
    return with_key(world, text_of(made, "apiKey"));
}

static const char *start(struct world *world)
{
    store_start(world);
    gateway_start(world);
    return key_of(world, "acme");
}

static struct answer *post(struct world *world, const char *path, const char *key, const char *body)
{
    return http(world, "POST", path, key, body);
}

static void define(struct world *world, const char *path, const char *body)
{
    assert_status(http(world, "PUT", path, as_admin(world), body), 201);
}

static redisContext *store_open(const struct world *world)
{
    char path[108];
    (void)snprintf(path, sizeof path, "%s/store.sock", world->folder);
    redisContext *redis = redisConnectUnix(path);
    assert_true(redis && !redis->err);
    return redis;
}

static redisReply *must(redisReply *reply)
{
    assert_non_null(reply);
    if (reply->type == REDIS_REPLY_ERROR)
        fail_msg("Redis: %s", reply->str);
    return reply;
}

static void tell(redisContext *redis, const char *command)
{
    freeReplyObject(must(redisCommand(redis, command)));
}

static long long ask_int(redisContext *redis, const char *command)
{
    redisReply *reply = must(redisCommand(redis, command));
    assert_int_equal(reply->type, REDIS_REPLY_INTEGER);
    long long value = reply->integer;
    freeReplyObject(reply);
    return value;
}

/* ---- Answers -------------------------------------------------------------------------------- */

static void assert_same(const struct answer *answer, const char *body, const char *file, int line)
{
    assert_answer(answer, 200, file, line);
    _assert_string_equal(answer->body, body, file, line);
}
#define assert_says(answer, body) assert_same((answer), (body), __FILE__, __LINE__)

static double score_of(const struct answer *answer)
{
    assert_status(answer, 200);
    return json_number_value(json_object_get(answer->json, "score"));
}

static const json_t *result_of(const struct answer *answer, size_t index)
{
    const json_t *result = json_array_get(json_object_get(answer->json, "results"), index);
    assert_non_null(result);
    return result;
}

/* ---- The classic paths ---------------------------------------------------------------------- */

static void what_the_classic_server_wrote_reads_back(struct world *world)
{
    const char *key = start(world);
    redisContext *redis = store_open(world);
    tell(redis, "ZADD leaderboard:zset 10 ann 10 bob 0 cy -2.5 dee");
    redisFree(redis);
    assert_says(get(world, "/leaderboard/top?limit=2", key),
                "{\"success\":true,\"topScores\":[{\"userId\":\"bob\",\"score\":10},"
                "{\"userId\":\"ann\",\"score\":10}]}");
    assert_says(get(world, "/leaderboard/page?page=2&size=3", key),
                "{\"success\":true,\"page\":2,\"size\":3,\"total\":4,"
                "\"data\":[{\"userId\":\"dee\",\"score\":-2.5}]}");
    assert_says(get(world, "/leaderboard/rank/bob", key), "{\"success\":true,\"UserRank\":1}");
    assert_says(get(world, "/leaderboard/rank/dee", key), "{\"success\":true,\"UserRank\":4}");
    assert_says(get(world, "/leaderboard/score/cy", key), "{\"success\":true,\"score\":0}");
    assert_problem(get(world, "/leaderboard/score/eve", key), 404, "not_ranked");
}

static void zero_negative_and_second_scores_are_200(struct world *world)
{
    const char *key = start(world);
    assert_says(post(world, "/leaderboard/score", key, "{\"userId\":\"ann\",\"score\":0}"),
                "{\"success\":true,\"message\":\"Score submitted\",\"newScore\":0}");
    assert_int_equal(number_of(get(world, "/leaderboard/rank/ann", key), "UserRank"), 1);
    assert_status(post(world, "/leaderboard/score", key, "{\"userId\":\"bob\",\"score\":-1}"), 200);
    assert_int_equal(number_of(get(world, "/leaderboard/rank/bob", key), "UserRank"), 2);
    assert_says(post(world, "/leaderboard/score", key, "{\"userId\":\"ann\",\"score\":-7.25}"),
                "{\"success\":true,\"message\":\"Score submitted\",\"newScore\":-7.25}");
    assert_int_equal(number_of(get(world, "/leaderboard/rank/bob", key), "UserRank"), 1);
    assert_says(post(world, "/leaderboard/score", key, "{\"userId\":\"ann\",\"score\":-0.0}"),
                "{\"success\":true,\"message\":\"Score submitted\",\"newScore\":0}");
    assert_says(get(world, "/leaderboard/score/ann", key), "{\"success\":true,\"score\":0}");
}

/* ---- Bad input ------------------------------------------------------------------------------ */

/* SHA-1 of the keys of both boards. */
static void digest(redisContext *redis, char ret_digest[41])
{
    redisReply *reply = must(redisCommand(
        redis, "EVAL %s 6 %s %s %s %s %s %s",
        "local all = ''\n"
        "for _, key in ipairs(KEYS) do all = all .. (redis.call('DUMP', key) or 'none') end\n"
        "return redis.sha1hex(all)",
        "leaderboard:zset", "leaderboard:race:all", "leaderboard:race:all:users",
        "leaderboard:race:periods", "board:race", "boards"));
    assert_int_equal(strlen(reply->str), 40);
    memcpy(ret_digest, reply->str, 41);
    freeReplyObject(reply);
}

static void refuse_all(struct world *world, const char *key)
{
    static const char *const bodies[] = {
        "[]",
        "{\"userId\":\"ann\"}",
        "{\"userId\":\"ann\",\"score\":\"10\"}",
        "{\"userId\":\"ann\",\"score\":\"inf\"}",
        "{\"userId\":\"ann\",\"score\":[1]}",
        "{\"userId\":\"ann\",\"score\":{}}",
        "{\"userId\":\"ann\",\"score\":1e999}",
        "{\"userId\":[\"ann\"],\"score\":1}",
        "{\"userId\":\"a b\",\"score\":1}",
    };
    static const char *const targets[] = {
        "/leaderboard/top?limit=0",
        "/leaderboard/top?limit=x",
        "/leaderboard/top?limit=inf",
        "/leaderboard/page?page=0",
        "/leaderboard/page?size=101",
        "/leaderboard/rank/a%20b",
        RACE "/top?limit=0",
        RACE "/top?limit=x",
        RACE "/range?from=0",
        RACE "/around/ann?n=51",
        RACE "/entries/ann?period=%3A",
    };
    for (size_t i = 0; i < COUNT(bodies); i++) {
        assert_problem(post(world, "/leaderboard/score", key, bodies[i]), 422, "invalid_body");
        assert_problem(post(world, RACE "/scores", key, bodies[i]), 422, "invalid_body");
    }
    for (size_t i = 0; i < COUNT(targets); i++)
        assert_problem(get(world, targets[i], key), 422, "invalid_parameter");
}

static void bad_input_is_422_and_changes_nothing(struct world *world)
{
    char before[41], after[41];
    const char *key = start(world);
    redisContext *redis = store_open(world);
    define(world, RACE, "{}");
    assert_status(post(world, RACE "/scores", key, "{\"userId\":\"ann\",\"score\":5}"), 200);
    assert_status(post(world, "/leaderboard/score", key, "{\"userId\":\"ann\",\"score\":5}"), 200);
    digest(redis, before);
    refuse_all(world, key);
    assert_problem(http(world, "PUT", "/v1/leaderboards/zset", as_admin(world), "{}"), 422,
                   "invalid_parameter");
    assert_problem(http(world, "PUT", RACE, as_admin(world), "{\"color\":1}"), 422, "invalid_body");
    assert_problem(http(world, "PUT", RACE, as_admin(world), "{\"order\":\"asc\"}"), 409,
                   "board_differs");
    digest(redis, after);
    assert_string_equal(before, after);
    assert_status(post(world, RACE "/scores", key, "{\"userId\":\"ann\",\"score\":6}"), 200);
    digest(redis, after);
    assert_string_not_equal(before, after);
    redisFree(redis);
}

/* ---- Named boards --------------------------------------------------------------------------- */

static void read_the_race(struct world *world, const char *key)
{
    assert_says(get(world, RACE "/top?limit=2", key),
                "{\"entries\":[{\"userId\":\"cy\",\"score\":9.5,\"rank\":1},"
                "{\"userId\":\"bob\",\"score\":9.8,\"rank\":2}],\"total\":4}");
    assert_says(get(world, RACE "/range?from=3&to=4", key),
                "{\"entries\":[{\"userId\":\"dee\",\"score\":9.8,\"rank\":2},"
                "{\"userId\":\"ann\",\"score\":10,\"rank\":4}],\"total\":4}");
    assert_says(get(world, RACE "/around/dee?n=1", key),
                "{\"entries\":[{\"userId\":\"bob\",\"score\":9.8,\"rank\":2},"
                "{\"userId\":\"dee\",\"score\":9.8,\"rank\":2},"
                "{\"userId\":\"ann\",\"score\":10,\"rank\":4}],\"total\":4}");
    assert_says(get(world, RACE "/entries/ann", key),
                "{\"userId\":\"ann\",\"score\":10,\"rank\":4}");
    assert_says(get(world, RACE "/percentile/cy", key),
                "{\"userId\":\"cy\",\"percentile\":100,\"rank\":1,\"total\":4}");
    assert_says(post(world, RACE "/lookup", key, "{\"userIds\":[\"cy\",\"nobody\",\"ann\"]}"),
                "{\"entries\":[{\"userId\":\"cy\",\"score\":9.5,\"rank\":1},"
                "{\"userId\":\"ann\",\"score\":10,\"rank\":4}],\"total\":4}");
    assert_says(get(world, RACE "/periods", key), "{\"periods\":[\"all\"]}");
}

static void a_board_lives_and_goes_over_http(struct world *world)
{
    const char *key = start(world);
    define(world, RACE, "{\"order\":\"asc\",\"ties\":\"competition\"}");
    assert_status(post(world, RACE "/scores", key,
                       "{\"entries\":[{\"userId\":\"bob\",\"score\":9.8},"
                       "{\"userId\":\"dee\",\"score\":9.8},{\"userId\":\"ann\",\"score\":10}]}"),
                  200);
    assert_says(post(world, RACE "/scores", key, "{\"userId\":\"cy\",\"score\":11}"),
                "{\"userId\":\"cy\",\"score\":11,\"rank\":4,\"updated\":true}");
    assert_says(post(world, RACE "/scores", key, "{\"userId\":\"cy\",\"score\":9.5}"),
                "{\"userId\":\"cy\",\"score\":9.5,\"rank\":1,\"change\":3,\"updated\":true}");
    assert_says(post(world, RACE "/scores", key, "{\"userId\":\"cy\",\"score\":12}"),
                "{\"userId\":\"cy\",\"score\":9.5,\"rank\":1,\"change\":0,\"updated\":false}");
    read_the_race(world, key);
    assert_status(http(world, "DELETE", RACE "/entries/cy", as_admin(world), NULL), 204);
    assert_problem(get(world, RACE "/entries/cy", key), 404, "not_ranked");
    assert_int_equal(number_of(get(world, RACE, key), "members"), 3);
    assert_says(get(world, "/v1/leaderboards", key), "{\"boards\":[{\"board\":\"race\"}]}");
    assert_status(http(world, "DELETE", RACE, as_admin(world), NULL), 204);
    assert_problem(get(world, RACE "/top", key), 404, "no_such_board");
    assert_says(get(world, "/v1/leaderboards", key), "{\"boards\":[]}");
}

/* The workers remember the board that was: none of them writes in its form. */
static void a_board_made_anew_is_another_board_for_all_workers(struct world *world)
{
    const char *key = start(world);
    redisContext *redis = store_open(world);
    for (int round = 0; round < 4; round++) {
        define(world, RACE, round % 2 ? "{\"ties\":\"lexical\"}" : "{\"ties\":\"dense\"}");
        for (int i = 0; i < 8; i++) {
            struct answer *answer =
                post(world, RACE "/scores", key, "{\"userId\":\"ann\",\"score\":1}");
            assert_status(answer, 200);
            assert_int_equal(number_of(answer, "rank"), 1);
        }
        assert_int_equal(ask_int(redis, "ZCARD leaderboard:race:all:distinct"), !(round % 2));
        assert_status(http(world, "DELETE", RACE, as_admin(world), NULL), 204);
        assert_int_equal(ask_int(redis, "EXISTS leaderboard:race:all leaderboard:race:periods"
                                        " leaderboard:race:all:distinct board:race"),
                         0);
    }
    redisFree(redis);
}

static void a_thousand_scores_go_in_one_call(struct world *world)
{
    static char body[64 * 1024];
    const char *key = start(world);
    int len = snprintf(body, sizeof body, "{\"entries\":[");
    for (int i = 0; i < 1000; i++)
        len += snprintf(body + len, sizeof body - (size_t)len,
                        "%s{\"userId\":\"u%d\",\"score\":%s%d%s}", i ? "," : "", i,
                        i % 250 == 7 ? "\"" : "", i, i % 250 == 7 ? "\"" : "");
    (void)snprintf(body + len, sizeof body - (size_t)len, "]}");
    define(world, RACE, "{\"operator\":\"sum\"}");
    struct answer *answer = post(world, RACE "/scores", key, body);
    assert_status(answer, 200);
    for (size_t i = 0; i < 1000; i++) {
        const json_t *index = json_object_get(result_of(answer, i), "index");
        assert_int_equal(index ? json_integer_value(index) : -1, i % 250 == 7 ? (int)i : -1);
    }
    assert_int_equal(number_of(get(world, RACE, key), "members"), 996);
    assert_says(get(world, RACE "/top?limit=1", key),
                "{\"entries\":[{\"userId\":\"u999\",\"score\":999,\"rank\":1}],\"total\":996}");
}

static void only_writers_write(struct world *world)
{
    static const char body[] = "{\"userId\":\"ann\",\"score\":1}";
    const char *acme = start(world);
    const char *other = key_of(world, "other");
    const char *guest = key_of_guest(world);
    define(world, RACE, "{\"writers\":[\"acme\"]}");
    assert_status(post(world, RACE "/scores", acme, body), 200);
    assert_problem(post(world, RACE "/scores", other, body), 403, "not_a_writer");
    assert_status(get(world, RACE "/top", other), 200);
    assert_status(http(world, "PUT", RACE, as_admin(world), "{}"), 200); /* everybody */
    assert_status(post(world, RACE "/scores", other, body), 200);
    assert_problem(post(world, RACE "/scores", guest, body), 403, "not_a_writer");
    assert_status(http(world, "PUT", RACE, as_admin(world), "{\"writers\":[\"guest\"]}"), 200);
    assert_status(post(world, RACE "/scores", guest, body), 200);
    assert_problem(post(world, RACE "/scores", acme, body), 403, "not_a_writer");
    assert_problem(http(world, "DELETE", RACE, acme, NULL), 403, "forbidden");
}

static void a_period_is_a_key_of_its_own_that_expires(struct world *world)
{
    char command[160];
    const char *key = start(world);
    redisContext *redis = store_open(world);
    define(world, RACE, "{\"period\":\"monthly\",\"timezone\":\"Europe/Berlin\",\"retention\":2}");
    assert_status(post(world, RACE "/scores", key, "{\"userId\":\"ann\",\"score\":1}"), 200);
    struct answer *periods = get(world, RACE "/periods", key);
    assert_status(periods, 200);
    const char *name =
        json_string_value(json_array_get(json_object_get(periods->json, "periods"), 0));
    assert_non_null(name);
    (void)snprintf(command, sizeof command, "PTTL leaderboard:race:%s", name);
    assert_true(ask_int(redis, command) > 0);
    (void)snprintf(command, sizeof command, "PTTL leaderboard:race:%s:users", name);
    assert_true(ask_int(redis, command) > 0);
    (void)snprintf(command, sizeof command, RACE "/periods/%s", name);
    assert_says(get(world, command, key),
                "{\"entries\":[{\"userId\":\"ann\",\"score\":1,\"rank\":1}],\"total\":1}");
    assert_says(get(world, RACE "/periods/2020-01", key), "{\"entries\":[],\"total\":0}");
    redisFree(redis);
}

/* ---- Odd values ----------------------------------------------------------------------------- */

static void scores_read_back_to_the_bit(struct world *world)
{
    static const double scores[] = {1.7976931348623157e308, -1.7976931348623157e308, 5e-324, 0.1,
                                    9007199254740993.0,     -123456789.987654321,    1e-7,   0};
    char body[96];
    const char *key = start(world);
    define(world, RACE, "{\"operator\":\"last\",\"ties\":\"dense\"}");
    for (size_t i = 0; i < COUNT(scores); i++) {
        (void)snprintf(body, sizeof body, "{\"userId\":\"ann\",\"score\":%.17g}", scores[i]);
        assert_true(score_of(post(world, RACE "/scores", key, body)) == scores[i]);
        assert_true(score_of(get(world, RACE "/entries/ann", key)) == scores[i]);
        assert_status(post(world, "/leaderboard/score", key, body), 200);
        assert_true(score_of(get(world, "/leaderboard/score/ann", key)) == scores[i]);
    }
    assert_status(post(world, RACE "/scores", key, "{\"userId\":\"ann\",\"score\":-0.0}"), 200);
    assert_says(get(world, RACE "/entries/ann", key),
                "{\"userId\":\"ann\",\"score\":0,\"rank\":1}");
}

static void user_ids_are_bytes_of_utf_8(struct world *world)
{
    static const struct {
        const char *json, *path;
    } users[] = {
        {"\\u00e9", "%C3%A9"},
        {"e\\u0301", "e%CC%81"}, /* looks like the one before, and is another user */
        {"\\ud83c\\udfc6", "%F0%9F%8F%86"},
        {"a/b", "a%2Fb"},
        {"100%", "100%25"},
        {"{\\\"$ne\\\":1}", "%7B%22$ne%22:1%7D"},
    };
    char text[128];
    const char *key = start(world);
    define(world, RACE, "{}");
    for (size_t i = 0; i < COUNT(users); i++) {
        (void)snprintf(text, sizeof text, "{\"userId\":\"%s\",\"score\":%zu}", users[i].json, i);
        assert_status(post(world, RACE "/scores", key, text), 200);
        (void)snprintf(text, sizeof text, RACE "/entries/%s", users[i].path);
        assert_true(score_of(get(world, text, key)) == (double)i);
    }
    assert_int_equal(number_of(get(world, RACE, key), "members"), (long long)COUNT(users));
    assert_status(post(world, RACE "/scores", key, "{\"userId\":\"\xff\",\"score\":1}"), 400);
}

/* ---- Deleting much --------------------------------------------------------------------------- */

static long long stat_of(redisContext *redis, const char *section, const char *name)
{
    redisReply *reply = must(redisCommand(redis, "INFO %s", section));
    const char *at = strstr(reply->str, name);
    long long value = at ? atoll(at + strlen(name)) : 0;
    freeReplyObject(reply);
    return value;
}

static void fill(redisContext *redis, const char *key)
{
    freeReplyObject(must(redisCommand(redis, "EVAL %s 1 %s",
                                      "for i = 1, 100000 do\n"
                                      "    redis.call('ZADD', KEYS[1], i, 'user' .. i)\n"
                                      "end",
                                      key)));
}

/* Who reads meanwhile is served; the set is taken away by UNLINK and freed by a thread of Redis's,
 * which its own counters tell. */
static void a_large_board_is_deleted_in_the_background(struct world *world)
{
    const char *key = start(world);
    redisContext *redis = store_open(world);
    define(world, RACE, "{\"ties\":\"lexical\"}");
    define(world, "/v1/leaderboards/other", "{}");
    assert_status(post(world, RACE "/scores", key, "{\"userId\":\"ann\",\"score\":1}"), 200);
    assert_status(
        post(world, "/v1/leaderboards/other/scores", key, "{\"userId\":\"ann\",\"score\":1}"), 200);
    fill(redis, "leaderboard:race:all");
    fill(redis, "leaderboard:zset");
    tell(redis, "CONFIG RESETSTAT");
    struct load *load = load_start(world, "/v1/leaderboards/other/entries/ann", key);
    wait_until(world, load_done(load) > 20);
    assert_status(http(world, "DELETE", RACE, as_admin(world), NULL), 204);
    assert_status(http(world, "DELETE", "/leaderboard/reset", as_admin(world), NULL), 200);
    unsigned long before = load_done(load);
    wait_until(world, load_done(load) > before + 20);
    struct load_result result = load_stop(load);
    assert_int_equal(result.failed, 0);
    assert_int_equal(result.statuses[200], result.done);
    assert_true(stat_of(redis, "commandstats", "cmdstat_unlink:calls=") >= 2);
    wait_until(world, stat_of(redis, "memory", "lazyfreed_objects:") >= 2);
    assert_int_equal(ask_int(redis, "EXISTS leaderboard:race:all leaderboard:zset"), 0);
    redisFree(redis);
}

/* ---- Redis away ------------------------------------------------------------------------------ */

static void assert_away(struct world *world, const char *key)
{
    static const char body[] = "{\"userId\":\"ann\",\"score\":1}";
    struct answer *answers[] = {
        post(world, RACE "/scores", key, body),
        post(world, RACE "/scores", key, "{\"entries\":[{\"userId\":\"bob\",\"score\":1}]}"),
        post(world, "/leaderboard/score", key, body),
        get(world, RACE "/top", key),
        get(world, "/leaderboard/top", key),
    };
    for (size_t i = 0; i < COUNT(answers); i++) {
        assert_problem(answers[i], 503, "store_unavailable");
        assert_non_null(header_of(answers[i], "Retry-After"));
    }
}

static void what_was_taken_is_there_when_redis_is_back(struct world *world)
{
    const char *key = start(world);
    define(world, RACE, "{\"operator\":\"sum\"}");
    assert_status(post(world, RACE "/scores", key, "{\"userId\":\"ann\",\"score\":5}"), 200);
    assert_status(post(world, "/leaderboard/score", key, "{\"userId\":\"ann\",\"score\":5}"), 200);
    redisContext *redis = store_open(world);
    tell(redis, "SAVE");
    redisFree(redis);
    store_kill(world);
    assert_away(world, key);
    store_start(world);
    wait_until(world, get(world, RACE "/top", key)->status == 200);
    assert_true(score_of(get(world, RACE "/entries/ann", key)) == 5);
    assert_true(score_of(get(world, "/leaderboard/score/ann", key)) == 5);
    assert_problem(get(world, RACE "/entries/bob", key), 404, "not_ranked");
    assert_says(post(world, RACE "/scores", key, "{\"userId\":\"ann\",\"score\":2}"),
                "{\"userId\":\"ann\",\"score\":7,\"rank\":1,\"change\":0,\"updated\":true}");
}

/* Redis stands still with scores under way: their clients got 503, and Redis may have read them.
 * The gateway never sends a score again by itself. */
static void a_score_is_counted_once_at_most_when_redis_stands_still(struct world *world)
{
    char body[64], path[64];
    const char *key = start(world);
    define(world, RACE, "{\"operator\":\"sum\"}");
    assert_status(post(world, RACE "/scores", key, "{\"userId\":\"u\",\"score\":1}"), 200);
    store_signal(world, SIGSTOP);
    for (int i = 0; i < 5; i++) {
        (void)snprintf(body, sizeof body, "{\"userId\":\"u%d\",\"score\":1}", i);
        struct answer *answer = post(world, RACE "/scores", key, body);
        assert_problem(answer, 503, "store_unavailable");
        assert_non_null(header_of(answer, "Retry-After"));
    }
    store_signal(world, SIGCONT);
    wait_until(world, get(world, RACE "/top", key)->status == 200);
    assert_true(score_of(get(world, RACE "/entries/u", key)) == 1);
    for (int i = 0; i < 5; i++) {
        (void)snprintf(path, sizeof path, RACE "/entries/u%d", i);
        struct answer *answer = get(world, path, key);
        assert_true(answer->status == 404 || score_of(answer) == 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        E2E(what_the_classic_server_wrote_reads_back, CONFIG),
        E2E(zero_negative_and_second_scores_are_200, CONFIG),
        E2E(bad_input_is_422_and_changes_nothing, CONFIG),
        E2E(a_board_lives_and_goes_over_http, CONFIG),
        E2E(a_board_made_anew_is_another_board_for_all_workers, CONFIG),
        E2E(a_thousand_scores_go_in_one_call, CONFIG),
        E2E(only_writers_write, CONFIG_OPEN),
        E2E(a_period_is_a_key_of_its_own_that_expires, CONFIG),
        E2E(scores_read_back_to_the_bit, CONFIG),
        E2E(user_ids_are_bytes_of_utf_8, CONFIG),
        E2E(a_large_board_is_deleted_in_the_background, CONFIG),
        E2E(what_was_taken_is_there_when_redis_is_back, CONFIG_ONE),
        E2E(a_score_is_counted_once_at_most_when_redis_stands_still, CONFIG_ONE),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
