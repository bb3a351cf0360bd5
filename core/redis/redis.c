/* The session: what is sent, what is ready, and an eye on the time.
 *
 *   redis_send -> out, ring -> (redis_io.c: bytes out, replies in) -> done
 *   timer -> overdue: -ETIMEDOUT    nothing pending for 1 s: PING    no bytes for too long: drop
 *
 * Invariants
 *   - A `done` runs from the loop's own callbacks only, so never before redis_send returns.
 *   - A `done` may send, flush or close. Whoever calls one looks afterwards whether the session
 *     still is what it was.
 *   - In steady state nothing is allocated: buffers, ring and arena are used again.
 *
 * SPDX-License-Identifier: MIT */
#include "redis.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <sluice/args.h>

#include "clock.h"
#include "log.h"
#include "memory.h"
#include "redis_internal.h"

#define TIMEOUT_MS 250
#define FLUSH_AT 1024 /* bytes: Redis begins with them while we still write others */
#define IDLE_MS 1000
#define SILENCE_MS 1000 /* at least, and twice a command's time */
#define RECONNECT_MIN_MS 100
#define RECONNECT_MAX_MS 5000

/* ---- Ready or not ------------------------------------------------------------------------- */

static void look(uv_timer_t *timer);

static void arm(struct redis *redis, int64_t at)
{
    int64_t delay = at - clock_monotonic_ms();
    redis->timer_at = at;
    (void)uv_timer_start(&redis->timer, look, delay > 0 ? (uint64_t)delay : 0, 0);
}

void redis_now_ready(struct redis *redis)
{
    redis->state = REDIS_READY;
    redis->attempts = 0;
    redis->why[0] = redis->told[0] = '\0';
    redis->heard = clock_monotonic_ms();
    arm(redis, redis->heard + IDLE_MS);
    log_info("connected to Redis at %s", redis->name);
    if (redis->config.ready)
        redis->config.ready(redis->config.owner, true);
}

void redis_drop(struct redis *redis, const char *format, ...)
{
    bool was_ready = redis->state == REDIS_READY;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(redis->why, sizeof redis->why, format, args);
    va_end(args);
    redis_disconnect(redis);
    if (strcmp(redis->why, redis->told) != 0)
        log_warn("%s; %s", redis->why, was_ready ? "connecting again" : "trying again");
    memcpy(redis->told, redis->why, sizeof redis->told);
    redis_connect_later(redis);
    if (was_ready && redis->config.ready)
        redis->config.ready(redis->config.owner, false);
    redis_pending_answer_all(redis, -ECONNRESET);
}

/* ---- Sending ------------------------------------------------------------------------------ */

static void next_turn(uv_idle_t *soon)
{
    struct redis *redis = soon->data;
    (void)uv_idle_stop(soon);
    redis_answer_refused(redis, false);
    if (redis->write_error)
        redis_drop(redis, "writing to Redis at %s failed: %s", redis->name,
                   strerror(redis->write_error));
}

void redis_in_next_turn(struct redis *redis)
{
    (void)uv_idle_start(&redis->soon, next_turn);
}

/* Why a command can't be sent now, or 0. */
static int unfit(const struct redis *redis)
{
    if (redis->state == REDIS_CLOSED)
        return -ECANCELED;
    if (redis->state != REDIS_READY)
        return -ENOTCONN;
    if (redis->tail - redis->head >= REDIS_PENDING_MAX ||
        redis->out.len - redis->out_sent > REDIS_OUTPUT_MAX)
        return -ENOBUFS;
    return 0;
}

static void refuse(struct redis *redis, const struct redis_call *call, int status)
{
    redis_refuse(redis, call, status);
    if (redis->state != REDIS_CLOSED)
        redis_in_next_turn(redis);
}

static struct pending *push(struct redis *redis, const struct redis_call *call, uint32_t parts)
{
    int64_t timeout = call->timeout_ms > 0 ? call->timeout_ms : redis->config.timeout_ms;
    struct pending entry = {
        .done = call->done,
        .context = call->context,
        .deadline = clock_monotonic_ms() + timeout,
        .parts = parts,
        .again = call->script != NULL,
    };
    if (redis->state == REDIS_READY && entry.deadline < redis->timer_at)
        arm(redis, entry.deadline);
    return redis_pending_push(redis, &entry);
}

/* Once a turn is enough, but for a turn with much to say: there, Redis would wait for its end. */
static void flush_early(struct redis *redis)
{
    if (redis->out.len - redis->out_sent >= FLUSH_AT)
        redis_flush(redis);
}

void redis_send(struct redis *redis, const struct redis_call *call)
{
    int status = unfit(redis);
    if (!status && !call->script && !call->argc)
        status = -EINVAL; /* Redis would not answer it */
    if (status) {
        refuse(redis, call, status);
        return;
    }
    struct pending *entry = push(redis, call, 0);
    if (call->script) {
        text_clear(&entry->script);
        redis_encode_script(&entry->script, call);
        text_add_bytes(&redis->out, entry->script.data, entry->script.len);
    } else {
        redis_encode(&redis->out, call->argv, call->argc, call->stride);
    }
    flush_early(redis);
}

void redis_send_all(struct redis *redis, const struct redis_call *call,
                    const sluice_command *commands, uint32_t count, uint32_t stride)
{
    const char *bytes = (const char *)commands;
    int status = unfit(redis);
    if (!status && (!count || count > REDIS_GROUP_MAX))
        status = -EINVAL;
    for (uint32_t i = 0; !status && i < count; i++) {
        const sluice_command *command = (const void *)(bytes + (size_t)i * stride);
        if (!command->argc)
            status = -EINVAL;
    }
    if (status) {
        refuse(redis, call, status);
        return;
    }
    (void)push(redis, call, count);
    for (uint32_t i = 0; i < count; i++) {
        const sluice_command *command = (const void *)(bytes + (size_t)i * stride);
        redis_encode(&redis->out, command->argv, command->argc, command->stride);
    }
    flush_early(redis);
}

