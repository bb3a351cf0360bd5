/* What crosses between Sluice and a plugin: types, tables and the rules they keep.
 *
 * Plugin authors include <sluice/plugin.h>, which wraps everything here in functions; this file is
 * the binary contract itself, for those who bind another language to it.
 *
 * Rules
 *   - A plugin exports one symbol, `sluice_plugin`, and links nothing of the gateway.
 *   - The first word of every handle points to its table. A table starts with its size; entries
 *     are only ever appended. Structs that cross start with `size`, arrays carry their stride.
 *   - Integers have fixed widths; no bitfields, no enums, no va_list, no third party's types.
 *   - Strings are UTF-8 and end with NUL. "borrowed" lasts for the call, "copied" may be reused at
 *     once, "kept" must live as long as the generation (string literals and static tables do).
 *   - A process has one loop and one thread: nothing here needs a lock.
 *
 * Promise
 *   A plugin built for 1.x runs on every 1.y with y >= x. Nothing is removed, nothing changes its
 *   place or meaning; tables and structs grow at their ends, and their `size` says how far. tests/abi
 *   compares every change with what was recorded.
 *
 * Changes
 *   1.0  the first
 *
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_ABI_H
#define SLUICE_ABI_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Major must match; minor is a floor: a plugin built for 1.3 runs on 1.3 and later 1.x. */
#define SLUICE_ABI_MAJOR 1
#define SLUICE_ABI_MINOR 0

/* Handles, opaque but for their table. */
typedef struct sluice_host {
    const struct sluice_host_api *api;
} sluice_host; /* while a plugin is configured */
typedef struct sluice_worker {
    const struct sluice_worker_api *api;
} sluice_worker; /* one process's loop, as one plugin sees it */
typedef struct sluice_request {
    const struct sluice_request_api *api;
} sluice_request; /* one HTTP request, from its headers to its answer */
typedef struct sluice_reply {
    const struct sluice_reply_api *api;
} sluice_reply; /* what a step waited for; lives until that step returns */

typedef struct sluice_executor {
    const struct sluice_executor_api *api;
} sluice_executor; /* a child process that may block, crash, leak or hang */
typedef struct sluice_job {
    const struct sluice_job_api *api;
} sluice_job; /* a job while its handler runs */

typedef struct sluice_list sluice_list;     /* a JSON array being written, in a request's arena */
typedef struct sluice_script sluice_script; /* a registered Lua script, as long as the generation */

typedef struct sluice_bytes {
    const void *data;
    uint64_t len;
} sluice_bytes;

/* ---- Verdicts and steps ------------------------------------------------------------------- */

/* What a step returns. An asking function's result is returned as it is: `return sluice_ask(...)`. */
typedef int32_t sluice_verdict;
#define SLUICE_NEXT ((sluice_verdict)0) /* go on: the next hook, or the handler */
#define SLUICE_DONE ((sluice_verdict)1) /* an answer is set */
#define SLUICE_WAIT ((sluice_verdict)2) /* the named next step runs when what was asked arrives */

/* `state` is what the asking call was given (for a first step: the plugin's configuration).
 * `reply` is NULL for a first step, and never NULL for a step that was waited for. */
typedef sluice_verdict sluice_step(sluice_request *req, void *state, const sluice_reply *reply);

/* A step outside any request: of a timer (reply is NULL), a worker's own question, an undo. */
typedef void sluice_worker_step(sluice_worker *worker, void *state, const sluice_reply *reply);

/* Cleans up when its request ends. */
typedef void sluice_cleanup(void *what);

/* ---- Typed arguments ---------------------------------------------------------------------- */

#define SLUICE_ARG_NIL 0u    /* JSON null; as a member's value: the member is left out */
#define SLUICE_ARG_TEXT 1u   /* u.text, NUL-terminated; a NULL pointer counts as NIL */
#define SLUICE_ARG_BYTES 2u  /* u.text and len */
#define SLUICE_ARG_INT 3u    /* u.i64 */
#define SLUICE_ARG_UINT 4u   /* u.u64 */
#define SLUICE_ARG_DOUBLE 5u /* u.f64, written with the fewest digits that read back the same */
#define SLUICE_ARG_BOOL 6u   /* u.u64, 0 or 1; to Redis "1" or "0" */
#define SLUICE_ARG_JSON 7u   /* u.text and len: JSON text, inserted as it is */
#define SLUICE_ARG_LIST 8u   /* u.list */
#define SLUICE_ARG_ERROR 9u  /* u.text: an error, for sluice_wake only */

