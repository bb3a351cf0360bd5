/* The arithmetic of the buckets against plain models of the algorithms: 100,000 random sequences
 * each, and what batches make of an order.
 *
 *   random limit -> random (time step, cost) ... -> the mirror and the model agree on each
 *
 * The models are slow and obvious: a token bucket is refilled millisecond by millisecond, windows
 * count the requests that were admitted in them, GCRA keeps one time in 128 bits.
 *
 * SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "call.c"
#include "judge.h"

#define SEQUENCES 100000
#define STEPS 16

/* ---- Chance -------------------------------------------------------------------------------- */

/* splitmix64: the same sequences in every run. */
static uint64_t chance_state;

static uint64_t chance(void)
{
    uint64_t z = chance_state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static int64_t between(int64_t least, int64_t most)
{
    return least + (int64_t)(chance() % (uint64_t)(most - least + 1));
}

static struct limit random_limit(int64_t algorithm)
{
    return (struct limit){.algorithm = algorithm,
                          .capacity = between(1, 9),
                          .amount = between(1, 7),
                          .per_ms = between(1, 40)};
}

/* ---- The models ---------------------------------------------------------------------------- */

struct model {
    struct limit limit;
    int64_t start, now;
    int64_t level;                        /* token bucket */
    __int128 full_at;                     /* GCRA: time x amount */
    int64_t when[STEPS], admitted[STEPS]; /* windows */
    int count;
};

static void model_start(struct model *model, const struct limit *limit, int64_t now)
{
    *model = (struct model){.limit = *limit,
                            .start = now,
                            .now = now,
                            .level = limit->capacity * limit->per_ms,
                            .full_at = (__int128)now * limit->amount};
}

static void model_pass(struct model *model, int64_t ms)
{
    int64_t full = model->limit.capacity * model->limit.per_ms;
    for (int64_t i = 0; i < ms; i++)
        model->level =
            model->level + model->limit.amount < full ? model->level + model->limit.amount : full;
    model->now += ms;
}

static int64_t admitted_in(const struct model *model, int64_t window)
{
    int64_t sum = 0;
    for (int i = 0; i < model->count; i++)
        if (model->when[i] / model->limit.per_ms == window)
            sum += model->admitted[i];
    return sum;
}

static bool window_takes(const struct model *model, int64_t cost)
{
    int64_t per = model->limit.per_ms, window = model->now / per;
    int64_t used = admitted_in(model, window) + cost;
    if (model->limit.algorithm == FIXED_WINDOW)
        return used <= model->limit.capacity;
    /* used + previous x (per - elapsed) / per <= capacity, without the division */
    int64_t previous = admitted_in(model, window - 1);
    return used * per + previous * (per - model->now % per) <= model->limit.capacity * per;
}

static bool model_takes(struct model *model, int64_t cost)
{
    const struct limit *limit = &model->limit;
    if (limit->algorithm == TOKEN_BUCKET) {
        bool there = model->level >= cost * limit->per_ms;
        model->level -= there ? cost * limit->per_ms : 0;
        return there;
    }
    if (limit->algorithm == GCRA) {
        __int128 now = (__int128)model->now * limit->amount;
        __int128 tat = (model->full_at > now ? model->full_at : now) + cost * limit->per_ms;
        if (tat - now > limit->capacity * limit->per_ms)
            return false;
        model->full_at = tat;
        return true;
    }
    if (!window_takes(model, cost))
        return false;
    model->when[model->count] = model->now;
    model->admitted[model->count++] = cost;
    return true;
}

/* ---- The mirror ---------------------------------------------------------------------------- */

static bool takes(const struct limit *limit, struct bucket *bucket, int64_t now, int64_t cost)
{
    *bucket = bucket_advance(limit, *bucket, now);
    bool there = bucket_affords(limit, bucket, now, cost);
    if (there)
        bucket_spend(limit, bucket, cost);
    return there;
}

static bool affords_at(const struct limit *limit, struct bucket bucket, int64_t when, int64_t cost)
{
    bucket = bucket_advance(limit, bucket, when);
    return bucket_affords(limit, &bucket, when, cost);
}

/* What a refusal promises: at that time it is there, a millisecond before it is not. */
static void assert_promise(const struct limit *limit, const struct bucket *bucket, int64_t now,
                           int64_t cost)
{
    int64_t wait = bucket_wait_ms(limit, bucket, now, cost);
    assert_true(wait > 0);
    assert_true(affords_at(limit, *bucket, now + wait, cost));
    assert_false(affords_at(limit, *bucket, now + wait - 1, cost));
}

static void assert_reset(const struct limit *limit, const struct bucket *bucket, int64_t now)
{
    int64_t when = now + bucket_reset_ms(limit, bucket, now);
    struct bucket then = bucket_advance(limit, *bucket, when);
    assert_int_equal(bucket_remaining(limit, &then, when), limit->capacity);
}

static void follow_one(int64_t algorithm)
{
    struct limit limit = random_limit(algorithm);
    int64_t now = between(1000000, 2000000);
    struct bucket bucket = bucket_full(&limit, now);
    struct model model;
    model_start(&model, &limit, now);
    for (int i = 0; i < STEPS; i++) {
        int64_t step = between(0, 2) ? between(0, 6) : between(0, 60);
        int64_t cost = between(1, limit.capacity);
        now += step;
        model_pass(&model, step);
        bool taken = takes(&limit, &bucket, now, cost);
        assert_int_equal(taken, model_takes(&model, cost));
        if (!taken)
            assert_promise(&limit, &bucket, now, cost);
        assert_reset(&limit, &bucket, now);
    }
}

static void follow(int64_t algorithm)
{
    chance_state = 1;
    for (int i = 0; i < SEQUENCES; i++)
        follow_one(algorithm);
}

static void a_token_bucket_is_what_filling_it_each_millisecond_makes(void **state)
{
    (void)state;
    follow(TOKEN_BUCKET);
}

static void a_fixed_window_admits_its_capacity(void **state)
{
    (void)state;
    follow(FIXED_WINDOW);
}

static void a_sliding_window_weighs_the_previous_one(void **state)
{
    (void)state;
    follow(SLIDING_WINDOW);
}

static void gcra_is_one_time_and_the_same_mathematics(void **state)
{
    (void)state;
    follow(GCRA);
}

/* ---- Single facts -------------------------------------------------------------------------- */

static void of_300_requests_each_900_ms_exactly_271_pass(void **state)
{
    const struct limit limit = {TOKEN_BUCKET, 2, 1, 1000};
    struct bucket bucket = bucket_full(&limit, 0);
    int allowed = 0;
    (void)state;
    for (int i = 0; i < 300; i++)
        allowed += takes(&limit, &bucket, i * 900, 1);
    assert_int_equal(allowed, 271);
}

static void the_largest_bucket_is_exact_to_the_token(void **state)
{
    const struct limit limit = {TOKEN_BUCKET, 1000000000, 1, 9007199};
    struct bucket bucket = bucket_full(&limit, 5);
    (void)state;
    assert_true(limit.capacity <= BUCKET_EXACT_MAX / limit.per_ms);
    assert_true(takes(&limit, &bucket, 5, 999999999));
    assert_true(takes(&limit, &bucket, 5, 1));
    assert_int_equal(bucket_wait_ms(&limit, &bucket, 5, 1), 9007199);
    assert_int_equal(bucket_reset_ms(&limit, &bucket, 5), limit.capacity * limit.per_ms);
}

static void a_cost_above_the_capacity_never_comes(void **state)
{
    (void)state;
    for (int64_t algorithm = TOKEN_BUCKET; algorithm <= GCRA; algorithm++) {
        const struct limit limit = {algorithm, 5, 1, 100};
        struct bucket bucket = bucket_full(&limit, 1000);
        assert_int_equal(bucket_wait_ms(&limit, &bucket, 1000, 6), -1);
    }
}

static void what_is_given_back_never_makes_more_than_full(void **state)
{
    (void)state;
    for (int64_t algorithm = TOKEN_BUCKET; algorithm <= GCRA; algorithm++) {
        const struct limit limit = {algorithm, 5, 1, 100};
        struct bucket bucket = bucket_full(&limit, 1000);
        assert_true(takes(&limit, &bucket, 1000, 3));
        bucket_spend(&limit, &bucket, -2);
        assert_int_equal(bucket_remaining(&limit, &bucket, 1000), 4);
        bucket_spend(&limit, &bucket, -5);
        assert_int_equal(bucket_remaining(&limit, &bucket, 1000), 5);
    }
}

static void a_clock_that_steps_back_gives_nothing(void **state)
{
    (void)state;
    for (int64_t algorithm = TOKEN_BUCKET; algorithm <= GCRA; algorithm++) {
        const struct limit limit = {algorithm, 5, 1, 1000};
        struct bucket bucket = bucket_full(&limit, 100000);
        assert_true(takes(&limit, &bucket, 100000, 5));
        assert_false(takes(&limit, &bucket, 99500, 1));
    }
}

static void a_clock_that_steps_far_back_makes_nobody_wait_longer_than_a_refill(void **state)
{
    (void)state;
    for (int64_t algorithm = TOKEN_BUCKET; algorithm <= GCRA; algorithm++) {
        const struct limit limit = {algorithm, 5, 1, 1000};
        struct bucket bucket = bucket_full(&limit, 100000000);
        assert_true(takes(&limit, &bucket, 100000000, 5));
        bucket = bucket_advance(&limit, bucket, 1000);
        assert_true(bucket_wait_ms(&limit, &bucket, 1000, 1) <= 5000);
    }
}

/* ---- Several at once ----------------------------------------------------------------------- */

static void what_one_policy_refuses_no_other_one_counts(void **state)
{
    const struct limit wide = {TOKEN_BUCKET, 5, 1, 1000}, narrow = {FIXED_WINDOW, 1, 1, 1000};
    struct bucket a = bucket_full(&wide, 0), b = bucket_full(&narrow, 0);
    const struct stake stakes[] = {{&wide, &a, 1, false}, {&narrow, &b, 1, false}};
    struct ruling rulings[2];
    (void)state;
    assert_true(judge(stakes, 2, 0, rulings));
    assert_false(judge(stakes, 2, 0, rulings));
    assert_int_equal(rulings[0].remaining, 4);
    assert_true(rulings[0].afforded);
    assert_false(rulings[1].afforded);
    assert_int_equal(rulings[1].wait_ms, 1000);
}

static void a_shadow_policy_counts_and_refuses_nobody(void **state)
{
    const struct limit wide = {TOKEN_BUCKET, 5, 1, 1000}, narrow = {TOKEN_BUCKET, 1, 1, 1000};
    struct bucket a = bucket_full(&wide, 0), b = bucket_full(&narrow, 0);
    const struct stake stakes[] = {{&wide, &a, 1, false}, {&narrow, &b, 1, true}};
    struct ruling rulings[2];
    (void)state;
    assert_true(judge(stakes, 2, 0, rulings));
    assert_true(judge(stakes, 2, 0, rulings));
    assert_false(rulings[1].afforded);
    assert_int_equal(rulings[0].remaining, 3);
}

/* ---- Batches ------------------------------------------------------------------------------- */

#define POLICIES 4
#define KEYS 3 /* of each policy */

static struct policy policies[POLICIES];
static char keys[POLICIES][KEYS][32];

static void make_policies(void)
{
    for (int p = 0; p < POLICIES; p++) {
        policies[p] = (struct policy){.name = "p", .cost = 1, .shadow = p == 3};
        policies[p].limit = (struct limit){p, between(2, 9), 1, 1000};
        for (int k = 0; k < KEYS; k++)
            (void)snprintf(keys[p][k], sizeof keys[p][k], "%d:%d", p, k);
    }
}

static struct question *random_question(struct question *question, struct demand *demands)
{
    *question = (struct question){.demands = demands};
    for (int p = 0; p < POLICIES; p++)
        if (between(0, 1) || (p == 0 && question->count == 0))
            demands[question->count++] = (struct demand){.policy = &policies[p],
                                                         .key = keys[p][between(0, KEYS - 1)],
                                                         .cost = between(0, 3) ? 1 : 2};
    return question;
}

/* What take.lua does: the runs in their order, each so many times. */
static void play_runs(struct call *call, struct bucket *ret_after)
{
    for (uint32_t r = 0; r < call->run_count; r++) {
        const struct seat *seat = &call->seats[call->runs[r].seat];
        for (uint32_t i = 0; i < call->runs[r].count; i++)
            (void)judge(&call->stakes[seat->first], seat->count, 0, NULL);
    }
    for (uint32_t i = 0; i < call->place_count; i++)
        ret_after[i] = call->places[i].bucket;
}

static void fill_places(struct call *call)
{
    for (uint32_t i = 0; i < call->place_count; i++)
        call->places[i].bucket = bucket_full(&call->places[i].policy->limit, 0);
}

static void runs_leave_in_every_bucket_what_the_order_of_arrival_does(void **state)
{
    static struct question questions[40];
    static struct demand demands[40][POLICIES];
    static struct bucket after[CALL_STAKES_MAX];
    struct local *local = local_new(7, 1);
    struct call *call = call_new(local);
    uint64_t joined = 0;
    (void)state;
    chance_state = 2;
    for (int round = 0; round < 5000; round++) {
        make_policies();
        call_begin(call);
        for (int i = 0; i < 40; i++)
            assert_true(call_add(call, random_question(&questions[i], demands[i])));
        assert_int_equal(call->seat_count, 40);
        joined += call->seat_count - call->run_count;
        fill_places(call);
        play_runs(call, after);
        fill_places(call);
        for (uint32_t i = 0; i < call->seat_count; i++)
            judge_seat(call, &call->seats[i], &questions[i], 0);
        for (uint32_t i = 0; i < call->place_count; i++)
            assert_int_equal(after[i].level, call->places[i].bucket.level);
    }
    assert_true(joined > 1000);
    call_free(call);
    local_free(local);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_bucket_is_what_filling_it_each_millisecond_makes),
        cmocka_unit_test(a_fixed_window_admits_its_capacity),
        cmocka_unit_test(a_sliding_window_weighs_the_previous_one),
        cmocka_unit_test(gcra_is_one_time_and_the_same_mathematics),
        cmocka_unit_test(of_300_requests_each_900_ms_exactly_271_pass),
        cmocka_unit_test(the_largest_bucket_is_exact_to_the_token),
        cmocka_unit_test(a_cost_above_the_capacity_never_comes),
        cmocka_unit_test(what_is_given_back_never_makes_more_than_full),
        cmocka_unit_test(a_clock_that_steps_back_gives_nothing),
        cmocka_unit_test(a_clock_that_steps_far_back_makes_nobody_wait_longer_than_a_refill),
        cmocka_unit_test(what_one_policy_refuses_no_other_one_counts),
        cmocka_unit_test(a_shadow_policy_counts_and_refuses_nobody),
        cmocka_unit_test(runs_leave_in_every_bucket_what_the_order_of_arrival_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
