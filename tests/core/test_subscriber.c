/* Subscriptions and the watch over keys, against a real Redis: what is told, and what is known
 * when the connection is lost.
 *
 * SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <hiredis/hiredis.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "clock.h"
#include "subscriber.c"

#define WAIT_MS 10000

static char folder[64], path[96];
static pid_t server;
static redisContext *writer;

struct world {
    uv_loop_t loop;
    struct subscriber *subscriber;
    unsigned messages, channel_ready, channel_lost; /* what the channel's subscription was told */
    unsigned changes, unknown;                      /* what the prefix's was */
    char last[128];
};

/* ---- A Redis of our own ------------------------------------------------------------------- */

static void start_server(void)
{
    server = child_fork(SIGTERM);
    if (server == 0) {
        execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", path, "--save", "",
               "--logfile", "/dev/null", (char *)NULL);
        _exit(127);
    }
    int64_t give_up = clock_monotonic_ms() + WAIT_MS;
    for (;;) {
        writer = redisConnectUnix(path);
        if (writer && !writer->err)
            return;
        redisFree(writer);
        assert_true(clock_monotonic_ms() < give_up);
        poll(NULL, 0, 10);
    }
}

static void stop_server(int number)
{
    redisFree(writer);
    kill(server, number);
    waitpid(server, NULL, 0);
}

static int group_setup(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/sluice-subscriber-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/s", folder);
    start_server();
    return 0;
}

static int group_teardown(void **state)
{
    (void)state;
    stop_server(SIGTERM);
    unlink(path);
    return rmdir(folder);
}

static void write_to_redis(const char *command)
{
    redisReply *reply = redisCommand(writer, command);
    assert_non_null(reply);
    assert_int_not_equal(reply->type, REDIS_REPLY_ERROR);
    freeReplyObject(reply);
}

/* ---- A subscriber ------------------------------------------------------------------------- */

static void message(void *context, const struct reply *news)
{
    struct world *world = context;
    if (news->type == SLUICE_REPLY_NIL) {
        world->channel_ready++;
    } else if (news->type == SLUICE_REPLY_TROUBLE) {
        world->channel_lost++;
    } else {
        assert_int_equal(news->u.array.count, 2);
        snprintf(world->last, sizeof world->last, "%s", news->u.array.items[1]->u.text.data);
        world->messages++;
    }
}

static void change(void *context, const struct reply *news)
{
    struct world *world = context;
    if (news->type == SLUICE_REPLY_NIL) {
        world->unknown++;
        return;
    }
    snprintf(world->last, sizeof world->last, "%s", news->u.text.data);
    world->changes++;
}

static void turn(struct world *world)
{
    uv_run(&world->loop, UV_RUN_NOWAIT);
    poll(NULL, 0, 1);
}

#define turn_until(world, condition)                                                               \
    do {                                                                                           \
        int64_t give_up = clock_monotonic_ms() + WAIT_MS;                                          \
        while (!(condition) && clock_monotonic_ms() < give_up)                                     \
            turn(world);                                                                           \
        assert_true(condition);                                                                    \
    } while (0)

static int setup(void **state)
{
    static struct world world;
    memset(&world, 0, sizeof world);
    uv_loop_init(&world.loop);
    struct redis_config config = {.target = {.path = path}, .reconnect_max_ms = 100};
    world.subscriber = subscriber_new(&world.loop, &config);
    *state = &world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    subscriber_close(world->subscriber);
    uv_run(&world->loop, UV_RUN_DEFAULT);
    return uv_loop_close(&world->loop);
}

/* Both kinds of subscription, in place. */
static struct world *watching(void **state)
{
    struct world *world = *state;
    subscriber_channel(world->subscriber, "news", message, world);
    subscriber_track(world->subscriber, "apiKey:", change, world);
    turn_until(world, subscriber_tracked_until(world->subscriber) > 0);
    assert_int_equal(world->channel_ready, 1);
    return world;
}

