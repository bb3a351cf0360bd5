/* One script call for everybody who waits.
 *
 *   take questions -> places (distinct buckets) -> runs (the same question several times) -> JSON
 *   reply -> places as they were -> judge each seat in order -> wake
 *
 * The script and `judge` go through the same questions in the same order with the same integers:
 * Redis keeps what remains, and each request learns what it left. Seats whose request has ended
 * meanwhile are judged all the same, since the script counted them.
 *
 * A question joins a run that is not the last one only if no bucket of its was named since: then
 * their order makes no difference.
 *
 * SPDX-License-Identifier: MIT */
#include "batch.h"

#include <stdlib.h>
#include <string.h>

#include "local.h"

#define SLOTS (2 * BATCH_STAKES_MAX) /* of the hash of places; a power of two */
#define NO_RUN UINT32_MAX
#define PARK_MS 1000 /* for a call that runs out of time, and the one after it */

/* Integers with their comma, and the brackets. */
#define TEXT_MAX                                                                                   \
    (21 * (5 * POLICIES_MAX + (1 + 2 + 3) * BATCH_STAKES_MAX + 2 * BATCH_QUESTIONS_MAX) + 64)

/* A bucket of the call. */
struct place {
    struct policy *policy;
    const char *key; /* until the call is sent */
    uint64_t hash;
    uint32_t policy_index; /* in the call, from 1 */
    uint32_t run;          /* the last that names it, or NO_RUN */
    struct bucket bucket;
};

/* A request of the call: `count` stakes from `first`. */
struct seat {
    struct question *question; /* NULL: it has ended */
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

struct batch {
    const sluice_script *take;
    struct local *local;
    struct question *first, **end;
    bool in_flight;
    struct notice troubled;