typedef struct sluice_arg {
    uint32_t type;
    uint32_t reserved;
    uint64_t len;
    union {
        const char *text;
        int64_t i64;
        uint64_t u64;
        double f64;
        const sluice_list *list;
    } u;
} sluice_arg;

/* ---- Waits -------------------------------------------------------------------------------- */

#define SLUICE_TAKE_TROUBLE 1u  /* run the step on trouble too, instead of answering 503 or 500 */
#define SLUICE_END_ON_HANGUP 2u /* end the request when its client goes, even half-way */

/* How a request waits. `size` is sizeof(sluice_wait). */
typedef struct sluice_wait {
    uint32_t size;
    uint32_t flags;
    sluice_step *then;
    const char *then_name; /* kept; shown in a request's trail */
    void *state; /* handed to `then` and to `undo`; in the request's arena or longer lived */
    sluice_worker_step *undo; /* NULL, or run when the reply comes after its request has ended */
    int64_t timeout_ms;       /* 0: the default of what is asked; a park must name one */
} sluice_wait;

/* Names one wait of one request: a value, never a pointer. A stale token is refused. */
typedef struct sluice_token {
    uint64_t bits;
} sluice_token;

/* One command of a pipeline. */
typedef struct sluice_command {
    const sluice_arg *argv;
    uint32_t argc;
    uint32_t stride; /* sizeof(sluice_arg) where it was built */
} sluice_command;

/* ---- Identity ----------------------------------------------------------------------------- */

#define SLUICE_IDENTITY_CLIENT 1u    /* an API client */
#define SLUICE_IDENTITY_SESSION 2u   /* a user's session */
#define SLUICE_IDENTITY_ADMIN 4u     /* the holder of the admin token */
#define SLUICE_IDENTITY_SELF_MADE 8u /* with CLIENT: it registered itself, no admin made it */

/* Who a request is. The host copies what it is given. */
typedef struct sluice_identity {
    uint32_t size;
    uint32_t kinds;      /* SLUICE_IDENTITY_*, or'ed */
    const char *client;  /* NULL unless CLIENT */
    const char *space;   /* whose private things it sees */
    const char *scopes;  /* separated by spaces; "" for none */
    const char *key;     /* the id of the key that was used, never the secret */
    const char *user;    /* of the session */
    const char *session; /* its public id, never the secret */
    const char *policy;  /* the limit policy this client has instead of `default`, or NULL */
} sluice_identity;

/* ---- Replies ------------------------------------------------------------------------------ */

#define SLUICE_REPLY_NIL 0u
#define SLUICE_REPLY_TEXT 1u
#define SLUICE_REPLY_INT 2u
#define SLUICE_REPLY_ARRAY 3u
#define SLUICE_REPLY_STATUS 4u
#define SLUICE_REPLY_ERROR 5u   /* Redis refused the command; text is its message */
#define SLUICE_REPLY_TROUBLE 6u /* no answer: disconnected, timed out, read-only, full */

typedef struct sluice_reply_api {
    uint32_t size;
    uint32_t reserved;
    uint32_t (*type)(const sluice_reply *reply);
    int64_t (*integer)(const sluice_reply *reply);   /* of a text: parsed; else 0 */
    double (*number)(const sluice_reply *reply);     /* of a text: parsed; else 0 */
    sluice_bytes (*text)(const sluice_reply *reply); /* NUL follows; never a NULL pointer */
    uint64_t (*length)(const sluice_reply *reply);   /* of an array; else 0 */
    const sluice_reply *(*at)(const sluice_reply *reply, uint64_t i); /* out of range: a nil */
} sluice_reply_api;

/* ---- A request ---------------------------------------------------------------------------- */

/* What `text` reads. */
#define SLUICE_METHOD 0u
#define SLUICE_PATH 1u  /* as sent, without the query */
#define SLUICE_ROUTE 2u /* the route's pattern, or "" on 404 and 405 */
#define SLUICE_REQUEST_ID 3u
#define SLUICE_ADDRESS 4u /* the client's, behind trusted proxies */
#define SLUICE_LIMIT 5u   /* of the route: policies' names joined by +, "" for default, "none" */
#define SLUICE_TRACE 6u   /* steps so far: "rank > ranked" */
#define SLUICE_TARGET 7u  /* as sent, path and query */

