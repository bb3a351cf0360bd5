/* The scripts of apikey against a real Redis: a redis-server of the test's own, on a unix socket in
 * a directory of its own.
 *
 *   run(script, KEYS, ARGV) -> reply, and what the script left in meta, index and entries
 *
 * SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sys/prctl.h>
#include <sys/wait.h>

#include <cmocka.h>
#include <hiredis/hiredis.h>
#include <jansson.h>

#include "create.lua.h"
#include "rotate.lua.h"
#include "withdraw.lua.h"

#define META "client:acme:meta"
#define INDEX "client:acme:apiKeys"
#define HOUR_MS 3600000LL
#define WAIT_MS 10000 /* for what happens by itself */

struct server {
    char dir[64], socket[96];
    pid_t pid;
    redisContext *redis;
};

static redisContext *redis; /* of the test that runs */

/* ---- The server --------------------------------------------------------------------------- */

static void pause_10_ms(void)
{
    nanosleep(&(struct timespec){0, 10000000}, NULL);
}

static pid_t launch(const struct server *server)
{
    pid_t pid = fork();
    if (pid)
        return pid;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", server->socket, "--save",
           "", "--dir", server->dir, "--logfile", "/dev/null", (char *)NULL);
    perror("redis-server");
    _exit(127);
}

static redisContext *connected(const char *socket)
{
    for (int waited = 0; waited < WAIT_MS; waited += 10) {
        redisContext *context = redisConnectUnix(socket);
        if (context && !context->err)
            return context;
        redisFree(context);
        pause_10_ms();
    }
    return NULL;
}

static int start_server(void **state)
{
    struct server *server = calloc(1, sizeof *server);
    *state = server;
    if (!server)
        return -1;
    (void)snprintf(server->dir, sizeof server->dir, "/tmp/sluice-apikey-XXXXXX");
    if (!mkdtemp(server->dir))
        return -1;
    (void)snprintf(server->socket, sizeof server->socket, "%s/redis.sock", server->dir);
    server->pid = launch(server);
    server->redis = server->pid > 0 ? connected(server->socket) : NULL;
    return server->redis ? 0 : -1;
}

static int stop_server(void **state)
{
    struct server *server = *state;
    redisFree(server->redis);
    if (kill(server->pid, SIGTERM) < 0 || waitpid(server->pid, NULL, 0) < 0)
        return -1;
    (void)unlink(server->socket);
    int failed = rmdir(server->dir);
    free(server);
    return failed;
}

/* ---- Asking ------------------------------------------------------------------------------- */

static redisReply *ask(const char *format, ...) __attribute__((format(printf, 1, 2)));
static redisReply *ask(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    redisReply *reply = redisvCommand(redis, format, args);
    va_end(args);
    assert_non_null(reply);
    return reply;
}

/* The reply as a number, -1 for nil. */
static long long number(redisReply *reply)
{
    long long value = reply->type == REDIS_REPLY_NIL ? -1 : reply->integer;
    if (reply->type == REDIS_REPLY_STRING)
        value = atoll(reply->str);
    assert_int_not_equal(reply->type, REDIS_REPLY_ERROR);
    freeReplyObject(reply);
    return value;
}

static long long create(const char *hash)
{
    return number(ask("EVAL %s 3 %s %s apiKey:%s acme %s %s admin", create_lua, META, INDEX, hash,
                      hash, "Acme Ltd"));
}

static long long withdraw(const char *hash)
{
    return number(ask("EVAL %s 3 %s %s apiKey:%s", withdraw_lua, META, INDEX, hash));
}

static redisReply *rotate_reply(const char *hash, const char *line, long long grace, int retention)
{
    return ask("EVAL %s 3 %s %s apiKey:%s apiKey: acme %s %s %lld %d", rotate_lua, META, INDEX,
               hash, hash, line, grace, retention);
}

/* What a rotation answered, as text: "4" or "4 revoked 3 2", "" for nil. */
static const char *rotate_line(const char *hash, const char *line, long long grace, int retention)
{
    static char answer[256];
    redisReply *reply = rotate_reply(hash, line, grace, retention);
    int len = 0;
    answer[0] = '\0';
    assert_true(reply->type == REDIS_REPLY_ARRAY || reply->type == REDIS_REPLY_NIL);
    for (size_t i = 0; i < reply->elements; i++)
        len += snprintf(answer + len, sizeof answer - (size_t)len, "%s%s",
                        i == 0   ? ""
                        : i == 1 ? " revoked "
                                 : " ",
                        reply->element[i]->str);
    freeReplyObject(reply);
    return answer;
}