    /* The call in flight, or being built. */
    struct place places[BATCH_STAKES_MAX];
    struct stake stakes[BATCH_STAKES_MAX];
    uint32_t place_of[BATCH_STAKES_MAX]; /* of each stake */
    struct seat seats[BATCH_QUESTIONS_MAX];
    struct run runs[BATCH_QUESTIONS_MAX];
    const struct policy *policies[POLICIES_MAX];
    uint32_t place_count, stake_count, seat_count, run_count, policy_count;
    uint32_t slots[SLOTS]; /* place + 1, by hash of key */
    struct text text;
    sluice_arg args[BATCH_STAKES_MAX + 1];
};

static sluice_worker_step answered;

struct batch *batch_new(const sluice_script *take, struct local *local)
{
    struct batch *batch = calloc(1, sizeof *batch);
    if (!batch)
        return NULL;
    batch->take = take;
    batch->local = local;
    batch->end = &batch->first;
    return batch;
}

void batch_free(struct batch *batch)
{
    free(batch);
}

/* ---- The queue ---------------------------------------------------------------------------- */

static void enqueue(struct batch *batch, struct question *question)
{
    question->next = NULL;
    question->from = batch->end;
    *batch->end = question;
    batch->end = &question->next;
}

static void dequeue(struct batch *batch, struct question *question)
{
    *question->from = question->next;
    if (question->next)
        question->next->from = question->from;
    else
        batch->end = question->from;
    question->from = NULL;
}

static void leave(struct batch *batch, struct question *question)
{
    if (question->from)
        dequeue(batch, question);
    if (question->seat)
        batch->seats[question->seat - 1].question = NULL;
    question->seat = 0;
}

/* ---- Building a call ---------------------------------------------------------------------- */

static uint32_t policy_index(struct batch *batch, const struct policy *policy)
{
    uint32_t i = 0;
    while (i < batch->policy_count && batch->policies[i] != policy)
        i++;
    if (i == batch->policy_count)
        batch->policies[batch->policy_count++] = policy;
    return i + 1;
}

static uint32_t find_place(struct batch *batch, const struct demand *demand)
{
    uint64_t hash = local_hash(batch->local, demand->key);
    uint64_t slot = hash % SLOTS;
    while (batch->slots[slot]) {
        uint32_t found = batch->slots[slot] - 1;
        if (strcmp(batch->places[found].key, demand->key) == 0)
            return found;
        slot = (slot + 1) % SLOTS;
    }
    uint32_t made = batch->place_count++;
    batch->slots[slot] = made + 1;
    batch->places[made] = (struct place){
        .policy = demand->policy,
        .key = demand->key,
        .hash = hash,
        .policy_index = policy_index(batch, demand->policy),
        .run = NO_RUN,
    };
    return made;
}

/* The seats take the same costs from the same buckets. */
static bool same_stakes(const struct batch *batch, const struct seat *a, const struct seat *b)
{
    if (a->count != b->count)
        return false;
    for (uint32_t i = 0; i < a->count; i++)
        if (batch->place_of[a->first + i] != batch->place_of[b->first + i] ||
            batch->stakes[a->first + i].cost != batch->stakes[b->first + i].cost)
            return false;
    return true;
}

static void join_run(struct batch *batch, uint32_t index)
{
    const struct seat *seat = &batch->seats[index];
    uint32_t run = batch->places[batch->place_of[seat->first]].run;
    bool last = run != NO_RUN;
    for (uint32_t i = 0; last && i < seat->count; i++)
        last = batch->places[batch->place_of[seat->first + i]].run == run;
    if (last && same_stakes(batch, seat, &batch->seats[batch->runs[run].seat])) {
        batch->runs[run].count++;
        return;
    }
    run = batch->run_count++;
    batch->runs[run] = (struct run){index, 1};
    for (uint32_t i = 0; i < seat->count; i++)
        batch->places[batch->place_of[seat->first + i]].run = run;
}

static void sit_down(struct batch *batch, struct question *question)
{
    uint32_t index = batch->seat_count++;
    batch->seats[index] = (struct seat){question, batch->stake_count, question->count};
    question->seat = index + 1;
    for (uint32_t i = 0; i < question->count; i++) {
        const struct demand *demand = &question->demands[i];
        uint32_t place = find_place(batch, demand);
        batch->place_of[batch->stake_count] = place;
        batch->stakes[batch->stake_count++] = (struct stake){
            .limit = &demand->policy->limit,
            .bucket = &batch->places[place].bucket,
            .cost = demand->cost,
            .shadow = demand->policy->shadow,
        };
    }
    join_run(batch, index);
}

static void take_questions(struct batch *batch)
{
    batch->place_count = batch->stake_count = batch->seat_count = 0;
    batch->run_count = batch->policy_count = 0;
    memset(batch->slots, 0, sizeof batch->slots);
    while (batch->first && batch->seat_count < BATCH_QUESTIONS_MAX &&
           batch->stake_count + batch->first->count <= BATCH_STAKES_MAX) {
        struct question *question = batch->first;
        dequeue(batch, question);
        sit_down(batch, question);
    }
}

/* ---- Writing it down ---------------------------------------------------------------------- */

static void put(struct text *text, int64_t number)
{
    int len =
        snprintf(text->data + text->len, sizeof text->data - text->len, "%lld,", (long long)number);
    text->len += (size_t)len;
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

static void put_policies(struct batch *batch)
{
    for (uint32_t i = 0; i < batch->policy_count; i++) {
        const struct limit *limit = &batch->policies[i]->limit;
        put(&batch->text, limit->algorithm);
        put(&batch->text, limit->capacity);
        put(&batch->text, limit->amount);
        put(&batch->text, limit->per_ms);
        put(&batch->text, batch->policies[i]->shadow);
    }
}

static void put_runs(struct batch *batch)
{
    for (uint32_t i = 0; i < batch->run_count; i++) {
        const struct seat *seat = &batch->seats[batch->runs[i].seat];
        put(&batch->text, batch->runs[i].count);
        put(&batch->text, seat->count);
        for (uint32_t k = 0; k < seat->count; k++) {
            put(&batch->text, batch->place_of[seat->first + k] + 1);
            put(&batch->text, batch->stakes[seat->first + k].cost);
        }
    }
}

static void put_returns(struct batch *batch, int64_t monotonic)
{
    for (uint32_t i = 0; i < batch->place_count; i++) {
        int64_t most, owed;
        if (!local_return(batch->local, batch->places[i].hash, batch->places[i].policy, monotonic,
                          &most, &owed))
            continue;
        put(&batch->text, i + 1);
        put(&batch->text, most);
        put(&batch->text, owed);
    }
}

static void write_call(struct batch *batch, int64_t monotonic)
{
    struct text *text = &batch->text;
    text->len = 0;
    put_end(text, "[[");
    put_policies(batch);
    put_end(text, "],[");
    for (uint32_t i = 0; i < batch->place_count; i++)
        put(text, batch->places[i].policy_index);
    put_end(text, "],[");
    put_runs(batch);
    put_end(text, "],[");
    put_returns(batch, monotonic);
    put_end(text, "]]");
}

static void ask(struct batch *batch, sluice_worker *worker)
{
    take_questions(batch);
    if (batch->seat_count == 0)
        return;
    write_call(batch, sluice_monotonic(worker));
    for (uint32_t i = 0; i < batch->place_count; i++)
        batch->args[i] = sluice_arg_text(batch->places[i].key);
    batch->args[batch->place_count] =
        sluice_arg_bytes(sluice_bytes_of(batch->text.data, batch->text.len));
    batch->in_flight = true;
    worker->api->run(worker, answered, batch, batch->take, batch->place_count, batch->args,
                     batch->place_count + 1, sizeof batch->args[0]);
}

/* Runs when the request ends, in whatever way. */
static void forget(void *what)
{
    struct question *question = what;
    leave(question->batch, question);
}

sluice_verdict batch_ask(struct batch *batch, sluice_request *req, struct question *question,
                         sluice_step *then, const char *then_name)
{
    sluice_wait wait = sluice_then(then, then_name, question);
    wait.flags = SLUICE_TAKE_TROUBLE;
    wait.timeout_ms = PARK_MS;
    sluice_verdict verdict = sluice_park(req, wait, &question->token);
    if (verdict != SLUICE_WAIT)
        return verdict;
    question->batch = batch;
    sluice_defer(req, forget, question);
    enqueue(batch, question);
    if (!batch->in_flight)
        ask(batch, sluice_worker_of(req));
    return verdict;
}

/* ---- The reply ---------------------------------------------------------------------------- */

static bool read_places(struct batch *batch, const sluice_reply *reply, int64_t now)
{
    uint64_t at = 1;
    for (uint32_t i = 0; i < batch->place_count; i++) {
        struct place *place = &batch->places[i];
        place->bucket.level = sluice_int(sluice_at(reply, at++));
        place->bucket.at = now + sluice_int(sluice_at(reply, at++));
        place->bucket.previous = place->policy->limit.algorithm == SLIDING_WINDOW
                                     ? sluice_int(sluice_at(reply, at++))
                                     : 0;
    }
    return at == sluice_length(reply);
}

static void judge_seat(struct batch *batch, const struct seat *seat, int64_t now)
{
    struct ruling rulings[POLICIES_MAX];
    struct question *question = seat->question;
    bool pass = judge(&batch->stakes[seat->first], seat->count, now, rulings);
    if (!question)
        return;
    question->judged = true;
    question->pass = pass;
    question->now = now;
    for (uint32_t i = 0; i < seat->count; i++)
        question->demands[i].ruling = rulings[i];
}

static void learn(struct batch *batch, int64_t now, int64_t monotonic)
{
    for (uint32_t i = 0; i < batch->place_count; i++) {
        const struct place *place = &batch->places[i];
        local_learn(batch->local, place->hash, place->policy,
                    bucket_remaining(&place->policy->limit, &place->bucket, now), monotonic);
    }
}

static void judge_all(struct batch *batch, sluice_worker *worker, const sluice_reply *reply)
{
    int64_t now = sluice_int(sluice_at(reply, 0));
    if (!read_places(batch, reply, now)) {
        sluice_log(worker, SLUICE_LOG_ERROR,
                   "take.lua answered %llu numbers for %u buckets; the gateway and the script that "
                   "Redis ran do not fit together",
                   (unsigned long long)sluice_length(reply), batch->place_count);
        return;
    }
    for (uint32_t i = 0; i < batch->seat_count; i++)
        judge_seat(batch, &batch->seats[i], now);
    learn(batch, now, sluice_monotonic(worker));
}

static void wake_all(struct batch *batch, sluice_worker *worker)
{
    for (uint32_t i = 0; i < batch->seat_count; i++) {
        struct question *question = batch->seats[i].question;
        if (!question)
            continue;
        question->seat = 0;
        (void)sluice_wake(worker, question->token, 1); /* false: it ran out of time just now */
    }
}

static void answered(sluice_worker *worker, void *state, const sluice_reply *reply)
{
    struct batch *batch = state;
    int64_t count;
    batch->in_flight = false;
    if (!sluice_is_trouble(reply) && !sluice_is_error(reply))
        judge_all(batch, worker, reply);
    else if (notice_due(&batch->troubled, sluice_monotonic(worker), &count))
        sluice_log(worker, SLUICE_LOG_WARN,
                   "%lld calls of take.lua failed, the last with \"%s\"; each policy's "
                   "on_store_error says what happens meanwhile",
                   (long long)count, sluice_text(reply));
    wake_all(batch, worker);
    if (batch->first)
        ask(batch, worker);
}
