/* Waits: how a request asks, parks and is woken, and what becomes of answers that come too late.
 *
 *   ask / ask_all / run --> Redis session --reply--> request_resume
 *   park --token--> ... wake(token) --queued--> next turn --> request_resume
 *   sleep, and every park's deadline --> the request's timer --> request_resume
 *
 * An outstanding question is a `struct ask`. It names its request by pointer and generation: when
 * the generation has moved on, the request no longer waits for this answer, and the answer goes to
 * the undo step or nowhere. A question with an undo holds its request's arena until it is answered.
 *
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "hangup.h"
#include "memory.h"
#include "request.h"
#include "worker_internal.h"

/* A wait that can't be longer does not count as long: Redis answers or is given up by then. */
#define SHORT_MS 1000

/* ---- Beginning and ending a wait ---------------------------------------------------------- */

static uint64_t token_bits(const struct request *req)
{
    return (uint64_t)req->slot << 32 | req->generation;
}

/* Only a wait that a hang-up should end is watched: a client may close its sending side and still
 * read its answer. */
static void watch(struct request *req)
{
    int fd = req->transport->descriptor(req->connection);
    if (fd >= 0 && hangup_watch(req->worker->hangup, fd, token_bits(req)) == 0)
        req->watched = true;
}

/* False after a mistake that was answered. */
static bool begin(struct request *req, const sluice_wait *wait)
{
    if (req->waiting) {
        wait_end(req);
        (void)request_mistake(req, "asked twice before it returned");
        return false;
    }
    memset(&req->wait, 0, sizeof req->wait);
    memcpy(&req->wait, wait, wait->size < sizeof req->wait ? wait->size : sizeof req->wait);
    if (!req->wait.then) {
        (void)request_mistake(req, "asked without naming a next step");
        return false;
    }
    req->waiting = true;
    req->waits_shortly =
        req->wait.timeout_ms <= SHORT_MS && !(req->wait.flags & SLUICE_END_ON_HANGUP);
    if (req->wait.flags & SLUICE_END_ON_HANGUP)
        watch(req);
    req->worker->counters->parked++;
    return true;
}

void wait_end(struct request *req)
{
    if (!req->waiting)
        return;
    req->waiting = false;
    req->wake_queued = false;
    req->generation++;
    uv_timer_stop(&req->timer);
    if (req->watched) {
        hangup_forget(req->worker->hangup, req->transport->descriptor(req->connection));
        req->watched = false;
    }
    req->worker->counters->parked--;
}

/* ---- Questions to Redis ------------------------------------------------------------------- */

struct ask *ask_take(struct worker *worker)
{
    struct ask *ask = worker->free_asks;
    if (ask)
        worker->free_asks = ask->next;
    else
        ask = memory_new(struct ask);
    memset(ask, 0, sizeof *ask);
    ask->worker = worker;
    return ask;
}

void ask_give(struct ask *ask)
{
    ask->next = ask->worker->free_asks;
    ask->worker->free_asks = ask;
}

/* What a step sees instead of an answer that did not come. */
static struct reply trouble(int status)
{
    static const struct {
        int status;
        const char *text;
    } texts[] = {
        {-ETIMEDOUT, "no answer in time"},        {-ENOTCONN, "not connected"},
        {-ECONNRESET, "the connection was lost"}, {-ENOBUFS, "too much is waiting to be sent"},
        {-ECANCELED, "the worker ends"},          {-EINVAL, "the question was empty or too long"},
    };
    const char *text = "no answer";
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (texts[i].status == status)
            text = texts[i].text;
    struct reply reply = {.abi = {&reply_api}, .type = SLUICE_REPLY_TROUBLE};
    reply.u.text.data = text;
    reply.u.text.len = strlen(text);
    return reply;
}

struct reply reply_seen(int status, const struct reply *reply)
{
    if (!reply)
        return trouble(status);
    struct reply seen = *reply;
    if (seen.type == SLUICE_REPLY_ERROR && reply_is_unavailable(reply))
        seen.type = SLUICE_REPLY_TROUBLE;
    return seen;
}

static void answer_too_late(struct ask *ask, const struct reply *reply)
{
    if (ask->then && reply)
        worker_step(ask->asker, ask->then, ask->state, reply_abi(reply));
}

static void answered(void *context, int status, const struct reply *reply)
{
    struct ask *ask = context;
    struct request *req = ask->request;
    bool current = req->waiting && req->generation == ask->generation;
    if (current) {
        struct reply seen = reply_seen(status, reply);
        request_resume(req, &seen);
    } else {
        answer_too_late(ask, reply);
    }
    if (status == -ETIMEDOUT) /* REDIS_LATE follows */
        return;
    if (ask->then)
        request_release_hold(req);
    ask_give(ask);
}

