/* What Redis tells unasked.
 *
 *   connected -> CLIENT ID -> CLIENT TRACKING ON REDIRECT <it> BCAST PREFIX .. -> SUBSCRIBE .. -> nil
 *   message -> its channel's subscription      __redis__:invalidate -> the prefixes' ones
 *   every 500 ms: SUBSCRIBE again -> answered -> what was told until it was sent is complete
 *   connection lost -> trouble to channels, nil to prefixes
 *
 * Invalidation messages travel on the same connection as the heartbeat's answer and in order, so an
 * answered heartbeat proves that nothing told before it is still on its way. A heartbeat counts
 * from when it was sent, and for 2 s: the promise of how long a revoked key may live on.
 *
 * SPDX-License-Identifier: MIT */
#include "subscriber.h"

#include <errno.h>
#include <string.h>

#include <sluice/args.h>

#include "clock.h"
#include "log.h"
#include "memory.h"

#define HEARTBEAT_MS 500
#define HEARTBEAT_LASTS_MS 2000
#define INVALIDATE "__redis__:invalidate"

/* A channel, or a prefix of keys. */
struct subscription {
    char *name;
    bool track;
    subscriber_fn *told;
    void *context;
    struct subscription *next;
};

struct subscriber {
    uv_loop_t *loop;
    struct redis_config config;
    struct redis *redis; /* NULL before the first subscription */
    struct subscription *subscriptions;
    uv_timer_t heartbeat;
    bool opened, closed;
    bool in_place;         /* everything is subscribed on this connection */
    bool tracking;         /* CLIENT TRACKING is, too */
    int64_t sent_at;       /* monotonic ms: the heartbeat that is under way; 0: none */
    int64_t tracked_until; /* 0: not known */
};

/* ---- Telling ------------------------------------------------------------------------------ */

static void tell_all(struct subscriber *subscriber, bool track, const struct reply *news)
{
    for (struct subscription *each = subscriber->subscriptions; each; each = each->next)
        if (each->track == track)
            each->told(each->context, news);
}

static bool is_text(const struct reply *reply, const char *text)
{
    return reply->type == SLUICE_REPLY_TEXT && strcmp(reply->u.text.data, text) == 0;
}

static void key_changed(struct subscriber *subscriber, const struct reply *key)
{
    for (struct subscription *each = subscriber->subscriptions; each; each = each->next)
        if (each->track && strncmp(key->u.text.data, each->name, strlen(each->name)) == 0)
            each->told(each->context, key);
}

/* An array of keys, or a nil after FLUSHALL and FLUSHDB. */
static void invalidated(struct subscriber *subscriber, const struct reply *keys)
{
    if (keys->type != SLUICE_REPLY_ARRAY) {
        tell_all(subscriber, true, &reply_nil);
        return;
    }
    for (uint64_t i = 0; i < keys->u.array.count; i++)
        if (keys->u.array.items[i]->type == SLUICE_REPLY_TEXT)
            key_changed(subscriber, keys->u.array.items[i]);
}

/* ["message", channel, payload] */
static void pushed(void *owner, const struct reply *message)
{
    struct subscriber *subscriber = owner;
    struct reply *const *items = message->u.array.items;
    if (subscriber->closed || message->u.array.count != 3)
        return;
    if (is_text(items[1], INVALIDATE)) {
        invalidated(subscriber, items[2]);
        return;
    }
    struct reply *pair[] = {items[1], items[2]};
    struct reply news = {.abi = {&reply_api}, .type = SLUICE_REPLY_ARRAY};
    news.u.array.items = pair;
    news.u.array.count = 2;
    for (struct subscription *each = subscriber->subscriptions; each; each = each->next)
        if (!each->track && is_text(items[1], each->name))
            each->told(each->context, &news);
}

/* ---- Heartbeat ---------------------------------------------------------------------------- */

static void put(struct subscriber *subscriber, redis_done *done, const sluice_arg *argv,
                uint32_t argc, uint64_t stride)
{
    struct redis_call call = {.argv = argv,
                              .argc = argc,
                              .stride = (uint32_t)stride,
                              .done = done,
                              .context = subscriber,
                              .timeout_ms = HEARTBEAT_LASTS_MS};
    redis_send(subscriber->redis, &call);
}

static void heard(void *context, int status, const struct reply *reply)
{
    struct subscriber *subscriber = context;
    if (status == 0 && reply->type == SLUICE_REPLY_ARRAY && subscriber->tracking &&
        subscriber->sent_at)
        subscriber->tracked_until = subscriber->sent_at + HEARTBEAT_LASTS_MS;
    subscriber->sent_at = 0;
}

/* Never before everything is in place: Redis takes no CLIENT TRACKING from who has subscribed. */
static void beat(uv_timer_t *timer)
{
    struct subscriber *subscriber = timer->data;
    if (!subscriber->in_place || subscriber->sent_at)
        return;
    subscriber->sent_at = clock_monotonic_ms();
    put(subscriber, heard, SLUICE_ARGS("SUBSCRIBE", INVALIDATE));
}

/* ---- Connecting --------------------------------------------------------------------------- */

/* Everything is subscribed, in this order, on one connection: this is the last answer. */
static void in_place(void *context, int status, const struct reply *reply)
{
    struct subscriber *subscriber = context;
    if (status != 0 || reply->type != SLUICE_REPLY_ARRAY)
        return;
    subscriber->in_place = true;
    tell_all(subscriber, false, &reply_nil);
    tell_all(subscriber, true, &reply_nil);
    beat(&subscriber->heartbeat);
}

