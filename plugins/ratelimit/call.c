/* One call of take.lua: the questions that go together, and what became of them.
 *
 *   questions -> seats -> places (distinct buckets) and runs (the same several times) -> JSON
 *   reply -> places as they were -> judge each seat in order
 *
 * SPDX-License-Identifier: MIT */
#include "call.h"

#include <stdlib.h>
#include <string.h>

#include "local.h"

#define SLOTS (2 * CALL_STAKES_MAX) /* of the hash of places; a power of two */
#define NO_RUN UINT32_MAX

/* Integers with their comma, and the brackets. */
#define TEXT_MAX                                                                                   \
    (21 * (5 * POLICIES_MAX + (1 + 2 + 3) * CALL_STAKES_MAX + 2 * CALL_QUESTIONS_MAX) + 64)

/* A bucket of the call. */
struct place {
    struct policy *policy;
    const char *key; /* until the call is sent */
    uint64_t hash;
    uint32_t policy_index; /* in the call, from 1 */
    uint32_t run;          /* the last that names it, or NO_RUN */
    uint32_t slot;         /* where the hash names it */
    struct bucket bucket;
};

/* A request of the call: `count` stakes from `first`. */
struct seat {
    uint32_t first, count;
};

struct run {
    uint32_t seat; /* one of them, as an example */
    uint32_t count;
};

struct text {
    char data[TEXT_MAX];
    size_t len;
};

struct call {
    struct local *local;
    struct place places[CALL_STAKES_MAX];
    struct stake stakes[CALL_STAKES_MAX];
    uint32_t place_of[CALL_STAKES_MAX]; /* of each stake */
    struct seat seats[CALL_QUESTIONS_MAX];
    struct run runs[CALL_QUESTIONS_MAX];
    const struct policy *policies[POLICIES_MAX];
    uint32_t place_count, stake_count, seat_count, run_count, policy_count;
    uint32_t slots[SLOTS]; /* place + 1, by hash of key */
    struct text text;
    sluice_arg args[CALL_STAKES_MAX + 1];
};

struct call *call_new(struct local *local)
{
    struct call *call = calloc(1, sizeof *call);
    if (call)
        call->local = local;
    return call;
}

void call_free(struct call *call)
{
    free(call);
}

/* ---- Gathering ----------------------------------------------------------------------------- */

void call_begin(struct call *call)
{
    for (uint32_t i = 0; i < call->place_count; i++)
        call->slots[call->places[i].slot] = 0;
    call->place_count = call->stake_count = call->seat_count = 0;
    call->run_count = call->policy_count = 0;
}

static uint32_t policy_index(struct call *call, const struct policy *policy)
{
    uint32_t i = 0;
    while (i < call->policy_count && call->policies[i] != policy)
        i++;
    if (i == call->policy_count)
        call->policies[call->policy_count++] = policy;
    return i + 1;
}

static uint32_t find_place(struct call *call, const struct demand *demand)
{
    uint64_t hash = local_hash(call->local, demand->key);
    uint32_t slot = hash % SLOTS;
    while (call->slots[slot]) {
        uint32_t found = call->slots[slot] - 1;
        if (strcmp(call->places[found].key, demand->key) == 0)
            return found;
        slot = (slot + 1) % SLOTS;
    }
    uint32_t made = call->place_count++;
    call->slots[slot] = made + 1;
    call->places[made] = (struct place){
        .policy = demand->policy,
        .key = demand->key,
        .hash = hash,
        .policy_index = policy_index(call, demand->policy),
        .run = NO_RUN,
        .slot = slot,
    };
    return made;
}

/* The seats take the same costs from the same buckets. */
static bool same_stakes(const struct call *call, const struct seat *a, const struct seat *b)
{
    if (a->count != b->count)
        return false;
    for (uint32_t i = 0; i < a->count; i++)
        if (call->place_of[a->first + i] != call->place_of[b->first + i] ||
            call->stakes[a->first + i].cost != call->stakes[b->first + i].cost)
            return false;
    return true;
}

static void join_run(struct call *call, uint32_t index)
{
    const struct seat *seat = &call->seats[index];
    uint32_t run = call->places[call->place_of[seat->first]].run;
    bool last = run != NO_RUN;
    for (uint32_t i = 0; last && i < seat->count; i++)
        last = call->places[call->place_of[seat->first + i]].run == run;
    if (last && same_stakes(call, seat, &call->seats[call->runs[run].seat])) {
        call->runs[run].count++;
        return;
    }
    run = call->run_count++;
    call->runs[run] = (struct run){index, 1};
    for (uint32_t i = 0; i < seat->count; i++)
        call->places[call->place_of[seat->first + i]].run = run;
}

bool call_add(struct call *call, const struct question *question)
{
    if (call->seat_count == CALL_QUESTIONS_MAX ||
        call->stake_count + question->count > CALL_STAKES_MAX)
        return false;
    uint32_t index = call->seat_count++;
    call->seats[index] = (struct seat){call->stake_count, question->count};
    for (uint32_t i = 0; i < question->count; i++) {
        const struct demand *demand = &question->demands[i];
        uint32_t place = find_place(call, demand);
        call->place_of[call->stake_count] = place;
        call->stakes[call->stake_count++] = (struct stake){
            .limit = &demand->policy->limit,
            .bucket = &call->places[place].bucket,
            .cost = demand->cost,
            .shadow = demand->policy->shadow,
        };
    }
    join_run(call, index);
    return true;
}