static const char *rotate(const char *hash, long long grace, int retention)
{
    return rotate_line(hash, "", grace, retention);
}

/* ms that a key still works; -1: no end, -2: it is gone. */
static long long left(const char *hash)
{
    return number(ask("PTTL apiKey:%s", hash));
}

static json_t *entry_of(const char *hash)
{
    redisReply *reply = ask("GET apiKey:%s", hash);
    assert_int_equal(reply->type, REDIS_REPLY_STRING);
    json_t *entry = json_loads(reply->str, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(entry);
    freeReplyObject(reply);
    return entry;
}

static void assert_member(const char *hash, const char *name, const char *expected)
{
    json_t *entry = entry_of(hash);
    const char *value = json_string_value(json_object_get(entry, name));
    assert_non_null(value);
    assert_string_equal(value, expected);
    json_decref(entry);
}

/* Every entry is in the index and every indexed hash has its entry. */
static void assert_index_and_entries_agree(long long count)
{
    redisReply *index = ask("ZRANGE %s 0 -1", INDEX);
    assert_int_equal((long long)index->elements, count);
    for (size_t i = 0; i < index->elements; i++)
        assert_int_equal(number(ask("EXISTS apiKey:%s", index->element[i]->str)), 1);
    freeReplyObject(index);
    redisReply *entries = ask("KEYS apiKey:*");
    assert_int_equal((long long)entries->elements, count);
    freeReplyObject(entries);
}

static int empty(void **state)
{
    redis = ((struct server *)*state)->redis;
    (void)number(ask("FLUSHALL"));
    return 0;
}

/* ---- create, withdraw ---------------------------------------------------------------------- */

static void a_client_is_made_with_its_first_key(void **state)
{
    (void)state;
    assert_int_equal(create("a"), 1);
    assert_index_and_entries_agree(1);
    assert_int_equal(number(ask("ZSCORE %s a", INDEX)), 1);
    assert_int_equal(left("a"), -1);
    assert_member("a", "client", "acme");
    assert_member("a", "space", "acme");
    assert_member("a", "scopes", "");
    assert_member("a", "line", "");
    redisReply *meta = ask("HMGET %s name space origin seq", META);
    assert_string_equal(meta->element[0]->str, "Acme Ltd");
    assert_string_equal(meta->element[1]->str, "acme");
    assert_string_equal(meta->element[2]->str, "admin");
    assert_string_equal(meta->element[3]->str, "1");
    freeReplyObject(meta);
}

static void created_at_is_a_whole_number_of_milliseconds(void **state)
{
    (void)state;
    (void)create("a");
    redisReply *at = ask("HGET %s createdAt", META);
    long long now = (long long)time(NULL) * 1000;
    assert_int_equal(strspn(at->str, "0123456789"), 13);
    assert_int_equal(strlen(at->str), 13);
    assert_in_range(atoll(at->str), now - 60000, now + 60000);
    assert_member("a", "createdAt", at->str);
    freeReplyObject(at);
}

static void an_existing_client_and_its_keys_are_not_touched(void **state)
{
    (void)state;
    (void)create("a");
    redisReply *before = ask("HGETALL %s", META);
    assert_int_equal(create("b"), 0);
    redisReply *after = ask("HGETALL %s", META);
    assert_int_equal(before->elements, after->elements);
    for (size_t i = 0; i < before->elements; i++)
        assert_string_equal(before->element[i]->str, after->element[i]->str);
    freeReplyObject(before);
    freeReplyObject(after);
    assert_index_and_entries_agree(1);
    assert_int_equal(left("a"), -1);
}

static void a_client_can_be_taken_back(void **state)
{
    (void)state;
    (void)create("a");
    assert_int_equal(withdraw("a"), 1);
    assert_int_equal(number(ask("DBSIZE")), 0);
    assert_int_equal(withdraw("a"), 0);
    assert_int_equal(create("b"), 1);
}

static void a_client_that_was_made_again_is_not_taken_back(void **state)
{
    (void)state;
    (void)create("b");
    assert_int_equal(withdraw("a"), 0);
    assert_index_and_entries_agree(1);
}

static void a_client_with_a_newer_key_is_not_taken_back(void **state)
{
    (void)state;
    (void)create("a");
    (void)rotate("b", HOUR_MS, 2);
    assert_int_equal(withdraw("a"), 0);
    assert_index_and_entries_agree(2);
}

/* ---- rotate -------------------------------------------------------------------------------- */

static void rotating_an_unknown_client_writes_nothing(void **state)
{
    (void)state;
    assert_string_equal(rotate("a", HOUR_MS, 2), "");
    assert_int_equal(number(ask("DBSIZE")), 0);
}

static void rotation_keeps_the_old_key_until_its_grace_ends(void **state)
{
    (void)state;
    (void)create("a");
    assert_string_equal(rotate("b", HOUR_MS, 2), "2");
    assert_in_range(left("a"), HOUR_MS - 60000, HOUR_MS);
    assert_int_equal(left("b"), -1);
    assert_string_equal(rotate("c", 100, 3), "3");
    for (int waited = 0; waited < WAIT_MS && (left("a") != -2 || left("b") != -2); waited += 10)
        pause_10_ms();
    assert_int_equal(left("a"), -2);
    assert_int_equal(left("b"), -2);
    assert_int_equal(left("c"), -1);
    assert_string_equal(rotate("d", HOUR_MS, 3), "4");
    assert_index_and_entries_agree(2);
}

static void a_second_rotation_never_prolongs_a_grace(void **state)
{
    (void)state;
    (void)create("a");
    (void)rotate("b", HOUR_MS, 3);
    (void)rotate("c", 24 * HOUR_MS, 3);
    assert_in_range(left("a"), 1, HOUR_MS);
    assert_in_range(left("b"), 23 * HOUR_MS, 24 * HOUR_MS);
    (void)rotate("d", 60000, 4);
    assert_in_range(left("a"), 1, 60000);
    assert_in_range(left("c"), 1, 60000);
}

static void retention_of_one_leaves_only_the_new_key(void **state)
{
    (void)state;
    (void)create("a");
    assert_string_equal(rotate("b", HOUR_MS, 1), "2 revoked 1");
    assert_int_equal(left("a"), -2);
    assert_int_equal(left("b"), -1);
    assert_index_and_entries_agree(1);
}

static void retention_evicts_the_lowest_sequences_whatever_their_grace(void **state)
{
    (void)state;
    (void)create("a");
    assert_string_equal(rotate("b", HOUR_MS, 2), "2");
    assert_string_equal(rotate("c", HOUR_MS, 2), "3 revoked 1");
    assert_string_equal(rotate("d", HOUR_MS, 3), "4");
    assert_string_equal(rotate("e", HOUR_MS, 3), "5 revoked 2");
    assert_index_and_entries_agree(3);
    assert_string_equal(rotate("f", HOUR_MS, 1), "6 revoked 5 4 3");
    assert_index_and_entries_agree(1);
}

static void no_grace_revokes_at_once(void **state)
{
    (void)state;
    (void)create("a");
    assert_string_equal(rotate("b", 0, 10), "2 revoked 1");
    assert_index_and_entries_agree(1);
}

static void other_lines_are_not_touched(void **state)
{
    (void)state;
    (void)create("a");
    assert_string_equal(rotate_line("x", "ci", HOUR_MS, 1), "2");
    assert_int_equal(left("a"), -1);
    assert_string_equal(rotate_line("y", "ci", HOUR_MS, 1), "3 revoked 2");
    assert_int_equal(left("a"), -1);
    assert_string_equal(rotate("b", 0, 1), "4 revoked 1");
    assert_int_equal(left("y"), -1);
    assert_member("y", "line", "ci");
    assert_index_and_entries_agree(2);
}

static void a_new_key_has_what_the_newest_of_its_line_had(void **state)
{
    (void)state;
    (void)create("a");
    (void)number(ask("SET apiKey:a %s",
                     "{\"client\":\"acme\",\"space\":\"acme\",\"scopes\":\"jobs:work\",\"line\":"
                     "\"\",\"seq\":1,\"cidrs\":\"10.0.0.0/8\",\"disabled\":true}"));
    (void)number(ask("HSET %s space shop", META));
    (void)rotate("b", HOUR_MS, 2);
    assert_member("b", "scopes", "jobs:work");
    assert_member("b", "cidrs", "10.0.0.0/8");
    assert_member("b", "space", "shop");
    json_t *entry = entry_of("b");
    assert_true(json_is_true(json_object_get(entry, "disabled")));
    assert_int_equal(json_integer_value(json_object_get(entry, "seq")), 2);
    json_decref(entry);
}

static void an_imported_client_is_rotated_by_what_it_has(void **state)
{
    (void)state;
    (void)number(ask("HSET %s name Acme createdAt 1700000000000", META));
    (void)number(ask("SET apiKey:old acme"));
    (void)number(ask("ZADD %s 1700000000 old", INDEX));
    assert_string_equal(rotate("new", HOUR_MS, 2), "1700000001");
    assert_in_range(left("old"), 1, HOUR_MS);
    assert_int_equal(left("new"), -1);
    assert_member("new", "client", "acme");
    assert_member("new", "space", "acme");
    assert_string_equal(rotate("newer", HOUR_MS, 2), "1700000002 revoked 1700000000");
    assert_index_and_entries_agree(2);
}

static void a_client_without_any_key_left_gets_one(void **state)
{
    (void)state;
    (void)create("a");
    (void)number(ask("DEL apiKey:a"));
    assert_string_equal(rotate("b", HOUR_MS, 2), "2");
    assert_member("b", "scopes", "");
    assert_index_and_entries_agree(1);
}

static void what_can_not_be_read_is_refused_before_anything_is_written(void **state)
{
    const struct {
        long long grace;
        int retention;
        const char *entry;
    } wrong[] = {{-1, 2, "acme"}, {HOUR_MS, 0, "acme"}, {HOUR_MS, 2, "{broken"}};
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        (void)number(ask("FLUSHALL"));
        (void)create("a");
        (void)number(ask("SET apiKey:a %s", wrong[i].entry));
        redisReply *reply = rotate_reply("b", "", wrong[i].grace, wrong[i].retention);
        assert_int_equal(reply->type, REDIS_REPLY_ERROR);
        freeReplyObject(reply);
        assert_index_and_entries_agree(1);
        assert_int_equal(left("a"), -1);
        assert_int_equal(number(ask("HGET %s seq", META)), 1);
    }
}