static void nothing_is_connected_without_a_subscription(void **state)
{
    struct world *world = *state;
    assert_int_equal(uv_loop_alive(&world->loop), 0);
    assert_int_equal(subscriber_tracked_until(world->subscriber), 0);
}

static void a_message_reaches_its_channel(void **state)
{
    struct world *world = watching(state);
    write_to_redis("PUBLISH other hidden");
    write_to_redis("PUBLISH news hello");
    turn_until(world, world->messages == 1);
    assert_string_equal(world->last, "hello");
}

static void a_change_is_told_by_its_key_and_others_are_not(void **state)
{
    struct world *world = watching(state);
    write_to_redis("SET other:1 x");
    write_to_redis("SET apiKey:1 x");
    turn_until(world, world->changes == 1);
    assert_string_equal(world->last, "apiKey:1");
    write_to_redis("DEL apiKey:1");
    turn_until(world, world->changes == 2);
}

static void a_flush_makes_everything_unknown(void **state)
{
    struct world *world = watching(state);
    unsigned before = world->unknown;
    write_to_redis("FLUSHALL");
    turn_until(world, world->unknown > before);
}

static void heartbeats_keep_what_is_known_fresh(void **state)
{
    struct world *world = watching(state);
    int64_t first = subscriber_tracked_until(world->subscriber);
    assert_true(first <= clock_monotonic_ms() + 2000);
    turn_until(world, subscriber_tracked_until(world->subscriber) > first);
}

static void a_lost_connection_is_told_and_mended(void **state)
{
    struct world *world = watching(state);
    unsigned before = world->unknown;
    write_to_redis("CLIENT KILL TYPE pubsub");
    turn_until(world, world->channel_lost == 1);
    assert_int_equal(subscriber_tracked_until(world->subscriber), 0);
    assert_int_equal(world->unknown, before + 1);
    turn_until(world, world->channel_ready == 2);
    turn_until(world, subscriber_tracked_until(world->subscriber) > 0);
    write_to_redis("SET apiKey:2 x");
    turn_until(world, world->changes == 1);
}

/* The connection is there, and what it asks first is not answered for a while. */
static struct world *slowly_in_place(void **state, const char *pause)
{
    struct world *world = *state;
    subscriber_channel(world->subscriber, "news", message, world);
    subscriber_track(world->subscriber, "apiKey:", change, world);
    turn_until(world, redis_is_ready(world->subscriber->redis));
    write_to_redis(pause);
    turn_until(world, subscriber_tracked_until(world->subscriber) > 0);
    return world;
}

/* Heartbeats that are due meanwhile must not come in between. */
static void a_watch_that_is_slow_to_begin_begins(void **state)
{
    struct world *world = slowly_in_place(state, "CLIENT PAUSE 1200 ALL");
    write_to_redis("SET apiKey:3 x");
    turn_until(world, world->changes == 1);
}

static void a_watch_that_is_answered_too_late_begins(void **state)
{
    struct world *world = slowly_in_place(state, "CLIENT PAUSE 3000 ALL");
    write_to_redis("SET apiKey:4 x");
    turn_until(world, world->changes == 1);
}

/* A stopped server neither answers nor hangs up: the heartbeat runs out by itself. */
static void silence_ends_what_is_known(void **state)
{
    struct world *world = watching(state);
    kill(server, SIGSTOP);
    turn_until(world, subscriber_tracked_until(world->subscriber) <= clock_monotonic_ms());
    kill(server, SIGCONT);
    turn_until(world, subscriber_tracked_until(world->subscriber) > clock_monotonic_ms());
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(nothing_is_connected_without_a_subscription),
        TEST(a_message_reaches_its_channel),
        TEST(a_change_is_told_by_its_key_and_others_are_not),
        TEST(a_flush_makes_everything_unknown),
        TEST(heartbeats_keep_what_is_known_fresh),
        TEST(a_lost_connection_is_told_and_mended),
        TEST(a_watch_that_is_slow_to_begin_begins),
        TEST(a_watch_that_is_answered_too_late_begins),
        TEST(silence_ends_what_is_known),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
