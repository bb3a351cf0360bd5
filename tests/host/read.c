/* The table behind a sluice_request in tests: what a step reads of its request and answers to it.
 *
 * SPDX-License-Identifier: MIT */
#include "host.h"

#include <strings.h>

#include "arg_text.h"
#include "json_write.h"

static void *alloc(sluice_request *abi, uint64_t size, uint64_t align)
{
    return arena_alloc(&request_of(abi)->arena, size, align);
}

static void defer(sluice_request *abi, sluice_cleanup *run, void *what)
{
    struct test_request *req = request_of(abi);
    struct cleanup *cleanup = arena_new(&req->host->arena, struct cleanup);
    *cleanup = (struct cleanup){req->cleanups, run, what};
    req->cleanups = cleanup;
}

static void **slot(sluice_request *abi)
{
    return &request_of(abi)->kept;
}

static void *self(sluice_request *abi)
{
    return request_of(abi)->host->self;
}

static sluice_worker *worker(sluice_request *abi)
{
    return &request_of(abi)->host->worker.abi;
}

/* ---- Reading ------------------------------------------------------------------------------ */

static const char *text_of(sluice_request *abi, uint32_t what)
{
    struct test_request *req = request_of(abi);
    const struct route *route = req->match.route;
    switch (what) {
    case SLUICE_METHOD:
        return req->method;
    case SLUICE_PATH:
        return req->path;
    case SLUICE_ROUTE:
        return route ? route->pattern : "";
    case SLUICE_REQUEST_ID:
        return req->id;
    case SLUICE_ADDRESS:
        return req->address;
    case SLUICE_LIMIT:
        return route && route->limit ? route->limit : "";
    case SLUICE_TRACE:
        return arena_copy_text(&req->arena, req->trail.data);
    case SLUICE_TARGET:
        return *req->query ? arena_printf(&req->arena, "%s?%s", req->path, req->query) : req->path;
    default:
        return "";
    }
}

static const char *param(const struct test_request *req, const char *name)
{
    const struct route *route = req->match.route;
    for (size_t i = 0; route && i < route->param_count; i++)
        if (strcmp(route->param_names[i], name) == 0)
            return req->match.params[i];
    return NULL;
}

static const char *header(const struct test_request *req, const char *name)
{
    for (const struct request_header *each = req->headers; each; each = each->next)
        if (strcasecmp(each->name, name) == 0)
            return each->value;
    return NULL;
}

static const char *value(sluice_request *abi, uint32_t where, const char *name)
{
    struct test_request *req = request_of(abi);
    const char *cookies;
    switch (where) {
    case SLUICE_PARAM:
        return param(req, name);
    case SLUICE_QUERY:
        return query_value(&req->arena, req->query, name);
    case SLUICE_HEADER:
        return header(req, name);
    case SLUICE_COOKIE:
        cookies = header(req, "Cookie");
        return cookies ? cookie_value(&req->arena, cookies, name) : NULL;
    case SLUICE_ANSWER_HEADER:
        return answer_get_header(&req->made, name);
    default:
        return NULL;
    }
}

static sluice_bytes body(sluice_request *abi)
{
    const struct test_request *req = request_of(abi);
    if (req->phase < PHASE_BODY)
        return sluice_bytes_of("", 0);
    return req->body;
}

/* ---- Identity ----------------------------------------------------------------------------- */

static const sluice_identity *identity(sluice_request *abi)
{
    const struct test_request *req = request_of(abi);
    return req->known ? &req->who : NULL;
}

static void identify(sluice_request *abi, const sluice_identity *who)
{
    struct test_request *req = request_of(abi);
    req->known = true;
    identity_merge(&req->arena, &req->who, who);
}

static void unidentified(sluice_request *abi, const char *code, const char *detail)
{
    struct test_request *req = request_of(abi);
    req->unknown_code = arena_copy_text(&req->arena, code);
    req->unknown_detail = arena_copy_text(&req->arena, detail);
}

/* ---- Answering ---------------------------------------------------------------------------- */

/* The request whose answer a step may make now. */
static struct test_request *answering(sluice_request *abi)
{
    struct test_request *req = request_of(abi);
    if (!req->running)
        request_mistake(req, "answered, and no step of its request ran: it waits, or has ended");
    if (req->answered && req->phase <= PHASE_HANDLER)
        request_mistake(req, "answered twice");
    req->answered = true;
    return req;
}

static sluice_verdict respond(sluice_request *abi, uint32_t status, const char *type,
                              const void *bytes, uint64_t len)
{
    answer_respond(&answering(abi)->made, status, type, bytes, len);
    return SLUICE_DONE;
}

static sluice_verdict json(sluice_request *abi, uint32_t status, const sluice_arg *pairs,
                           uint32_t count, uint32_t stride)
{
    answer_json(&answering(abi)->made, status, pairs, count, stride);
    return SLUICE_DONE;
}

static sluice_verdict problem(sluice_request *abi, uint32_t status, const char *code,
                              const char *detail, const sluice_arg *pairs, uint32_t count,
                              uint32_t stride)
{
    struct test_request *req = answering(abi);
    const struct problem given = {status, code, detail, req->path};
    answer_problem(&req->made, &given, pairs, count, stride);
    return SLUICE_DONE;
}

static void set_header(sluice_request *abi, const char *name, const char *text)
{
    struct test_request *req = request_of(abi);
    if (answer_set_header(&req->made, name, text) < 0)
        host_log(req->host, SLUICE_LOG_ERROR,
                 arena_printf(&req->host->arena, "step %s set a header that can't be sent: \"%s\"",
                              req->step, name));
}

static uint32_t status_of(sluice_request *abi)
{
    return request_of(abi)->made.status;
}

static sluice_bytes answer_body(sluice_request *abi)
{
    const struct test_request *req = request_of(abi);
    return sluice_bytes_of(req->made.body.data, req->made.body.len);
}

/* ---- Values ------------------------------------------------------------------------------- */

static sluice_arg object(sluice_request *abi, const sluice_arg *pairs, uint32_t count,
                         uint32_t stride)
{
    struct text text;
    text_init(&text, &request_of(abi)->arena);
    json_add_object(&text, pairs, count, stride);
    return sluice_raw_json(sluice_bytes_of(text.data, text.len));
}

static sluice_list *list(sluice_request *abi)
{
    return json_list_new(&request_of(abi)->arena);
}

static void push(sluice_request *abi, sluice_list *to, const sluice_arg *what)
{
    (void)abi;
    json_list_push(to, what);
}

static const char *key(sluice_request *abi, const sluice_arg *parts, uint32_t count,
                       uint32_t stride)
{
    struct test_request *req = request_of(abi);
    return args_join(&req->arena, req->host->prefix, parts, count, stride);
}

static const char *concat(sluice_request *abi, const sluice_arg *parts, uint32_t count,
                          uint32_t stride)
{
    return args_join(&request_of(abi)->arena, "", parts, count, stride);
}

const sluice_request_api test_request_api = {
    .size = sizeof test_request_api,
    .alloc = alloc,
    .defer = defer,
    .self = self,
    .worker = worker,
    .text = text_of,
    .value = value,
    .body = body,
    .identity = identity,
    .identify = identify,
    .unidentified = unidentified,
    .ask = wait_ask,
    .ask_all = wait_ask_all,
    .run = wait_run,
    .sleep = wait_sleep,
    .park = wait_park,
    .respond = respond,
    .json = json,
    .problem = problem,
    .header = set_header,
    .status = status_of,
    .answer_body = answer_body,
    .object = object,
    .list = list,
    .push = push,
    .key = key,
    .concat = concat,
    .slot = slot,
};