/* ---- Writing it down ---------------------------------------------------------------------- */

/* By hand: there are four for each bucket, and printf would be a fortieth of a request. */
static void put(struct text *text, int64_t number)
{
    char digits[20], *at = digits + sizeof digits;
    uint64_t left = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    do {
        *--at = (char)('0' + left % 10);
    } while (left /= 10);
    if (number < 0)
        text->data[text->len++] = '-';
    size_t len = (size_t)(digits + sizeof digits - at);
    memcpy(text->data + text->len, at, len);
    text->data[text->len + len] = ',';
    text->len += len + 1;
}

/* Ends an array: its last comma goes. */
static void put_end(struct text *text, const char *end)
{
    if (text->len > 0 && text->data[text->len - 1] == ',')
        text->len--;
    size_t len = strlen(end);
    memcpy(text->data + text->len, end, len);
    text->len += len;
}

static void put_policies(struct call *call)
{
    for (uint32_t i = 0; i < call->policy_count; i++) {
        const struct limit *limit = &call->policies[i]->limit;
        put(&call->text, limit->algorithm);
        put(&call->text, limit->capacity);
        put(&call->text, limit->amount);
        put(&call->text, limit->per_ms);
        put(&call->text, call->policies[i]->shadow);
    }
}

static void put_runs(struct call *call)
{
    for (uint32_t i = 0; i < call->run_count; i++) {
        const struct seat *seat = &call->seats[call->runs[i].seat];
        put(&call->text, call->runs[i].count);
        put(&call->text, seat->count);
        for (uint32_t k = 0; k < seat->count; k++) {
            put(&call->text, call->place_of[seat->first + k] + 1);
            put(&call->text, call->stakes[seat->first + k].cost);
        }
    }
}

/* True when there are any. */
static bool put_returns(struct call *call, int64_t monotonic)
{
    bool any = false;
    for (uint32_t i = 0; i < call->place_count; i++) {
        int64_t most, owed;
        if (!local_return(call->local, call->places[i].hash, call->places[i].policy, monotonic,
                          &most, &owed))
            continue;
        put(&call->text, i + 1);
        put(&call->text, most);
        put(&call->text, owed);
        any = true;
    }
    return any;
}

static bool write_call(struct call *call, int64_t monotonic)
{
    struct text *text = &call->text;
    text->len = 0;
    put_end(text, "[[");
    put_policies(call);
    put_end(text, "],[");
    for (uint32_t i = 0; i < call->place_count; i++)
        put(text, call->places[i].policy_index);
    put_end(text, "],[");
    put_runs(call);
    put_end(text, "],[");
    bool any_returns = put_returns(call, monotonic);
    put_end(text, "]]");
    return any_returns;
}

bool call_send(struct call *call, sluice_worker *worker, const sluice_script *take,
               sluice_worker_step *then, void *state)
{
    bool returns = write_call(call, sluice_monotonic(worker));
    for (uint32_t i = 0; i < call->place_count; i++)
        call->args[i] = sluice_arg_text(call->places[i].key);
    call->args[call->place_count] =
        sluice_arg_bytes(sluice_bytes_of(call->text.data, call->text.len));
    worker->api->run(worker, then, state, take, call->place_count, call->args,
                     call->place_count + 1, sizeof call->args[0]);
    return returns;
}

/* ---- The reply ---------------------------------------------------------------------------- */

static bool read_places(struct call *call, const sluice_reply *reply, int64_t now)
{
    uint64_t at = 1;
    for (uint32_t i = 0; i < call->place_count; i++) {
        struct place *place = &call->places[i];
        place->bucket.level = sluice_int(sluice_at(reply, at++));
        place->bucket.at = now + sluice_int(sluice_at(reply, at++));
        place->bucket.previous = place->policy->limit.algorithm == SLIDING_WINDOW
                                     ? sluice_int(sluice_at(reply, at++))
                                     : 0;
    }
    return at == sluice_length(reply);
}

/* `question` is NULL when its request has ended. */
static void judge_seat(struct call *call, const struct seat *seat, struct question *question,
                       int64_t now)
{
    struct ruling rulings[POLICIES_MAX];
    bool pass = judge(&call->stakes[seat->first], seat->count, now, rulings);
    if (!question)
        return;
    question->judged = true;
    question->pass = pass;
    question->now = now;
    for (uint32_t i = 0; i < seat->count; i++)
        question->demands[i].ruling = rulings[i];
}

static void learn(struct call *call, int64_t now, int64_t monotonic)
{
    for (uint32_t i = 0; i < call->place_count; i++) {
        const struct place *place = &call->places[i];
        local_learn(call->local, place->hash, place->policy,
                    bucket_remaining(&place->policy->limit, &place->bucket, now), monotonic);
    }
}

bool call_judge(struct call *call, struct batch_ticket *const *tickets, const sluice_reply *reply,
                int64_t monotonic_ms)
{
    int64_t now = sluice_int(sluice_at(reply, 0));
    if (!read_places(call, reply, now))
        return false;
    for (uint32_t i = 0; i < call->seat_count; i++)
        judge_seat(call, &call->seats[i], tickets[i] ? tickets[i]->question : NULL, now);
    learn(call, now, monotonic_ms);
    return true;
}
