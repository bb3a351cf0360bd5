/* The step driver: everything that happens to a request between its head and its answer.
 *
 *   guard -> route -> authenticate* -> 401? -> before* -> 403? 413? -> [body] -> body* -> handler
 *         -> after*
 *
 * `advance` is the trampoline: it takes the verdict of the step that ran, picks the next step and
 * runs it, until one waits or nothing is left. Steps never nest, so a long chain of them costs no
 * stack, and a step that waits for ever costs one parked request.
 *
 * Invariants: `waiting` is true exactly while a wait is outstanding; leaving a wait raises
 * `generation`; an answered request has a status.
 *
 * SPDX-License-Identifier: MIT */
#include "request.h"

#include <string.h>
#include <strings.h>

#include <sluice/args.h>

#include "clock.h"
#include "crash.h"
#include "log.h"
#include "worker_internal.h"

/* A step that takes longer holds up everybody on its loop. */
#define BLOCKING_US 50000

/* ---- Running one step --------------------------------------------------------------------- */

const char *running_plugin(const struct running *running)
{
    return running->plugin ? running->plugin->name : "core";
}

void request_trail(const struct request *req, struct text *text)
{
    for (unsigned i = 0; i < req->trail_count; i++) {
        if (i)
            text_add(text, " > ");
        text_add(text, req->trail[i]);
    }
}

static const char *trail_of(struct request *req)
{
    struct text trail;
    text_init(&trail, &req->arena);
    request_trail(req, &trail);
    return trail.data;
}

void request_problem(struct request *req, uint32_t status, const char *code, const char *detail)
{
    struct problem problem = {
        .status = status, .code = code, .detail = detail, .instance = req->path};
    answer_problem(&req->answer, &problem, NULL, 0, sizeof(sluice_arg));
}

sluice_verdict request_mistake(struct request *req, const char *what)
{
    log_error("%s: step %s %s (request %s, %s)", running_plugin(&req->running), req->running.name,
              what, req->id, trail_of(req));
    request_problem(req, 500, "internal_error", "the gateway could not answer this request");
    return SLUICE_DONE;
}

static sluice_verdict run_step(struct request *req, sluice_step *step, void *state,
                               const struct reply *reply)
{
    if (req->trail_count < REQUEST_TRAIL_MAX)
        req->trail[req->trail_count++] = req->running.name;
    crash_note(running_plugin(&req->running), req->running.name);
    int64_t before = clock_monotonic_us();
    sluice_verdict verdict = step(&req->abi, state, reply ? reply_abi(reply) : NULL);
    int64_t took = clock_monotonic_us() - before;
    crash_note(NULL, NULL);
    if (took > BLOCKING_US)
        log_warn("%s: step %s held the loop for %lld ms", running_plugin(&req->running),
                 req->running.name, (long long)(took / 1000));
    return verdict;
}

/* What a step said, checked against what it did. */
static sluice_verdict checked(struct request *req, sluice_verdict verdict)
{
    if (verdict == SLUICE_WAIT)
        return req->waiting ? SLUICE_WAIT
                            : request_mistake(req, "returned SLUICE_WAIT without asking");
    if (req->waiting) {
        wait_end(req);
        return request_mistake(req, "asked and did not return the verdict");
    }
    if (verdict == SLUICE_DONE)
        return req->answer.status ? SLUICE_DONE
                                  : request_mistake(req, "returned SLUICE_DONE without an answer");
    if (verdict != SLUICE_NEXT)
        return request_mistake(req, "returned an unknown verdict");
    if (req->phase == PHASE_HANDLER)
        return request_mistake(req, "is a handler and returned SLUICE_NEXT");
    return SLUICE_NEXT;
}

/* ---- Which step is next ------------------------------------------------------------------- */

static void over(struct request *req)
{
    req->phase = PHASE_OVER;
    req->state = REQUEST_ANSWERED;
}

static void to_phase(struct request *req, enum request_phase phase)
{
    req->phase = phase;
    req->hook = 0;
}

/* The next hook of a kind becomes the running one; NULL when all have run. */
static sluice_step *next_hook(struct request *req, uint32_t kind)
{
    const struct hook_list *list = &req->worker->gateway->plugins.hooks[kind];
    if (req->hook == list->count)
        return NULL;
    const struct hook *hook = &list->items[req->hook++];
    req->running = (struct running){hook->plugin, hook->name, hook->flags};
    return hook->step;
}

static const char *param(struct request *req, const char *name)
{
    const struct route *route = req->match.route;
    for (size_t i = 0; route && i < route->param_count; i++)
        if (strcmp(route->param_names[i], name) == 0)
            return req->match.params[i];
    return NULL;
}

