/* Jobs that are asked for one by one go to Redis together: a call costs Redis twelve commands, and
 * each job in it three.
 *
 * SPDX-License-Identifier: MIT */
#include "intake.h"

#include <stdlib.h>
#include <string.h>

#include "jobs.h"

#define CALL_BYTES_MAX (1 << 20) /* of payloads, beyond the first: others use this Redis, too */
#define PARK_MS 10000            /* each call has its own, shorter time */

/* One call of enqueue.lua, for one queue. */
struct load {
    char *names; /* of the keys */
    const char *prefix;
    struct queue_keys keys;
    struct call call;
    uint32_t jobs;
    uint64_t bytes;
    sluice_arg args[CALL_ARGS + 1 + JOBS_PER_CALL * SPEC_ARGS];
};

static void release(void *what)
{
    struct load *load = what;
    free(load->names);
    free(load);
}

static void *make(void *worker)
{
    static char longest[SLUICE_NAME_MAX + 1];
    struct load *load = calloc(1, sizeof *load);
    if (!load)
        return NULL;
    memset(longest, 'q', SLUICE_NAME_MAX);
    load->prefix = sluice_prefix(worker);
    load->names = malloc(queue_keys_size(load->prefix, longest));
    if (load->names)
        return load;
    release(load);
    return NULL;
}

static void begin(void *what)
{
    struct load *load = what;
    load->jobs = 0;
    load->bytes = 0;
}

static enum batch_fit add(void *what, void *question)
{
    struct load *load = what;
    const struct order *order = question;
    if (load->jobs == 0) {
        queue_keys_make(load->names, load->prefix, order->spec.queue, &load->keys);
        call_begin(&load->call, load->args, &load->keys);
        call_text(&load->call, NULL); /* the limit, once it is sent */
    } else if (strcmp(order->spec.queue, load->keys.queue) != 0) {
        return BATCH_LATER;
    } else if (load->jobs == JOBS_PER_CALL ||
               load->bytes + order->spec.payload.len > CALL_BYTES_MAX) {
        return BATCH_FULL;
    }
    spec_add(&load->call, &order->spec);
    load->bytes += order->spec.payload.len;
    load->jobs++;
    return BATCH_FITS;
}

static bool send(void *what, sluice_worker *worker, sluice_worker_step *then, void *state)
{
    const struct jobs *jobs = sluice_worker_self(worker);
    struct load *load = what;
    load->args[CALL_ARGS] = sluice_arg_int(jobs->queue_max);
    worker->api->run(worker, then, state, jobs->enqueue, CALL_KEYS, load->args, load->call.count,
                     sizeof load->args[0]);
    return false;
}

enum outcome outcome_of(const sluice_reply *word)
{
    static const struct {
        const char *word;
        enum outcome outcome;
    } words[] = {
        {"created", OUTCOME_CREATED},     {"exists", OUTCOME_EXISTS},
        {"differs", OUTCOME_DIFFERS},     {"full", OUTCOME_FULL},
        {"forbidden", OUTCOME_FORBIDDEN},
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(sluice_text(word), words[i].word) == 0)
            return words[i].outcome;
    return OUTCOME_BROKEN;
}

static void judge(void *what, sluice_worker *worker, struct batch_ticket *const *seats,
                  uint32_t count, const sluice_reply *reply)
{
    (void)what;
    if (sluice_is_error(reply))
        sluice_log(worker, SLUICE_LOG_ERROR, "Redis refused enqueue.lua: %s", sluice_text(reply));
    for (uint32_t i = 0; i < count; i++) {
        if (!seats[i])
            continue;
        struct order *order = seats[i]->question;
        order->outcome = sluice_is_trouble(reply) ? OUTCOME_AWAY : outcome_of(sluice_at(reply, i));
    }
}

struct batch *intake_new(sluice_worker *worker)
{
    static const struct batch_kind kind = {make, release, begin, add, send, judge};
    return batch_new(&kind, worker);
}

sluice_verdict intake_ask(sluice_request *req, sluice_step *then, const char *then_name,
                          struct order *order)
{
    const struct jobs *jobs = sluice_self(req);
    sluice_wait wait = sluice_then(then, then_name, order);
    wait.timeout_ms = PARK_MS;
    return batch_ask(jobs->intake, req, &order->ticket, wait);
}
