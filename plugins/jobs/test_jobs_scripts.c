/* The scripts of a queue against a real Redis: every state that a job can be in, and every way there.
 *
 * SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <test_redis.h>

#include "ack.lua.h"
#include "cancel.lua.h"
#include "change.lua.h"
#include "count.lua.h"
#include "dead.lua.h"
#include "enqueue.lua.h"
#include "fail.lua.h"
#include "heartbeat.lua.h"
#include "log.lua.h"
#include "reserve.lua.h"
#include "retry.lua.h"

#define ARGS_MAX 200
#define LEASE "60000"
#define TEST(name) cmocka_unit_test_setup(name, flush)

/* ---- Calling ------------------------------------------------------------------------------ */

/* A script of the queue "m" with arguments of its own, which end with NULL. */
static redisReply *call_all(const char *script, const char *const *args)
{
    static const char *const common[] = {"8",
                                         "queue:m:ready",
                                         "queue:m:prio",
                                         "queue:m:delayed",
                                         "queue:m:lease",
                                         "queue:m:dead",
                                         "queue:m:wake",
                                         "queue:m:meta",
                                         "queues",
                                         "job:",
                                         "jobs:wake",
                                         "m"};
    const char *argv[ARGS_MAX];
    int count = sizeof common / sizeof common[0];
    memcpy(argv, common, sizeof common);
    for (; *args; args++) {
        assert_true(count < ARGS_MAX);
        argv[count++] = *args;
    }
    redisReply *reply = run_script(script, count, argv);
    if (reply->type == REDIS_REPLY_ERROR)
        fail_msg("%s", reply->str);
    return reply;
}

#define CALL(script, ...) call_all(script, (const char *const[]){__VA_ARGS__, NULL})

static void says(redisReply *reply, const char *word)
{
    assert_true(reply->type == REDIS_REPLY_STRING || reply->type == REDIS_REPLY_STATUS);
    assert_string_equal(reply->str, word);
    freeReplyObject(reply);
}

/* Of a job that is enqueued; what is not set is as most jobs have it. */
struct wish {
    const char *digest, *priority, *retries, *timeout, *retention, *delay, *run_at, *limit, *client,
        *self_made;
};

static const char * or (const char *text, const char *fallback)
{
    return text ? text : fallback;
}

static void add_as(const char *id, struct wish wish, const char *outcome)
{
    redisReply *reply =
        CALL(enqueue_lua, or (wish.limit, "1000"), id, or (wish.digest, ""), "send", "{}", "space",
             or (wish.client, "acme"), or (wish.self_made, "0"), or (wish.priority, "0"),
             or (wish.retries, "3"), "fixed 1s", or (wish.timeout, "30000"),
             or (wish.retention, "60000"), or (wish.delay, ""), or (wish.run_at, ""));
    assert_int_equal(reply->elements, 1);
    assert_string_equal(reply->element[0]->str, outcome);
    freeReplyObject(reply);
}

static void add(const char *id)
{
    add_as(id, (struct wish){0}, "created");
}

static redisReply *reserve_as(const char *count, const char *lease, const char *lost,
                              const char *secret)
{
    return CALL(reserve_lua, count, lease, lost, secret, "", "0");
}

/* What a reservation gave: ids and epochs, "a:1 b:1". */
static const char *taken_by(redisReply *reply)
{
    static char text[1024];
    const redisReply *jobs = reply->element[5];
    size_t len = 0;
    text[0] = '\0';
    for (size_t i = 0; i < jobs->elements; i++)
        len +=
            (size_t)snprintf(text + len, sizeof text - len, "%s%s:%s", i ? " " : "",
                             jobs->element[i]->element[0]->str, jobs->element[i]->element[1]->str);
    freeReplyObject(reply);
    return text;
}

static const char *take(const char *count)
{
    return taken_by(reserve_as(count, LEASE, "3", ""));
}

static long long complete(const char *id, const char *epoch)
{
    redisReply *reply = CALL(ack_lua, id, epoch, "{\"ok\":1}", "60000", "1");
    long long done = reply->element[0]->integer;
    freeReplyObject(reply);
    return done;
}