void redis_ask(struct redis *redis, redis_done *done, const sluice_arg *argv, uint32_t argc,
               uint64_t stride)
{
    const struct redis_call call = {.done = done, .context = redis};
    (void)push(redis, &call, 0);
    redis_encode(&redis->out, argv, argc, (uint32_t)stride);
}

/* ---- Time --------------------------------------------------------------------------------- */

static void still_there(void *context, int status, const struct reply *reply)
{
    (void)context;
    (void)status;
    (void)reply; /* that bytes came is what counts */
}

/* When a peer that owes a reply counts as dead: not before the time of what it works on is over. */
static int64_t silence_ends(const struct redis *redis, const struct pending *first)
{
    int64_t least = 2 * redis->config.timeout_ms;
    int64_t since = redis->heard > redis->pending_since ? redis->heard : redis->pending_since;
    int64_t ends = since + (least > SILENCE_MS ? least : SILENCE_MS);
    return ends > first->deadline ? ends : first->deadline;
}

static void look(uv_timer_t *timer)
{
    struct redis *redis = timer->data;
    redis_read(redis); /* after a long step they may have come in time and not been seen */
    if (redis->state != REDIS_READY)
        return;
    int64_t now = clock_monotonic_ms();
    redis->timer_at = INT64_MAX; /* what is sent from here on arms the timer for itself */
    int64_t next = redis_pending_expire(redis, now);
    if (redis->state != REDIS_READY)
        return;
    if (!redis_pending_first(redis) && now >= redis->heard + IDLE_MS)
        redis_ask(redis, still_there, SLUICE_ARGS("PING"));
    const struct pending *first = redis_pending_first(redis);
    int64_t due = first ? silence_ends(redis, first) : redis->heard + IDLE_MS;
    if (first && now >= due) {
        redis_drop(redis, "Redis at %s has not answered for %lld ms", redis->name,
                   (long long)(now - redis->heard));
        return;
    }
    if (next > due)
        next = due;
    if (next < redis->timer_at)
        arm(redis, next);
}

static void before_poll(uv_prepare_t *prepare)
{
    redis_flush(prepare->data);
}

/* ---- Beginning and end -------------------------------------------------------------------- */

static char *name_of(const struct redis_target *target)
{
    bool v6 = target->host && strchr(target->host, ':');
    struct text name;
    text_init(&name, NULL);
    if (!target->host)
        text_add(&name, target->path);
    else
        text_add_format(&name, "%s%s%s:%u", v6 ? "[" : "", target->host, v6 ? "]" : "",
                        target->port);
    return name.data;
}

struct redis *redis_new(uv_loop_t *loop, const struct redis_config *config)
{
    struct redis *redis = memory_new(struct redis);
    redis->loop = loop;
    redis->config = *config;
    if (redis->config.timeout_ms <= 0)
        redis->config.timeout_ms = TIMEOUT_MS;
    if (redis->config.reconnect_min_ms <= 0)
        redis->config.reconnect_min_ms = RECONNECT_MIN_MS;
    if (redis->config.reconnect_max_ms <= 0)
        redis->config.reconnect_max_ms = RECONNECT_MAX_MS;
    redis->name = name_of(&config->target);
    (void)snprintf(redis->why, sizeof redis->why, "connecting to Redis at %s", redis->name);
    redis->input = memory_array(char, REDIS_INPUT_SIZE);
    text_init(&redis->out, NULL);
    (void)uv_timer_init(loop, &redis->timer);
    (void)uv_prepare_init(loop, &redis->prepare);
    (void)uv_idle_init(loop, &redis->soon);
    redis->timer.data = redis->prepare.data = redis->soon.data = redis;
    redis->open = 3;
    (void)uv_timer_start(&redis->timer, redis_connect, 0, 0);
    (void)uv_prepare_start(&redis->prepare, before_poll);
    return redis;
}

void redis_let_go(struct redis *redis)
{
    if (--redis->open)
        return;
    redis_answer_refused(redis, true);
    redis_reader_release(&redis->reader);
    redis_pending_release(redis);
    text_release(&redis->out);
    free(redis->input);
    free(redis->name);
    free(redis);
}

static void handle_closed(uv_handle_t *handle)
{
    redis_let_go(handle->data);
}

void redis_close(struct redis *redis)
{
    if (!redis || redis->state == REDIS_CLOSED)
        return;
    if (redis->state == REDIS_RESOLVING)
        (void)uv_cancel((uv_req_t *)&redis->resolving); /* if it runs already, `resolved` waits */
    redis->state = REDIS_CLOSED;
    (void)snprintf(redis->why, sizeof redis->why, "the session with Redis has ended");
    redis_disconnect(redis);
    uv_close((uv_handle_t *)&redis->timer, handle_closed);
    uv_close((uv_handle_t *)&redis->prepare, handle_closed);
    uv_close((uv_handle_t *)&redis->soon, handle_closed);
    redis_pending_answer_all(redis, -ECANCELED);
    redis_answer_refused(redis, true);
}

bool redis_is_ready(const struct redis *redis)
{
    return redis->state == REDIS_READY;
}

size_t redis_pending(const struct redis *redis)
{
    return redis->tail - redis->head;
}

const char *redis_why_not(const struct redis *redis)
{
    return redis->why;
}
