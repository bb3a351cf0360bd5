/* A queue's scripts under loops that do everything wrong, on a real Redis: leases of milliseconds,
 * deaths, ends that come late, cancelling, pausing.
 *
 *   producer --enqueue--> queue <--pop marker, reserve-- loops --ack, fail, heartbeat, or nothing-->
 *   after each step: ready work has a marker, or a loop that popped it and is about to reserve
 *   at the end: every job ended once, the queue is empty, the hashes agree with what was answered
 *
 * JOBS_MODEL_SEED repeats the choices of a run; when leases end is up to the clock.
 *
 * SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <test_redis.h>

#include "ack.lua.h"
#include "cancel.lua.h"
#include "change.lua.h"
#include "enqueue.lua.h"
#include "fail.lua.h"
#include "heartbeat.lua.h"
#include "reserve.lua.h"

#define JOBS 3000
#define LOOPS 8
#define REMOTE_LOOPS 3 /* the first of them work with a secret, and never wait for the marker */
#define TAKEN_MAX 8
#define STALE_MAX 64
#define HELD_MAX 40
#define STEPS_MAX 1000000
#define LEASE_MAX_MS 25
#define CRASHES 2
#define LOST 3

/* ---- The model ---------------------------------------------------------------------------- */

struct job {
    long long handed_out, freed, failures, crashes, completions; /* as the scripts answered */
    bool is_over;                                                /* the same */
};

struct run {
    int job;
    long long epoch;
    bool is_remote;
};

struct loop {
    bool is_awake, has_marker;
    struct run runs[TAKEN_MAX], done[TAKEN_MAX];
    int run_count, done_count; /* done, and not yet acknowledged */
};

static struct job jobs[JOBS];
static struct loop loops[LOOPS];
static struct run stale[STALE_MAX]; /* of those that died, or were too slow */
static int created, stale_count;
static bool is_paused;
static bool is_marker_lost;      /* its popper died: the next reserve, by time-out, makes it good */
static long long failed_answers; /* failures, crashes and deaths that were accepted */
static uint64_t random_state;

/* xorshift64* (Vigna 2016). */
static unsigned below(unsigned end)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return (unsigned)((random_state * 2685821657736338717u >> 33) % end);
}

static bool one_in(unsigned count)
{
    return below(count) == 0;
}

/* ---- Calling ------------------------------------------------------------------------------ */

#define WORDS_MAX 400

struct call {
    const char *argv[WORDS_MAX];
    int argc;
    char texts[WORDS_MAX * 16], *at;
};

static void add_text(struct call *call, const char *text)
{
    assert_true(call->argc < WORDS_MAX);
    call->argv[call->argc++] = text;
}

static void add_int(struct call *call, long long number)
{
    add_text(call, call->at);
    call->at += sprintf(call->at, "%lld", number) + 1;
}

static void add_id(struct call *call, int job)
{
    add_text(call, call->at);
    call->at += sprintf(call->at, "j%d", job) + 1;
}

static void add_run(struct call *call, const struct run *run)
{
    add_id(call, run->job);
    add_text(call, call->at);
    call->at += sprintf(call->at, "%lld%s", run->epoch, run->is_remote ? ":c0ffee" : "") + 1;
}

static struct call *begin(void)
{
    static const char *const keys[] = {"ready", "prio", "delayed", "lease", "dead", "wake", "meta"};
    static struct call call;
    call.argc = 0;
    call.at = call.texts;
    add_int(&call, 8);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        add_text(&call, call.at);
        call.at += sprintf(call.at, "queue:m:%s", keys[i]) + 1;
    }
    add_text(&call, "queues");
    add_text(&call, "job:");
    add_text(&call, "jobs:wake");
    add_text(&call, "m");
    return &call;
}

static redisReply *run(const char *script, const struct call *call)
{
    redisReply *reply = run_script(script, call->argc, call->argv);
    if (reply->type == REDIS_REPLY_ERROR)
        fail_msg("%s", reply->str);
    return reply;
}

static bool is(const redisReply *reply, const char *word)
{
    return strcmp(reply->str, word) == 0;
}

/* ---- Jobs come ---------------------------------------------------------------------------- */

