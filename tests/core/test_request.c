/* The step driver, with a scripted Redis and no HTTP: every verdict, wait and way to end.
 *
 * Redis, subscriptions, the hang-up watch and services are replaced by the fakes below; everything
 * else is the real core.
 *
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>

#include <sluice/plugin.h>

#include "hangup.h"
#include "links.h"
#include "memory.h"
#include "worker_internal.h"

/* ---- Fakes -------------------------------------------------------------------------------- */

static struct redis_call asked[8];
static unsigned asked_count;
static char asked_command[8][128];

void redis_send(struct redis *redis, const struct redis_call *call)
{
    (void)redis;
    assert_true(asked_count < 8);
    const char *name = call->script ? call->script->name : call->argv[0].u.text;
    snprintf(asked_command[asked_count], sizeof asked_command[0], "%s", name);
    asked[asked_count++] = *call;
}

void redis_send_all(struct redis *redis, const struct redis_call *call,
                    const sluice_command *commands, uint32_t count, uint32_t stride)
{
    (void)redis, (void)commands, (void)stride;
    asked[asked_count] = *call;
    asked[asked_count++].argc = count;
}

bool redis_is_ready(const struct redis *redis)
{
    (void)redis;
    return true;
}

const char *redis_why_not(const struct redis *redis)
{
    (void)redis;
    return "";
}

const struct service *plugins_service(const struct plugins *plugins, const char *name,
                                      uint32_t version)
{
    (void)plugins, (void)name, (void)version;
    return NULL;
}

void subscriber_channel(struct subscriber *subscriber, const char *channel, subscriber_fn *told,
                        void *context)
{
    (void)subscriber, (void)channel, (void)told, (void)context;
}

void subscriber_track(struct subscriber *subscriber, const char *key_prefix, subscriber_fn *told,
                      void *context)
{
    (void)subscriber, (void)key_prefix, (void)told, (void)context;
}

int64_t subscriber_tracked_until(const struct subscriber *subscriber)
{
    (void)subscriber;
    return 0;
}

const sluice_job_handler *plugins_job_handler(const struct plugins *plugins, uint32_t i,
                                              const struct plugin **ret_plugin)
{
    (void)plugins, (void)i, (void)ret_plugin;
    return NULL;
}

void links_start(struct links *links, unsigned slot)
{
    (void)links, (void)slot;
}

void links_send(struct links *links, unsigned slot, const void *message, size_t len)
{
    (void)links, (void)slot, (void)message, (void)len;
}

void links_signal(struct links *links, unsigned slot, int number)
{
    (void)links, (void)slot, (void)number;
}

static int watched_fd;

int hangup_watch(struct hangup *hangup, int fd, uint64_t token)
{
    (void)hangup, (void)token;
    watched_fd = fd;
    return 0;
}

void hangup_forget(struct hangup *hangup, int fd)
{
    (void)hangup;
    if (watched_fd == fd)
        watched_fd = -1;
}

/* ---- A worker with one plugin ------------------------------------------------------------- */

#define SECRET "0123456789abcdef0123456789abcdef"

struct bench {
    struct worker worker;
    struct worker_setup setup;
    struct gateway gateway;
    struct counters counters;
    struct plugin plugin;
    struct plugin *plugins[1];
    struct hook hooks[HOOK_KINDS][4];
    unsigned resumed;
    struct sockaddr_in peer;
    struct arena replies;
};

static struct bench *bench;

static int fake_descriptor(void *connection)
{
    (void)connection;
    return 7;
}

static void fake_resume(void *connection)
{
    (void)connection;
    bench->resumed++;
}

static const struct transport fake_transport = {fake_descriptor, fake_resume};