static enum judgement judge(struct request *req)
{
    const struct route *route = req->match.route;
    if (!route)
        return JUDGED_FIT;
    return needs_judge(&route->needs, req->known ? &req->who : NULL,
                       route->plugin ? route->plugin->name : "core", param(req, "id"));
}

/* 401 (RFC 9110 section 15.5.2): says which credentials would do, or why those given did not. */
static void refuse_unknown(struct request *req)
{
    if (req->unknown_code) {
        request_problem(req, 401, req->unknown_code, req->unknown_detail);
        answer_set_header(&req->answer, "WWW-Authenticate",
                          "Bearer realm=\"sluice\", error=\"invalid_token\"");
        return;
    }
    request_problem(req, 401, "unauthenticated",
                    "this route needs credentials: an API key in x-api-key or Authorization: "
                    "Bearer, or what its documentation names");
    answer_set_header(&req->answer, "WWW-Authenticate", "Bearer realm=\"sluice\"");
}

static void answer_no_route(struct request *req)
{
    const struct match *match = &req->match;
    if (match->status == 405 && strcmp(req->message.method, "OPTIONS") == 0)
        answer_respond(&req->answer, 204, NULL, NULL, 0);
    else if (match->status == 405)
        request_problem(req, 405, "method_not_allowed",
                        "this path does not take this method; Allow lists those that it takes");
    else if (match->status == 400)
        request_problem(req, 400, "bad_path",
                        "the path has a broken percent-escape or an encoded NUL");
    else
        request_problem(req, 404, "not_found", "no route has this path");
    if (match->allow)
        answer_set_header(&req->answer, "Allow", match->allow);
}

/* After the last before hook: what still stands between the request and its handler. True when
 * something does, and has answered. */
static bool refused_before_handler(struct request *req)
{
    if (!req->match.route) {
        answer_no_route(req);
        return true;
    }
    if (judge(req) == JUDGED_FORBIDDEN) {
        request_problem(req, 403, "forbidden", "these credentials may not use this route");
        return true;
    }
    if (req->body_declared > req->match.route->body_max) {
        request_problem(req, 413, "body_too_large",
                        arena_printf(&req->arena, "the body may have at most %llu bytes here",
                                     (unsigned long long)req->match.route->body_max));
        return true;
    }
    return false;
}

/* Leaves the before hooks: on to those with the body, which is read first, or to the after hooks. */
static void leave_before(struct request *req)
{
    if (refused_before_handler(req)) {
        to_phase(req, PHASE_AFTER);
        return;
    }
    to_phase(req, PHASE_BODY);
    if (req->has_body)
        req->state = REQUEST_BODY;
}

/* The next step to run, with `running` set; NULL when the request now needs its body or is
 * answered. */
static sluice_step *next_step(struct request *req)
{
    for (;;) {
        sluice_step *step = NULL;
        switch (req->phase) {
        case PHASE_AUTHENTICATE:
            step = next_hook(req, SLUICE_AUTHENTICATE);
            if (step)
                return step;
            if (judge(req) == JUDGED_UNKNOWN)
                refuse_unknown(req);
            to_phase(req, req->answer.status ? PHASE_AFTER : PHASE_BEFORE);
            break;
        case PHASE_BEFORE:
            step = next_hook(req, SLUICE_BEFORE);
            if (step)
                return step;
            leave_before(req);
            if (req->state == REQUEST_BODY)
                return NULL;
            break;
        case PHASE_BODY:
            step = next_hook(req, SLUICE_BODY);
            if (step)
                return step;
            to_phase(req, PHASE_HANDLER);
            break;
        case PHASE_HANDLER:
            req->running =
                (struct running){req->match.route->plugin, req->match.route->handler_name, 0};
            return req->match.route->handler;
        case PHASE_AFTER:
            step = next_hook(req, SLUICE_AFTER);
            if (!step)
                over(req);
            return step;
        case PHASE_OVER:
            return NULL;
        }
    }
}

/* The trampoline. */
static void advance(struct request *req, sluice_verdict verdict)
{
    for (;;) {
        verdict = checked(req, verdict);
        if (verdict == SLUICE_WAIT) {
            req->state = REQUEST_WAITING;
            return;
        }
        if (verdict == SLUICE_DONE && req->phase != PHASE_AFTER)
            to_phase(req, PHASE_AFTER);
        sluice_step *step = next_step(req);
        if (!step)
            return;
        verdict = run_step(req, step, req->running.plugin ? req->running.plugin->self : NULL, NULL);
    }
}

