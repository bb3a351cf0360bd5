/* Those who wait at this worker, by lock.
 *
 *   message "<ticket> <lock>" -> the waiter's request is woken, or finds that it was called
 *   timer -> tend.lua -> {ms until the lock can be another's, how many wait} -> timer
 *
 * A line is this worker's part of one lock's queue. It lives while it has a waiter, a timer that
 * will ring or a question that will be answered. Timers can't be stopped: one that rings before it
 * is due is of no interest, unless it is the last.
 *
 * SPDX-License-Identifier: MIT */
#include "waiters.h"

#include <stdlib.h>
#include <string.h>

#include "lease.h"

#define TEND_MS 1000 /* a third of WAITER_LIVES_MS: two of them may be lost */
#define BUCKETS 1024 /* a power of 2 */

struct line {
    struct waiters *waiters;
    struct line *next; /* in its bucket */
    char *text;        /* of the keys */
    struct lock_keys keys;
    struct waiter *first, **end;
    int64_t due;     /* monotonic ms: when it is tended next; 0: not set */
    uint32_t timers; /* that will ring */
    bool asking;
};

struct waiters {
    sluice_worker *worker;
    const sluice_script *tend;
    char name[64], channel[256]; /* of the subscription; with redis.prefix */
    struct line *lines[BUCKETS];
};

static sluice_worker_step rang, tended, told;

/* ---- Lines --------------------------------------------------------------------------------- */

/* FNV-1a (Fowler, Noll and Vo). */
static struct line **bucket_of(struct waiters *waiters, const char *key)
{
    uint32_t hash = 2166136261u;
    for (; *key; key++)
        hash = (hash ^ (unsigned char)*key) * 16777619u;
    return &waiters->lines[hash & (BUCKETS - 1)];
}

static struct line *line_of(struct waiters *waiters, const char *key)
{
    struct line *line = *bucket_of(waiters, key);
    while (line && strcmp(line->keys.lock, key) != 0)
        line = line->next;
    return line;
}

static const char *put_key(char **at, const char *key)
{
    size_t size = strlen(key) + 1;
    const char *put = memcpy(*at, key, size);
    *at += size;
    return put;
}

static bool copy_keys(struct line *line, const struct lock_keys *keys)
{
    size_t size = strlen(keys->lock) + strlen(keys->fence) + strlen(keys->queue) +
                  strlen(keys->waiting) + LOCK_KEY_COUNT;
    char *at = line->text = malloc(size);
    if (!at)
        return false;
    line->keys.lock = put_key(&at, keys->lock);
    line->keys.fence = put_key(&at, keys->fence);
    line->keys.queue = put_key(&at, keys->queue);
    line->keys.waiting = put_key(&at, keys->waiting);
    return true;
}

static struct line *line_new(struct waiters *waiters, const struct lock_keys *keys)
{
    struct line *line = calloc(1, sizeof *line);
    if (!line || !copy_keys(line, keys)) {
        free(line);
        return NULL;
    }
    struct line **bucket = bucket_of(waiters, keys->lock);
    line->waiters = waiters;
    line->end = &line->first;
    line->next = *bucket;
    *bucket = line;
    return line;
}

static void line_free(struct line *line)
{
    free(line->text);
    free(line);
}

static void drop_if_unused(struct line *line)
{
    if (line->first || line->timers || line->asking)
        return;
    struct line **at = bucket_of(line->waiters, line->keys.lock);
    while (*at != line)
        at = &(*at)->next;
    *at = line->next;
    line_free(line);
}

/* ---- Calling ------------------------------------------------------------------------------- */

void waiters_call(struct waiter *waiter)
{
    if (!waiter->parked || !sluice_wake(waiter->lease->worker, waiter->token, 1))
        waiter->called = true;
}

static void call_line(const struct line *line)
{
    for (struct waiter *each = line->first; each; each = each->next)
        waiters_call(each);
}

static void call_everybody(const struct waiters *waiters)
{
    for (size_t i = 0; i < BUCKETS; i++)
        for (const struct line *line = waiters->lines[i]; line; line = line->next)
            call_line(line);
}

static void call_by_ticket(struct waiters *waiters, const char *message)
{
    size_t len = strcspn(message, " ");
    if (!message[len])
        return;
    const struct line *line = line_of(waiters, message + len + 1);
    for (struct waiter *each = line ? line->first : NULL; each; each = each->next)
        if (strncmp(each->lease->ticket, message, len) == 0 && !each->lease->ticket[len]) {
            waiters_call(each);
            return;
        }
}

/* Calls may have been missed when the subscription was lost, and while it was. Without Redis there
 * is nobody to ask: its return is told as well. */