static int setup(void **state)
{
    (void)state;
    bench = memory_new(struct bench);
    uv_loop_init(&bench->worker.loop);
    bench->gateway.settings.redis.prefix = "";
    bench->gateway.router = router_new(&bench->gateway.arena);
    bench->plugin.name = "demo";
    bench->plugin.self = bench;
    bench->plugins[0] = &bench->plugin;
    bench->gateway.plugins.items = bench->plugins;
    bench->gateway.plugins.count = 1;
    for (unsigned i = 0; i < HOOK_KINDS; i++)
        bench->gateway.plugins.hooks[i].items = bench->hooks[i];
    bench->setup = (struct worker_setup){.gateway = &bench->gateway,
                                         .count = 1,
                                         .counters = &bench->counters,
                                         .admin_token = SECRET};
    bench->worker.setup = &bench->setup;
    bench->worker.gateway = &bench->gateway;
    bench->worker.counters = &bench->counters.workers[0][0];
    bench->worker.handles = memory_array(struct worker_handle, 2);
    bench->worker.handles[0] =
        (struct worker_handle){{&worker_api}, &bench->worker, &bench->plugin};
    bench->worker.handles[1] = (struct worker_handle){{&worker_api}, &bench->worker, NULL};
    bench->peer.sin_family = AF_INET;
    inet_pton(AF_INET, "192.0.2.7", &bench->peer.sin_addr);
    asked_count = 0;
    watched_fd = -1;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    worker_timers_close(&bench->worker);
    request_pool_close(&bench->worker);
    uv_run(&bench->worker.loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&bench->worker.loop), 0);
    request_pool_release(&bench->worker);
    while (bench->worker.free_asks) {
        struct ask *ask = bench->worker.free_asks;
        bench->worker.free_asks = ask->next;
        free(ask);
    }
    free(bench->worker.handles);
    arena_release(&bench->gateway.arena);
    arena_release(&bench->replies);
    free(bench);
    return 0;
}

static void add_route(const char *method, const char *path, sluice_step *handler, const char *auth)
{
    const char *error = NULL;
    struct route route = {.method = method,
                          .pattern = path,
                          .plugin = &bench->plugin,
                          .handler = handler,
                          .handler_name = "handler",
                          .auth = auth,
                          .body_max = 100};
    assert_int_equal(needs_parse(&route.needs, &bench->gateway.arena, auth, &error), 0);
    assert_non_null(router_add(bench->gateway.router, &route, &error));
}

static void add_hook(uint32_t kind, sluice_step *step, const char *name, uint32_t flags)
{
    struct hook_list *list = &bench->gateway.plugins.hooks[kind];
    list->items[list->count++] = (struct hook){&bench->plugin, step, name, flags};
}

static struct header headers[4];

static struct request *begin(const char *method, const char *target, const char *name,
                             const char *value)
{
    struct request *req = request_begin(&bench->worker, target);
    headers[0] = (struct header){"Host", "example", 4, 7};
    headers[1] = (struct header){name, value, name ? strlen(name) : 0, value ? strlen(value) : 0};
    req->transport = &fake_transport;
    req->message.method = method;
    req->message.version = "HTTP/1.1";
    req->message.headers = headers;
    req->message.header_count = name ? 2 : 1;
    request_head(req, (struct sockaddr *)&bench->peer);
    return req;
}

static struct request *get(const char *target)
{
    return begin("GET", target, NULL, NULL);
}

static void answer_with(unsigned i, int status, const struct reply *reply)
{
    asked[i].done(asked[i].context, status, reply);
}

static void assert_answer(const struct request *req, uint32_t status, const char *part)
{
    assert_int_equal(req->state, REQUEST_ANSWERED);
    assert_int_equal(req->answer.status, status);
    assert_non_null(strstr(req->answer.body.data, part));
}

/* ---- Steps -------------------------------------------------------------------------------- */

static sluice_step arrived, fine;
static char order[32];

static sluice_verdict fine(sluice_request *req, void *state, const sluice_reply *reply)
{
    (void)state, (void)reply;
    strcat(order, "H");
    return sluice_json(req, 200, "ok", true);
}

static sluice_verdict ask(sluice_request *req, void *state, const sluice_reply *reply)
{
    (void)reply;
    return sluice_ask(req, arrived, state, "GET", "key");
}

static sluice_verdict arrived(sluice_request *req, void *state, const sluice_reply *reply)
{
    assert_ptr_equal(state, bench);
    return sluice_json(req, 200, "got", reply);
}

static sluice_verdict ask_for_all(sluice_request *req, void *state, const sluice_reply *reply)
{
    (void)reply;
    sluice_wait wait = SLUICE_THEN(arrived, state);
    wait.flags = SLUICE_TAKE_TROUBLE;
    return sluice_ask_as(req, wait, "GET", "key");
}

