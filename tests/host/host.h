/* The test host's inside, shared by its files.
 *
 *   host.c      a host's life, the world around the plugin, failing
 *   register.c  sluice_host: what the plugin registers
 *   script.c    expectations, and replies to them
 *   request.c   the trampoline: a request from its head to its answer
 *   read.c      sluice_request: reading and answering
 *   wait.c      sluice_request: asking, sleeping, parking; how waits end
 *   worker.c    sluice_worker: time, chance, services, timers
 *   jobs.c      job handlers, and a job for one to run
 *   assert.c    looking at the results
 *
 * Steps run inside calls of the test alone: such a call changes something and then settles the
 * host, which runs what can run now until nothing is left (wait.c).
 *
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_TEST_HOST_H
#define SLUICE_TEST_HOST_H

#define SLUICE_TEST_LONG_NAMES
#include "sluice_test.h"

#include "answer.h"
#include "arena.h"
#include "diag.h"
#include "reply.h"
#include "router.h"
#include "text.h"
#include "yaml_tree.h"

/* Kinds of argument that only expectations and scripted replies have. */
#define TEST_ARG_ANY 0xfff0u
#define TEST_ARG_REPLY 0xfff1u /* u.text is a struct reply */

struct sluice_script {
    const char *name, *source;
};

/* An argument as Redis would get it. */
struct word {
    const char *bytes;
    size_t len;
    bool any;
};

struct words {
    struct word *items;
    uint32_t count;
};

/* One question: a command, a script, or a pipeline of commands. */
struct question {
    const char *script; /* NULL: not a script */
    const char *source; /* its text, where a plugin asked */
    uint32_t keys;      /* of a script */
    bool pipeline;
    struct words *commands; /* of a script: one, its keys and arguments */
    uint32_t count;
};

/* Who waits for an answer. */
struct asker {
    struct test_request *request; /* NULL: a worker step asked */
    uint32_t generation;          /* of the request's wait */
    sluice_worker_step *then;     /* a worker's next step, or a request's undo */
    void *state;
};

/* One expected question and its reply, in the order of the test. */
struct expectation {
    struct expectation *next;
    const char *file;
    int line;
    struct question question;
    struct asker asker;
    struct arena arena;  /* of the reply */
    struct reply *reply; /* NULL: none yet */
    bool asked;
    bool late;      /* a time-out comes before the reply */
    bool told_late; /* and has come */
    bool delivered;
};

struct timer {
    struct timer *next; /* by time, then by age */
    int64_t at;         /* monotonic ms */
    struct asker asker; /* of a request: its sleep or its park's deadline */
    bool deadline;      /* ends in trouble */
};

struct test_hook {
    struct test_hook *next;
    sluice_step *step;
    const char *name;
    uint32_t flags;
};

struct test_service {
    struct test_service *next;
    const char *name;
    uint32_t version;
    const void *table;
};

struct test_route {
    struct test_route *next;
    const sluice_route *row;
};

struct test_policy {
    struct test_policy *next;
    const char *name;
};

struct test_handlers;

struct log_entry {
    struct log_entry *next;
    uint32_t level;
    const char *message;
};

struct request_header {
    struct request_header *next;
    const char *name, *value;
};

struct cleanup {
    struct cleanup *next;
    sluice_cleanup *run;
    void *what;
};

enum phase {
    PHASE_AUTHENTICATE,
    PHASE_BEFORE,
    PHASE_BODY,
    PHASE_HANDLER,
    PHASE_AFTER,
    PHASE_LOG,
    PHASE_ENDED
};

struct test_request {
    sluice_request abi;        /* first: a sluice_request is a struct test_request */
    struct test_answer answer; /* what the test sees */
    struct test_host *host;
    struct test_request *next; /* older */
    struct arena arena;        /* what the plugin gets; freed at the end */
    uint32_t slot, generation;

    const char *method, *path, *query, *id, *address;
    struct request_header *headers;
    sluice_bytes body;
    struct match match;
    sluice_identity who;
    bool known;
    const char *unknown_code, *unknown_detail;

    enum phase phase;
    const struct test_hook *hook; /* the next of its phase */
    const char *step;             /* that runs or waits to */
    uint32_t hook_flags;
    struct answer made; /* this and the trail are in the host's arena */
    struct text trail;
    struct cleanup *cleanups;
    void *kept; /* what its hooks leave for each other */

    sluice_wait wait;
    bool waiting;
    bool running, answered;   /* a step of it runs, and has answered */
    bool gone;                /* ended without an answer */
    struct arena woken_arena; /* of woken_by */
    struct reply *woken_by;   /* NULL: not woken */
    uint32_t held;            /* questions whose undo may still need the arena */
};

/* A channel, or a prefix of keys. */
struct subscription {
    const char *name; /* prefix included */
    bool track;
    sluice_worker_step *then;
    void *state;
    struct subscription *next;
};

struct test_worker {
    sluice_worker abi; /* first */
    struct test_host *host;
};