static redisReply *end(const char *id, const char *epoch, const char *kind, const char *delay)
{
    return CALL(fail_lua, id, epoch, kind, "a \"reason\"", delay, "1");
}

/* ---- Looking ------------------------------------------------------------------------------ */

static void has(const char *id, const char *field, const char *value)
{
    redisReply *reply = ask("HGET job:%s %s", id, field);
    if (value) {
        assert_int_equal(reply->type, REDIS_REPLY_STRING);
        assert_string_equal(reply->str, value);
    } else {
        assert_int_equal(reply->type, REDIS_REPLY_NIL);
    }
    freeReplyObject(reply);
}

static bool marked(void)
{
    return number(ask("ZCARD queue:m:wake")) == 1;
}

static void unmark(void)
{
    (void)number(ask("DEL queue:m:wake"));
}

static long long leases(void)
{
    return number(ask("ZCARD queue:m:lease"));
}

/* Ends all leases, as time would. */
static void run_out(void)
{
    redisReply *all = ask("ZRANGE queue:m:lease 0 -1");
    for (size_t i = 0; i < all->elements; i++)
        (void)number(ask("ZADD queue:m:lease 1 %s", all->element[i]->str));
    freeReplyObject(all);
}

/* ---- In and out --------------------------------------------------------------------------- */

static void jobs_come_out_as_they_came(void **state)
{
    (void)state;
    add("a");
    add("b");
    add("c");
    assert_string_equal(take("2"), "a:1 b:1");
    assert_string_equal(take("2"), "c:1");
    assert_string_equal(take("2"), "");
    has("a", "state", "active");
    has("a", "attempt", "1");
    assert_int_equal(leases(), 3);
    assert_int_equal(number(ask("HGET queue:m:meta enqueued")), 3);
    assert_int_equal(number(ask("ZSCORE queues m")), 0);
}

static void priorities_stand_before_and_behind_the_list(void **state)
{
    (void)state;
    add_as("late", (struct wish){.priority = "1000"}, "created");
    add("plain");
    add_as("soon", (struct wish){.priority = "-1"}, "created");
    add_as("first", (struct wish){.priority = "-1000"}, "created");
    add_as("soon2", (struct wish){.priority = "-1"}, "created");
    assert_string_equal(take("10"), "first:1 soon:1 soon2:1 plain:1 late:1");
}

static void a_delayed_job_comes_when_it_is_due(void **state)
{
    (void)state;
    add_as("a", (struct wish){.delay = "60000"}, "created");
    has("a", "state", "delayed");
    redisReply *reply = reserve_as("1", LEASE, "3", "");
    assert_true(atoll(reply->element[1]->str) - atoll(reply->element[0]->str) > 59000);
    assert_string_equal(taken_by(reply), "");
    (void)number(ask("ZADD queue:m:delayed 1 a"));
    assert_string_equal(take("1"), "a:1");
    assert_int_equal(number(ask("ZCARD queue:m:delayed")), 0);
}

static void a_job_for_the_past_is_ready(void **state)
{
    (void)state;
    add_as("a", (struct wish){.run_at = "1000"}, "created");
    has("a", "state", "queued");
    assert_string_equal(take("1"), "a:1");
}

static void who_is_due_sooner_wakes(void **state)
{
    (void)state;
    add_as("a", (struct wish){.delay = "60000"}, "created");
    assert_true(marked());
    unmark();
    add_as("b", (struct wish){.delay = "70000"}, "created");
    assert_false(marked());
    add_as("c", (struct wish){.delay = "50000"}, "created");
    assert_true(marked());
}

static void the_marker_is_there_while_work_is(void **state)
{
    (void)state;
    add("a");
    add("b");
    assert_true(marked());
    unmark();
    (void)take("1");
    assert_true(marked());
    unmark();
    (void)take("1");
    assert_false(marked());
    says(end("a", "1", "free", "0"), "queued");
    assert_true(marked());
}

