/* What Redis tells unasked, said by the test: messages, changes of keys, lost subscriptions.
 *
 * SPDX-License-Identifier: MIT */
#include "host.h"

static void add(struct test_host *host, const char *name, bool track, sluice_worker_step *then,
                void *state)
{
    struct subscription *made = arena_new(&host->arena, struct subscription);
    *made = (struct subscription){.name = arena_printf(&host->arena, "%s%s", host->prefix, name),
                                  .track = track,
                                  .then = then,
                                  .state = state,
                                  .next = host->subscriptions};
    host->subscriptions = made;
}

void subscribe_channel(sluice_worker *abi, const char *channel, sluice_worker_step *then,
                       void *state)
{
    add(worker_host(abi), channel, false, then, state);
}

void subscribe_track(sluice_worker *abi, const char *key_prefix, sluice_worker_step *then,
                     void *state)
{
    add(worker_host(abi), key_prefix, true, then, state);
}

int64_t subscribe_tracked_until(sluice_worker *abi)
{
    return worker_host(abi)->tracked_until;
}

const char *subscribe_prefix(sluice_worker *abi)
{
    return worker_host(abi)->prefix;
}

/* ---- Said by the test --------------------------------------------------------------------- */

static void tell(struct test_host *host, const struct subscription *subscription,
                 const struct reply *news)
{
    subscription->then(&host->worker.abi, subscription->state, reply_abi(news));
}

void test_tracked(struct test_host *host, int64_t for_ms)
{
    host->tracked_until = for_ms > 0 ? host->now_ms + for_ms : 0;
}

void test_changed(struct test_host *host, const char *key)
{
    struct arena arena = ARENA_INIT;
    const struct reply *news =
        key ? reply_text(&arena, SLUICE_REPLY_TEXT, key, strlen(key)) : &reply_nil;
    for (struct subscription *each = host->subscriptions; each; each = each->next)
        if (each->track && (!key || strncmp(key, each->name, strlen(each->name)) == 0))
            tell(host, each, news);
    arena_release(&arena);
    host_settle(host);
}

void test_message(struct test_host *host, const char *channel, const char *payload)
{
    struct arena arena = ARENA_INIT;
    struct reply *news = reply_array(&arena, 2);
    news->u.array.items[0] = reply_text(&arena, SLUICE_REPLY_TEXT, channel, strlen(channel));
    news->u.array.items[1] = reply_text(&arena, SLUICE_REPLY_TEXT, payload, strlen(payload));
    for (struct subscription *each = host->subscriptions; each; each = each->next)
        if (!each->track && strcmp(channel, each->name) == 0)
            tell(host, each, news);
    arena_release(&arena);
    host_settle(host);
}

void test_subscriptions(struct test_host *host, bool in_place)
{
    static const char lost[] = "the subscription was lost";
    struct arena arena = ARENA_INIT;
    const struct reply *trouble = reply_text(&arena, SLUICE_REPLY_TROUBLE, lost, sizeof lost - 1);
    host->tracked_until = 0;
    for (struct subscription *each = host->subscriptions; each; each = each->next)
        tell(host, each, in_place || each->track ? &reply_nil : trouble);
    arena_release(&arena);
    host_settle(host);
}