static void add_job(struct call *call, int job)
{
    static const int priorities[] = {0, 0, 0, 0, -1000, -1, 1, 1000};
    add_id(call, job);
    add_text(call, "digest");
    add_text(call, "send");
    add_text(call, "{}");
    add_text(call, "space");
    add_text(call, "acme");
    add_int(call, 0);
    add_int(call, priorities[below(8)]);
    add_int(call, below(4)); /* retries */
    add_text(call, "fixed 1s");
    add_int(call, 30000);
    add_int(call, 3600000);
    if (one_in(4))
        add_int(call, below(20));
    else
        add_text(call, "");
    add_text(call, "");
}

static void produce(void)
{
    int more = 1 + (int)below(20);
    struct call *call = begin();
    add_int(call, JOBS);
    if (more > JOBS - created)
        more = JOBS - created;
    for (int i = 0; i < more; i++)
        add_job(call, created + i);
    if (created)
        add_job(call, (int)below((unsigned)created)); /* one of them again */
    redisReply *reply = run(enqueue_lua, call);
    for (int i = 0; i < more; i++)
        assert_string_equal(reply->element[i]->str, "created");
    if (created)
        assert_string_equal(reply->element[more]->str, "exists");
    freeReplyObject(reply);
    created += more;
}

/* ---- Ends --------------------------------------------------------------------------------- */

static void completed(const struct run *run, const redisReply *word)
{
    struct job *job = &jobs[run->job];
    if (!word->integer)
        return;
    assert_false(job->is_over);
    assert_int_equal(run->epoch, job->handed_out); /* no old lease ends a job */
    job->completions++;
    job->is_over = true;
}

static void add_completions(struct call *call, const struct run *runs, int count)
{
    for (int i = 0; i < count; i++) {
        add_run(call, &runs[i]);
        add_text(call, "{\"ok\":1}");
        add_text(call, one_in(2) ? "3600000" : "");
        add_int(call, one_in(2));
    }
}

static void acknowledge(const struct run *runs, int count)
{
    struct call *call = begin();
    add_completions(call, runs, count);
    redisReply *reply = run(ack_lua, call);
    for (int i = 0; i < count; i++)
        completed(&runs[i], reply->element[i]);
    freeReplyObject(reply);
}

static void fail_as(const struct run *failed, const char *kind)
{
    struct job *job = &jobs[failed->job];
    struct call *call = begin();
    add_run(call, failed);
    add_text(call, kind);
    add_text(call, "it had to");
    add_int(call, one_in(2) ? 0 : below(15));
    add_int(call, CRASHES);
    redisReply *reply = run(fail_lua, call);
    if (!is(reply, "lost")) {
        assert_false(job->is_over);
        assert_int_equal(failed->epoch, job->handed_out);
        job->is_over = is(reply, "dead") || is(reply, "cancelled");
        job->freed += !job->is_over && strcmp(kind, "free") == 0;
        if (!is(reply, "cancelled") && strcmp(kind, "free") != 0) {
            job->failures += strcmp(kind, "failure") == 0;
            job->crashes += strcmp(kind, "crash") == 0;
            failed_answers++;
        }
    }
    freeReplyObject(reply);
}

static void forget(const struct run *run)
{
    int at = stale_count < STALE_MAX ? stale_count++ : (int)below(STALE_MAX);
    stale[at] = *run;
}

static void come_late(void)
{
    static const char *const kinds[] = {"failure", "crash", "dead", "free"};
    if (stale_count == 0)
        return;
    int at = (int)below((unsigned)stale_count);
    struct run run = stale[at];
    if (one_in(2))
        acknowledge(&run, 1);
    else
        fail_as(&run, kinds[below(4)]);
}

/* ---- Loops -------------------------------------------------------------------------------- */