/* ---- Several gateways at once --------------------------------------------------------------- */

#define GATEWAYS 4
#define ROTATIONS 50

static int rotate_many(const char *socket, int gateway)
{
    redis = connected(socket);
    if (!redis)
        return 1;
    for (int i = 0; i < ROTATIONS; i++) {
        char hash[32];
        (void)snprintf(hash, sizeof hash, "%d-%d", gateway, i);
        redisReply *reply = rotate_reply(hash, "", HOUR_MS, 5);
        if (reply->type != REDIS_REPLY_ARRAY)
            return 1;
        freeReplyObject(reply);
    }
    redisFree(redis);
    return 0;
}

static void concurrent_rotations_leave_index_and_entries_equal(void **state)
{
    const struct server *server = *state;
    pid_t gateways[GATEWAYS];
    (void)create("a");
    (void)rotate_line("x", "ci", HOUR_MS, 1);
    for (int i = 0; i < GATEWAYS; i++) {
        gateways[i] = fork();
        if (gateways[i] == 0)
            _exit(rotate_many(server->socket, i));
    }
    for (int i = 0; i < GATEWAYS; i++) {
        int status = -1;
        assert_int_equal(waitpid(gateways[i], &status, 0), gateways[i]);
        assert_int_equal(status, 0);
    }
    assert_index_and_entries_agree(6); /* five of the line, one of the other */
    assert_int_equal(number(ask("HGET %s seq", META)), 2 + GATEWAYS * ROTATIONS);
    assert_int_equal(number(ask("ZCOUNT %s 198 202", INDEX)), 5);
    assert_int_equal(left("x"), -1);
}

#define TEST(name) cmocka_unit_test_setup(name, empty)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_client_is_made_with_its_first_key),
        TEST(created_at_is_a_whole_number_of_milliseconds),
        TEST(an_existing_client_and_its_keys_are_not_touched),
        TEST(a_client_can_be_taken_back),
        TEST(a_client_that_was_made_again_is_not_taken_back),
        TEST(a_client_with_a_newer_key_is_not_taken_back),
        TEST(rotating_an_unknown_client_writes_nothing),
        TEST(rotation_keeps_the_old_key_until_its_grace_ends),
        TEST(a_second_rotation_never_prolongs_a_grace),
        TEST(retention_of_one_leaves_only_the_new_key),
        TEST(retention_evicts_the_lowest_sequences_whatever_their_grace),
        TEST(no_grace_revokes_at_once),
        TEST(other_lines_are_not_touched),
        TEST(a_new_key_has_what_the_newest_of_its_line_had),
        TEST(an_imported_client_is_rotated_by_what_it_has),
        TEST(a_client_without_any_key_left_gets_one),
        TEST(what_can_not_be_read_is_refused_before_anything_is_written),
        TEST(concurrent_rotations_leave_index_and_entries_equal),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