static sluice_verdict say_wait(sluice_request *req, void *state, const sluice_reply *reply)
{
    (void)req, (void)state, (void)reply;
    return SLUICE_WAIT;
}

static sluice_verdict say_next(sluice_request *req, void *state, const sluice_reply *reply)
{
    (void)req, (void)state, (void)reply;
    strcat(order, "n");
    return SLUICE_NEXT;
}

static sluice_verdict say_done(sluice_request *req, void *state, const sluice_reply *reply)
{
    (void)req, (void)state, (void)reply;
    return SLUICE_DONE;
}

static sluice_verdict forget_verdict(sluice_request *req, void *state, const sluice_reply *reply)
{
    (void)reply;
    sluice_verdict lost = sluice_ask(req, arrived, state, "GET", "key");
    (void)lost;
    return sluice_json(req, 200, "ok", true);
}

static sluice_verdict ask_twice(sluice_request *req, void *state, const sluice_reply *reply)
{
    (void)reply;
    sluice_verdict first = sluice_ask(req, arrived, state, "GET", "a");
    (void)first;
    return sluice_ask(req, arrived, state, "GET", "b");
}

static sluice_verdict teapot(sluice_request *req, void *state, const sluice_reply *reply)
{
    (void)state, (void)reply;
    strcat(order, "b");
    return sluice_problem(req, 418, "teapot", "short and stout");
}

static sluice_verdict after(sluice_request *req, void *state, const sluice_reply *reply)
{
    (void)state, (void)reply;
    strcat(order, "a");
    sluice_set_header(req, "X-After", sluice_printf(req, "%u", sluice_answer_status(req)));
    return SLUICE_NEXT;
}

/* A body hook: leaves the target for `show_kept`, one of the same plugin. */
static sluice_verdict keep_target(sluice_request *req, void *state, const sluice_reply *reply)
{
    (void)state, (void)reply;
    strcat(order, "k");
    sluice_keep(req, (void *)sluice_target(req));
    return SLUICE_NEXT;
}

static sluice_verdict show_kept(sluice_request *req, void *state, const sluice_reply *reply)
{
    (void)state, (void)reply;
    sluice_set_header(req, "X-Kept", sluice_kept(req) ? (const char *)sluice_kept(req) : "nothing");
    return SLUICE_NEXT;
}

/* ---- Answers and hooks -------------------------------------------------------------------- */

static void a_handler_answers(void **state)
{
    (void)state;
    add_route("GET", "/x", fine, "none");
    struct request *req = get("/x?q=1");
    assert_answer(req, 200, "{\"ok\":true}");
    request_end(req, true);
}

static void a_reply_runs_the_next_step_and_resumes_the_connection(void **state)
{
    (void)state;
    add_route("GET", "/x", ask, "none");
    struct request *req = get("/x");
    assert_int_equal(req->state, REQUEST_WAITING);
    assert_int_equal(bench->counters.workers[0][0].parked, 1);
    answer_with(0, 0, reply_int(&bench->replies, 42));
    assert_answer(req, 200, "{\"got\":42}");
    assert_int_equal(bench->resumed, 1);
    assert_int_equal(bench->counters.workers[0][0].parked, 0);
    request_end(req, true);
}

static void hooks_run_around_the_handler_in_order(void **state)
{
    (void)state;
    order[0] = '\0';
    add_route("GET", "/x", fine, "none");
    add_hook(SLUICE_BEFORE, say_next, "first", 0);
    add_hook(SLUICE_BEFORE, say_next, "second", 0);
    add_hook(SLUICE_AFTER, after, "after", 0);
    struct request *req = get("/x");
    assert_string_equal(order, "nnHa");
    assert_string_equal(answer_get_header(&req->answer, "x-after"), "200");
    struct text trail;
    text_init(&trail, NULL);
    request_trail(req, &trail);
    assert_string_equal(trail.data, "first > second > handler > after");
    text_release(&trail);
    request_end(req, true);
}