struct test_host {
    sluice_host abi; /* first: a sluice_host is a struct test_host */
    struct test_worker worker;
    const sluice_descriptor *plugin;
    void *self;
    struct arena arena; /* everything that lives as long as the host */
    struct arena turn;  /* of the reply to the step that runs, where nothing else holds it */
    struct diag diag;
    const struct node *options; /* where errors about options are */
    bool started;
    bool failed;

    const char *file; /* where the test is */
    int line;

    struct router *router;
    struct test_hook *hooks[SLUICE_BODY + 1]; /* in the order in which they run */
    struct test_service *services, *offered;
    struct test_policy *policies;
    struct test_handlers *handlers;
    int64_t job_attempt;
    bool job_cancelled;
    uint32_t provides;

    sluice_identity who;
    bool known;
    const char *address, *prefix;
    struct request_header *headers; /* of the next request */
    uint32_t worker_index, worker_count, gateways;
    bool redis_ready;
    uint64_t random;
    int64_t now_ms;         /* monotonic */
    int64_t realtime_shift; /* realtime - monotonic */
    struct timer *timers;
    struct subscription *subscriptions;
    int64_t tracked_until; /* monotonic */
    struct log_entry *log, **log_end;

    struct expectation *expected_first, **expected_end;
    struct expectation *answering; /* that on_question answers; NULL */
    test_question_handler *on_question;
    void *question_state;
    struct test_route *routes;     /* newest first */
    struct words asked;            /* the newest question's first command */
    struct test_request *requests; /* newest first */
    uint32_t request_count;
};

static inline struct test_request *request_of(sluice_request *abi)
{
    return (struct test_request *)(void *)abi;
}

static inline struct test_request *answered_request(const struct test_answer *answer)
{
    return (struct test_request *)(void *)((char *)(uintptr_t)answer -
                                           offsetof(struct test_request, answer));
}

static inline struct test_host *worker_host(sluice_worker *abi)
{
    return ((struct test_worker *)(void *)abi)->host;
}

/* host.c */
_Noreturn void host_fail(struct test_host *host, const char *format, ...)
    __attribute__((format(printf, 2, 3), nonnull(2)));
/* The same at a place of the test, and after the host is freed. */
_Noreturn void fail_at(const char *file, int line, const char *message);
void host_log(struct test_host *host, uint32_t level, const char *message);
/* Copies the members that are set over those of `to`. */
void identity_merge(struct arena *arena, sluice_identity *to, const sluice_identity *from);

/* jobs.c */
void host_job_handlers(sluice_host *abi, const sluice_job_handler *rows, uint32_t count,
                       uint32_t stride);
const sluice_job_handler *worker_job_handler(sluice_worker *abi, uint32_t i);

/* register.c */
extern const sluice_host_api test_host_api;

/* script.c: takes the next expectation, which must be this question; `who` says who asks. */
void script_ask(struct test_host *host, const char *who, const struct question *question,
                const struct asker *asker);
struct question question_of(struct arena *arena, const sluice_arg *argv, uint32_t argc,
                            uint32_t stride);
struct question question_of_all(struct arena *arena, const sluice_command *commands, uint32_t count,
                                uint32_t stride);
void question_describe(const struct question *question, struct text *text);
/* The oldest expectation that was never asked, or NULL. */
const struct expectation *script_unasked(const struct test_host *host);
void script_release(struct test_host *host);

/* request.c */
void request_resume(struct test_request *req, const struct reply *reply, struct arena *of_reply);
void request_cut_short(struct test_request *req, uint32_t status, const char *code,
                       const char *detail);
void request_abort(struct test_request *req);
_Noreturn void request_mistake(struct test_request *req, const char *what);
void request_release_hold(struct test_request *req);

/* read.c */
extern const sluice_request_api test_request_api;

/* wait.c */
sluice_verdict wait_ask(sluice_request *abi, const sluice_wait *wait, const sluice_arg *argv,
                        uint32_t argc, uint32_t stride);
sluice_verdict wait_ask_all(sluice_request *abi, const sluice_wait *wait,
                            const sluice_command *commands, uint32_t count, uint32_t stride);
sluice_verdict wait_run(sluice_request *abi, const sluice_wait *wait, const sluice_script *script,
                        uint32_t keys, const sluice_arg *argv, uint32_t argc, uint32_t stride);
sluice_verdict wait_sleep(sluice_request *abi, const sluice_wait *wait);
sluice_verdict wait_park(sluice_request *abi, const sluice_wait *wait, sluice_token *ret_token);
bool wait_wake(struct test_host *host, sluice_token token, const sluice_arg *values, uint32_t count,
               uint32_t stride);
void wait_end(struct test_request *req);
void timer_add(struct test_host *host, int64_t ms, const struct asker *asker, bool deadline);
/* Runs what can run now. */
void host_settle(struct test_host *host);

/* subscribe.c */
void subscribe_channel(sluice_worker *abi, const char *channel, sluice_worker_step *then,
                       void *state);
void subscribe_track(sluice_worker *abi, const char *key_prefix, sluice_worker_step *then,
                     void *state);
int64_t subscribe_tracked_until(sluice_worker *abi);
const char *subscribe_prefix(sluice_worker *abi);

/* worker.c */
extern const sluice_worker_api test_worker_api;

#endif
