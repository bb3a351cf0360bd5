/* The Sluice plugin API: everything a plugin author calls, and its manual.
 *
 *   static sluice_step rank, ranked;
 *
 *   static sluice_verdict rank(sluice_request *req, void *self, const sluice_reply *none)
 *   {
 *       return sluice_ask(req, ranked, self, "ZREVRANK", "board", sluice_path(req, "userId"));
 *   }
 *
 *   static sluice_verdict ranked(sluice_request *req, void *self, const sluice_reply *rank)
 *   {
 *       if (sluice_is_nil(rank))
 *           return sluice_problem(req, 404, "not_ranked", "this user has no score");
 *       return sluice_json(req, 200, "success", true, "UserRank", sluice_int(rank) + 1);
 *   }
 *
 * Steps. All request code is made of steps: functions of a request, a state and a reply that
 * return a verdict. A step that needs something from elsewhere asks and returns at once; the step
 * it named runs when the answer is there. A step never blocks: one that holds the loop for more
 * than 50 ms is logged by name.
 *
 * Trouble. When Redis is away, slow or refuses to write, the request is answered with 503 and
 * Retry-After and the next step does not run, unless its wait has SLUICE_TAKE_TROUBLE.
 *
 * Memory. sluice_alloc, sluice_printf and sluice_key give memory that lives as long as the
 * request. A reply lives until the step that received it returns: copy what you keep.
 *
 * Time. sluice_monotonic and sluice_realtime are the only clocks, so that tests own time.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_PLUGIN_H
#define SLUICE_PLUGIN_H

#include <stdarg.h>
#include <stdio.h>

#include <sluice/abi.h>
#include <sluice/args.h>

#if defined(__GNUC__)
#define SLUICE_MUST_RETURN __attribute__((warn_unused_result))
#define SLUICE_PRINTF(string, first) __attribute__((format(printf, string, first), nonnull(string)))
#define SLUICE_EXPORT __attribute__((visibility("default")))
#else
#define SLUICE_MUST_RETURN
#define SLUICE_PRINTF(string, first)
#define SLUICE_EXPORT
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* The one symbol a plugin exports. */
SLUICE_EXPORT const sluice_descriptor *sluice_plugin(void);

/* Bounds that all plugins share; docs/http-api.md has the rest. */
#define SLUICE_NAME_MAX 128u    /* bytes of a name: client, space, board, queue, policy, resource */
#define SLUICE_USER_ID_MAX 256u /* bytes of a user id */

/* ---- Memory ------------------------------------------------------------------------------- */

/* Zeroed memory of the request. Never NULL. */
static inline void *sluice_alloc(sluice_request *req, uint64_t size)
{
    return req->api->alloc(req, size, sizeof(void *) * 2);
}

#define sluice_new(req, type) ((type *)sluice_alloc((req), sizeof(type)))

/* A copy that lives as long as the request, NUL-terminated. */
static inline const char *sluice_copy(sluice_request *req, sluice_bytes bytes)
{
    char *copy = (char *)req->api->alloc(req, bytes.len + 1, 1);
    if (bytes.len)
        memcpy(copy, bytes.data, bytes.len);
    return copy;
}

static inline const char *sluice_printf(sluice_request *req, const char *format, ...)
    SLUICE_PRINTF(2, 3);
static inline const char *sluice_printf(sluice_request *req, const char *format, ...)
{
    char small[256]; /* long enough for most: formatted once, then copied */
    va_list args;
    va_start(args, format);
    int len = vsnprintf(small, sizeof small, format, args);
    va_end(args);
    if (len < (int)sizeof small)
        return sluice_copy(req, sluice_bytes_of(small, len > 0 ? (uint64_t)len : 0));
    char *text = (char *)req->api->alloc(req, (uint64_t)len + 1, 1);
    va_start(args, format);
    (void)vsnprintf(text, (size_t)len + 1, format, args);
    va_end(args);
    return text;
}