/* Starts or goes on with a phase from outside any step. */
static void go_on(struct request *req)
{
    sluice_step *step = next_step(req);
    if (step)
        advance(req,
                run_step(req, step, req->running.plugin ? req->running.plugin->self : NULL, NULL));
}

/* ---- The way of a request ----------------------------------------------------------------- */

static void split_target(struct request *req)
{
    const char *target = req->message.target;
    const char *mark = strchr(target, '?');
    req->path = mark ? arena_copy(&req->arena, target, (size_t)(mark - target)) : target;
    req->query = mark ? mark + 1 : "";
}

static const char *header(struct request *req, const char *name)
{
    const struct header *found = message_header(&req->message, name);
    return found ? found->value : NULL;
}

/* All lines of a list header as one (RFC 9110 section 5.3): a proxy may add a line of its own
 * behind one that its client made up. */
static const char *joined_header(struct request *req, const char *name)
{
    const char *joined = NULL;
    for (size_t i = 0; i < req->message.header_count; i++) {
        const struct header *each = &req->message.headers[i];
        if (strcasecmp(each->name, name) == 0)
            joined =
                joined ? arena_printf(&req->arena, "%s, %s", joined, each->value) : each->value;
    }
    return joined;
}

static void note_origin(struct request *req, const struct sockaddr *peer)
{
    struct worker *worker = req->worker;
    const char *forwarded = worker->trusted_count ? joined_header(req, "X-Forwarded-For") : NULL;
    request_id_take(req->id, header(req, "X-Request-Id"));
    req->trace = request_trace(&req->arena, header(req, "traceparent"));
    address_client(peer, forwarded, worker->trusted, worker->trusted_count, req->address);
}

void request_head(struct request *req, const struct sockaddr *peer)
{
    split_target(req);
    note_origin(req, peer);
    const struct refusal *refusal = guard_check(&req->message);
    if (refusal) {
        /* Who sends what the guard refuses may mean something else by the next bytes as well. */
        req->closing = true;
        request_problem(req, refusal->status, refusal->code, refusal->detail);
        over(req);
        return;
    }
    int chunked = 0;
    req->body_declared = message_body_length(&req->message, &chunked);
    req->has_body = chunked || req->body_declared > 0;
    router_find(req->worker->gateway->router, req->message.method, req->path, strlen(req->path),
                &req->arena, &req->match);
    const struct route *route = req->match.route;
    bool open = !route || needs_nobody(&route->needs);
    if (!open)
        admin_authenticate(req);
    to_phase(req, open ? PHASE_BEFORE : PHASE_AUTHENTICATE);
    go_on(req);
}

void request_handle(struct request *req)
{
    req->state = REQUEST_HEAD;
    go_on(req);
}

/* Trouble and refusals of Redis, for a step that did not ask to see them. */
static sluice_verdict answer_trouble(struct request *req, const struct reply *reply)
{
    if (reply->type == SLUICE_REPLY_ERROR) {
        log_error("%s: Redis refused the question before step %s: %s (request %s)",
                  running_plugin(&req->running), req->running.name, reply->u.text.data, req->id);
        request_problem(req, 500, "internal_error", "the gateway could not answer this request");
        return SLUICE_DONE;
    }
    if (req->running.hook_flags & SLUICE_FAIL_OPEN)
        return SLUICE_NEXT;
    request_problem(req, 503, "store_unavailable",
                    "the gateway's store does not answer now; nothing is lost, try again");
    return SLUICE_DONE;
}

static bool is_trouble(const struct reply *reply)
{
    return reply->type == SLUICE_REPLY_TROUBLE || reply->type == SLUICE_REPLY_ERROR;
}

void request_resume(struct request *req, const struct reply *reply)
{
    sluice_wait wait = req->wait;
    wait_end(req);
    req->state = REQUEST_HEAD;
    req->running.name = wait.then_name;
    if (is_trouble(reply) && !(wait.flags & SLUICE_TAKE_TROUBLE))
        advance(req, answer_trouble(req, reply));
    else
        advance(req, run_step(req, wait.then, wait.state, reply));
    if (req->state != REQUEST_WAITING)
        req->transport->resume(req->connection);
}

void request_cut_short(struct request *req, uint32_t status, const char *code, const char *detail)
{
    wait_end(req);
    request_problem(req, status, code, detail);
    over(req);
    req->transport->resume(req->connection);
}

void request_abort(struct request *req)
{
    wait_end(req);
    req->state = REQUEST_ABORTED;
    req->transport->resume(req->connection);
}