/* Where `value` looks. */
#define SLUICE_PARAM 0u  /* a {name} of the route, percent-decoded */
#define SLUICE_QUERY 1u  /* the first of that name, percent-decoded */
#define SLUICE_HEADER 2u /* the first of that name, any case */
#define SLUICE_COOKIE 3u
#define SLUICE_ANSWER_HEADER 4u /* of the answer that is set */

typedef struct sluice_request_api {
    uint32_t size;
    uint32_t reserved;
    /* Zeroed, freed with the request, never NULL (a process out of memory ends). */
    void *(*alloc)(sluice_request *req, uint64_t size, uint64_t align);
    void (*defer)(sluice_request *req, sluice_cleanup *cleanup, void *what);
    void *(*self)(sluice_request *req); /* the configuration of the plugin whose step runs */
    sluice_worker *(*worker)(sluice_request *req);

    const char *(*text)(sluice_request *req, uint32_t what);
    const char *(*value)(sluice_request *req, uint32_t where, const char *name); /* NULL: absent */
    sluice_bytes (*body)(sluice_request *req);
    const sluice_identity *(*identity)(sluice_request *req); /* NULL: nobody */

    void (*identify)(sluice_request *req, const sluice_identity *who); /* copied */
    /* Why credentials were not taken: the 401 that follows, if the route needs them, says so. */
    void (*unidentified)(sluice_request *req, const char *code, const char *detail);

    /* Waits. All return SLUICE_WAIT, or, where a mistake makes waiting impossible, SLUICE_DONE
     * with a 500 set and the mistake logged. */
    sluice_verdict (*ask)(sluice_request *req, const sluice_wait *wait, const sluice_arg *argv,
                          uint32_t argc, uint32_t stride);
    sluice_verdict (*ask_all)(sluice_request *req, const sluice_wait *wait,
                              const sluice_command *commands, uint32_t count, uint32_t stride);
    sluice_verdict (*run)(sluice_request *req, const sluice_wait *wait, const sluice_script *script,
                          uint32_t keys, const sluice_arg *argv, uint32_t argc, uint32_t stride);
    sluice_verdict (*sleep)(sluice_request *req, const sluice_wait *wait);
    sluice_verdict (*park)(sluice_request *req, const sluice_wait *wait, sluice_token *ret_token);

    /* Answers. All return SLUICE_DONE. A later answer replaces an earlier one and its headers
     * that describe the body; other headers stay. */
    sluice_verdict (*respond)(sluice_request *req, uint32_t status, const char *type,
                              const void *body, uint64_t len); /* copied */
    sluice_verdict (*json)(sluice_request *req, uint32_t status, const sluice_arg *pairs,
                           uint32_t count, uint32_t stride);
    sluice_verdict (*problem)(sluice_request *req, uint32_t status, const char *code,
                              const char *detail, const sluice_arg *pairs, uint32_t count,
                              uint32_t stride);
    void (*header)(sluice_request *req, const char *name, const char *value); /* replaces */
    uint32_t (*status)(sluice_request *req); /* of the answer that is set, 0 before */
    sluice_bytes (*answer_body)(sluice_request *req);

    /* Values for answers. */
    sluice_arg (*object)(sluice_request *req, const sluice_arg *pairs, uint32_t count,
                         uint32_t stride);
    sluice_list *(*list)(sluice_request *req);
    void (*push)(sluice_request *req, sluice_list *list, const sluice_arg *value);

    /* Concatenates; `key` with the configured redis.prefix in front. */
    const char *(*key)(sluice_request *req, const sluice_arg *parts, uint32_t count,
                       uint32_t stride);
    const char *(*concat)(sluice_request *req, const sluice_arg *parts, uint32_t count,
                          uint32_t stride);

    /* What one hook leaves for another: one pointer per request and plugin, NULL at first. */
    void **(*slot)(sluice_request *req);
} sluice_request_api;

/* ---- A worker ----------------------------------------------------------------------------- */

