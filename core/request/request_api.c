/* The table behind every sluice_request: what a step can read of its request and answer to it.
 *
 * Thin by intent: each entry turns the ABI's types into the core's and calls the room where the
 * work is done (router, answer, json_write, wait).
 *
 * SPDX-License-Identifier: MIT */
#include <string.h>

#include "arg_text.h"
#include "json_write.h"
#include "log.h"
#include "request.h"
#include "worker_internal.h"

/* ---- Memory ------------------------------------------------------------------------------- */

static void *alloc(sluice_request *abi, uint64_t size, uint64_t align)
{
    return arena_alloc(&request_of(abi)->arena, size, align);
}

static void defer(sluice_request *abi, sluice_cleanup *run, void *what)
{
    struct request *req = request_of(abi);
    struct cleanup *cleanup = arena_new(&req->arena, struct cleanup);
    cleanup->run = run;
    cleanup->what = what;
    cleanup->next = req->cleanups;
    req->cleanups = cleanup;
}

static void **slot(sluice_request *abi)
{
    struct request *req = request_of(abi);
    if (!req->slots)
        req->slots = arena_array(&req->arena, void *, req->worker->gateway->plugins.count);
    return &req->slots[req->running.plugin->index];
}

static void *self(sluice_request *abi)
{
    const struct plugin *plugin = request_of(abi)->running.plugin;
    return plugin ? plugin->self : NULL;
}

static sluice_worker *worker(sluice_request *abi)
{
    struct request *req = request_of(abi);
    return &worker_handle_of(req->worker, req->running.plugin)->abi;
}

/* ---- Reading ------------------------------------------------------------------------------ */

static const char *trail(struct request *req)
{
    struct text text;
    text_init(&text, &req->arena);
    request_trail(req, &text);
    return text.data;
}

static const char *text_of(sluice_request *abi, uint32_t what)
{
    struct request *req = request_of(abi);
    const struct route *route = req->match.route;
    switch (what) {
    case SLUICE_METHOD:
        return req->message.method;
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
        return trail(req);
    case SLUICE_TARGET:
        return req->message.target;
    default:
        return "";
    }
}

static const char *param(const struct request *req, const char *name)
{
    const struct route *route = req->match.route;
    for (size_t i = 0; route && i < route->param_count; i++)
        if (strcmp(route->param_names[i], name) == 0)
            return req->match.params[i];
    return NULL;
}

static const char *value(sluice_request *abi, uint32_t where, const char *name)
{
    struct request *req = request_of(abi);
    const struct header *header;
    switch (where) {
    case SLUICE_PARAM:
        return param(req, name);
    case SLUICE_QUERY:
        return query_value(&req->arena, req->query, name);
    case SLUICE_HEADER:
        header = message_header(&req->message, name);
        return header ? header->value : NULL;
    case SLUICE_COOKIE:
        header = message_header(&req->message, "Cookie");
        return header ? cookie_value(&req->arena, header->value, name) : NULL;
    case SLUICE_ANSWER_HEADER:
        return answer_get_header(&req->answer, name);
    default:
        return NULL;
    }
}

static sluice_bytes body(sluice_request *abi)
{
    const struct request *req = request_of(abi);
    return (sluice_bytes){req->body.data, req->body.len};
}

/* ---- Identity ----------------------------------------------------------------------------- */

static const sluice_identity *identity(sluice_request *abi)
{
    const struct request *req = request_of(abi);
    return req->known ? &req->who : NULL;
}

static void keep(struct request *req, const char **member, const char *text)
{
    if (text)
        *member = arena_copy_text(&req->arena, text);
}

/* A second authenticator adds to what the first one found: a client's key and a user's session
 * can come with the same request. */
static void identify(sluice_request *abi, const sluice_identity *who)
{
    struct request *req = request_of(abi);
    sluice_identity given = {0};
    memcpy(&given, who, who->size < sizeof given ? who->size : sizeof given);
    req->known = true;
    req->who.size = sizeof req->who;
    req->who.kinds |= given.kinds;
    keep(req, &req->who.client, given.client);
    keep(req, &req->who.space, given.space);
    keep(req, &req->who.scopes, given.scopes);
    keep(req, &req->who.key, given.key);
    keep(req, &req->who.user, given.user);
    keep(req, &req->who.session, given.session);
    keep(req, &req->who.policy, given.policy);
    if (!req->who.scopes)
        req->who.scopes = "";
}

static void unidentified(sluice_request *abi, const char *code, const char *detail)
{
    struct request *req = request_of(abi);
    req->unknown_code = arena_copy_text(&req->arena, code);
    req->unknown_detail = arena_copy_text(&req->arena, detail);
}

/* ---- Answering ---------------------------------------------------------------------------- */

static sluice_verdict respond(sluice_request *abi, uint32_t status, const char *type,
                              const void *bytes, uint64_t len)
{
    answer_respond(&request_of(abi)->answer, status, type, bytes, len);
    return SLUICE_DONE;
}

static sluice_verdict json(sluice_request *abi, uint32_t status, const sluice_arg *pairs,
                           uint32_t count, uint32_t stride)
{
    answer_json(&request_of(abi)->answer, status, pairs, count, stride);
    return SLUICE_DONE;
}

static sluice_verdict problem(sluice_request *abi, uint32_t status, const char *code,
                              const char *detail, const sluice_arg *pairs, uint32_t count,
                              uint32_t stride)
{
    struct request *req = request_of(abi);
    struct problem given = {
        .status = status, .code = code, .detail = detail, .instance = req->path};
    answer_problem(&req->answer, &given, pairs, count, stride);
    return SLUICE_DONE;
}

static void set_header(sluice_request *abi, const char *name, const char *text)
{
    struct request *req = request_of(abi);
    if (answer_set_header(&req->answer, name, text) < 0)
        log_error("%s: step %s set a header that can't be sent: \"%s\"",
                  running_plugin(&req->running), req->running.name, name);
}

static uint32_t status_of(sluice_request *abi)
{
    return request_of(abi)->answer.status;
}

static sluice_bytes answer_body(sluice_request *abi)
{
    const struct request *req = request_of(abi);
    return (sluice_bytes){req->answer.body.data, req->answer.body.len};
}

/* ---- Values ------------------------------------------------------------------------------- */

static sluice_arg object(sluice_request *abi, const sluice_arg *pairs, uint32_t count,
                         uint32_t stride)
{
    struct text text;
    text_init(&text, &request_of(abi)->arena);
    json_add_object(&text, pairs, count, stride);
    return (sluice_arg){.type = SLUICE_ARG_JSON, .len = text.len, .u.text = text.data};
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
    struct request *req = request_of(abi);
    const char *prefix = req->worker->gateway->settings.redis.prefix;
    return args_join(&req->arena, prefix, parts, count, stride);
}

static const char *concat(sluice_request *abi, const sluice_arg *parts, uint32_t count,
                          uint32_t stride)
{
    return args_join(&request_of(abi)->arena, "", parts, count, stride);
}

const sluice_request_api request_api = {
    .size = sizeof request_api,
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
