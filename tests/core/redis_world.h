/* A loop, a session on it, and what its commands were answered, for the session's tests.
 *
 *   command(world, "a", SLUICE_ARGS("GET", "k"))  ...  answered(world, "a=value ")
 *
 * Answers are noted in order as "name=what ", where what is the reply ("v", "7", "nil", "!ERR ...",
 * "[a,b]") or the trouble ("<reset>"); a late one is "<late>" and the reply.
 *
 * SPDX-License-Identifier: MIT */
#ifndef TEST_REDIS_WORLD_H
#define TEST_REDIS_WORLD_H

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <sluice/plugin.h>

#include "clock.h"
#include "redis.h"
#include "text.h"

#define PATIENCE_MS 10000 /* how long a test waits for what must happen */

struct peer;

struct world {
    uv_loop_t loop;
    struct redis *redis;
    struct arena arena;
    struct text answers;
    int ready, unready; /* how often the session became so */
    struct peer *peer;  /* a scripted server, or NULL */
    void (*peer_turn)(struct peer *peer);
    /* What the next `done` does before it looks at its reply. */
    bool close_in_done;
    const char *send_in_done; /* a command, or NULL */
};

/* Who a command was, as its context. */
struct asked {
    struct world *world;
    const char *name;
};

static inline void note_reply(struct text *out, const struct reply *reply)
{
    switch (reply->type) {
    case SLUICE_REPLY_NIL:
        text_add(out, "nil");
        break;
    case SLUICE_REPLY_INT:
        text_add_int(out, reply->u.integer);
        break;
    case SLUICE_REPLY_ARRAY:
        for (uint64_t i = 0; i < reply->u.array.count; i++) {
            text_add_char(out, i ? ',' : '[');
            note_reply(out, reply->u.array.items[i]);
        }
        text_add(out, reply->u.array.count ? "]" : "[]");
        break;
    default:
        if (reply->type == SLUICE_REPLY_ERROR)
            text_add_char(out, '!');
        text_add_bytes(out, reply->u.text.data, reply->u.text.len);
        break;
    }
}

static inline const char *status_name(int status)
{
    switch (status) {
    case 0:
        return "";
    case REDIS_LATE:
        return "<late>";
    case -ETIMEDOUT:
        return "<timeout>";
    case -ENOTCONN:
        return "<notconn>";
    case -ECONNRESET:
        return "<reset>";
    case -ECANCELED:
        return "<canceled>";
    case -ENOBUFS:
        return "<nobufs>";
    case -EINVAL:
        return "<invalid>";
    default:
        return "<other>";
    }
}

static inline void note(void *context, int status, const struct reply *reply);

static inline struct redis_call call_of(struct world *world, const char *name)
{
    struct asked *asked = arena_new(&world->arena, struct asked);
    *asked = (struct asked){.world = world, .name = name};
    return (struct redis_call){.done = note, .context = asked};
}

/* `timeout_ms` 0 is the session's own, which is longer than a test waits. */
static inline void command_within(struct world *world, int64_t timeout_ms, const char *name,
                                  const sluice_arg *argv, uint32_t argc, uint64_t stride)
{
    struct redis_call call = call_of(world, name);
    call.argv = argv;
    call.argc = argc;
    call.stride = (uint32_t)stride;
    call.timeout_ms = timeout_ms;
    redis_send(world->redis, &call);
}

static inline void command(struct world *world, const char *name, const sluice_arg *argv,
                           uint32_t argc, uint64_t stride)
{
    command_within(world, 0, name, argv, argc, stride);
}

#define SHORT_MS 20 /* a command's time that is meant to run out */

static inline void note(void *context, int status, const struct reply *reply)
{
    struct asked *asked = context;
    struct world *world = asked->world;
    const char *send = world->send_in_done;
    world->send_in_done = NULL;
    if (world->close_in_done)
        redis_close(world->redis);
    if (send)
        command_within(world, SHORT_MS, send, SLUICE_ARGS(send));
    text_add_format(&world->answers, "%s=%s", asked->name, status_name(status));
    if (reply)
        note_reply(&world->answers, reply);
    text_add_char(&world->answers, ' ');
}

static inline void changed(void *owner, bool ready)
{
    struct world *world = owner;
    if (ready)
        world->ready++;
    else
        world->unready++;
}

/* One turn of the loop and of the scripted server; blocks shortly when nothing happens. */
static inline void turn(struct world *world)
{
    (void)uv_run(&world->loop, UV_RUN_NOWAIT);
    if (world->peer)
        world->peer_turn(world->peer);
    int wait = uv_backend_timeout(&world->loop);
    struct pollfd poller = {.fd = uv_backend_fd(&world->loop), .events = POLLIN};
    (void)poll(&poller, 1, wait < 0 || wait > 1 ? 1 : wait);
}

#define UNTIL(world, condition)                                                                    \
    do {                                                                                           \
        int64_t until_ = clock_monotonic_ms() + PATIENCE_MS;                                       \
        while (!(condition)) {                                                                     \
            if (clock_monotonic_ms() > until_)                                                     \
                fail_msg("still not: %s; answers: %s; why not: %s", #condition,                    \
                         (world)->answers.data,                                                    \
                         (world)->redis ? redis_why_not((world)->redis) : "closed");               \
            turn(world);                                                                           \
        }                                                                                          \
    } while (0)

/* Waits for as many answers, and forgets them. */
#define answered(world, expected)                                                                  \
    do {                                                                                           \
        UNTIL(world, (world)->answers.len >= strlen(expected));                                    \
        assert_string_equal((world)->answers.data, (expected));                                    \
        text_clear(&(world)->answers);                                                             \
    } while (0)

static inline struct redis_config config_of(struct world *world, const char *url)
{
    struct redis_config config = {.reconnect_min_ms = 1,
                                  .reconnect_max_ms = 10,
                                  .timeout_ms = 2 * PATIENCE_MS,
                                  .ready = changed,
                                  .owner = world};
    const char *why = "";
    if (redis_target_parse(&config.target, &world->arena, url, &why) != 0)
        fail_msg("%s: %s", url, why);
    return config;
}

static inline void world_init(struct world *world)
{
    memset(world, 0, sizeof *world);
    text_init(&world->answers, NULL);
    assert_int_equal(uv_loop_init(&world->loop), 0);
}

static inline void world_release(struct world *world)
{
    redis_close(world->redis);
    assert_int_equal(uv_run(&world->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&world->loop), 0);
    text_release(&world->answers);
    arena_release(&world->arena);
}

#endif