static void the_same_job_is_there_once(void **state)
{
    (void)state;
    add_as("a", (struct wish){.digest = "d1"}, "created");
    add_as("a", (struct wish){.digest = "d1"}, "exists");
    add_as("a", (struct wish){.digest = "d2"}, "differs");
    assert_string_equal(take("5"), "a:1");
}

static void a_full_queue_takes_no_more(void **state)
{
    (void)state;
    add_as("a", (struct wish){.limit = "2"}, "created");
    add_as("b", (struct wish){.limit = "2", .delay = "1000"}, "created");
    add_as("c", (struct wish){.limit = "2"}, "full");
    says(CALL(change_lua, "limit", "3"), "changed");
    add_as("c", (struct wish){.limit = "2"}, "created");
}

static void lists_say_who_may(void **state)
{
    (void)state;
    add_as("a", (struct wish){.self_made = "1"}, "forbidden");
    says(CALL(change_lua, "writers", "bob acme2", "workers", "eve"), "changed");
    add_as("a", (struct wish){.client = "acme"}, "forbidden");
    add_as("a", (struct wish){.client = "bob", .self_made = "1"}, "created");
    add_as("b", (struct wish){.client = ""}, "created");
    says(CALL(reserve_lua, "1", LEASE, "3", "s", "bob", "0"), "forbidden");
    assert_string_equal(taken_by(CALL(reserve_lua, "1", LEASE, "3", "s", "eve", "0")), "a:1");
    says(CALL(change_lua, "writers", "", "workers", ""), "changed");
    add_as("c", (struct wish){0}, "created");
}

/* ---- Completing --------------------------------------------------------------------------- */

static void a_job_completes_once(void **state)
{
    (void)state;
    add("a");
    (void)take("1");
    assert_int_equal(complete("a", "1"), 1);
    assert_int_equal(complete("a", "1"), 0);
    has("a", "state", "completed");
    has("a", "result", "{\"ok\":1}");
    assert_in_range(number(ask("PTTL job:a")), 50000, 60000);
    assert_int_equal(number(ask("HGET queue:m:meta completed")), 1);
    assert_int_equal(leases(), 0);
}

static void completions_ride_along_with_a_reservation(void **state)
{
    (void)state;
    add("a");
    add("b");
    (void)take("1");
    redisReply *reply = CALL(reserve_lua, "1", LEASE, "3", "", "", "0", "a", "1", "1", "60000", "0",
                             "b", "1", "2", "60000", "0");
    assert_int_equal(reply->element[6]->element[0]->integer, 1);
    assert_int_equal(reply->element[6]->element[1]->integer, 0); /* it was not handed out */
    assert_string_equal(taken_by(reply), "b:1");
    has("a", "state", "completed");
    has("b", "result", NULL);
}

static void without_retention_nothing_is_kept(void **state)
{
    (void)state;
    add_as("a", (struct wish){.retention = "0"}, "created");
    (void)take("1");
    assert_int_equal(number(CALL(log_lua, "a", "1", "line")), 1);
    freeReplyObject(CALL(ack_lua, "a", "1", "", "", "1"));
    assert_int_equal(number(ask("EXISTS job:a job:a:log")), 0);
}

/* ---- Not completing ----------------------------------------------------------------------- */

static void a_failure_is_tried_again_until_the_budget_is_spent(void **state)
{
    (void)state;
    add_as("a", (struct wish){.retries = "1"}, "created");
    (void)take("1");
    says(end("a", "1", "failure", "60000"), "retrying");
    has("a", "state", "retrying");
    assert_string_equal(take("1"), "");
    (void)number(ask("ZADD queue:m:delayed 1 a"));
    assert_string_equal(take("1"), "a:2");
    says(end("a", "2", "failure", "0"), "dead");
    has("a", "state", "dead");
    has("a", "failures", "2");
    has("a", "error", "a \"reason\"");
    assert_int_equal(number(ask("LLEN queue:m:dead")), 1);
    assert_int_equal(number(ask("PTTL job:a")), -1);
}