static void a_hook_that_answers_keeps_the_handler_from_running(void **state)
{
    (void)state;
    order[0] = '\0';
    add_route("GET", "/x", fine, "none");
    add_hook(SLUICE_BEFORE, teapot, "teapot", 0);
    add_hook(SLUICE_AFTER, after, "after", 0);
    struct request *req = get("/x");
    assert_answer(req, 418, "teapot");
    assert_string_equal(order, "ba");
    request_end(req, true);
}

static void hooks_see_unknown_paths_and_methods(void **state)
{
    (void)state;
    order[0] = '\0';
    add_route("GET", "/x", fine, "client");
    add_hook(SLUICE_BEFORE, say_next, "before", 0);
    struct request *req = get("/nowhere");
    assert_answer(req, 404, "not_found");
    request_end(req, true);
    req = begin("DELETE", "/x", NULL, NULL);
    assert_answer(req, 405, "method_not_allowed");
    assert_string_equal(answer_get_header(&req->answer, "Allow"), "GET, HEAD, OPTIONS");
    request_end(req, true);
    req = begin("OPTIONS", "/x", NULL, NULL);
    assert_answer(req, 204, "");
    assert_string_equal(answer_get_header(&req->answer, "Allow"), "GET, HEAD, OPTIONS");
    request_end(req, true);
    assert_string_equal(order, "nnn");
}

/* ---- Mistakes of plugins ------------------------------------------------------------------ */

static void expect_mistake(sluice_step *handler)
{
    add_route("GET", "/x", handler, "none");
    struct request *req = get("/x");
    assert_answer(req, 500, "internal_error");
    assert_false(req->waiting);
    request_end(req, true);
}

static void waiting_without_asking_is_a_500(void **state)
{
    (void)state;
    expect_mistake(say_wait);
}

static void a_handler_that_says_next_is_a_500(void **state)
{
    (void)state;
    expect_mistake(say_next);
}

static void done_without_an_answer_is_a_500(void **state)
{
    (void)state;
    expect_mistake(say_done);
}

static void a_lost_verdict_is_a_500_and_its_reply_is_dropped(void **state)
{
    (void)state;
    expect_mistake(forget_verdict);
    answer_with(0, 0, reply_int(&bench->replies, 1));
    assert_int_equal(bench->resumed, 0);
}

static void asking_twice_is_a_500(void **state)
{
    (void)state;
    expect_mistake(ask_twice);
    assert_int_equal(asked_count, 1);
    answer_with(0, 0, &reply_nil);
}

/* ---- Trouble ------------------------------------------------------------------------------ */

static void trouble_is_a_503_with_retry_after(void **state)
{
    (void)state;
    add_route("GET", "/x", ask, "none");
    struct request *req = get("/x");
    answer_with(0, -ENOTCONN, NULL);
    assert_answer(req, 503, "store_unavailable");
    assert_non_null(answer_get_header(&req->answer, "Retry-After"));
    request_end(req, true);
}

static void an_error_that_says_unavailable_is_trouble_too(void **state)
{
    (void)state;
    static const char message[] = "READONLY You can't write against a read only replica.";
    add_route("GET", "/x", ask, "none");
    struct request *req = get("/x");
    answer_with(0, 0, reply_text(&bench->replies, SLUICE_REPLY_ERROR, message, sizeof message - 1));
    assert_answer(req, 503, "store_unavailable");
    request_end(req, true);
}

static void another_error_of_redis_is_a_500_that_tells_nothing(void **state)
{
    (void)state;
    static const char message[] = "WRONGTYPE Operation against a key";
    add_route("GET", "/x", ask, "none");
    struct request *req = get("/x");
    answer_with(0, 0, reply_text(&bench->replies, SLUICE_REPLY_ERROR, message, sizeof message - 1));
    assert_answer(req, 500, "internal_error");
    assert_null(strstr(req->answer.body.data, "WRONGTYPE"));
    request_end(req, true);
}

static void a_step_that_takes_trouble_sees_it(void **state)
{
    (void)state;
    add_route("GET", "/x", ask_for_all, "none");
    struct request *req = get("/x");
    answer_with(0, -ECONNRESET, NULL);
    assert_answer(req, 200, "{}");
    request_end(req, true);
}