/* Runs `cleanup(what)` when the request ends, in reverse order of deferring. */
static inline void sluice_defer(sluice_request *req, sluice_cleanup *cleanup, void *what)
{
    req->api->defer(req, cleanup, what);
}

/* What one hook of a plugin leaves for another, or for the handler, of the same request: one
 * pointer, to memory of the request. */
static inline void sluice_keep(sluice_request *req, void *what)
{
    *req->api->slot(req) = what;
}

/* NULL where nothing was kept. */
static inline void *sluice_kept(sluice_request *req)
{
    return *req->api->slot(req);
}

/* ---- The request -------------------------------------------------------------------------- */

/* The configuration of the plugin whose step runs: the `self` that `configure` saw. */
static inline void *sluice_self(sluice_request *req)
{
    return req->api->self(req);
}

static inline sluice_worker *sluice_worker_of(sluice_request *req)
{
    return req->api->worker(req);
}

/* A {name} of the route, percent-decoded, free of NUL. NULL for a name the route does not have. */
static inline const char *sluice_path(sluice_request *req, const char *name)
{
    return req->api->value(req, SLUICE_PARAM, name);
}

/* The first query parameter of that name, percent-decoded; NULL when absent. */
static inline const char *sluice_query(sluice_request *req, const char *name)
{
    return req->api->value(req, SLUICE_QUERY, name);
}

/* The first header of that name, in any case; NULL when absent. */
static inline const char *sluice_header(sluice_request *req, const char *name)
{
    return req->api->value(req, SLUICE_HEADER, name);
}

static inline const char *sluice_cookie(sluice_request *req, const char *name)
{
    return req->api->value(req, SLUICE_COOKIE, name);
}

/* The whole body; before hooks do not see it yet. A NUL follows it. */
static inline sluice_bytes sluice_body(sluice_request *req)
{
    return req->api->body(req);
}

static inline const char *sluice_method(sluice_request *req)
{
    return req->api->text(req, SLUICE_METHOD);
}

/* Path and query, as sent. */
static inline const char *sluice_target(sluice_request *req)
{
    return req->api->text(req, SLUICE_TARGET);
}

/* The pattern of the matched route, "" when none matched. */
static inline const char *sluice_route_pattern(sluice_request *req)
{
    return req->api->text(req, SLUICE_ROUTE);
}

/* The client's address as text, without port. */
static inline const char *sluice_address(sluice_request *req)
{
    return req->api->text(req, SLUICE_ADDRESS);
}

static inline const char *sluice_request_id(sluice_request *req)
{
    return req->api->text(req, SLUICE_REQUEST_ID);
}

/* The limit the route asks for: the names of policies joined by +, all of which must allow it; "" for
 * the default policy, "none". */
static inline const char *sluice_limit(sluice_request *req)
{
    return req->api->text(req, SLUICE_LIMIT);
}

/* Who this is, or NULL. */
static inline const sluice_identity *sluice_who(sluice_request *req)
{
    return req->api->identity(req);
}

/* For authenticators: says who this is. Everything in `who` is copied. */
static inline void sluice_identify(sluice_request *req, const sluice_identity *who)
{
    req->api->identify(req, who);
}

/* For authenticators: says why the credentials that came were not taken. */
static inline void sluice_unidentified(sluice_request *req, const char *code, const char *detail)
{
    req->api->unidentified(req, code, detail);
}

/* Key names are built in one place per plugin, and with this: the parts, one after the other,
 * behind the configured redis.prefix. */
#define sluice_key(req, ...) ((req)->api->key((req), SLUICE_ARGS(__VA_ARGS__)))

/* The parts, one after the other: several times as fast as sluice_printf, for texts that every
 * request makes.
 *
 *   sluice_set_header(req, "ETag", sluice_concat(req, "\"", version, "\""));                  */
