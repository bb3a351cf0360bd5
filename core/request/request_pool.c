/* Request objects: made once, used again and again, each with a slot of its own.
 *
 *   request_begin (free list, else new) -> ... -> request_end -> free list
 *
 * A slot never changes its object and a generation never repeats, so a token that outlived its
 * request can be told from one that did not. An object that somebody still needs (`held`: an
 * undo step, the queue of the woken) goes back only when the last of them is through.
 *
 * SPDX-License-Identifier: MIT */
#include <string.h>

#include "access_log.h"
#include "clock.h"
#include "log.h"
#include "memory.h"
#include "request.h"
#include "worker_internal.h"

static struct request *make(struct worker *worker)
{
    struct request *req = memory_new(struct request);
    req->abi.api = &request_api;
    req->worker = worker;
    req->slot = worker->slot_count;
    req->generation = 1;
    uv_timer_init(&worker->loop, &req->timer);
    req->timer.data = req;
    if (worker->slot_count == worker->slot_size) {
        worker->slot_size = worker->slot_size ? worker->slot_size * 2 : 64;
        worker->slots = memory_grow(worker->slots, worker->slot_size);
    }
    worker->slots[worker->slot_count++] = req;
    return req;
}

/* Everything of the last use is forgotten but identity, memory and handles. */
static void forget(struct request *req)
{
    req->connection = NULL;
    req->transport = NULL;
    memset(&req->message, 0, sizeof req->message);
    memset(&req->match, 0, sizeof req->match);
    memset(&req->who, 0, sizeof req->who);
    req->path = req->query = "";
    req->trace = NULL;
    req->id[0] = '\0';
    req->address[0] = '\0';
    req->has_body = req->closing = false;
    req->body_declared = 0;
    req->known = false;
    req->unknown_code = req->unknown_detail = NULL;
    req->state = REQUEST_HEAD;
    req->phase = PHASE_AUTHENTICATE;
    req->hook = 0;
    req->waiting = req->watched = req->wake_queued = req->ended = false;
    req->woken_by = NULL;
    req->slots = NULL;
    req->trail_count = 0;
    req->cleanups = NULL;
}

struct request *request_begin(struct worker *worker, const char *target)
{
    struct request *req = worker->free_requests;
    if (req)
        worker->free_requests = req->next;
    else
        req = make(worker);
    req->next = NULL;
    forget(req);
    req->message.target = arena_copy_text(&req->arena, target);
    text_init(&req->body, &req->arena);
    answer_init(&req->answer, &req->arena);
    req->started_us = clock_monotonic_us();
    return req;
}

static void recycle(struct request *req)
{
    arena_clear(&req->arena);
    req->next = req->worker->free_requests;
    req->worker->free_requests = req;
}

void request_release_hold(struct request *req)
{
    req->held--;
    if (req->ended && req->held == 0)
        recycle(req);
}

static void run_log_hooks(struct request *req)
{
    const struct hook_list *list = &req->worker->gateway->plugins.hooks[SLUICE_LOG];
    for (size_t i = 0; i < list->count; i++) {
        const struct hook *hook = &list->items[i];
        req->running = (struct running){hook->plugin, hook->name, hook->flags};
        (void)hook->step(&req->abi, hook->plugin->self, NULL);
        if (req->waiting) {
            log_error("%s: log hook %s may not wait", hook->plugin->name, hook->name);
            wait_end(req);
        }
    }
}

/* 499 is what nginx logs for a client that left before its answer. */
static void log_access(const struct request *req, bool sent)
{
    const struct route *route = req->match.route;
    bool head = req->message.method && strcmp(req->message.method, "HEAD") == 0;
    struct access_entry entry = {
        .time_ms = clock_realtime_ms(),
        .request_id = req->id,
        .trace_id = req->trace,
        .method = req->message.method ? req->message.method : "",
        .route = route ? route->pattern : "",
        .status = sent ? req->answer.status : 499,
        .bytes = sent && !head ? req->answer.body.len : 0,
        .duration_us = clock_monotonic_us() - req->started_us,
        .client = req->known ? req->who.client : NULL,
        .address = req->address,
    };
    access_log(&entry);
}

static void run_cleanups(struct request *req)
{
    while (req->cleanups) {
        struct cleanup *cleanup = req->cleanups;
        req->cleanups = cleanup->next;
        cleanup->run(cleanup->what);
    }
}

void request_end(struct request *req, bool sent)
{
    if (req->waiting)
        wait_end(req);
    req->generation++;
    run_log_hooks(req);
    if (req->worker->gateway->settings.access_log && req->message.method)
        log_access(req, sent);
    run_cleanups(req);
    req->worker->counters->requests++;
    req->ended = true;
    if (req->held == 0)
        recycle(req);
}

void request_pool_close(struct worker *worker)
{
    for (uint32_t i = 0; i < worker->slot_count; i++)
        uv_close((uv_handle_t *)&worker->slots[i]->timer, NULL);
}

void request_pool_release(struct worker *worker)
{
    for (uint32_t i = 0; i < worker->slot_count; i++) {
        arena_release(&worker->slots[i]->arena);
        free(worker->slots[i]);
    }
    free(worker->slots);
}
