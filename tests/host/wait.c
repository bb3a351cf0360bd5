/* Waits: how a request asks, sleeps and parks, and everything that can run next.
 *
 *   ask -> expectation --reply--.
 *   park -> token --wake--------+--> host_settle: one thing after the other, until nothing is left
 *   sleep, deadline -> timer ---'
 *
 * A wait is named by its request and that request's generation, which rises when the wait ends:
 * what comes for an earlier one goes to the undo step or nowhere, as in the gateway.
 *
 * SPDX-License-Identifier: MIT */
#include "host.h"

/* More than any plugin does on one call of a test; less is a timer of 0 ms that sets itself. */
#define TURNS_MAX 100000

/* ---- Beginning and ending a wait ---------------------------------------------------------- */

static void begin(struct test_request *req, const sluice_wait *wait, const char *for_what)
{
    if (req->waiting)
        request_mistake(req, "asked twice before it returned");
    memset(&req->wait, 0, sizeof req->wait);
    memcpy(&req->wait, wait, wait->size < sizeof req->wait ? wait->size : sizeof req->wait);
    if (!req->wait.then)
        request_mistake(req, "asked without naming a next step");
    req->waiting = true;
    req->answer.waits_for = for_what;
}

void wait_end(struct test_request *req)
{
    if (!req->waiting)
        return;
    req->waiting = false;
    req->answer.waits_for = NULL;
    req->generation++;
    req->woken_by = NULL;
    arena_release(&req->woken_arena);
}

static struct asker asker_of(struct test_request *req)
{
    return (struct asker){req, req->generation, req->wait.undo, req->wait.state};
}

static bool still_waits(const struct asker *asker)
{
    return asker->request->waiting && asker->request->generation == asker->generation;
}

/* ---- Asking ------------------------------------------------------------------------------- */

static sluice_verdict ask(struct test_request *req, const sluice_wait *wait,
                          const struct question *question)
{
    struct text text;
    text_init(&text, &req->host->arena);
    text_add(&text, "the reply to ");
    question_describe(question, &text);
    begin(req, wait, text.data);
    if (req->wait.undo)
        req->held++;
    struct asker asker = asker_of(req);
    const char *who = arena_printf(&req->host->arena, "step %s", req->step);
    script_ask(req->host, who, question, &asker);
    return SLUICE_WAIT;
}

sluice_verdict wait_ask(sluice_request *abi, const sluice_wait *wait, const sluice_arg *argv,
                        uint32_t argc, uint32_t stride)
{
    struct test_request *req = request_of(abi);
    struct question question = question_of(&req->host->arena, argv, argc, stride);
    return ask(req, wait, &question);
}

sluice_verdict wait_ask_all(sluice_request *abi, const sluice_wait *wait,
                            const sluice_command *commands, uint32_t count, uint32_t stride)
{
    struct test_request *req = request_of(abi);
    struct question question = question_of_all(&req->host->arena, commands, count, stride);
    return ask(req, wait, &question);
}

sluice_verdict wait_run(sluice_request *abi, const sluice_wait *wait, const sluice_script *script,
                        uint32_t keys, const sluice_arg *argv, uint32_t argc, uint32_t stride)
{
    struct test_request *req = request_of(abi);
    if (!script || keys > argc)
        request_mistake(req, "ran a script with fewer arguments than keys, or none at all");
    struct question question = question_of(&req->host->arena, argv, argc, stride);
    question.script = script->name;
    question.source = script->source;
    question.keys = keys;
    return ask(req, wait, &question);
}

/* ---- Sleeping, parking, waking ------------------------------------------------------------ */

void timer_add(struct test_host *host, int64_t ms, const struct asker *asker, bool deadline)
{
    struct timer *timer = arena_new(&host->arena, struct timer);
    timer->at = host->now_ms + (ms > 0 ? ms : 0);
    timer->asker = *asker;
    timer->deadline = deadline;
    struct timer **at = &host->timers;
    while (*at && (*at)->at <= timer->at)
        at = &(*at)->next;
    timer->next = *at;
    *at = timer;
}

sluice_verdict wait_sleep(sluice_request *abi, const sluice_wait *wait)
{
    struct test_request *req = request_of(abi);
    begin(req, wait, "the end of its sleep");
    struct asker asker = asker_of(req);
    timer_add(req->host, req->wait.timeout_ms, &asker, false);
    return SLUICE_WAIT;
}