#define sluice_concat(req, ...) ((req)->api->concat((req), SLUICE_ARGS(__VA_ARGS__)))

/* ---- Waiting ------------------------------------------------------------------------------ */

static inline sluice_wait sluice_then(sluice_step *then, const char *name, void *state)
{
    sluice_wait wait;
    memset(&wait, 0, sizeof wait);
    wait.size = sizeof wait;
    wait.then = then;
    wait.then_name = name;
    wait.state = state;
    return wait;
}

/* A wait to be refined:  sluice_wait wait = SLUICE_THEN(granted, ask); wait.undo = give_back; */
#define SLUICE_THEN(then, state) sluice_then((then), #then, (state))

SLUICE_MUST_RETURN static inline sluice_verdict sluice_ask_v(sluice_request *req, sluice_wait wait,
                                                             const sluice_arg *argv, uint32_t argc,
                                                             uint64_t stride)
{
    return req->api->ask(req, &wait, argv, argc, (uint32_t)stride);
}

/* Sends one Redis command; `then` runs with its reply.
 *
 *   return sluice_ask(req, ranked, state, "ZREVRANK", key, user);                            */
#define sluice_ask(req, then, state, ...)                                                          \
    sluice_ask_v((req), SLUICE_THEN(then, state), SLUICE_ARGS(__VA_ARGS__))

/* The same with a wait of your own: flags, undo, timeout. */
#define sluice_ask_as(req, wait, ...) sluice_ask_v((req), (wait), SLUICE_ARGS(__VA_ARGS__))

SLUICE_MUST_RETURN static inline sluice_verdict sluice_ask_all_v(sluice_request *req,
                                                                 sluice_wait wait,
                                                                 const sluice_command *commands,
                                                                 uint32_t count, uint64_t stride)
{
    return req->api->ask_all(req, &wait, commands, count, (uint32_t)stride);
}

/* Sends several commands in one go; `then` gets one array with their replies, in order. An error
 * among them is an element, not trouble.
 *
 *   return sluice_ask_all(req, counted, state, SLUICE_COMMAND("ZCARD", key),
 *                         SLUICE_COMMAND("ZREVRANGE", key, 0, 9, "WITHSCORES"));             */
#define sluice_ask_all(req, then, state, ...)                                                      \
    sluice_ask_all_v((req), SLUICE_THEN(then, state), SLUICE_COMMANDS(__VA_ARGS__))
#define sluice_ask_all_as(req, wait, ...)                                                          \
    sluice_ask_all_v((req), (wait), SLUICE_COMMANDS(__VA_ARGS__))

SLUICE_MUST_RETURN static inline sluice_verdict sluice_run_v(sluice_request *req, sluice_wait wait,
                                                             const sluice_script *script,
                                                             uint32_t keys, const sluice_arg *argv,
                                                             uint32_t argc, uint64_t stride)
{
    return req->api->run(req, &wait, script, keys, argv, argc, (uint32_t)stride);
}

/* Runs a registered script; the first `keys` arguments are KEYS, the others ARGV. */
#define sluice_run(req, then, state, script, keys, ...)                                            \
    sluice_run_v((req), SLUICE_THEN(then, state), (script), (keys), SLUICE_ARGS(__VA_ARGS__))
#define sluice_run_as(req, wait, script, keys, ...)                                                \
    sluice_run_v((req), (wait), (script), (keys), SLUICE_ARGS(__VA_ARGS__))

SLUICE_MUST_RETURN static inline sluice_verdict sluice_sleep_v(sluice_request *req,
                                                               sluice_wait wait, int64_t ms)
{
    wait.timeout_ms = ms;
    return req->api->sleep(req, &wait);
}

/* Runs `then` with a nil after `ms`. */
#define sluice_sleep(req, then, state, ms) sluice_sleep_v((req), SLUICE_THEN(then, state), (ms))