typedef struct sluice_worker_api {
    uint32_t size;
    uint32_t reserved;
    void *(*self)(sluice_worker *worker);
    uint32_t (*index)(sluice_worker *worker); /* 0 to count - 1 */
    uint32_t (*count)(sluice_worker *worker); /* http workers of this gateway */
    /* The one source of time: monotonic, and since 1970; both in milliseconds. */
    int64_t (*monotonic)(sluice_worker *worker);
    int64_t (*realtime)(sluice_worker *worker);
    /* Random bytes from OpenSSL's CSPRNG. */
    void (*random)(sluice_worker *worker, void *ret_bytes, uint64_t len);
    /* A service that a plugin offered; NULL where none did in at least that version. */
    const void *(*service)(sluice_worker *worker, const char *name, uint32_t version);

    /* Redis outside a request. `then` runs exactly once, with trouble as its reply if need be. */
    void (*ask)(sluice_worker *worker, sluice_worker_step *then, void *state,
                const sluice_arg *argv, uint32_t argc, uint32_t stride);
    void (*run)(sluice_worker *worker, sluice_worker_step *then, void *state,
                const sluice_script *script, uint32_t keys, const sluice_arg *argv, uint32_t argc,
                uint32_t stride);
    /* Runs `then` once after `ms`, or at the next turn for 0. */
    void (*timer)(sluice_worker *worker, int64_t ms, sluice_worker_step *then, void *state);
    /* Queues the parked request's next step: no value is a nil, one a scalar, more an array.
     * False, and nothing happens, when the token is stale. */
    bool (*wake)(sluice_worker *worker, sluice_token token, const sluice_arg *values,
                 uint32_t count, uint32_t stride);
    void (*log)(sluice_worker *worker, uint32_t level, const char *message);
    bool (*redis_ready)(sluice_worker *worker);
    const char *(*prefix)(sluice_worker *worker); /* redis.prefix, for keys outside a request */

    /* Messages: `then` runs with an array of channel and payload for each one published on
     * `channel` (copied; redis.prefix is put in front), with a nil when the subscription is in
     * place, and with trouble when it was lost: messages may have been missed. Lasts as long as
     * the worker. */
    void (*subscribe)(sluice_worker *worker, const char *channel, sluice_worker_step *then,
                      void *state);
    /* Changes: `then` runs with the name of each key that begins with `key_prefix` (copied;
     * redis.prefix is put in front, and is part of the name) when Redis says that it changed, and
     * with a nil when any of them may have: all were flushed, or the watch was interrupted. */
    void (*track)(sluice_worker *worker, const char *key_prefix, sluice_worker_step *then,
                  void *state);
    /* Until when (monotonic) what `track` told is known to be complete; 0: it is not. What was
     * read before may be served from memory only until then. */
    int64_t (*tracked_until)(sluice_worker *worker);
    uint32_t (*gateways)(sluice_worker *worker); /* that share the Redis, as configured */

    /* The i-th job handler that any plugin registered; NULL beyond the last. */
    const struct sluice_job_handler *(*job_handler)(sluice_worker *worker, uint32_t i);

    /* The rest is for a process of a plugin (sluice_process); in an http worker it is refused with
     * a line in the log. */

    /* As `ask`, on a connection that is for commands that wait in Redis (BZPOPMIN) and holds up
     * nothing else. Later ones wait for earlier ones. `timeout_ms` is how long an answer may take,
     * and must be more than the command waits. */
    void (*block)(sluice_worker *worker, sluice_worker_step *then, void *state,
                  const sluice_arg *argv, uint32_t argc, uint32_t stride, int64_t timeout_ms);
    /* After `drain`: there is nothing left to do, the process may end. */
    void (*drained)(sluice_worker *worker);
    /* Asks for an executor in an empty slot: `started` or `ended` follows. */
    void (*executor_start)(sluice_worker *worker, uint32_t slot);
    /* A message to a started executor, copied. One that has died meanwhile does not get it:
     * `ended` tells. */
    void (*executor_send)(sluice_worker *worker, uint32_t slot, const void *message, uint64_t len);
    /* Sends a signal to the executor and to what it has started, if it still runs. */
    void (*executor_signal)(sluice_worker *worker, uint32_t slot, int32_t signal);
} sluice_worker_api;

#define SLUICE_LOG_DEBUG 0u
#define SLUICE_LOG_INFO 1u
#define SLUICE_LOG_WARN 2u
#define SLUICE_LOG_ERROR 3u

/* ---- Processes ---------------------------------------------------------------------------- */

/* How an executor ended. */
typedef struct sluice_exit {
    uint32_t size;
    int32_t signal; /* that killed it; 0: it exited */
    int32_t status; /* of its exit; -1: it could not be made */
    uint32_t reserved;
    int64_t max_rss; /* bytes, at its most */
} sluice_exit;

