/* The scripts of sessions, against a real Redis on a unix socket in a folder of the test's own.
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

#include "create.lua.h"
#include "destroy.lua.h"
#include "list.lua.h"
#include "patch.lua.h"
#include "revoke.lua.h"
#include "rotate.lua.h"
#include "touch.lua.h"

#define WAIT_MS 10000 /* for what happens by itself */
#define ARGS_MAX 2200
#define IDLE "60000"
#define ABSOLUTE "600000"
#define INDEX "user:acme:ann"

struct server {
    char dir[64], socket[96];
    pid_t pid;
};

static struct server server;
static redisContext *redis;

/* ---- The server --------------------------------------------------------------------------- */

static void pause_1_ms(void)
{
    nanosleep(&(struct timespec){0, 1000000}, NULL);
}

static pid_t launch(void)
{
    pid_t pid = fork();
    if (pid)
        return pid;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", server.socket, "--save",
           "", "--dir", server.dir, "--logfile", "/dev/null", (char *)NULL);
    perror("redis-server");
    _exit(127);
}

static int start_server(void **state)
{
    (void)state;
    (void)snprintf(server.dir, sizeof server.dir, "/tmp/sluice-session-XXXXXX");
    if (!mkdtemp(server.dir))
        return -1;
    (void)snprintf(server.socket, sizeof server.socket, "%s/redis.sock", server.dir);
    server.pid = launch();
    for (int waited = 0; server.pid > 0 && waited < WAIT_MS; waited++) {
        redis = redisConnectUnix(server.socket);
        if (redis && !redis->err)
            return 0;
        redisFree(redis);
        pause_1_ms();
    }
    return -1;
}

static int stop_server(void **state)
{
    (void)state;
    redisFree(redis);
    if (kill(server.pid, SIGTERM) < 0 || waitpid(server.pid, NULL, 0) < 0)
        return -1;
    (void)unlink(server.socket);
    return rmdir(server.dir);
}

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

static long long number(redisReply *reply)
{
    assert_true(reply->type == REDIS_REPLY_INTEGER || reply->type == REDIS_REPLY_STRING);
    long long value = reply->type == REDIS_REPLY_INTEGER ? reply->integer : atoll(reply->str);
    freeReplyObject(reply);
    return value;
}

static int begin(void **state)
{
    (void)state;
    freeReplyObject(ask("FLUSHALL"));
    return 0;
}

/* ---- The scripts -------------------------------------------------------------------------- */

/* `keys` says how many of the arguments, which end with NULL, are keys. */
static redisReply *run_all(const char *script, const char *keys, const char *const *args)
{
    const char *argv[ARGS_MAX] = {"EVALSHA", NULL, keys};
    int count = 3;
    redisReply *loaded = ask("SCRIPT LOAD %s", script);
    assert_int_equal(loaded->type, REDIS_REPLY_STRING);
    argv[1] = loaded->str;
    for (; *args; args++) {
        assert_true(count < ARGS_MAX);
        argv[count++] = *args;
    }
    redisReply *reply = redisCommandArgv(redis, count, argv, NULL);
    freeReplyObject(loaded);
    assert_non_null(reply);
    if (reply->type == REDIS_REPLY_ERROR)
        fail_msg("%s", reply->str);
    return reply;
}

#define RUN(script, keys, ...) run_all(script, keys, (const char *const[]){__VA_ARGS__, NULL})

static const char *key_of(const char *hash)
{
    static char keys[4][64];
    static int turn;
    char *key = keys[turn++ % 4];
    (void)snprintf(key, sizeof keys[0], "session:%s", hash);
    return key;
}