/* The primitive under all of these: parks the request until sluice_wake names its token, at most
 * `wait.timeout_ms`; then `then` runs with what the waker gave. A wait that runs out is trouble. */
SLUICE_MUST_RETURN static inline sluice_verdict sluice_park(sluice_request *req, sluice_wait wait,
                                                            sluice_token *ret_token)
{
    return req->api->park(req, &wait, ret_token);
}

/* ---- Replies ------------------------------------------------------------------------------ */

static inline uint32_t sluice_type(const sluice_reply *reply)
{
    return reply->api->type(reply);
}

static inline bool sluice_is_nil(const sluice_reply *reply)
{
    return reply->api->type(reply) == SLUICE_REPLY_NIL;
}

static inline bool sluice_is_error(const sluice_reply *reply)
{
    return reply->api->type(reply) == SLUICE_REPLY_ERROR;
}

static inline bool sluice_is_trouble(const sluice_reply *reply)
{
    return reply->api->type(reply) == SLUICE_REPLY_TROUBLE;
}

/* An integer, or a text read as one; 0 for anything else. */
static inline int64_t sluice_int(const sluice_reply *reply)
{
    return reply->api->integer(reply);
}

/* A text or an integer as a double; 0 for anything else. */
static inline double sluice_number(const sluice_reply *reply)
{
    return reply->api->number(reply);
}

/* Borrowed until the step returns. "" for what has no text. */
static inline const char *sluice_text(const sluice_reply *reply)
{
    return (const char *)reply->api->text(reply).data;
}

static inline sluice_bytes sluice_text_bytes(const sluice_reply *reply)
{
    return reply->api->text(reply);
}

static inline uint64_t sluice_length(const sluice_reply *reply)
{
    return reply->api->length(reply);
}

/* The i-th element of an array; beyond its end a nil, never NULL. */
static inline const sluice_reply *sluice_at(const sluice_reply *reply, uint64_t i)
{
    return reply->api->at(reply, i);
}

/* ---- Answers ------------------------------------------------------------------------------ */

/* An answer of your own type; the body is copied. */
SLUICE_MUST_RETURN static inline sluice_verdict sluice_respond(sluice_request *req, uint32_t status,
                                                               const char *type, sluice_bytes body)
{
    return req->api->respond(req, status, type, body.data, body.len);
}

/* An answer without a body: 204, 304. */
SLUICE_MUST_RETURN static inline sluice_verdict sluice_respond_empty(sluice_request *req,
                                                                     uint32_t status)
{
    return req->api->respond(req, status, NULL, NULL, 0);
}

SLUICE_MUST_RETURN static inline sluice_verdict sluice_json_v(sluice_request *req, uint32_t status,
                                                              const sluice_arg *pairs,
                                                              uint32_t count, uint64_t stride)
{
    return req->api->json(req, status, pairs, count, (uint32_t)stride);
}

/* Answers with a JSON object of names and values; a nil value leaves its member out.
 *
 *   return sluice_json(req, 200, "success", true, "score", sluice_number(score));            */
#define sluice_json(req, status, ...) sluice_json_v((req), (status), SLUICE_ARGS(__VA_ARGS__))

SLUICE_MUST_RETURN static inline sluice_verdict
sluice_problem_v(sluice_request *req, uint32_t status, const char *code, const char *detail,
                 const sluice_arg *pairs, uint32_t count, uint64_t stride)
{
    return req->api->problem(req, status, code, detail, pairs, count, (uint32_t)stride);
}

/* Answers with a problem (RFC 9457). `code` is stable and snake_case; `detail` tells this caller
 * what went wrong and what to do. */
SLUICE_MUST_RETURN static inline sluice_verdict sluice_problem(sluice_request *req, uint32_t status,
                                                               const char *code, const char *detail)
{
    return req->api->problem(req, status, code, detail, NULL, 0, sizeof(sluice_arg));
}

