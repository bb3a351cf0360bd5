/* The scripts of apikey against a real Redis: a redis-server of the test's own, on a unix socket in
 * a directory of its own: clients with their first keys, and rotation.
 *
 * SPDX-License-Identifier: MIT */
#include "test_store.h"

#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "create.lua.h"
#include "rotate.lua.h"
#include "withdraw.lua.h"

/* ---- The scripts --------------------------------------------------------------------------- */

static redisReply *create_reply(const char *hash, const char *origin)
{
    char entry[32];
    (void)snprintf(entry, sizeof entry, "apiKey:%s", hash);
    return script(create_lua, "7", META, INDEX, entry, "clients", "space:acme", META, "", "acme",
                  hash, origin, "", "{\"name\":\"Acme Ltd\"}", NULL);
}

/* 1, or 0 when it was refused. */
static int create(const char *hash)
{
    redisReply *reply = create_reply(hash, "admin");
    int made = reply->type == REDIS_REPLY_ARRAY;
    if (!made)
        assert_string_equal(reply->str, "client_exists");
    freeReplyObject(reply);
    return made;
}

static long long withdraw(const char *hash)
{
    char entry[32];
    (void)snprintf(entry, sizeof entry, "apiKey:%s", hash);
    return number(
        script(withdraw_lua, "5", META, INDEX, entry, "clients", "space:acme", "acme", NULL));
}

/* As an admin does. `id` is the key to rotate, "" the newest of the classic line. */
static redisReply *rotate_reply(const char *hash, const char *id, long long grace, int retention)
{
    char entry[32], grace_text[32], retention_text[32];
    (void)snprintf(entry, sizeof entry, "apiKey:%s", hash);
    (void)snprintf(grace_text, sizeof grace_text, "%lld", grace);
    (void)snprintf(retention_text, sizeof retention_text, "%d", retention);
    return script(rotate_lua, "5", META, INDEX, USED, entry, "", "apiKey:", "acme", hash, "100",
                  "*", id, grace_text, retention_text, NULL);
}

/* What a rotation answered, as text: "4" or "4 revoked 3 2", or the word that refused it. */
static const char *rotate_key(const char *hash, const char *id, long long grace, int retention)
{
    static char answer[256];
    redisReply *reply = rotate_reply(hash, id, grace, retention);
    int len = 0;
    assert_int_not_equal(reply->type, REDIS_REPLY_ERROR);
    if (reply->type == REDIS_REPLY_STRING)
        (void)snprintf(answer, sizeof answer, "%s", reply->str);
    for (size_t i = 0; i < reply->elements; i++) {
        if (i == 1 || i == 2)
            continue; /* entry and end */
        const char *before = i == 0 ? "" : i == 3 ? " revoked " : " ";
        len += snprintf(answer + len, sizeof answer - (size_t)len, "%s%s", before,
                        reply->element[i]->str);
    }
    freeReplyObject(reply);
    return answer;
}

static const char *rotate(const char *hash, long long grace, int retention)
{
    return rotate_key(hash, "", grace, retention);
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
    assert_int_equal(number(ask("DBSIZE")), 1);
    assert_int_equal(number(ask("SISMEMBER space:acme acme")), 1);
    assert_int_equal(withdraw("a"), 0);
    assert_int_equal(create("b"), 1);
}

static void a_client_that_registered_itself_leaves_nothing_when_taken_back(void **state)
{
    (void)state;
    freeReplyObject(create_reply("a", "self"));
    assert_member("a", "origin", "self");
    assert_int_equal(withdraw("a"), 1);
    assert_int_equal(number(ask("DBSIZE")), 0);
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
    assert_string_equal(rotate("a", HOUR_MS, 2), "client_not_found");
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
        pause_1_ms();
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

/* A key of another line, as make.lua leaves it. */
static void add_key(const char *hash, const char *line, int seq)
{
    (void)number(ask("SET apiKey:%s {\"client\":\"acme\",\"space\":\"acme\",\"scopes\":\"\","
                     "\"line\":\"%s\",\"seq\":%d}",
                     hash, line, seq));
    (void)number(ask("ZADD %s %d %s", INDEX, seq, hash));
    (void)number(ask("HSET %s seq %d", META, seq));
}

static void other_lines_are_not_touched(void **state)
{
    (void)state;
    (void)create("a");
    add_key("x", "ci", 2);
    assert_string_equal(rotate_key("y", "2", HOUR_MS, 1), "3 revoked 2");
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
                     "\"\",\"seq\":1,\"cidrs\":\"0a000000/8\",\"later\":\"kept\"}"));
    (void)number(ask("HSET %s space shop disabled 1 policy slow", META));
    (void)rotate("b", HOUR_MS, 2);
    assert_member("b", "scopes", "jobs:work");
    assert_member("b", "cidrs", "0a000000/8");
    assert_member("b", "later", "kept");
    assert_member("b", "space", "shop");
    assert_member("b", "policy", "slow");
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

static int rotate_many(int gateway)
{
    redis = connect_again();
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
    pid_t gateways[GATEWAYS];
    (void)state;
    (void)create("a");
    add_key("x", "ci", 2);
    for (int i = 0; i < GATEWAYS; i++) {
        gateways[i] = fork();
        if (gateways[i] == 0)
            _exit(rotate_many(i));
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

#define TEST(name) cmocka_unit_test_setup(name, flush)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_client_is_made_with_its_first_key),
        TEST(created_at_is_a_whole_number_of_milliseconds),
        TEST(an_existing_client_and_its_keys_are_not_touched),
        TEST(a_client_can_be_taken_back),
        TEST(a_client_that_registered_itself_leaves_nothing_when_taken_back),
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