static void reserve(struct loop *loop)
{
    bool is_remote = loop < loops + REMOTE_LOOPS;
    struct call *call = begin();
    add_int(call, 1 + below(TAKEN_MAX));
    add_int(call, 1 + below(LEASE_MAX_MS));
    add_int(call, LOST);
    add_text(call, is_remote ? "c0ffee" : "");
    add_text(call, "");
    add_int(call, 0);
    add_completions(call, loop->done, loop->done_count);
    redisReply *reply = run(reserve_lua, call);
    for (int i = 0; i < loop->done_count; i++)
        completed(&loop->done[i], reply->element[6]->element[i]);
    const redisReply *given = reply->element[5];
    assert_true(given->elements == 0 || !is_paused);
    for (size_t i = 0; i < given->elements; i++) {
        struct run *run = &loop->runs[i];
        *run = (struct run){atoi(given->element[i]->element[0]->str + 1),
                            atoll(given->element[i]->element[1]->str), is_remote};
        assert_false(jobs[run->job].is_over);
        assert_int_equal(run->epoch, ++jobs[run->job].handed_out);
    }
    loop->run_count = (int)given->elements;
    loop->done_count = 0;
    loop->is_awake = loop->has_marker = is_marker_lost = false;
    freeReplyObject(reply);
}

static void die(struct loop *loop)
{
    for (int i = 0; i < loop->run_count; i++)
        forget(&loop->runs[i]);
    is_marker_lost = is_marker_lost || loop->has_marker;
    *loop = (struct loop){0};
}

/* Leaves the run where it was unless it is lost or to end. */
static bool renew(const struct run *renewed)
{
    struct call *call = begin();
    add_run(call, renewed);
    add_int(call, 1 + below(LEASE_MAX_MS));
    add_int(call, below(101));
    redisReply *news = run(heartbeat_lua, call);
    bool goes_on = news->elements == 0;
    bool cancelling = !goes_on && is(news->element[2], "cancelling");
    freeReplyObject(news);
    if (cancelling)
        fail_as(renewed, "cancelled");
    return goes_on;
}

static void end_one(struct loop *loop)
{
    struct run run = loop->runs[--loop->run_count];
    switch (below(20)) {
    case 0:
    case 1:
        fail_as(&run, "failure");
        break;
    case 2:
        fail_as(&run, "crash");
        break;
    case 3:
        fail_as(&run, one_in(4) ? "dead" : "free");
        break;
    case 4:
        forget(&run);
        break;
    case 5:
        loop->run_count += renew(&run);
        break;
    default:
        loop->done[loop->done_count++] = run;
    }
}

static void step(struct loop *loop)
{
    if (one_in(150)) {
        die(loop);
    } else if (loop->run_count) {
        end_one(loop);
    } else if (loop->done_count && one_in(2)) {
        acknowledge(loop->done, loop->done_count);
        loop->done_count = 0;
    } else if (loop->is_awake || loop->done_count) {
        reserve(loop);
    } else if (loop >= loops + REMOTE_LOOPS) {
        redisReply *marker = ask("ZPOPMIN queue:m:wake");
        loop->has_marker = marker->elements > 0;
        loop->is_awake = loop->has_marker || one_in(10); /* every block ends by itself */
        freeReplyObject(marker);
    } else {
        loop->is_awake = one_in(3);
    }
}

/* ---- From outside ------------------------------------------------------------------------- */

static void cancel_one(void)
{
    int job = created - 1 - (int)below((unsigned)(created < HELD_MAX ? created : HELD_MAX));
    struct call *call = begin();
    add_id(call, job);
    add_text(call, "space");
    add_text(call, "jobs:cancel");
    redisReply *reply = run(cancel_lua, call);
    if (is(reply, "cancelled")) {
        assert_false(jobs[job].is_over);
        jobs[job].is_over = true;
    } else if (jobs[job].is_over) {
        assert_string_equal(reply->str, "finished");
    }
    freeReplyObject(reply);
}

static void set_paused(bool paused)
{
    struct call *call = begin();
    add_text(call, "paused");
    add_text(call, paused ? "1" : "");
    freeReplyObject(run(change_lua, call));
    is_paused = paused;
}

/* `held` is how many ids the queue holds. It runs empty now and then: a backlog would always have a
 * marker, whoever forgets to put one. */
static void disturb(long long held)
{
    if (created < JOBS && held < HELD_MAX && one_in(held ? 8 : 40))
        produce();
    else if (created && one_in(40))
        cancel_one();
    else if (one_in(10))
        come_late();
    else if (one_in(is_paused ? 20 : 1000))
        set_paused(!is_paused);
}

/* ---- What must be so ---------------------------------------------------------------------- */

