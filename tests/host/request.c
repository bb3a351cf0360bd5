/* The trampoline of the test host: the gateway's order of steps, with every mistake a failed test.
 *
 *   route -> authenticate* -> 401? -> before* -> 403? 413? -> body* -> handler -> after* -> log*
 *
 * The request's own arena is freed when it ends, unless an undo step may still need it; what the
 * test sees of it (status, headers, body, trail) is in the host's arena.
 *
 * SPDX-License-Identifier: MIT */
#include "host.h"

#include <stdlib.h>
#include <strings.h>

#include "needs.h"

/* ---- Running one step --------------------------------------------------------------------- */

_Noreturn void request_mistake(struct test_request *req, const char *what)
{
    host_fail(req->host, "step %s %s (%s %s: %s)", req->step, what, req->method, req->path,
              req->trail.data);
}

static sluice_verdict run_step(struct test_request *req, sluice_step *step, void *state,
                               const struct reply *reply)
{
    if (req->trail.len)
        text_add(&req->trail, " > ");
    text_add(&req->trail, req->step ? req->step : "?");
    req->answer.trail = req->trail.data;
    req->answered = false;
    req->running = true;
    sluice_verdict verdict = step(&req->abi, state, reply ? reply_abi(reply) : NULL);
    req->running = false;
    return verdict;
}

/* What a step said, checked against what it did. */
static void check(struct test_request *req, sluice_verdict verdict)
{
    if (verdict == SLUICE_WAIT && !req->waiting)
        request_mistake(req, "returned SLUICE_WAIT without asking");
    if (verdict != SLUICE_WAIT && req->waiting)
        request_mistake(req, "asked and did not return the verdict");
    if (verdict == SLUICE_WAIT && req->answered && req->phase <= PHASE_HANDLER)
        request_mistake(req, "answered and waits as well");
    if (verdict == SLUICE_DONE && !req->made.status)
        request_mistake(req, "returned SLUICE_DONE without an answer");
    if (verdict == SLUICE_NEXT && req->phase == PHASE_HANDLER)
        request_mistake(req, "is a handler's and returned SLUICE_NEXT");
    if (verdict < SLUICE_NEXT || verdict > SLUICE_WAIT)
        request_mistake(req, "returned an unknown verdict");
    if (verdict == SLUICE_WAIT && req->phase == PHASE_LOG)
        request_mistake(req, "is a log hook and may not wait");
}

static void problem(struct test_request *req, uint32_t status, const char *code, const char *detail)
{
    const struct problem what = {status, code, detail, req->path};
    answer_problem(&req->made, &what, NULL, 0, sizeof(sluice_arg));
}

/* ---- What stands before the handler -------------------------------------------------------- */

static enum judgement judge(struct test_request *req)
{
    const struct route *route = req->match.route;
    if (!route)
        return JUDGED_FIT;
    const char *id = NULL;
    for (size_t i = 0; i < route->param_count; i++)
        if (strcmp(route->param_names[i], "id") == 0)
            id = req->match.params[i];
    return needs_judge(&route->needs, req->known ? &req->who : NULL, req->host->plugin->name, id);
}

static void refuse_unknown(struct test_request *req)
{
    if (req->unknown_code)
        problem(req, 401, req->unknown_code, req->unknown_detail);
    else
        problem(req, 401, "unauthenticated", "this route needs credentials");
    (void)answer_set_header(&req->made, "WWW-Authenticate", "Bearer realm=\"sluice\"");
}

static void answer_no_route(struct test_request *req)
{
    const struct match *match = &req->match;
    if (match->status == 405 && strcmp(req->method, "OPTIONS") == 0)
        answer_respond(&req->made, 204, NULL, NULL, 0);
    else if (match->status == 405)
        problem(req, 405, "method_not_allowed", "this path does not take this method");
    else if (match->status == 400)
        problem(req, 400, "bad_path", "the path has a broken percent-escape or an encoded NUL");
    else
        problem(req, 404, "not_found", "no route has this path");
    if (match->allow)
        (void)answer_set_header(&req->made, "Allow", match->allow);
}