/* The common part of a question: the call, lacking what is asked. */
static struct redis_call question(struct request *req)
{
    struct ask *ask = ask_take(req->worker);
    ask->request = req;
    ask->generation = req->generation;
    ask->asker = worker_handle_of(req->worker, req->running.plugin);
    ask->then = req->wait.undo;
    ask->state = req->wait.state;
    if (ask->then)
        req->held++;
    return (struct redis_call){
        .timeout_ms = req->wait.timeout_ms, .done = answered, .context = ask};
}

sluice_verdict wait_ask(sluice_request *abi, const sluice_wait *wait, const sluice_arg *argv,
                        uint32_t argc, uint32_t stride)
{
    struct request *req = request_of(abi);
    if (!begin(req, wait))
        return SLUICE_DONE;
    struct redis_call call = question(req);
    call.argv = argv;
    call.argc = argc;
    call.stride = stride;
    redis_send(req->worker->redis, &call);
    return SLUICE_WAIT;
}

sluice_verdict wait_ask_all(sluice_request *abi, const sluice_wait *wait,
                            const sluice_command *commands, uint32_t count, uint32_t stride)
{
    struct request *req = request_of(abi);
    if (!begin(req, wait))
        return SLUICE_DONE;
    struct redis_call call = question(req);
    redis_send_all(req->worker->redis, &call, commands, count, stride);
    return SLUICE_WAIT;
}

sluice_verdict wait_run(sluice_request *abi, const sluice_wait *wait, const sluice_script *script,
                        uint32_t keys, const sluice_arg *argv, uint32_t argc, uint32_t stride)
{
    struct request *req = request_of(abi);
    if (!begin(req, wait))
        return SLUICE_DONE;
    struct redis_call call = question(req);
    call.script = script;
    call.keys = keys;
    call.argv = argv;
    call.argc = argc;
    call.stride = stride;
    redis_send(req->worker->redis, &call);
    return SLUICE_WAIT;
}

/* ---- Sleeping, parking, waking ------------------------------------------------------------ */

static void slept(uv_timer_t *timer)
{
    struct request *req = timer->data;
    request_resume(req, &reply_nil);
}

sluice_verdict wait_sleep(sluice_request *abi, const sluice_wait *wait)
{
    struct request *req = request_of(abi);
    if (!begin(req, wait))
        return SLUICE_DONE;
    uint64_t ms = req->wait.timeout_ms > 0 ? (uint64_t)req->wait.timeout_ms : 0;
    uv_update_time(
        req->timer.loop); /* the loop's own time is that of the turn's begin: too early */
    uv_timer_start(&req->timer, slept, ms, 0);
    return SLUICE_WAIT;
}

static void park_ran_out(uv_timer_t *timer)
{
    struct request *req = timer->data;
    if (req->wake_queued) /* woken in this very turn */
        return;
    struct reply seen = trouble(-ETIMEDOUT);
    request_resume(req, &seen);
}

sluice_verdict wait_park(sluice_request *abi, const sluice_wait *wait, sluice_token *ret_token)
{
    struct request *req = request_of(abi);
    if (!begin(req, wait))
        return SLUICE_DONE;
    if (req->wait.timeout_ms <= 0) {
        wait_end(req);
        return request_mistake(req, "parked without a deadline");
    }
    uv_timer_start(&req->timer, park_ran_out, (uint64_t)req->wait.timeout_ms, 0);
    ret_token->bits = token_bits(req);
    return SLUICE_WAIT;
}

/* The request that waits on this token, or NULL for a stale one. */
static struct request *waiting_on(struct worker *worker, uint64_t bits)
{
    uint32_t slot = (uint32_t)(bits >> 32);
    if (slot >= worker->slot_count)
        return NULL;
    struct request *req = worker->slots[slot];
    return req->waiting && req->generation == (uint32_t)bits ? req : NULL;
}

bool wait_wake(struct worker *worker, sluice_token token, const sluice_arg *values, uint32_t count,
               uint32_t stride)
{
    struct request *req = waiting_on(worker, token.bits);
    if (!req || req->wake_queued) {
        worker->counters->stale_wakes++;
        return false;
    }
    req->woken_by = reply_from_args(&req->arena, values, count, stride);
    req->wake_queued = true;
    req->held++; /* the queue holds it: its client may go before its turn comes */
    req->next = NULL;
    if (worker->woken_last)
        worker->woken_last->next = req;
    else
        worker->woken_first = req;
    worker->woken_last = req;
    return true;
}

void wait_run_woken(struct worker *worker)
{
    while (worker->woken_first) {
        struct request *req = worker->woken_first;
        worker->woken_first = req->next;
        if (!worker->woken_first)
            worker->woken_last = NULL;
        if (req->wake_queued) /* else it has ended meanwhile */
            request_resume(req, req->woken_by);
        request_release_hold(req);
    }
}

/* The hang-up watch saw a client go. */
void wait_hung_up(void *owner, uint64_t token)
{
    struct worker *worker = owner;
    struct request *req = waiting_on(worker, token);
    if (req)
        request_abort(req);
}