static void crashes_have_a_budget_of_their_own(void **state)
{
    (void)state;
    add("a");
    (void)take("1");
    says(end("a", "1", "crash", "0"), "queued");
    assert_string_equal(take("1"), "a:2");
    says(end("a", "2", "crash", "0"), "dead");
    has("a", "crashes", "2");
    has("a", "failures", NULL);
}

static void for_good_is_for_good(void **state)
{
    (void)state;
    add("a");
    (void)take("1");
    says(end("a", "1", "dead", "0"), "dead");
    assert_int_equal(number(ask("HGET queue:m:meta dead")), 1);
}

static void what_was_not_run_goes_back_to_the_head_and_costs_nothing(void **state)
{
    (void)state;
    add("a");
    add("b");
    (void)take("1");
    says(end("a", "1", "free", "0"), "queued");
    has("a", "attempt", "0");
    has("a", "errors", NULL);
    assert_string_equal(take("2"), "a:2 b:1");
}

static void the_last_ten_errors_are_kept(void **state)
{
    char epoch[8];
    (void)state;
    add_as("a", (struct wish){.retries = "100"}, "created");
    for (int i = 1; i <= 12; i++) {
        (void)take("1");
        (void)snprintf(epoch, sizeof epoch, "%d", i);
        says(end("a", epoch, "failure", "0"), "queued");
    }
    redisReply *errors = ask("HGET job:a errors");
    int lines = 0;
    for (const char *at = errors->str; (at = strchr(at, '\n')) != NULL; at++)
        lines++;
    assert_int_equal(lines, 10);
    assert_int_equal(strncmp(errors->str, "3 ", 2), 0);
    assert_non_null(strstr(errors->str, "failure \"a \\\"reason\\\"\"\n"));
    freeReplyObject(errors);
}

/* ---- Fences ------------------------------------------------------------------------------- */

static void an_old_lease_ends_nothing(void **state)
{
    (void)state;
    add("a");
    (void)take("1");
    run_out();
    assert_string_equal(take("1"), "a:2");
    assert_int_equal(complete("a", "1"), 0);
    says(end("a", "1", "failure", "0"), "lost");
    assert_int_equal(number(CALL(log_lua, "a", "1", "line")), 0);
    redisReply *news = CALL(heartbeat_lua, "a", "1", LEASE, "50");
    assert_string_equal(news->element[2]->str, "lost");
    freeReplyObject(news);
    has("a", "progress", NULL);
    has("a", "lost", "1");
    assert_int_equal(complete("a", "2"), 1);
}

static void a_job_that_is_lost_too_often_is_dead(void **state)
{
    (void)state;
    add("a");
    for (int i = 0; i < 4; i++) {
        (void)take("1");
        run_out();
    }
    assert_string_equal(take("1"), "");
    has("a", "state", "dead");
    has("a", "lost", "4");
}

static void a_remote_lease_needs_its_secret(void **state)
{
    (void)state;
    add("a");
    assert_string_equal(taken_by(reserve_as("1", LEASE, "3", "c0ffee")), "a:1");
    assert_int_equal(complete("a", "1"), 0);
    assert_int_equal(complete("a", "1:beef"), 0);
    assert_int_equal(complete("a", "1:c0ffee"), 1);
    add("b");
    (void)taken_by(reserve_as("1", LEASE, "3", "c0ffee"));
    run_out();
    assert_string_equal(take("1"), "b:2");
}

static void a_lease_is_renewed_up_to_the_end_of_the_jobs_time(void **state)
{
    (void)state;
    add_as("a", (struct wish){.timeout = "5000"}, "created");
    (void)take("1");
    freeReplyObject(CALL(heartbeat_lua, "a", "1", "3600000", "40"));
    redisReply *time = ask("TIME");
    long long now = atoll(time->element[0]->str) * 1000;
    freeReplyObject(time);
    assert_true(number(ask("ZSCORE queue:m:lease a:1")) <= now + 5000 + 10000 + 1000);
    has("a", "progress", "40");
}

static void a_log_keeps_its_last_hundred_lines(void **state)
{
    (void)state;
    add("a");
    (void)take("1");
    for (int i = 0; i < 60; i++)
        assert_int_equal(number(CALL(log_lua, "a", "1", "one", "two")), 1);
    assert_int_equal(number(ask("LLEN job:a:log")), 100);
}

