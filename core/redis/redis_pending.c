/* Commands between being sent and being answered, and those that could not be sent.
 *
 *   push -> ring -> shift, by replies in order          refuse -> list -> answered in the next turn
 *             `--> expire, by time: -ETIMEDOUT, then it stays as `late` until its reply comes
 *
 * The ring grows and never shrinks: its slots and the memory in them are used again. Entries are
 * numbered for ever; a number's slot is its low bits. Before any `done` runs the ring is in order,
 * because `done` may push, or end the session.
 *
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "memory.h"
#include "redis_internal.h"

#define SLOTS_MIN 64
#define KEPT_SCRIPT 4096 /* bytes of an EVALSHA's buffer that stay with the slot */
#define STEP_MS 5        /* the least between two looks at the deadlines */

static struct pending *entry_at(struct redis *redis, uint64_t number)
{
    return &redis->slots[number & (redis->slot_count - 1)];
}

/* Called when every slot is in use. */
static void grow(struct redis *redis)
{
    size_t count = redis->slot_count ? redis->slot_count * 2 : SLOTS_MIN;
    struct pending *slots = memory_array(struct pending, count);
    for (size_t i = 0; i < count; i++)
        text_init(&slots[i].script, NULL);
    for (uint64_t n = redis->head; n < redis->tail; n++)
        slots[n & (count - 1)] = *entry_at(redis, n);
    free(redis->slots);
    redis->slots = slots;
    redis->slot_count = count;
}

struct pending *redis_pending_push(struct redis *redis, const struct pending *entry)
{
    if (redis->tail - redis->head == redis->slot_count)
        grow(redis);
    if (redis->head == redis->tail)
        redis->pending_since = clock_monotonic_ms();
    struct pending *slot = entry_at(redis, redis->tail++);
    struct text script = slot->script;
    *slot = *entry;
    slot->script = script;
    return slot;
}

struct pending *redis_pending_first(struct redis *redis)
{
    return redis->head < redis->tail ? entry_at(redis, redis->head) : NULL;
}

struct pending redis_pending_shift(struct redis *redis)
{
    struct pending *slot = entry_at(redis, redis->head++);
    struct pending entry = *slot;
    if (slot->script.size > KEPT_SCRIPT)
        text_release(&slot->script);
    return entry;
}

void redis_pending_answer_all(struct redis *redis, int status)
{
    while (redis->head < redis->tail) {
        struct pending entry = redis_pending_shift(redis);
        entry.done(entry.context, entry.late ? REDIS_LATE : status, NULL);
    }
}

int64_t redis_pending_expire(struct redis *redis, int64_t now)
{
    int64_t nearest = INT64_MAX;
    for (uint64_t n = redis->head, end = redis->tail; n < end && n < redis->tail; n++) {
        struct pending *entry = entry_at(redis, n);
        if (entry->late)
            continue;
        if (entry->deadline > now) {
            nearest = entry->deadline < nearest ? entry->deadline : nearest;
            continue;
        }
        entry->late = true;
        entry->done(entry->context, -ETIMEDOUT, NULL);
        if (redis->state != REDIS_READY)
            break;
    }
    return nearest > now + STEP_MS ? nearest : now + STEP_MS;
}

void redis_pending_release(struct redis *redis)
{
    for (size_t i = 0; i < redis->slot_count; i++)
        text_release(&redis->slots[i].script);
    free(redis->slots);
    free(redis->refused);
}

void redis_refuse(struct redis *redis, const struct redis_call *call, int status)
{
    if (redis->refused_count == redis->refused_size) {
        redis->refused_size = redis->refused_size ? redis->refused_size * 2 : SLOTS_MIN;
        redis->refused = memory_grow(redis->refused, redis->refused_size);
    }
    redis->refused[redis->refused_count++] =
        (struct refused){.done = call->done, .context = call->context, .status = status};
}

void redis_answer_refused(struct redis *redis, bool all)
{
    size_t count = all ? SIZE_MAX : redis->refused_count - redis->refused_first;
    /* A `done` that ends the session empties the list from within. */
    while (count-- && redis->refused_first < redis->refused_count) {
        struct refused entry = redis->refused[redis->refused_first++];
        entry.done(entry.context, entry.status, NULL);
    }
    size_t left = redis->refused_count - redis->refused_first;
    if (left)
        memmove(redis->refused, redis->refused + redis->refused_first,
                left * sizeof *redis->refused);
    redis->refused_first = 0;
    redis->refused_count = left;
}
