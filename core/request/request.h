/* A request and the driver that walks it through its steps.
 *
 *   request_begin -> request_head -> [body] -> request_handle -> answer -> request_end
 *                      |  guard, route, authenticate, before          after |   log
 *                      `-- a step may park at any point; request_resume goes on ------'
 *
 * One trampoline runs all steps: a step returns a verdict, never calls the next one. Requests are
 * named by slot + generation, never by bare pointer: an answer that comes too late finds another
 * generation and is dropped, or given to its undo step.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_CORE_REQUEST_H
#define SLUICE_CORE_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sluice/abi.h>
#include <uv.h>

#include "address.h"
#include "answer.h"
#include "arena.h"
#include "message.h"
#include "plugins.h"
#include "reply.h"
#include "request_id.h"
#include "router.h"
#include "text.h"

struct worker;

/* What the connection should do next. */
enum request_state {
    REQUEST_HEAD,     /* nothing has been judged yet */
    REQUEST_WAITING,  /* parked: suspend the connection */
    REQUEST_BODY,     /* let pass: read the body, then request_handle */
    REQUEST_ANSWERED, /* send the answer */
    REQUEST_ABORTED,  /* the client has gone, or must: close without an answer */
};

enum request_phase {
    PHASE_AUTHENTICATE,
    PHASE_BEFORE,
    PHASE_BODY, /* with the body, before the handler */
    PHASE_HANDLER,
    PHASE_AFTER,
    PHASE_OVER,
};

/* What a request needs from the connection under it; http.c has the real one. */
struct transport {
    int (*descriptor)(void *connection); /* to watch for a hang-up */
    void (*resume)(void *connection);    /* its request no longer waits */
};

/* A step that is about to run or waits to. */
struct running {
    const struct plugin *plugin; /* NULL: the core's */
    const char *name;
    uint32_t hook_flags;
};

struct cleanup {
    sluice_cleanup *run;
    void *what;
    struct cleanup *next;
};

#define REQUEST_TRAIL_MAX 16

struct request {
    sluice_request abi; /* first: a sluice_request is a struct request */
    struct worker *worker;
    struct request *next; /* free, or woken */
    struct arena arena;
    uint32_t slot;
    uint32_t generation; /* rises with every wait and at the end; never reset */

    const struct transport *transport;
    void *connection;

    struct message message;
    const char *path; /* NUL-terminated, as sent */
    const char *query;
    char id[REQUEST_ID_SIZE];
    const char *trace;
    char address[ADDRESS_TEXT_SIZE];
    struct match match;
    struct text body;
    bool has_body;
    bool closing;           /* the connection ends with this answer */
    uint64_t body_declared; /* Content-Length, 0 when chunked */

    sluice_identity who;
    bool known;
    const char *unknown_code, *unknown_detail;

    enum request_state state;
    enum request_phase phase;
    size_t hook; /* the next of its phase */
    struct running running;
    sluice_wait wait;
    bool waiting, watched, wake_queued;
    bool waits_shortly; /* for a second at most, and a hang-up does not end it */
    const struct reply *woken_by;
    uv_timer_t timer; /* of parks and sleeps */
    unsigned held; /* by questions whose undo may need the arena, and by the queue of the woken */
    bool ended;

    void **slots; /* by plugin; NULL: none was used */

    const char *trail[REQUEST_TRAIL_MAX];
    unsigned trail_count;
    struct cleanup *cleanups;
    struct answer answer;
    int64_t started_us;
};

/* A fresh request of this worker; `target` is copied. Never NULL. */
struct request *request_begin(struct worker *worker, const char *target);

/* Judges the head and runs the steps before the body. `message` was filled in by the caller, all
 * but its target; `peer` is the connection's address, `peer_text` the same as text. */
void request_head(struct request *req, const struct sockaddr *peer);

/* Runs the handler: the body, if any, is complete. */
void request_handle(struct request *req);

/* Goes on with the step that waited. `reply` is read before this returns. */
void request_resume(struct request *req, const struct reply *reply);

/* Answers a waiting request with a problem instead of resuming its step: draining. */
void request_cut_short(struct request *req, uint32_t status, const char *code, const char *detail);

/* The client has gone: a request that waits ends without an answer. */
void request_abort(struct request *req);

/* The answer was sent, or never will be: log hooks, access log, cleanups. `sent` says whether. */
void request_end(struct request *req, bool sent);

/* Whoever held the object, after its request has ended perhaps, needs it no longer. */
void request_release_hold(struct request *req);

/* Frees what request objects hold outside themselves, at the worker's end. */
void request_pool_close(struct worker *worker);
void request_pool_release(struct worker *worker);

/* A problem as this request's answer. Used by the core's own checks. */
void request_problem(struct request *req, uint32_t status, const char *code, const char *detail);

/* wait.c: the asking half of the table that plugins see, and what ends a wait. */
sluice_verdict wait_ask(sluice_request *abi, const sluice_wait *wait, const sluice_arg *argv,
                        uint32_t argc, uint32_t stride);
sluice_verdict wait_ask_all(sluice_request *abi, const sluice_wait *wait,
                            const sluice_command *commands, uint32_t count, uint32_t stride);
sluice_verdict wait_run(sluice_request *abi, const sluice_wait *wait, const sluice_script *script,
                        uint32_t keys, const sluice_arg *argv, uint32_t argc, uint32_t stride);
sluice_verdict wait_sleep(sluice_request *abi, const sluice_wait *wait);
sluice_verdict wait_park(sluice_request *abi, const sluice_wait *wait, sluice_token *ret_token);
bool wait_wake(struct worker *worker, sluice_token token, const sluice_arg *values, uint32_t count,
               uint32_t stride);
void wait_end(struct request *req);

/* The name a route, plugin and step have in log lines: "leaderboard: rank". */
const char *running_plugin(const struct running *running);

/* A mistake in a plugin: logged with plugin, step and trail; answers 500. Returns SLUICE_DONE. */
sluice_verdict request_mistake(struct request *req, const char *what);

/* request_api.c */
extern const sluice_request_api request_api;
void request_trail(const struct request *req, struct text *text);

/* admin.c: sets the identity if the Authorization header carries the admin token. */
void admin_authenticate(struct request *req);

static inline struct request *request_of(sluice_request *abi)
{
    return (struct request *)(void *)abi;
}

#endif