static void ignore(void *context, int status, const struct reply *reply)
{
    (void)context, (void)status, (void)reply; /* in_place, sent behind it, tells how it went */
}

static void subscribe(struct subscriber *subscriber)
{
    for (struct subscription *each = subscriber->subscriptions; each; each = each->next)
        if (!each->track)
            put(subscriber, ignore, SLUICE_ARGS("SUBSCRIBE", each->name));
    put(subscriber, in_place, SLUICE_ARGS("SUBSCRIBE", INVALIDATE));
}

static void tracked(void *context, int status, const struct reply *reply)
{
    struct subscriber *subscriber = context;
    if (status != 0)
        return;
    subscriber->tracking = reply->type != SLUICE_REPLY_ERROR;
    if (!subscriber->tracking)
        log_error("Redis refuses CLIENT TRACKING, so nothing is kept in memory: %s",
                  reply->u.text.data);
}

#define PREFIXES_MAX 16

/* CLIENT TRACKING ON REDIRECT id BCAST PREFIX a PREFIX b .. */
static void track(struct subscriber *subscriber, int64_t id)
{
    sluice_arg argv[6 + 2 * PREFIXES_MAX] = {sluice_arg_text("CLIENT"), sluice_arg_text("TRACKING"),
                                             sluice_arg_text("ON"),     sluice_arg_text("REDIRECT"),
                                             sluice_arg_int(id),        sluice_arg_text("BCAST")};
    uint32_t argc = 6;
    for (struct subscription *each = subscriber->subscriptions; each; each = each->next)
        if (each->track && argc < sizeof argv / sizeof argv[0]) {
            argv[argc++] = sluice_arg_text("PREFIX");
            argv[argc++] = sluice_arg_text(each->name);
        }
    if (argc > 6)
        put(subscriber, tracked, argv, argc, sizeof *argv);
}

static void identified(void *context, int status, const struct reply *reply)
{
    struct subscriber *subscriber = context;
    if (status != 0)
        return;
    if (reply->type == SLUICE_REPLY_INT)
        track(subscriber, reply->u.integer);
    else
        log_error("Redis refuses CLIENT ID, so nothing is kept in memory");
    subscribe(subscriber);
}

static void connection_changed(void *owner, bool ready)
{
    struct subscriber *subscriber = owner;
    subscriber->in_place = subscriber->tracking = false;
    subscriber->tracked_until = subscriber->sent_at = 0;
    if (ready) {
        put(subscriber, identified, SLUICE_ARGS("CLIENT", "ID"));
        return;
    }
    struct reply trouble = {.abi = {&reply_api}, .type = SLUICE_REPLY_TROUBLE};
    trouble.u.text.data = "the subscription was lost";
    trouble.u.text.len = strlen(trouble.u.text.data);
    tell_all(subscriber, false, &trouble);
    tell_all(subscriber, true, &reply_nil);
}

/* ---- Subscribing -------------------------------------------------------------------------- */

struct subscriber *subscriber_new(uv_loop_t *loop, const struct redis_config *config)
{
    struct subscriber *subscriber = memory_new(struct subscriber);
    subscriber->loop = loop;
    subscriber->config = *config;
    subscriber->config.scripts = NULL;
    subscriber->config.ready = connection_changed;
    subscriber->config.pushed = pushed;
    subscriber->config.owner = subscriber;
    return subscriber;
}

static void open_connection(struct subscriber *subscriber)
{
    if (subscriber->opened)
        return;
    subscriber->opened = true;
    uv_timer_init(subscriber->loop, &subscriber->heartbeat);
    subscriber->heartbeat.data = subscriber;
    uv_timer_start(&subscriber->heartbeat, beat, HEARTBEAT_MS, HEARTBEAT_MS);
    subscriber->redis = redis_new(subscriber->loop, &subscriber->config);
}

static void add(struct subscriber *subscriber, const char *name, bool track, subscriber_fn *told,
                void *context)
{
    struct subscription *made = memory_new(struct subscription);
    made->name = memory_must(strdup(name));
    made->track = track;
    made->told = told;
    made->context = context;
    made->next = subscriber->subscriptions;
    subscriber->subscriptions = made;
    open_connection(subscriber);
}

void subscriber_channel(struct subscriber *subscriber, const char *channel, subscriber_fn *told,
                        void *context)
{
    add(subscriber, channel, false, told, context);
}

void subscriber_track(struct subscriber *subscriber, const char *key_prefix, subscriber_fn *told,
                      void *context)
{
    add(subscriber, key_prefix, true, told, context);
}

int64_t subscriber_tracked_until(const struct subscriber *subscriber)
{
    return subscriber->tracked_until;
}

/* ---- End ---------------------------------------------------------------------------------- */

static void release(struct subscriber *subscriber)
{
    while (subscriber->subscriptions) {
        struct subscription *first = subscriber->subscriptions;
        subscriber->subscriptions = first->next;
        free(first->name);
        free(first);
    }
    free(subscriber);
}

static void timer_closed(uv_handle_t *timer)
{
    release(timer->data);
}

void subscriber_close(struct subscriber *subscriber)
{
    if (!subscriber)
        return;
    subscriber->closed = true;
    if (!subscriber->opened) {
        release(subscriber);
        return;
    }
    redis_close(subscriber->redis);
    uv_close((uv_handle_t *)&subscriber->heartbeat, timer_closed);
}