/* ---- Cancelling, starting over -------------------------------------------------------------- */

static redisReply *cancel(const char *id, const char *space)
{
    return CALL(cancel_lua, id, space, "jobs:cancel");
}

static void what_waits_is_cancelled_at_once(void **state)
{
    (void)state;
    add("a");
    add("b");
    add_as("c", (struct wish){.delay = "1000"}, "created");
    says(cancel("a", "other"), "absent");
    says(cancel("a", "space"), "cancelled");
    says(cancel("c", ""), "cancelled");
    says(cancel("a", "space"), "finished");
    says(cancel("nobody", ""), "absent");
    assert_string_equal(take("5"), "b:1");
    assert_int_equal(number(ask("HGET queue:m:meta cancelled")), 2);
    assert_int_equal(number(ask("ZCARD queue:m:delayed")), 0);
}

static void what_runs_is_told(void **state)
{
    (void)state;
    add("a");
    (void)take("1");
    says(cancel("a", "space"), "cancelling");
    redisReply *news = CALL(heartbeat_lua, "a", "1", LEASE, "");
    assert_string_equal(news->element[2]->str, "cancelling");
    freeReplyObject(news);
    says(end("a", "1", "failure", "0"), "cancelled");
    has("a", "state", "cancelled");
    add("b");
    (void)take("1");
    says(cancel("b", "space"), "cancelling");
    assert_int_equal(complete("b", "1"), 1); /* a completion that comes first wins */
    add("c");
    (void)take("1");
    says(cancel("c", "space"), "cancelling");
    run_out();
    assert_string_equal(take("1"), "");
    has("c", "state", "cancelled");
}

static void a_dead_job_starts_over(void **state)
{
    (void)state;
    add("a");
    (void)take("1");
    says(end("a", "1", "dead", "0"), "dead");
    says(CALL(retry_lua, "a", "other"), "absent");
    says(CALL(retry_lua, "a", "space"), "queued");
    assert_int_equal(number(ask("LLEN queue:m:dead")), 0);
    has("a", "failures", "0");
    assert_string_equal(take("1"), "a:2");
    says(CALL(retry_lua, "a", "space"), "active");
    add_as("b", (struct wish){.delay = "60000"}, "created");
    says(CALL(retry_lua, "b", ""), "queued");
    assert_string_equal(take("1"), "b:1");
}

static void kill_one(const char *id)
{
    add(id);
    (void)take("1");
    says(end(id, "1", "dead", "0"), "dead");
}

static void dead_jobs_are_requeued_and_purged(void **state)
{
    (void)state;
    kill_one("a");
    kill_one("b");
    kill_one("c");
    assert_int_equal(number(CALL(dead_lua, "requeue", "100", "b", "nobody")), 1);
    assert_string_equal(take("5"), "b:2");
    assert_int_equal(number(CALL(dead_lua, "purge", "1")), 1); /* the oldest */
    assert_int_equal(number(ask("EXISTS job:a")), 0);
    assert_int_equal(number(CALL(dead_lua, "requeue", "100")), 1);
    assert_true(marked());
    assert_string_equal(take("5"), "c:2");
}

static void what_falls_off_the_dead_letter_queue_is_forgotten(void **state)
{
    (void)state;
    kill_one("oldest");
    freeReplyObject(ask("EVAL %s 1 queue:m:dead",
                        "for i = 1, 9999 do redis.call('LPUSH', KEYS[1], 'x') end return 1"));
    kill_one("newest");
    assert_int_equal(number(ask("LLEN queue:m:dead")), 10000);
    assert_int_equal(number(ask("EXISTS job:oldest")), 0);
    assert_int_equal(number(ask("EXISTS job:newest")), 1);
}

/* ---- Queues ------------------------------------------------------------------------------- */

static void a_paused_queue_hands_out_nothing(void **state)
{
    (void)state;
    add("a");
    says(CALL(change_lua, "paused", "1"), "changed");
    unmark();
    assert_string_equal(take("1"), "");
    assert_false(marked());
    says(CALL(change_lua, "paused", ""), "changed");
    assert_true(marked());
    assert_string_equal(take("1"), "a:1");
}