#define CREATE(hash, idle, absolute, most, room, ...)                                              \
    RUN(create_lua, "2", key_of(hash), INDEX, hash, idle, absolute, most, room, "acme", "ann",     \
        "public", "10.0.0.1", "maker", ##__VA_ARGS__)
#define MAKE(hash, ...) is(CREATE(hash, IDLE, ABSOLUTE, "1000", "65536", ##__VA_ARGS__), "ok")

#define PATCH(version, with_key, room, count, ...)                                                 \
    RUN(patch_lua, "1", key_of("h"), version, with_key, room, count, IDLE, ABSOLUTE, ##__VA_ARGS__)
#define BY_SESSION(...) PATCH("", "0", "65536", "1000", __VA_ARGS__)
#define BY_KEY(...) PATCH("", "1", "65536", "1000", __VA_ARGS__)

static redisReply *touch_by(const char *hash, const char *idle, const char *absolute,
                            const char *address)
{
    return RUN(touch_lua, "1", key_of(hash), hash, idle, absolute, "user:", "1", address,
               "browser");
}

static redisReply *touch(const char *hash)
{
    return touch_by(hash, IDLE, ABSOLUTE, "10.0.0.2");
}

static redisReply *rotate(const char *from, const char *to)
{
    return RUN(rotate_lua, "3", key_of(from), key_of(to), INDEX, from, to, IDLE, ABSOLUTE);
}

static redisReply *list(const char *from, const char *skip, const char *limit, const char *mine)
{
    return RUN(list_lua, "1", INDEX, "session:", from, skip, limit, mine, IDLE, ABSOLUTE);
}

static long long end_all_but(const char *but, const char *most)
{
    return number(RUN(revoke_lua, "1", INDEX, "session:", but, most));
}

/* ---- What they answer --------------------------------------------------------------------- */

static void is(redisReply *reply, const char *word)
{
    assert_int_equal(reply->type, REDIS_REPLY_ARRAY);
    assert_string_equal(reply->element[0]->str, word);
    freeReplyObject(reply);
}

static void is_nil(redisReply *reply)
{
    assert_int_equal(reply->type, REDIS_REPLY_NIL);
    freeReplyObject(reply);
}

/* A member of what describe gives, "" where there is none. Frees nothing. */
static const char *member_of(const redisReply *session, const char *name)
{
    const redisReply *data = session->element[6];
    for (size_t i = 0; i < data->elements; i += 2)
        if (strcmp(data->element[i]->str, name) == 0)
            return data->element[i + 1]->str;
    return "";
}

static void holds(const char *hash, const char *name, const char *json)
{
    redisReply *session = touch(hash);
    assert_int_equal(session->type, REDIS_REPLY_ARRAY);
    assert_string_equal(member_of(session, name), json);
    freeReplyObject(session);
}

static long long version_of(const char *hash)
{
    return number(ask("HGET session:%s version", hash));
}

static long long left(const char *key)
{
    return number(ask("PTTL %s", key));
}

static int exists(const char *key)
{
    return (int)number(ask("EXISTS %s", key));
}

static long long listed(void)
{
    redisReply *rows = list("-inf", "0", "100", "");
    long long count = (long long)rows->elements;
    freeReplyObject(rows);
    return count;
}

static void text_is(redisReply *reply, const char *text)
{
    assert_int_equal(reply->type, REDIS_REPLY_STRING);
    assert_string_equal(reply->str, text);
    freeReplyObject(reply);
}

/* ---- Making ------------------------------------------------------------------------------- */

static void a_new_session_ends_with_the_idle_time_and_so_does_its_index(void **state)
{
    (void)state;
    redisReply *made = CREATE("h", IDLE, ABSOLUTE, "1000", "65536", "role", "\"admin\"");
    assert_string_equal(made->element[0]->str, "ok");
    const redisReply *session = made->element[1];
    assert_string_equal(session->element[0]->str, "acme");
    assert_string_equal(session->element[1]->str, "ann");
    assert_string_equal(session->element[2]->str, "public");
    assert_int_equal(atoll(session->element[4]->str) - atoll(session->element[3]->str), 60000);
    assert_string_equal(session->element[5]->str, "1");
    assert_string_equal(member_of(session, "role"), "\"admin\"");
    freeReplyObject(made);
    assert_in_range(left("session:h"), 1, 60000);
    assert_in_range(left(INDEX), 1, 60000);
}

static void an_absolute_lifetime_below_the_idle_one_counts(void **state)
{
    (void)state;
    is(CREATE("h", "60000", "5000", "1000", "65536"), "ok");
    assert_in_range(left("session:h"), 1, 5000);
}

static void an_id_that_exists_is_not_given_again(void **state)
{
    (void)state;
    MAKE("h", "a", "1");
    is(CREATE("h", IDLE, ABSOLUTE, "1000", "65536", "a", "2"), "id_taken");
    holds("h", "a", "1");
}

static void a_user_has_so_many_sessions_and_no_more(void **state)
{
    (void)state;
    is(CREATE("a", IDLE, ABSOLUTE, "2", "65536"), "ok");
    is(CREATE("b", IDLE, ABSOLUTE, "2", "65536"), "ok");
    is(CREATE("c", IDLE, ABSOLUTE, "2", "65536"), "too_many_sessions");
    assert_int_equal(exists("session:c"), 0);
}

static void sessions_that_ended_make_room(void **state)
{
    (void)state;
    is(CREATE("a", "1", ABSOLUTE, "2", "65536"), "ok");
    is(CREATE("b", IDLE, ABSOLUTE, "2", "65536"), "ok");
    for (int waited = 0; exists("session:a"); waited++) {
        assert_true(waited < WAIT_MS);
        pause_1_ms();
    }
    is(CREATE("c", IDLE, ABSOLUTE, "2", "65536"), "ok");
}

static void data_beyond_its_room_makes_no_session(void **state)
{
    (void)state;
    is(CREATE("h", IDLE, ABSOLUTE, "1000", "10", "abc", "1234"), "data_too_large");
    assert_int_equal(number(ask("DBSIZE")), 0);
    is(CREATE("h", IDLE, ABSOLUTE, "1000", "11", "abc", "1234"), "ok");
}

/* ---- Looking up --------------------------------------------------------------------------- */

static void a_session_that_does_not_exist_is_not_made_by_asking(void **state)
{
    (void)state;
    is_nil(touch("h"));
    is_nil(BY_KEY("a", "", "1"));
    is_nil(rotate("h", "i"));
    assert_int_equal(number(RUN(destroy_lua, "2", key_of("h"), INDEX, "h")), 0);
    assert_int_equal(number(ask("DBSIZE")), 0);
}

static void the_first_use_notes_who_and_lets_the_session_live_on(void **state)
{
    (void)state;
    MAKE("h");
    freeReplyObject(ask("PEXPIRE session:h 1000"));
    freeReplyObject(touch("h"));
    text_is(ask("HGET session:h address"), "10.0.0.2");
    text_is(ask("HGET session:h device"), "browser");
    assert_in_range(left("session:h"), 59000, 60000);
}

static void a_client_in_the_users_name_is_not_noted(void **state)
{
    (void)state;
    MAKE("h");
    freeReplyObject(touch_by("h", IDLE, ABSOLUTE, ""));
    text_is(ask("HGET session:h address"), "10.0.0.1");
    text_is(ask("HGET session:h used"), "0");
}

/* Lets the session's last use lie back by that many ms. */
static void set_back(const char *field, long long ms)
{
    long long at = number(ask("HGET session:h %s", field));
    freeReplyObject(ask("HSET session:h %s %lld", field, at - ms));
}

static long long writes(void)
{
    redisReply *info = ask("INFO commandstats");
    const char *at = strstr(info->str, "cmdstat_hset:calls=");
    long long calls = at ? atoll(at + strlen("cmdstat_hset:calls=")) : 0;
    freeReplyObject(info);
    return calls;
}

static void within_a_tenth_of_the_idle_time_a_use_only_reads(void **state)
{
    (void)state;
    MAKE("h");
    freeReplyObject(touch("h"));
    long long before = writes();
    for (int i = 0; i < 20; i++)
        freeReplyObject(touch("h"));
    assert_int_equal(writes(), before);
    set_back("seen", 6001);
    before = writes();
    freeReplyObject(touch("h"));
    assert_true(writes() > before);
    assert_in_range(left("session:h"), 59000, 60000);
}

static void no_use_prolongs_a_session_beyond_its_absolute_age(void **state)
{
    (void)state;
    MAKE("h");
    set_back("created", 590000);
    set_back("seen", 30000);
    freeReplyObject(touch("h"));
    assert_in_range(left("session:h"), 1, 10000);
}

static void over_is_over_by_the_lifetimes_that_hold_now(void **state)
{
    (void)state;
    MAKE("h");
    set_back("seen", 5000);
    is_nil(touch_by("h", "5000", ABSOLUTE, "x"));
    assert_int_equal(number(ask("DBSIZE")), 0);
    MAKE("h");
    set_back("created", 600000);
    is_nil(touch("h"));
    assert_int_equal(number(ask("DBSIZE")), 0);
}

/* ---- Changing ----------------------------------------------------------------------------- */

static void members_are_set_and_taken_away(void **state)
{
    (void)state;
    MAKE("h");
    is(BY_SESSION("a", "", "1", "b", "", "[]"), "ok");
    holds("h", "a", "1");
    holds("h", "b", "[]");
    assert_int_equal(version_of("h"), 2);
    is(BY_SESSION("a", "", ""), "ok");
    holds("h", "a", "");
    holds("h", "b", "[]");
}

static void what_a_key_wrote_a_session_alone_cannot_change(void **state)
{
    (void)state;
    MAKE("h", "role", "\"user\"");
    is(BY_SESSION("own", "", "1", "role", "", "\"admin\""), "read_only_field");
    is(BY_SESSION("role", "", ""), "read_only_field");
    holds("h", "role", "\"user\"");
    holds("h", "own", "");
    assert_int_equal(version_of("h"), 1);
    is(BY_KEY("role", "", "\"admin\""), "ok");
    holds("h", "role", "\"admin\"");
}

static void what_a_key_took_away_stays_the_keys(void **state)
{
    (void)state;
    MAKE("h", "role", "\"user\"", "ban", "");
    holds("h", "ban", "");
    is(BY_KEY("role", "", ""), "ok");
    holds("h", "role", "");
    is(BY_SESSION("role", "", "\"admin\""), "read_only_field");
    is(BY_SESSION("ban", "", "1"), "read_only_field");
}

static void a_key_takes_over_what_the_session_wrote(void **state)
{
    (void)state;
    MAKE("h");
    is(BY_SESSION("a", "", "1"), "ok");
    is(BY_KEY("a", "", "2"), "ok");
    holds("h", "a", "2");
    is(BY_SESSION("a", "", "3"), "read_only_field");
    assert_int_equal(number(ask("HEXISTS session:h s:a")), 0);
}

static void another_version_than_the_wanted_changes_nothing(void **state)
{
    (void)state;
    MAKE("h");
    is(PATCH("1", "0", "65536", "1000", "a", "", "1"), "ok");
    is(PATCH("1", "0", "65536", "1000", "a", "", "2"), "version_changed");
    holds("h", "a", "1");
    is(PATCH("2", "0", "65536", "1000", "a", "", "2"), "ok");
}

static void a_member_that_is_not_what_it_must_be_is_shown(void **state)
{
    (void)state;
    MAKE("h");
    is(BY_SESSION("a", "=", "{}"), "ok");
    redisReply *reply = BY_SESSION("a", "=", "{\"x\":1}");
    assert_string_equal(reply->element[0]->str, "conflict");
    assert_string_equal(member_of(reply->element[1], "a"), "{}");
    freeReplyObject(reply);
    assert_int_equal(version_of("h"), 2);
    is(BY_SESSION("a", "={}", "{\"x\":1}"), "ok");
}

static void the_room_of_data_is_counted_as_it_changes(void **state)
{
    (void)state;
    MAKE("h");
    is(PATCH("", "0", "20", "1000", "a", "", "123456", "b", "", "1234"), "ok");
    assert_int_equal(number(ask("HGET session:h bytes")), 20);
    is(PATCH("", "0", "20", "1000", "b", "", "12345"), "data_too_large");
    is(PATCH("", "0", "20", "1000", "a", "", "", "b", "", "12345"), "ok");
    assert_int_equal(number(ask("HGET session:h bytes")), 10);
    is(PATCH("", "0", "5", "1000", "b", "", "1"), "ok"); /* smaller is always taken */
    assert_int_equal(number(ask("HGET session:h bytes")), 6);
}

static void data_has_so_many_members_and_no_more(void **state)
{
    (void)state;
    MAKE("h");
    is(PATCH("", "0", "65536", "2", "a", "", "1", "b", "", "1", "c", "", "1"), "data_too_large");
    is(PATCH("", "0", "65536", "2", "a", "", "1", "b", "", "1"), "ok");
    is(PATCH("", "0", "65536", "2", "a", "", "", "c", "", "1"), "ok");
    is(PATCH("", "1", "65536", "2", "d", "", ""), "data_too_large");
}

static void a_change_of_nothing_is_no_new_version(void **state)
{
    (void)state;
    MAKE("h");
    redisReply *reply = RUN(patch_lua, "1", key_of("h"), "", "0", "65536", "1000", IDLE, ABSOLUTE);
    is(reply, "ok");
    assert_int_equal(version_of("h"), 1);
}

/* ---- Another id --------------------------------------------------------------------------- */

static void the_old_id_dies_as_the_new_one_comes_to_be(void **state)
{
    (void)state;
    MAKE("h", "a", "1");
    long long before = left("session:h");
    is(rotate("h", "i"), "ok");
    is_nil(touch("h"));
    holds("i", "a", "1");
    assert_int_equal(number(ask("ZCARD " INDEX)), 1);
    assert_int_equal(exists("session:h"), 0);
    assert_in_range(left("session:i"), 1, before + 1000);
}

static void a_new_id_that_exists_changes_nothing(void **state)
{
    (void)state;
    MAKE("h");
    MAKE("i", "a", "1");
    is(rotate("h", "i"), "id_taken");
    holds("i", "a", "1");
    assert_int_equal(listed(), 2);
}

static void a_session_that_is_over_gets_no_new_id(void **state)
{
    (void)state;
    MAKE("h");
    set_back("created", 600001);
    is_nil(rotate("h", "i"));
    assert_int_equal(number(ask("DBSIZE")), 0);
}

/* ---- A user's sessions -------------------------------------------------------------------- */

static void no_page_shows_a_dead_session(void **state)
{
    (void)state;
    MAKE("a");
    MAKE("h");
    MAKE("c");
    freeReplyObject(ask("DEL session:a"));
    set_back("created", 600000);
    assert_int_equal(listed(), 1);
    assert_int_equal(number(ask("ZCARD " INDEX)), 1);
    freeReplyObject(ask("ZADD " INDEX " 5 gone"));
    assert_int_equal(listed(), 1);
}

static void a_page_says_which_session_asks_and_ends_where_the_next_begins(void **state)
{
    (void)state;
    MAKE("a");
    MAKE("b");
    MAKE("c");
    freeReplyObject(ask("ZADD " INDEX " 9000000000000 a 9000000000000 b 9000000000001 c"));
    redisReply *rows = list("-inf", "0", "1", "a");
    assert_int_equal(rows->elements, 2); /* one more than asked for */
    const redisReply *row = rows->element[0];
    assert_string_equal(row->element[0]->str, "9000000000000");
    assert_string_equal(row->element[1]->str, "1");
    assert_string_equal(row->element[2]->str, "10.0.0.1");
    assert_string_equal(row->element[3]->str, "maker");
    freeReplyObject(rows);
    rows = list("9000000000000", "1", "5", "a");
    assert_int_equal(rows->elements, 2);
    assert_string_equal(rows->element[0]->element[1]->str, "0");
    assert_string_equal(rows->element[1]->element[0]->str, "9000000000001");
    freeReplyObject(rows);
}

static void a_call_ends_so_many_sessions_and_says_how_many_are_left(void **state)
{
    (void)state;
    char hash[16];
    for (int i = 0; i < 25; i++) {
        (void)snprintf(hash, sizeof hash, "h%d", i);
        MAKE(hash);
    }
    assert_int_equal(end_all_but("h0", "10"), 14);
    assert_int_equal(number(ask("DBSIZE")), 16);
    assert_int_equal(end_all_but("h0", "10"), 4);
    assert_int_equal(end_all_but("h0", "10"), 0);
    assert_int_equal(exists("session:h0"), 1);
    assert_int_equal(end_all_but("", "10"), 0);
    assert_int_equal(number(ask("DBSIZE")), 0);
}

static void an_ended_session_leaves_nothing(void **state)
{
    (void)state;
    MAKE("h", "a", "1");
    assert_int_equal(number(RUN(destroy_lua, "2", key_of("h"), INDEX, "h")), 1);
    assert_int_equal(number(ask("DBSIZE")), 0);
}

#define TEST(name) cmocka_unit_test_setup(name, begin)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_new_session_ends_with_the_idle_time_and_so_does_its_index),
        TEST(an_absolute_lifetime_below_the_idle_one_counts),
        TEST(an_id_that_exists_is_not_given_again),
        TEST(a_user_has_so_many_sessions_and_no_more),
        TEST(sessions_that_ended_make_room),
        TEST(data_beyond_its_room_makes_no_session),
        TEST(a_session_that_does_not_exist_is_not_made_by_asking),
        TEST(the_first_use_notes_who_and_lets_the_session_live_on),
        TEST(a_client_in_the_users_name_is_not_noted),
        TEST(within_a_tenth_of_the_idle_time_a_use_only_reads),
        TEST(no_use_prolongs_a_session_beyond_its_absolute_age),
        TEST(over_is_over_by_the_lifetimes_that_hold_now),
        TEST(members_are_set_and_taken_away),
        TEST(what_a_key_wrote_a_session_alone_cannot_change),
        TEST(what_a_key_took_away_stays_the_keys),
        TEST(a_key_takes_over_what_the_session_wrote),
        TEST(another_version_than_the_wanted_changes_nothing),
        TEST(a_member_that_is_not_what_it_must_be_is_shown),
        TEST(the_room_of_data_is_counted_as_it_changes),
        TEST(data_has_so_many_members_and_no_more),
        TEST(a_change_of_nothing_is_no_new_version),
        TEST(the_old_id_dies_as_the_new_one_comes_to_be),
        TEST(a_new_id_that_exists_changes_nothing),
        TEST(a_session_that_is_over_gets_no_new_id),
        TEST(no_page_shows_a_dead_session),
        TEST(a_page_says_which_session_asks_and_ends_where_the_next_begins),
        TEST(a_call_ends_so_many_sessions_and_says_how_many_are_left),
        TEST(an_ended_session_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