/* A process of a plugin's own, with a loop, beside the http workers: forked, watched, started again
 * and drained as they are. Of the plugins only this one runs there, and its `start` is this one
 * instead of the descriptor's. It may have executors: children forked from the process that
 * configured everything, so that all plugins' code and configuration is there. They end with it. */
typedef struct sluice_process {
    uint32_t size;
    uint32_t executors;                                  /* slots: 0 to executors - 1 */
    const char *name;                                    /* in the log; kept */
    int32_t (*start)(sluice_worker *worker, void *self); /* 0, or -1: it can't run */
    /* Takes no new work, and calls `drained` when all is done; after `grace_ms` the process ends,
     * and its executors are killed. */
    void (*drain)(sluice_worker *worker, void *self, int64_t grace_ms);
    void (*stop)(sluice_worker *worker, void *self); /* NULL, or: the process ends */

    /* In the executor: what it does, until there is nothing more to receive. Its exit status. */
    int32_t (*execute)(sluice_executor *executor, void *self, uint32_t slot);

    /* What happens to executors. All that one has sent is received before it has ended. */
    void (*started)(sluice_worker *worker, void *self, uint32_t slot, int64_t pid);
    void (*received)(sluice_worker *worker, void *self, uint32_t slot, sluice_bytes message);
    void (*ended)(sluice_worker *worker, void *self, uint32_t slot, const sluice_exit *how);
} sluice_process;

/* In an executor: one thread, no loop; every call may block. */
typedef struct sluice_executor_api {
    uint32_t size;
    uint32_t reserved;
    /* The next message of the process, waiting at most `timeout_ms` (-1: for ever): 1 with the
     * message, which lives until the next call; 0: none came; -1: no more will. */
    int32_t (*receive)(sluice_executor *executor, int64_t timeout_ms, sluice_bytes *ret_message);
    /* A message to the process, copied: at most SLUICE_MESSAGE_MAX bytes. False: nobody is there. */
    bool (*send)(sluice_executor *executor, const void *message, uint64_t len);
    /* Readable when `receive` may have something: for who waits for other things as well. It is not
     * his: he polls it, and no more. */
    int32_t (*fd)(sluice_executor *executor);
    /* The i-th job handler, and the configuration of its plugin. */
    const struct sluice_job_handler *(*job_handler)(sluice_executor *executor, uint32_t i);
    void *(*job_self)(sluice_executor *executor, uint32_t i);
    /* Zeroed memory, never NULL; `forget` frees all of it, and what follows was made in it. */
    void *(*alloc)(sluice_executor *executor, uint64_t size, uint64_t align);
    void (*forget)(sluice_executor *executor);
    sluice_arg (*object)(sluice_executor *executor, const sluice_arg *pairs, uint32_t count,
                         uint32_t stride);
    sluice_list *(*list)(sluice_executor *executor);
    void (*push)(sluice_executor *executor, sluice_list *list, const sluice_arg *value);
    /* A command to Redis on a connection of this executor's, made when it is first needed. The
     * reply is never NULL; trouble is a reply. */
    const sluice_reply *(*ask)(sluice_executor *executor, const sluice_arg *argv, uint32_t argc,
                               uint32_t stride, int64_t timeout_ms);
    const char *(*prefix)(sluice_executor *executor);
    int64_t (*monotonic)(sluice_executor *executor);
    int64_t (*realtime)(sluice_executor *executor);
    void (*random)(sluice_executor *executor, void *ret_bytes, uint64_t len);
    void (*log)(sluice_executor *executor, uint32_t level, const char *message);
    /* What the log says about a crash of the code that runs now; kept. NULL: nothing. */
    void (*note)(sluice_executor *executor, const char *what);
} sluice_executor_api;

#define SLUICE_MESSAGE_MAX (UINT32_C(2) << 20)

/* ---- Jobs --------------------------------------------------------------------------------- */

/* What a handler returns: the result of sluice_job_done, _retry or _dead. */
typedef int32_t sluice_outcome;
#define SLUICE_JOB_DONE ((sluice_outcome)0)
#define SLUICE_JOB_RETRY ((sluice_outcome)1) /* fails; comes again while its retries last */
#define SLUICE_JOB_DEAD ((sluice_outcome)2)  /* fails for good */