static void a_hook_that_fails_open_lets_the_request_pass(void **state)
{
    (void)state;
    add_route("GET", "/x", fine, "none");
    add_hook(SLUICE_BEFORE, ask, "ask", SLUICE_FAIL_OPEN);
    struct request *req = get("/x");
    answer_with(0, -ETIMEDOUT, NULL);
    assert_answer(req, 200, "ok");
    request_end(req, true);
    answer_with(0, REDIS_LATE, NULL);
}

/* ---- Late answers and undo ---------------------------------------------------------------- */

static int64_t undone;

static void give_back(sluice_worker *worker, void *state, const sluice_reply *reply)
{
    assert_ptr_equal(sluice_worker_self(worker), bench);
    assert_string_equal(state, "lock of ann");
    undone = sluice_int(reply);
}

static sluice_verdict grant(sluice_request *req, void *state, const sluice_reply *reply)
{
    (void)state, (void)reply;
    sluice_wait wait =
        SLUICE_THEN(arrived, (void *)(uintptr_t)sluice_printf(req, "lock of %s", "ann"));
    wait.undo = give_back;
    return sluice_ask_as(req, wait, "SET", "lock");
}

static void what_comes_after_its_request_has_ended_is_undone(void **state)
{
    (void)state;
    undone = 0;
    add_route("GET", "/x", grant, "none");
    struct request *req = get("/x");
    answer_with(0, -ETIMEDOUT, NULL);
    assert_answer(req, 503, "store_unavailable");
    request_end(req, true);
    struct request *other = request_begin(&bench->worker, "/other");
    assert_ptr_not_equal(other, req); /* its arena is still needed */
    request_end(other, false);
    answer_with(0, REDIS_LATE, reply_int(&bench->replies, 7));
    assert_int_equal(undone, 7);
    assert_ptr_equal(bench->worker.free_requests, req);
}

static void nothing_is_undone_when_nothing_was_granted(void **state)
{
    (void)state;
    undone = 0;
    add_route("GET", "/x", grant, "none");
    struct request *req = get("/x");
    answer_with(0, -ETIMEDOUT, NULL);
    request_end(req, true);
    answer_with(0, REDIS_LATE, NULL);
    assert_int_equal(undone, 0);
    assert_ptr_equal(bench->worker.free_requests, req);
}

/* ---- Parking ------------------------------------------------------------------------------ */

static sluice_token token;
static int64_t park_ms;
static uint32_t park_flags;

static sluice_verdict park(sluice_request *req, void *state, const sluice_reply *reply)
{
    (void)reply;
    sluice_wait wait = SLUICE_THEN(arrived, state);
    wait.timeout_ms = park_ms;
    wait.flags = park_flags;
    return sluice_park(req, wait, &token);
}

static struct request *get_parked(void)
{
    add_route("GET", "/x", park, "none");
    return get("/x");
}

static void a_wake_queues_the_next_step(void **state)
{
    (void)state;
    park_ms = 1000, park_flags = 0;
    struct request *req = get_parked();
    sluice_worker *worker = &bench->worker.handles[0].abi;
    assert_true(sluice_wake(worker, token, "granted"));
    assert_int_equal(req->state, REQUEST_WAITING);
    assert_false(sluice_wake(worker, token, "again"));
    wait_run_woken(&bench->worker);
    assert_answer(req, 200, "{\"got\":\"granted\"}");
    assert_false(sluice_wake(worker, token, "late"));
    assert_int_equal(bench->counters.workers[0][0].stale_wakes, 2);
    request_end(req, true);
}

static void a_token_of_an_earlier_request_is_stale(void **state)
{
    (void)state;
    park_ms = 1000, park_flags = 0;
    struct request *req = get_parked();
    sluice_token old = token;
    request_abort(req);
    assert_int_equal(req->state, REQUEST_ABORTED);
    request_end(req, false);
    struct request *next = get("/x");
    assert_ptr_equal(next, req);
    assert_false(sluice_wake(&bench->worker.handles[0].abi, old, "granted"));
    assert_true(sluice_wake(&bench->worker.handles[0].abi, token, "granted"));
    wait_run_woken(&bench->worker);
    request_end(next, true);
}