/* The same with members of its own. "retryAfter" (whole seconds) also sets Retry-After; "type" as
 * the first one replaces /problems#<code>, for a problem type that is registered elsewhere. */
#define sluice_problem_with(req, status, code, detail, ...)                                        \
    sluice_problem_v((req), (status), (code), (detail), SLUICE_ARGS(__VA_ARGS__))

/* Sets a header of the answer; a second call with the same name replaces the value. Both copied. */
static inline void sluice_set_header(sluice_request *req, const char *name, const char *value)
{
    req->api->header(req, name, value);
}

/* A JSON object as a value for sluice_json, sluice_push and other objects. */
#define sluice_object(req, ...) ((req)->api->object((req), SLUICE_ARGS(__VA_ARGS__)))

/* A JSON array: make it, push values of any kind, hand it over as a value. */
static inline sluice_list *sluice_list_new(sluice_request *req)
{
    return req->api->list(req);
}

#define sluice_push(req, list, value) ((req)->api->push((req), (list), SLUICE_ARGV(value)))

/* For after and log hooks: the answer as it stands. */
static inline uint32_t sluice_answer_status(sluice_request *req)
{
    return req->api->status(req);
}

static inline sluice_bytes sluice_answer_body(sluice_request *req)
{
    return req->api->answer_body(req);
}

static inline const char *sluice_answer_header(sluice_request *req, const char *name)
{
    return req->api->value(req, SLUICE_ANSWER_HEADER, name);
}

/* ---- Workers ------------------------------------------------------------------------------ */

static inline void *sluice_worker_self(sluice_worker *worker)
{
    return worker->api->self(worker);
}

/* Milliseconds from an arbitrary start; never goes back. */
static inline int64_t sluice_monotonic(sluice_worker *worker)
{
    return worker->api->monotonic(worker);
}

/* Milliseconds since 1970, by this host's clock. Scripts use Redis's TIME instead. */
static inline int64_t sluice_realtime(sluice_worker *worker)
{
    return worker->api->realtime(worker);
}

static inline uint32_t sluice_worker_count(sluice_worker *worker)
{
    return worker->api->count(worker);
}

/* How many gateways share the Redis: `gateways` in config.yaml. */
static inline uint32_t sluice_gateways(sluice_worker *worker)
{
    return worker->api->gateways(worker);
}

static inline uint32_t sluice_worker_index(sluice_worker *worker)
{
    return worker->api->index(worker);
}

/* Bytes from OpenSSL's CSPRNG. */
static inline void sluice_random(sluice_worker *worker, void *ret_bytes, uint64_t len)
{
    worker->api->random(worker, ret_bytes, len);
}

/* A service another plugin offers, in at least that version; NULL where there is none. Look it up
 * in `start` and keep it in your configuration. */
static inline const void *sluice_service(sluice_worker *worker, const char *name, uint32_t version)
{
    return worker->api->service(worker, name, version);
}

/* Redis outside a request: for batching, for undo steps, for timers. */
#define sluice_worker_ask(worker, then, state, ...)                                                \
    ((worker)->api->ask((worker), (then), (state), SLUICE_ARGS(__VA_ARGS__)))
#define sluice_worker_run(worker, then, state, script, keys, ...)                                  \
    ((worker)->api->run((worker), (then), (state), (script), (keys), SLUICE_ARGS(__VA_ARGS__)))

static inline void sluice_timer(sluice_worker *worker, int64_t ms, sluice_worker_step *then,
                                void *state)
{
    worker->api->timer(worker, ms, then, state);
}

/* Wakes a parked request with values, as its reply: false when it no longer waits on that token.
 *
 *   sluice_wake(worker, token, "granted", fence);    (in C++ and C alike, at least one value)  */
#define sluice_wake(worker, token, ...)                                                            \
    ((worker)->api->wake((worker), (token), SLUICE_ARGS(__VA_ARGS__)))