/* Runs in an executor and may block. `self` is the configuration of its plugin. */
typedef sluice_outcome sluice_job_run(sluice_job *job, void *self);

/* What a plugin can do with jobs of one type. */
typedef struct sluice_job_handler {
    const char *type;
    const char *queue; /* NULL: "jobs" */
    sluice_job_run *run;
    const char *run_name;
    const char *backoff; /* "exponential 1s 1h", "fixed 5s", "list 1s 5s 1m"; NULL: as configured */
    int64_t timeout_ms;  /* 0: as configured */
    int32_t retries;     /* 0: as configured; SLUICE_NO_RETRIES */
    uint32_t reserved;
} sluice_job_handler;

#define SLUICE_NO_RETRIES (-1)

/* What `text` and `number` read of a job. */
#define SLUICE_JOB_ID 0u
#define SLUICE_JOB_TYPE 1u
#define SLUICE_JOB_QUEUE 2u
#define SLUICE_JOB_SPACE 3u
#define SLUICE_JOB_CLIENT 4u
#define SLUICE_JOB_ATTEMPT 5u /* 1 for the first */
#define SLUICE_JOB_FENCE 6u   /* rises with every time that the job is handed out */
#define SLUICE_JOB_LEFT 7u    /* ms until its time is over */
#define SLUICE_JOB_CREATED 8u /* ms since 1970 */

typedef struct sluice_job_api {
    uint32_t size;
    uint32_t reserved;
    const char *(*text)(sluice_job *job, uint32_t what);
    int64_t (*number)(sluice_job *job, uint32_t what);
    sluice_bytes (*payload)(sluice_job *job);      /* JSON text; NUL follows */
    sluice_executor *(*executor)(sluice_job *job); /* memory, Redis, time: until the job ends */
    void (*progress)(sluice_job *job, int64_t percent);
    void (*log)(sluice_job *job, const char *line);
    /* True once it should stop: it was cancelled, or its time is over. */
    bool (*cancelled)(sluice_job *job);
    sluice_outcome (*done)(sluice_job *job, sluice_bytes result); /* JSON text; empty: none */
    /* `after_ms`: when to try again; -1: by its backoff. */
    sluice_outcome (*retry)(sluice_job *job, int64_t after_ms, const char *why);
    sluice_outcome (*dead)(sluice_job *job, const char *why);
} sluice_job_api;

/* ---- Registration ------------------------------------------------------------------------- */

#define SLUICE_CLASSIC 1u /* the path ignores case and a trailing slash */

/* A route. `auth` and `limit` use the grammar of docs/http-api.md; all strings are kept. */
typedef struct sluice_route {
    const char *method;
    const char *path; /* "/leaderboard/rank/{userId}" */
    sluice_step *handler;
    const char *handler_name;
    const char *auth;  /* "client", "admin,scope:leaderboard:manage", ... */
    const char *limit; /* NULL: the default policy; policies' names joined by +; "none" */
    uint64_t body_max; /* bytes; 0: the configured default */
    uint32_t flags;    /* SLUICE_CLASSIC */
    uint32_t reserved;
} sluice_route;

/* When a hook runs. Before and body hooks run in config order, after and log hooks in reverse. */
#define SLUICE_AUTHENTICATE 0u /* says who the request is; only where the route needs to know */
#define SLUICE_BEFORE 1u       /* may answer instead of the handler */
#define SLUICE_AFTER 2u        /* sees the answer and may change it */
#define SLUICE_LOG 3u          /* when it was sent; may not wait */
#define SLUICE_BODY 4u         /* as before, when the body is there and only the handler is left */

#define SLUICE_FAIL_OPEN 1u /* trouble counts as SLUICE_NEXT */

typedef struct sluice_hook {
    uint32_t when;
    uint32_t flags;
    sluice_step *step;
    const char *step_name;
} sluice_hook;