static void a_request_may_end_while_its_wake_is_queued(void **state)
{
    (void)state;
    park_ms = 1000, park_flags = 0;
    sluice_worker *worker = &bench->worker.handles[0].abi;
    struct request *gone = get_parked();
    assert_true(sluice_wake(worker, token, "first"));
    struct request *stays = get("/x");
    assert_true(sluice_wake(worker, token, "second"));
    request_end(gone, false); /* its connection broke */
    struct request *fresh = get("/x");
    assert_ptr_not_equal(fresh, gone); /* the queue still holds it */
    wait_run_woken(&bench->worker);
    assert_answer(stays, 200, "{\"got\":\"second\"}");
    assert_int_equal(fresh->state, REQUEST_WAITING);
    assert_ptr_equal(bench->worker.free_requests, gone);
    request_end(stays, true);
    request_end(fresh, false);
}

static void a_park_without_a_deadline_is_a_mistake(void **state)
{
    (void)state;
    park_ms = 0, park_flags = 0;
    struct request *req = get_parked();
    assert_answer(req, 500, "internal_error");
    request_end(req, true);
}

static void a_park_that_runs_out_is_trouble(void **state)
{
    (void)state;
    park_ms = 1, park_flags = 0;
    struct request *req = get_parked();
    while (req->state == REQUEST_WAITING)
        uv_run(&bench->worker.loop, UV_RUN_ONCE);
    assert_answer(req, 503, "store_unavailable");
    request_end(req, true);
}

static void a_hang_up_ends_a_wait_that_asked_for_it(void **state)
{
    (void)state;
    park_ms = 1000, park_flags = SLUICE_END_ON_HANGUP;
    struct request *req = get_parked();
    assert_int_equal(watched_fd, 7);
    wait_hung_up(&bench->worker, token.bits);
    assert_int_equal(req->state, REQUEST_ABORTED);
    assert_int_equal(watched_fd, -1);
    request_end(req, false);
}

static void an_ordinary_wait_does_not_watch_its_client(void **state)
{
    (void)state;
    park_ms = 1000, park_flags = 0;
    struct request *req = get_parked();
    assert_int_equal(watched_fd, -1);
    request_cut_short(req, 503, "shutting_down", "bye");
    assert_answer(req, 503, "shutting_down");
    request_end(req, true);
}

static sluice_verdict nap(sluice_request *req, void *state, const sluice_reply *reply)
{
    (void)reply;
    return sluice_sleep(req, arrived, state, 1);
}

static void a_sleep_ends_with_a_nil(void **state)
{
    (void)state;
    add_route("GET", "/x", nap, "none");
    struct request *req = get("/x");
    while (req->state == REQUEST_WAITING)
        uv_run(&bench->worker.loop, UV_RUN_ONCE);
    assert_answer(req, 200, "{}");
    request_end(req, true);
}

/* ---- Identity ----------------------------------------------------------------------------- */

static sluice_verdict be_acme(sluice_request *req, void *state, const sluice_reply *reply)
{
    (void)state, (void)reply;
    if (!sluice_header(req, "x-api-key"))
        return SLUICE_NEXT;
    if (strcmp(sluice_header(req, "x-api-key"), "good") != 0) {
        sluice_unidentified(req, "invalid_api_key", "no such key");
        return SLUICE_NEXT;
    }
    sluice_identity who = {
        .size = sizeof who, .kinds = SLUICE_IDENTITY_CLIENT, .client = "acme", .space = "acme"};
    sluice_identify(req, &who);
    return SLUICE_NEXT;
}

static void expect_status(const char *target, const char *name, const char *value, uint32_t status,
                          const char *part)
{
    struct request *req = begin("GET", target, name, value);
    assert_answer(req, status, part);
    if (status == 401)
        assert_non_null(answer_get_header(&req->answer, "WWW-Authenticate"));
    request_end(req, true);
}