static inline bool sluice_redis_ready(sluice_worker *worker)
{
    return worker->api->redis_ready(worker);
}

/* redis.prefix, for keys built outside a request. */
static inline const char *sluice_prefix(sluice_worker *worker)
{
    return worker->api->prefix(worker);
}

/* Runs `then` for every message on a channel: see sluice/abi.h. Called in `start`. */
static inline void sluice_subscribe(sluice_worker *worker, const char *channel,
                                    sluice_worker_step *then, void *state)
{
    worker->api->subscribe(worker, channel, then, state);
}

/* Runs `then` for every change of a key with this prefix, so that its value may be kept in memory
 * until sluice_tracked_until. A value is kept only if `then` has not named its key since before it
 * was asked for: Redis's word of a change can overtake the old value. Called in `start`. */
static inline void sluice_track(sluice_worker *worker, const char *key_prefix,
                                sluice_worker_step *then, void *state)
{
    worker->api->track(worker, key_prefix, then, state);
}

static inline int64_t sluice_tracked_until(sluice_worker *worker)
{
    return worker->api->tracked_until(worker);
}

static inline void sluice_log(sluice_worker *worker, uint32_t level, const char *format, ...)
    SLUICE_PRINTF(3, 4);
static inline void sluice_log(sluice_worker *worker, uint32_t level, const char *format, ...)
{
    char line[1024];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(line, sizeof line, format, args);
    va_end(args);
    worker->api->log(worker, level, line);
}

/* ---- Registration, in `configure` --------------------------------------------------------- */

/* `rows` is an array with static storage. */
#define sluice_routes(host, rows)                                                                  \
    ((host)->api->routes((host), (rows), (uint32_t)(sizeof(rows) / sizeof(rows)[0]),               \
                         (uint32_t)sizeof(rows)[0]))
#define sluice_hooks(host, rows)                                                                   \
    ((host)->api->hooks((host), (rows), (uint32_t)(sizeof(rows) / sizeof(rows)[0]),                \
                        (uint32_t)sizeof(rows)[0]))

/* A Lua script, embedded at build as `source` (sluice_add_plugin in CMake does it). */
static inline const sluice_script *sluice_add_script(sluice_host *host, const char *name,
                                                     const char *source)
{
    return host->api->script(host, name, source, strlen(source));
}

/* Says that this plugin's AUTHENTICATE hook can set these kinds of identity. */
static inline void sluice_provide(sluice_host *host, uint32_t identity_kinds)
{
    host->api->provide(host, identity_kinds);
}

/* Announces a limit policy that routes may name. */
static inline void sluice_add_policy(sluice_host *host, const char *name)
{
    host->api->policy(host, name);
}

/* Offers a service to other plugins: a table whose first member is its size. Kept. */
static inline void sluice_offer(sluice_host *host, const char *name, uint32_t version,
                                const void *table)
{
    host->api->offer(host, name, version, table);
}

static inline void *sluice_host_alloc(sluice_host *host, uint64_t size)
{
    return host->api->alloc(host, size, sizeof(void *) * 2);
}

/* A configuration error at an option's own line and column; configure then returns -1. */
static inline void sluice_refuse(sluice_host *host, const char *option, const char *format, ...)
    SLUICE_PRINTF(3, 4);
static inline void sluice_refuse(sluice_host *host, const char *option, const char *format, ...)
{
    char message[1024];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(message, sizeof message, format, args);
    va_end(args);
    host->api->refuse(host, option, message);
}

/* A step with its name, for routes and hooks: SLUICE_STEP(rank) is `rank, "rank"`. */
#define SLUICE_STEP(step) (step), #step

/* How many rows and how long each, for the descriptor's option fields. */
#define SLUICE_ROWS(rows)                                                                          \
    (rows), (uint32_t)(sizeof(rows) / sizeof(rows)[0]), (uint32_t)sizeof(rows)[0]

#ifdef __cplusplus
}
#endif
#endif