sluice_verdict wait_park(sluice_request *abi, const sluice_wait *wait, sluice_token *ret_token)
{
    struct test_request *req = request_of(abi);
    begin(req, wait, "being woken");
    if (req->wait.timeout_ms <= 0)
        request_mistake(req, "parked without a deadline");
    struct asker asker = asker_of(req);
    timer_add(req->host, req->wait.timeout_ms, &asker, true);
    ret_token->bits = (uint64_t)req->slot << 32 | req->generation;
    return SLUICE_WAIT;
}

bool wait_wake(struct test_host *host, sluice_token token, const sluice_arg *values, uint32_t count,
               uint32_t stride)
{
    struct test_request *req = host->requests;
    while (req && req->slot != (uint32_t)(token.bits >> 32))
        req = req->next;
    if (!req || !req->waiting || req->generation != (uint32_t)token.bits || req->woken_by)
        return false;
    req->woken_by = reply_from_args(&req->woken_arena, values, count, stride);
    return true;
}

/* ---- What runs next ----------------------------------------------------------------------- */

static struct reply *trouble(struct arena *arena, const char *why)
{
    return reply_text(arena, SLUICE_REPLY_TROUBLE, why, strlen(why));
}

static void to_worker(struct test_host *host, const struct asker *asker, const struct reply *reply)
{
    asker->then(&host->worker.abi, asker->state, reply ? reply_abi(reply) : NULL);
}

/* Redis's refusals to serve at all are trouble, as in the gateway. */
static void note_unavailable(struct reply *reply)
{
    if (reply->type == SLUICE_REPLY_ERROR && reply_is_unavailable(reply))
        reply->type = SLUICE_REPLY_TROUBLE;
}

static void deliver_lateness(struct test_host *host, struct expectation *late)
{
    struct reply *reply = trouble(&host->turn, "no answer in time");
    late->told_late = true;
    if (!late->asker.request)
        to_worker(host, &late->asker, reply);
    else if (still_waits(&late->asker))
        request_resume(late->asker.request, reply, &host->turn);
    arena_release(&host->turn);
}

static void deliver_reply(struct test_host *host, struct expectation *to)
{
    struct test_request *req = to->asker.request;
    bool undo = to->asker.then && to->reply->type != SLUICE_REPLY_TROUBLE;
    to->delivered = true;
    if (req && still_waits(&to->asker)) {
        note_unavailable(to->reply);
        request_resume(req, to->reply, &to->arena);
    } else if (req && undo) {
        to_worker(host, &to->asker, to->reply);
    } else if (!req && !to->late) {
        note_unavailable(to->reply);
        to_worker(host, &to->asker, to->reply);
    }
    arena_release(&to->arena);
    if (req && to->asker.then)
        request_release_hold(req);
}

/* Redis answers in the order in which it was asked. */
static bool deliver(struct test_host *host)
{
    for (struct expectation *each = host->expected_first; each && each->asked; each = each->next) {
        if (each->late && !each->told_late) {
            deliver_lateness(host, each);
            return true;
        }
        if (each->reply && !each->delivered) {
            deliver_reply(host, each);
            return true;
        }
    }
    return false;
}

/* Oldest request first. */
static bool resume_woken(struct test_host *host)
{
    struct test_request *woken = NULL;
    for (struct test_request *req = host->requests; req; req = req->next)
        if (req->waiting && req->woken_by)
            woken = req;
    if (!woken)
        return false;
    struct reply *reply = woken->woken_by;
    host->turn = woken->woken_arena;
    woken->woken_arena = (struct arena)ARENA_INIT;
    request_resume(woken, reply, &host->turn);
    arena_release(&host->turn);
    return true;
}

static bool ring(struct test_host *host)
{
    struct timer *timer = host->timers;
    if (!timer || timer->at > host->now_ms)
        return false;
    host->timers = timer->next;
    if (!timer->asker.request)
        to_worker(host, &timer->asker, NULL);
    else if (still_waits(&timer->asker))
        request_resume(timer->asker.request,
                       timer->deadline ? trouble(&host->turn, "no answer in time")
                                       : reply_new(&host->turn, SLUICE_REPLY_NIL),
                       &host->turn);
    arena_release(&host->turn);
    return true;
}

void host_settle(struct test_host *host)
{
    for (int turn = 0; deliver(host) || resume_woken(host) || ring(host); turn++)
        if (turn == TURNS_MAX)
            host_fail(host, "the plugin never comes to rest: does a timer of 0 ms set itself?");
}

void test_advance(struct test_host *host, int64_t ms)
{
    int64_t until = host->now_ms + ms;
    host_settle(host);
    while (host->timers && host->timers->at <= until) {
        host->now_ms = host->timers->at;
        host_settle(host);
    }
    host->now_ms = until;
}