static void a_route_gets_the_identity_it_needs(void **state)
{
    (void)state;
    add_hook(SLUICE_AUTHENTICATE, be_acme, "be_acme", 0);
    add_route("GET", "/client", fine, "client");
    add_route("GET", "/admin", fine, "admin");
    add_route("GET", "/self/{id}", fine, "self");
    expect_status("/client", NULL, NULL, 401, "unauthenticated");
    expect_status("/client", "x-api-key", "bad", 401, "invalid_api_key");
    expect_status("/client", "x-api-key", "good", 200, "ok");
    expect_status("/admin", "x-api-key", "good", 403, "forbidden");
    expect_status("/admin", "Authorization", "Bearer " SECRET, 200, "ok");
    expect_status("/admin", "Authorization", "Bearer 0123456789abcdef0123456789abcdeX", 401,
                  "unauthenticated");
    expect_status("/self/acme", "x-api-key", "good", 200, "ok");
    expect_status("/self/other", "x-api-key", "good", 403, "forbidden");
}

/* ---- Bodies and guard --------------------------------------------------------------------- */

static void a_declared_body_that_is_too_large_is_refused_before_it_is_read(void **state)
{
    (void)state;
    add_route("POST", "/x", fine, "none");
    struct request *req = begin("POST", "/x", "Content-Length", "101");
    assert_answer(req, 413, "body_too_large");
    request_end(req, true);
}

static void the_handler_waits_for_the_body(void **state)
{
    (void)state;
    add_route("POST", "/x", fine, "none");
    struct request *req = begin("POST", "/x", "Content-Length", "100");
    assert_int_equal(req->state, REQUEST_BODY);
    request_handle(req);
    assert_answer(req, 200, "ok");
    request_end(req, true);
}

static void body_hooks_run_when_the_body_is_there(void **state)
{
    (void)state;
    order[0] = '\0';
    add_route("POST", "/x", fine, "none");
    add_hook(SLUICE_BEFORE, say_next, "before", 0);
    add_hook(SLUICE_BODY, keep_target, "body", 0);
    struct request *req = begin("POST", "/x", "Content-Length", "100");
    assert_string_equal(order, "n");
    request_handle(req);
    assert_string_equal(order, "nkH");
    request_end(req, true);
}

static void a_body_hook_that_answers_keeps_the_handler_from_running(void **state)
{
    (void)state;
    order[0] = '\0';
    add_route("POST", "/x", fine, "none");
    add_hook(SLUICE_BODY, teapot, "teapot", 0);
    add_hook(SLUICE_AFTER, after, "after", 0);
    struct request *req = begin("POST", "/x", NULL, NULL);
    assert_answer(req, 418, "teapot");
    assert_string_equal(order, "ba");
    request_end(req, true);
}

static void a_body_hook_may_wait(void **state)
{
    (void)state;
    add_route("POST", "/x", fine, "none");
    add_hook(SLUICE_BODY, ask, "ask", 0);
    struct request *req = begin("POST", "/x", "Content-Length", "100");
    assert_int_equal(req->state, REQUEST_BODY);
    request_handle(req);
    assert_int_equal(req->state, REQUEST_WAITING);
    answer_with(0, 0, reply_int(&bench->replies, 42));
    assert_answer(req, 200, "{\"got\":42}");
    request_end(req, true);
}

static void what_is_refused_before_its_handler_meets_no_body_hook(void **state)
{
    (void)state;
    order[0] = '\0';
    add_route("POST", "/x", fine, "none");
    add_hook(SLUICE_BODY, keep_target, "body", 0);
    request_end(begin("POST", "/nowhere", NULL, NULL), true);
    request_end(begin("POST", "/x", "Content-Length", "101"), true);
    assert_string_equal(order, "");
}

static void a_hook_finds_what_another_kept_and_nothing_of_the_request_before(void **state)
{
    (void)state;
    order[0] = '\0';
    add_route("POST", "/x", fine, "none");
    add_hook(SLUICE_BODY, keep_target, "body", 0);
    add_hook(SLUICE_AFTER, show_kept, "after", 0);
    struct request *req = begin("POST", "/x?q=%20", NULL, NULL);
    assert_string_equal(answer_get_header(&req->answer, "x-kept"), "/x?q=%20");
    request_end(req, true);
    req = begin("POST", "/nowhere", NULL, NULL);
    assert_string_equal(answer_get_header(&req->answer, "x-kept"), "nothing");
    request_end(req, true);
}

static void what_the_guard_refuses_closes_the_connection(void **state)
{
    (void)state;
    add_route("POST", "/x", fine, "none");
    struct request *req = begin("POST", "/x", "Transfer-Encoding", "gzip, chunked");
    assert_int_equal(req->state, REQUEST_ANSWERED);
    assert_true(req->answer.status >= 400);
    assert_true(req->closing);
    request_end(req, true);
}