static void counts_are_what_is_there(void **state)
{
    (void)state;
    kill_one("d");
    add("a");
    add("b");
    add("e");
    (void)take("1");
    add_as("c", (struct wish){.delay = "60000"}, "created");
    const char *const argv[] = {"1", "queues", "", "jobs", "", "10"};
    redisReply *rows = run_script(count_lua, 6, argv);
    assert_int_equal(rows->elements, 2);
    const redisReply *m = rows->element[0];
    static const long long expected[] = {1, 2, 1, 1, 1}; /* used, ready, delayed, leased, dead */
    assert_string_equal(m->element[0]->str, "m");
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
        assert_int_equal(m->element[1 + i]->integer, expected[i]);
    assert_int_equal(strlen(m->element[6]->str), 13); /* since when the oldest waits */
    freeReplyObject(rows);
}

static void who_polls_is_told(void **state)
{
    redisContext *ear = connect_again();
    (void)state;
    assert_non_null(ear);
    freeReplyObject(redisCommand(ear, "SUBSCRIBE jobs:wake"));
    add("a"); /* nobody polls: nothing is published */
    (void)take("1");
    assert_string_equal(taken_by(reserve_as("1", LEASE, "3", "secret")), "");
    add("b");
    redisReply *told = NULL;
    assert_int_equal(redisGetReply(ear, (void **)&told), REDIS_OK);
    assert_string_equal(told->element[2]->str, "m");
    freeReplyObject(told);
    assert_string_equal(take("1"), "b:1");
    redisFree(ear);
}

/* A worker that polls looks at 200 ids a call: what lies behind more cancelled ones is found next. */
static void a_poll_behind_many_cancelled_jobs_is_told_to_look_again(void **state)
{
    char id[16];
    (void)state;
    for (int i = 0; i < 250; i++) {
        (void)snprintf(id, sizeof id, "x%d", i);
        add(id);
        says(cancel(id, ""), "cancelled");
    }
    add("a");
    unmark();
    assert_string_equal(taken_by(reserve_as("1", LEASE, "3", "secret")), "");
    assert_true(marked());
    assert_string_equal(taken_by(reserve_as("1", LEASE, "3", "secret")), "a:1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(jobs_come_out_as_they_came),
        TEST(priorities_stand_before_and_behind_the_list),
        TEST(a_delayed_job_comes_when_it_is_due),
        TEST(a_job_for_the_past_is_ready),
        TEST(who_is_due_sooner_wakes),
        TEST(the_marker_is_there_while_work_is),
        TEST(the_same_job_is_there_once),
        TEST(a_full_queue_takes_no_more),
        TEST(lists_say_who_may),
        TEST(a_job_completes_once),
        TEST(completions_ride_along_with_a_reservation),
        TEST(without_retention_nothing_is_kept),
        TEST(a_failure_is_tried_again_until_the_budget_is_spent),
        TEST(crashes_have_a_budget_of_their_own),
        TEST(for_good_is_for_good),
        TEST(what_was_not_run_goes_back_to_the_head_and_costs_nothing),
        TEST(the_last_ten_errors_are_kept),
        TEST(an_old_lease_ends_nothing),
        TEST(a_job_that_is_lost_too_often_is_dead),
        TEST(a_remote_lease_needs_its_secret),
        TEST(a_lease_is_renewed_up_to_the_end_of_the_jobs_time),
        TEST(a_log_keeps_its_last_hundred_lines),
        TEST(what_waits_is_cancelled_at_once),
        TEST(what_runs_is_told),
        TEST(a_dead_job_starts_over),
        TEST(dead_jobs_are_requeued_and_purged),
        TEST(what_falls_off_the_dead_letter_queue_is_forgotten),
        TEST(a_paused_queue_hands_out_nothing),
        TEST(counts_are_what_is_there),
        TEST(who_polls_is_told),
        TEST(a_poll_behind_many_cancelled_jobs_is_told_to_look_again),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