static void told(sluice_worker *worker, void *state, const sluice_reply *news)
{
    struct waiters *waiters = state;
    if (sluice_length(news) == 2)
        call_by_ticket(waiters, sluice_text(sluice_at(news, 1)));
    else if (sluice_redis_ready(worker))
        call_everybody(waiters);
}

/* ---- Tending ------------------------------------------------------------------------------- */

static void start_timer(struct line *line, int64_t ms)
{
    line->timers++;
    sluice_timer(line->waiters->worker, ms, rang, line);
}

static void set_timer(struct line *line, int64_t ms)
{
    if (ms < 1)
        ms = 1;
    if (ms > TEND_MS)
        ms = TEND_MS;
    int64_t due = sluice_monotonic(line->waiters->worker) + ms;
    if (line->due && line->due <= due)
        return;
    line->due = due;
    start_timer(line, ms);
}

static void tend(sluice_worker *worker, struct line *line)
{
    line->due = 0;
    if (line->asking)
        return;
    line->asking = true;
    sluice_worker_run(worker, tended, line, line->waiters->tend, LOCK_KEY_COUNT,
                      LOCK_KEYS(&line->keys), line->waiters->channel, WAITER_LIVES_MS);
}

static void rang(sluice_worker *worker, void *state, const sluice_reply *none)
{
    struct line *line = state;
    int64_t early = line->due - sluice_monotonic(worker);
    (void)none;
    line->timers--;
    if (!line->first) {
        line->due = 0;
        drop_if_unused(line);
    } else if (early > 0 && line->timers == 0) {
        start_timer(line, early);
    } else if (early <= 0) {
        tend(worker, line);
    }
}

static void tended(sluice_worker *worker, void *state, const sluice_reply *reply)
{
    struct line *line = state;
    line->asking = false;
    if (!line->first) {
        drop_if_unused(line);
        return;
    }
    if (sluice_is_error(reply))
        sluice_log(worker, SLUICE_LOG_ERROR, "the queue of %s can't be tended: %s", line->keys.lock,
                   sluice_text(reply));
    bool answered = sluice_length(reply) == 2;
    if (answered && sluice_int(sluice_at(reply, 1)) == 0)
        call_line(line);
    int64_t left = answered ? sluice_int(sluice_at(reply, 0)) : -1;
    set_timer(line, left < 0 ? TEND_MS : left + 1); /* a key is gone the ms after its last */
}

/* ---- Joining and parting ------------------------------------------------------------------- */

bool waiters_join(struct waiters *waiters, struct waiter *waiter, const struct lease *lease)
{
    if (waiter->line)
        return true;
    struct line *line = line_of(waiters, lease->keys.lock);
    if (!line)
        line = line_new(waiters, &lease->keys);
    if (!line)
        return false;
    waiter->lease = lease;
    waiter->line = line;
    waiter->next = NULL;
    waiter->from = line->end;
    *line->end = waiter;
    line->end = &waiter->next;
    return true;
}

void waiters_look_in(struct waiter *waiter, int64_t ms)
{
    if (waiter->line)
        set_timer(waiter->line, ms + 1);
}

void waiters_part(struct waiter *waiter)
{
    struct line *line = waiter->line;
    if (!line)
        return;
    *waiter->from = waiter->next;
    if (waiter->next)
        waiter->next->from = waiter->from;
    else
        line->end = waiter->from;
    waiter->line = NULL;
    drop_if_unused(line);
}

/* ---- A worker's life ----------------------------------------------------------------------- */

struct waiters *waiters_new(sluice_worker *worker, const char *name, const sluice_script *tend)
{
    struct waiters *waiters = calloc(1, sizeof *waiters);
    if (!waiters)
        return NULL;
    waiters->worker = worker;
    waiters->tend = tend;
    (void)snprintf(waiters->name, sizeof waiters->name, "lock:call:%s", name);
    (void)snprintf(waiters->channel, sizeof waiters->channel, "%s%s", sluice_prefix(worker),
                   waiters->name);
    return waiters;
}

void waiters_listen(struct waiters *waiters)
{
    sluice_subscribe(waiters->worker, waiters->name, told, waiters);
}

const char *waiters_channel(const struct waiters *waiters)
{
    return waiters->channel;
}

void waiters_free(struct waiters *waiters)
{
    if (!waiters)
        return;
    for (size_t i = 0; i < BUCKETS; i++) {
        struct line *next;
        for (struct line *line = waiters->lines[i]; line; line = next) {
            next = line->next;
            for (struct waiter *each = line->first; each; each = each->next)
                each->line = NULL;
            line_free(line);
        }
    }
    free(waiters);
}