static void all_lines_of_forwarded_for_count(void **state)
{
    (void)state;
    struct network *proxies = memory_new(struct network);
    add_route("GET", "/x", fine, "none");
    assert_int_equal(network_parse("192.0.2.0/24", proxies), 0);
    bench->worker.trusted = proxies;
    bench->worker.trusted_count = 1;
    struct request *req = request_begin(&bench->worker, "/x");
    headers[0] = (struct header){"Host", "example", 4, 7};
    headers[1] = (struct header){"X-Forwarded-For", "6.6.6.6", 15, 7};
    headers[2] = (struct header){"x-forwarded-for", "198.51.100.1", 15, 12};
    req->transport = &fake_transport;
    req->message.method = "GET";
    req->message.version = "HTTP/1.1";
    req->message.headers = headers;
    req->message.header_count = 3;
    request_head(req, (struct sockaddr *)&bench->peer);
    assert_string_equal(req->address, "198.51.100.1");
    request_end(req, true);
    free(proxies);
}

/* ---- Ending ------------------------------------------------------------------------------- */

static void note_cleanup(void *what)
{
    strcat(order, what);
}

static sluice_verdict defer_two(sluice_request *req, void *state, const sluice_reply *reply)
{
    (void)state, (void)reply;
    static char one[] = "1", two[] = "2";
    sluice_defer(req, note_cleanup, one);
    sluice_defer(req, note_cleanup, two);
    return sluice_respond_empty(req, 204);
}

static void cleanups_run_in_reverse_when_the_request_ends(void **state)
{
    (void)state;
    order[0] = '\0';
    add_route("GET", "/x", defer_two, "none");
    struct request *req = get("/x");
    assert_string_equal(order, "");
    request_end(req, true);
    assert_string_equal(order, "21");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_handler_answers),
        TEST(a_reply_runs_the_next_step_and_resumes_the_connection),
        TEST(hooks_run_around_the_handler_in_order),
        TEST(a_hook_that_answers_keeps_the_handler_from_running),
        TEST(hooks_see_unknown_paths_and_methods),
        TEST(waiting_without_asking_is_a_500),
        TEST(a_handler_that_says_next_is_a_500),
        TEST(done_without_an_answer_is_a_500),
        TEST(a_lost_verdict_is_a_500_and_its_reply_is_dropped),
        TEST(asking_twice_is_a_500),
        TEST(trouble_is_a_503_with_retry_after),
        TEST(an_error_that_says_unavailable_is_trouble_too),
        TEST(another_error_of_redis_is_a_500_that_tells_nothing),
        TEST(a_step_that_takes_trouble_sees_it),
        TEST(a_hook_that_fails_open_lets_the_request_pass),
        TEST(what_comes_after_its_request_has_ended_is_undone),
        TEST(nothing_is_undone_when_nothing_was_granted),
        TEST(a_wake_queues_the_next_step),
        TEST(a_token_of_an_earlier_request_is_stale),
        TEST(a_request_may_end_while_its_wake_is_queued),
        TEST(a_park_without_a_deadline_is_a_mistake),
        TEST(a_park_that_runs_out_is_trouble),
        TEST(a_hang_up_ends_a_wait_that_asked_for_it),
        TEST(an_ordinary_wait_does_not_watch_its_client),
        TEST(a_sleep_ends_with_a_nil),
        TEST(a_route_gets_the_identity_it_needs),
        TEST(a_declared_body_that_is_too_large_is_refused_before_it_is_read),
        TEST(the_handler_waits_for_the_body),
        TEST(body_hooks_run_when_the_body_is_there),
        TEST(a_body_hook_that_answers_keeps_the_handler_from_running),
        TEST(a_body_hook_may_wait),
        TEST(what_is_refused_before_its_handler_meets_no_body_hook),
        TEST(a_hook_finds_what_another_kept_and_nothing_of_the_request_before),
        TEST(what_the_guard_refuses_closes_the_connection),
        TEST(all_lines_of_forwarded_for_count),
        TEST(cleanups_run_in_reverse_when_the_request_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
