/* The scripts of sessions, each state of them, against a real Redis.
 *
 * SPDX-License-Identifier: MIT */
#include "test_scripts.h"

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
    is(CREATE("a", "50", ABSOLUTE, "2", "65536"), "ok");
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

static void many_are_looked_up_at_once_each_by_itself(void **state)
{
    (void)state;
    MAKE("h", "a", "1");
    MAKE("i", "b", "2");
    redisReply *found =
        RUN(touch_lua, "3", key_of("h"), "session:none", "session:i", IDLE, ABSOLUTE, "user:", "h",
            "1", "10.0.0.2", "one", "none", "1", "10.0.0.3", "two", "i", "0", "10.0.0.4", "three");
    assert_int_equal(found->elements, 3);
    assert_string_equal(member_of(found->element[0], "a"), "1");
    assert_int_equal(found->element[1]->type, REDIS_REPLY_NIL);
    assert_string_equal(found->element[2]->element[1]->str, "ann");
    assert_int_equal(found->element[2]->element[6]->elements, 0); /* without its data */
    freeReplyObject(found);
    text_is(ask("HGET session:h device"), "one");
    text_is(ask("HGET session:i address"), "10.0.0.4");
    assert_int_equal(number(ask("EXISTS session:none")), 0);
}

static void a_redis_that_is_full_fails_those_that_are_to_be_renewed_alone(void **state)
{
    (void)state;
    MAKE("h", "a", "1");
    MAKE("i", "b", "2");
    freeReplyObject(touch("h"));
    freeReplyObject(ask("CONFIG SET maxmemory 1"));
    redisReply *found = RUN(touch_lua, "2", key_of("i"), "session:h", IDLE, ABSOLUTE, "user:", "i",
                            "1", "10.0.0.2", "one", "h", "1", "10.0.0.2", "one");
    freeReplyObject(ask("CONFIG SET maxmemory 0"));
    assert_int_equal(found->element[0]->type, REDIS_REPLY_ERROR);
    assert_memory_equal(found->element[0]->str, "OOM ", 4);
    assert_string_equal(member_of(found->element[1], "a"), "1");
    freeReplyObject(found);
}

static void a_session_that_is_no_hash_is_an_error_of_its_own(void **state)
{
    (void)state;
    MAKE("h", "a", "1");
    freeReplyObject(ask("SET session:i text"));
    redisReply *found = RUN(touch_lua, "2", key_of("i"), "session:h", IDLE, ABSOLUTE, "user:", "i",
                            "1", "10.0.0.2", "one", "h", "1", "10.0.0.2", "one");
    assert_memory_equal(found->element[0]->str, "WRONGTYPE ", 10);
    assert_string_equal(member_of(found->element[1], "a"), "1");
    freeReplyObject(found);
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

static void a_session_whose_time_runs_out_in_the_script_is_gone(void **state)
{
    (void)state;
    MAKE("h");
    set_back("created", 600000 - 30);
    redisReply *reply = NULL;
    for (int waited = 0; !reply || reply->type != REDIS_REPLY_NIL; waited++) {
        assert_true(waited < WAIT_MS);
        if (reply)
            is(reply, "ok");
        reply = waited % 2 ? rotate("i", "h") : rotate("h", "i");
    }
    freeReplyObject(reply);
    assert_int_equal(listed(), 0);
    assert_int_equal(exists("session:h") + exists("session:i"), 0);
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

static void the_dead_take_no_place_of_a_page(void **state)
{
    (void)state;
    MAKE("a");
    MAKE("b");
    MAKE("c");
    freeReplyObject(ask("ZADD " INDEX " 9000000000000 a 9000000000001 b 9000000000002 c"));
    freeReplyObject(ask("DEL session:a"));
    redisReply *rows = list("-inf", "0", "1", "");
    assert_int_equal(rows->elements, 2);
    assert_string_equal(rows->element[0]->element[0]->str, "9000000000001");
    freeReplyObject(rows);
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

static void a_call_ends_no_more_when_none_is_left_out(void **state)
{
    (void)state;
    MAKE("a");
    MAKE("b");
    MAKE("c");
    assert_int_equal(end_all_but("", "1"), 2);
    assert_int_equal(end_all_but("", "1"), 1);
}

static void an_ended_session_leaves_nothing(void **state)
{
    (void)state;
    MAKE("h", "a", "1");
    assert_int_equal(number(RUN(destroy_lua, "2", key_of("h"), INDEX, "h")), 1);
    assert_int_equal(number(ask("DBSIZE")), 0);
}

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
        TEST(many_are_looked_up_at_once_each_by_itself),
        TEST(a_redis_that_is_full_fails_those_that_are_to_be_renewed_alone),
        TEST(a_session_that_is_no_hash_is_an_error_of_its_own),
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
        TEST(a_session_whose_time_runs_out_in_the_script_is_gone),
        TEST(no_page_shows_a_dead_session),
        TEST(the_dead_take_no_place_of_a_page),
        TEST(a_page_says_which_session_asks_and_ends_where_the_next_begins),
        TEST(a_call_ends_so_many_sessions_and_says_how_many_are_left),
        TEST(a_call_ends_no_more_when_none_is_left_out),
        TEST(an_ended_session_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