static void refuse_before_handler(struct test_request *req)
{
    if (!req->match.route)
        answer_no_route(req);
    else if (judge(req) == JUDGED_FORBIDDEN)
        problem(req, 403, "forbidden", "these credentials may not use this route");
    else if (req->body.len > req->match.route->body_max)
        problem(req, 413, "body_too_large", "the body has more bytes than this route takes");
}

/* ---- Which step is next -------------------------------------------------------------------- */

static void to_phase(struct test_request *req, enum phase phase)
{
    static const uint32_t kinds[] = {[PHASE_AUTHENTICATE] = SLUICE_AUTHENTICATE,
                                     [PHASE_BEFORE] = SLUICE_BEFORE,
                                     [PHASE_BODY] = SLUICE_BODY,
                                     [PHASE_AFTER] = SLUICE_AFTER,
                                     [PHASE_LOG] = SLUICE_LOG};
    req->phase = phase;
    req->hook = NULL;
    if (phase != PHASE_HANDLER && phase != PHASE_ENDED)
        req->hook = req->host->hooks[kinds[phase]];
}

/* Where a request without further steps of its phase goes on. */
static void leave_phase(struct test_request *req)
{
    switch (req->phase) {
    case PHASE_AUTHENTICATE:
        if (judge(req) == JUDGED_UNKNOWN)
            refuse_unknown(req);
        to_phase(req, req->made.status ? PHASE_AFTER : PHASE_BEFORE);
        break;
    case PHASE_BEFORE:
        refuse_before_handler(req);
        to_phase(req, req->made.status ? PHASE_AFTER : PHASE_BODY);
        break;
    case PHASE_BODY:
        to_phase(req, PHASE_HANDLER);
        break;
    case PHASE_AFTER:
        to_phase(req, PHASE_LOG);
        break;
    default:
        to_phase(req, PHASE_ENDED);
        break;
    }
}

/* The next step, with its name noted; NULL when the request has ended. */
static sluice_step *next_step(struct test_request *req)
{
    while (req->phase != PHASE_ENDED) {
        const struct test_hook *hook = req->hook;
        req->hook_flags = hook ? hook->flags : 0;
        if (hook) {
            req->hook = hook->next;
            req->step = hook->name;
            return hook->step;
        }
        if (req->phase == PHASE_HANDLER) {
            req->step = req->match.route->handler_name;
            return req->match.route->handler;
        }
        leave_phase(req);
    }
    return NULL;
}

/* ---- The end ------------------------------------------------------------------------------- */

static void end(struct test_request *req)
{
    req->generation++;
    while (req->cleanups) {
        struct cleanup *cleanup = req->cleanups;
        req->cleanups = cleanup->next;
        cleanup->run(cleanup->what);
    }
    if (!req->gone) {
        req->answer.status = req->made.status;
        req->answer.body = req->made.body.data;
        req->answer.body_len = req->made.body.len;
    }
    if (!req->held)
        arena_release(&req->arena);
}

void request_release_hold(struct test_request *req)
{
    req->held--;
    if (req->phase == PHASE_ENDED && !req->held)
        arena_release(&req->arena);
}

/* The trampoline: from the verdict of the step that ran to the next wait, or to the end. */
static void go_on(struct test_request *req, sluice_verdict verdict)
{
    while (verdict != SLUICE_WAIT) {
        if (verdict == SLUICE_DONE && req->phase < PHASE_AFTER)
            to_phase(req, PHASE_AFTER);
        sluice_step *step = next_step(req);
        if (!step) {
            end(req);
            return;
        }
        verdict = run_step(req, step, req->host->self, NULL);
        check(req, verdict);
    }
}

/* Leaves the wait for the log hooks: no after hook sees such an answer. */
static void cut(struct test_request *req)
{
    wait_end(req);
    to_phase(req, PHASE_LOG);
    go_on(req, SLUICE_NEXT);
}

void request_cut_short(struct test_request *req, uint32_t status, const char *code,
                       const char *detail)
{
    problem(req, status, code, detail);
    cut(req);
}

void request_abort(struct test_request *req)
{
    req->gone = true;
    cut(req);
}

/* ---- Going on after a wait ----------------------------------------------------------------- */