static bool is_marker_popped(void)
{
    for (int i = 0; i < LOOPS; i++)
        if (loops[i].has_marker)
            return true;
    return is_marker_lost;
}

/* Returns how many ids the queue holds, of jobs that are not over and perhaps of some that are. */
static long long check(void)
{
    static const char script[] =
        "return {redis.call('LLEN', KEYS[1]) + redis.call('ZCARD', KEYS[2]),"
        "redis.call('ZCARD', KEYS[3]) + redis.call('ZCARD', KEYS[4]),"
        "redis.call('ZCARD', KEYS[5])}";
    const char *const argv[] = {
        "5", "queue:m:ready", "queue:m:prio", "queue:m:delayed", "queue:m:lease", "queue:m:wake"};
    redisReply *reply = run_script(script, 6, argv);
    long long ready = reply->element[0]->integer, others = reply->element[1]->integer;
    if (ready && !reply->element[2]->integer && !is_paused && !is_marker_popped())
        fail_msg("%lld jobs are ready, and nothing wakes a loop", ready);
    freeReplyObject(reply);
    return ready + others;
}

static long long number_in(const redisReply *field)
{
    return field->str ? atoll(field->str) : 0;
}

/* A job's hash says what the scripts have answered. Returns its state's first letter: c, d, or x for
 * cancelled. */
static char check_job(int i)
{
    const struct job *job = &jobs[i];
    redisReply *fields = ask("HMGET job:j%d state epoch attempt failures crashes lost", i);
    assert_int_equal(fields->element[0]->type, REDIS_REPLY_STRING);
    const char *state = fields->element[0]->str;
    bool is_completed = strcmp(state, "completed") == 0, is_dead = strcmp(state, "dead") == 0;
    long long attempt = number_in(fields->element[2]), lost = number_in(fields->element[5]);
    if (!is_completed && !is_dead && strcmp(state, "cancelled") != 0)
        fail_msg("job %d is %s at the end", i, state);
    assert_int_equal(job->completions, is_completed);
    assert_int_equal(number_in(fields->element[1]), job->handed_out);
    assert_int_equal(attempt, job->handed_out - job->freed);
    assert_int_equal(number_in(fields->element[3]), job->failures);
    assert_int_equal(number_in(fields->element[4]), job->crashes);
    assert_true(attempt <= 1 + job->failures + job->crashes + lost);
    assert_true(lost <= LOST + 1);
    freeReplyObject(fields);
    return is_completed ? 'c' : is_dead ? 'd' : 'x';
}

static void check_end(void)
{
    long long completed_count = 0, dead = 0, cancelled = 0;
    for (int i = 0; i < JOBS; i++) {
        char state = check_job(i);
        completed_count += state == 'c';
        dead += state == 'd';
        cancelled += state == 'x';
    }
    print_message("completed %lld, dead %lld, cancelled %lld\n", completed_count, dead, cancelled);
    assert_true(completed_count > 0 && dead > 0 && cancelled > 0);
    assert_int_equal(number(ask("HGET queue:m:meta enqueued")), JOBS);
    assert_int_equal(number(ask("HGET queue:m:meta completed")), completed_count);
    assert_int_equal(number(ask("HGET queue:m:meta dead")), dead);
    assert_int_equal(number(ask("LLEN queue:m:dead")), dead);
    assert_int_equal(number(ask("HGET queue:m:meta cancelled")), cancelled);
    assert_int_equal(number(ask("HGET queue:m:meta failed")), failed_answers);
}

static void every_job_ends_once_whatever_the_loops_do(void **state)
{
    const char *given = getenv("JOBS_MODEL_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
    long long left = 1;
    int steps = 0;
    (void)state;
    random_state = seed * 2 + 1; /* never 0 */
    print_message("JOBS_MODEL_SEED=%llu repeats this run\n", (unsigned long long)seed);
    for (; (created < JOBS || left) && steps < STEPS_MAX; steps++) {
        step(&loops[below(LOOPS)]);
        disturb(check());
        left = check();
    }
    print_message("%d steps\n", steps);
    assert_int_equal(left, 0);
    check_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(every_job_ends_once_whatever_the_loops_do, flush),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