typedef struct sluice_host_api {
    uint32_t size;
    uint32_t reserved;
    void *(*self)(sluice_host *host);
    /* Zeroed; lives as long as the generation. Never NULL. */
    void *(*alloc)(sluice_host *host, uint64_t size, uint64_t align);
    /* Rows are kept. A row that can't be (a bad pattern, a route taken already) becomes a
     * configuration error; there is nothing to check. */
    void (*routes)(sluice_host *host, const sluice_route *rows, uint32_t count, uint32_t stride);
    void (*hooks)(sluice_host *host, const sluice_hook *rows, uint32_t count, uint32_t stride);
    const sluice_script *(*script)(sluice_host *host, const char *name, const char *source,
                                   uint64_t len);                /* kept */
    void (*provide)(sluice_host *host, uint32_t identity_kinds); /* what its AUTHENTICATE sets */
    void (*policy)(sluice_host *host, const char *limit);        /* a name routes may use; copied */
    void (*offer)(sluice_host *host, const char *service, uint32_t version, const void *table);
    /* An error at the place of `option` ("policies.default.capacity"; "" for the plugin's own). */
    void (*refuse)(sluice_host *host, const char *option, const char *message);
    void (*log)(sluice_host *host, uint32_t level, const char *message);
    /* A process of this plugin's own; copied. */
    void (*process)(sluice_host *host, const sluice_process *process);
    /* Rows are kept. Some plugin has to run them: `runs_jobs` says that this one does. */
    void (*job_handlers)(sluice_host *host, const sluice_job_handler *rows, uint32_t count,
                         uint32_t stride);
    void (*runs_jobs)(sluice_host *host);
} sluice_host_api;

/* ---- Options ------------------------------------------------------------------------------ */

#define SLUICE_BOOL 0u     /* bool */
#define SLUICE_INT 1u      /* int64_t */
#define SLUICE_DURATION 2u /* int64_t, ms; written 250ms, 30s, 5m, 24h, 7d */
#define SLUICE_SIZE 3u     /* int64_t, bytes; written 512, 64k, 1m, 1g (powers of 1024) */
#define SLUICE_RATE 4u     /* sluice_rate; written 10/s, 100/m, 3/250ms */
#define SLUICE_TEXT 5u     /* const char *, NULL when absent */
#define SLUICE_CHOICE 6u   /* int64_t, index into `choices` */
#define SLUICE_TEXTS 7u    /* sluice_texts */
#define SLUICE_GROUP 8u    /* a struct at `offset`, filled by `rows` */
#define SLUICE_MAP 9u      /* sluice_map of structs of `item_size`, filled by `rows` */
#define SLUICE_NAME 10u    /* in the rows of a map: const char *, the item's own key */

#define SLUICE_REQUIRED 1u
#define SLUICE_SECRET 2u /* never printed */

typedef struct sluice_rate {
    int64_t amount;
    int64_t per_ms;
} sluice_rate;
typedef struct sluice_texts {
    const char *const *items;
    uint64_t count;
} sluice_texts;
typedef struct sluice_map {
    void *items;
    uint64_t count;
} sluice_map;

/* One option. From these rows come checking, reference docs, the editor schema and redaction. */
typedef struct sluice_option {
    const char *name;
    uint32_t type;
    uint32_t flags;
    uint64_t offset;      /* in the configuration, or in the group or item around it */
    const char *fallback; /* the default, as one would write it in YAML; NULL: zero or absent */
    int64_t min, max;     /* of numbers (of a rate: of `amount`), of lengths; both 0: no bounds */
    const char *help;
    const char *const *choices; /* ends with NULL */
    const struct sluice_option *rows;
    uint64_t item_size;
    uint32_t row_count;
    uint32_t row_stride;
} sluice_option;

/* ---- The plugin itself -------------------------------------------------------------------- */

/* Life cycle: load (the descriptor is read) -> configure, in the process that then forks the
 * workers, and in `sluice check`: no side effects, no threads -> start in every worker -> hooks
 * and handlers -> stop. `self` is `self_size` zeroed bytes, filled from the options; after the
 * fork each worker has its own copy. */
typedef struct sluice_descriptor {
    uint32_t size; /* sizeof(sluice_descriptor) */
    uint16_t abi_major, abi_minor;
    const char *name; /* as in config.yaml */
    const char *version;
    const char *summary; /* one line */
    uint64_t self_size;
    const sluice_option *options;
    uint32_t option_count;
    uint32_t option_stride;
    int32_t (*configure)(sluice_host *host, void *self); /* 0, or -1 after sluice_refuse */
    int32_t (*start)(sluice_worker *worker, void *self); /* NULL, or as configure */
    void (*stop)(sluice_worker *worker, void *self);     /* NULL, or: the worker ends */
} sluice_descriptor;

typedef const sluice_descriptor *sluice_plugin_fn(void);
#define SLUICE_PLUGIN_SYMBOL "sluice_plugin"

#ifdef __cplusplus
}
#endif
#endif