/* As the gateway answers for a step that did not ask to see trouble. */
static sluice_verdict answer_trouble(struct test_request *req, const struct reply *reply)
{
    if (reply->type == SLUICE_REPLY_ERROR) {
        host_log(req->host, SLUICE_LOG_ERROR,
                 arena_printf(&req->host->arena, "Redis refused the question before step %s: %s",
                              req->step, reply->u.text.data));
        problem(req, 500, "internal_error", "the gateway could not answer this request");
        return SLUICE_DONE;
    }
    if (req->hook_flags & SLUICE_FAIL_OPEN)
        return SLUICE_NEXT;
    problem(req, 503, "store_unavailable", "the gateway's store does not answer now");
    return SLUICE_DONE;
}

void request_resume(struct test_request *req, const struct reply *reply, struct arena *of_reply)
{
    sluice_wait wait = req->wait;
    sluice_verdict verdict;
    wait_end(req);
    req->step = wait.then_name;
    bool trouble = reply->type == SLUICE_REPLY_TROUBLE || reply->type == SLUICE_REPLY_ERROR;
    if (trouble && !(wait.flags & SLUICE_TAKE_TROUBLE)) {
        verdict = answer_trouble(req, reply);
    } else {
        verdict = run_step(req, wait.then, wait.state, reply);
        check(req, verdict);
    }
    arena_release(of_reply);
    go_on(req, verdict);
}

/* ---- Making a request ---------------------------------------------------------------------- */

static const char *header(const struct test_request *req, const char *name)
{
    for (const struct request_header *each = req->headers; each; each = each->next)
        if (strcasecmp(each->name, name) == 0)
            return each->value;
    return NULL;
}

static struct test_request *request_new(struct test_host *host)
{
    struct test_request *req = calloc(1, sizeof *req);
    if (!req)
        out_of_memory(sizeof *req);
    req->abi.api = &test_request_api;
    req->host = host;
    req->next = host->requests;
    req->slot = host->request_count++;
    req->generation = 1;
    req->answer.body = req->answer.trail = "";
    host->requests = req;
    answer_init(&req->made, &host->arena);
    text_init(&req->trail, &host->arena);
    return req;
}

static void take_world(struct test_request *req)
{
    struct test_host *host = req->host;
    req->headers = host->headers;
    host->headers = NULL;
    req->address = host->address;
    req->id = header(req, "X-Request-Id");
    if (!req->id)
        req->id = arena_printf(&host->arena, "request-%u", req->slot + 1);
}

/* As in the gateway nobody is told who makes a request that is open to all. */
static void begin(struct test_request *req)
{
    const struct route *route = req->match.route;
    bool open = !route || needs_nobody(&route->needs);
    if (!open && req->host->known) {
        req->known = true;
        identity_merge(&req->arena, &req->who, &req->host->who);
    }
    to_phase(req, open ? PHASE_BEFORE : PHASE_AUTHENTICATE);
    go_on(req, SLUICE_NEXT);
}

struct test_answer *test_request(struct test_host *host, const char *method, const char *target,
                                 sluice_bytes body)
{
    if (!host->started)
        host_fail(host, "a request before test_start");
    struct test_request *req = request_new(host);
    const char *mark = strchr(target, '?');
    size_t path_len = mark ? (size_t)(mark - target) : strlen(target);
    req->method = arena_copy_text(&host->arena, method);
    req->path = arena_copy(&host->arena, target, path_len);
    req->query = arena_copy_text(&host->arena, mark ? mark + 1 : "");
    req->body.data = arena_copy(&host->arena, body.data, body.len);
    req->body.len = body.len;
    take_world(req);
    router_find(host->router, req->method, req->path, path_len, &req->arena, &req->match);
    begin(req);
    host_settle(host);
    return &req->answer;
}

void test_hang_up(struct test_answer *answer)
{
    struct test_request *req = answered_request(answer);
    if (!req->waiting || !(req->wait.flags & SLUICE_END_ON_HANGUP))
        return;
    request_abort(req);
    host_settle(req->host);
}

void test_drain(struct test_host *host)
{
    for (struct test_request *req = host->requests; req; req = req->next)
        if (req->waiting)
            request_cut_short(req, 503, "shutting_down", "the gateway is shutting down; try again");
    host_settle(host);
}
