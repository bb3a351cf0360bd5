/* A scripted Redis server in the test's own loop: hears() what was sent, says() what comes back.
 *
 * Include it with _GNU_SOURCE defined: it uses accept4.
 *
 * SPDX-License-Identifier: MIT */
#ifndef TEST_REDIS_PEER_H
#define TEST_REDIS_PEER_H

#include "redis_world.h"

#include <stdlib.h>
#include <unistd.h>

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

struct peer {
    char dir[64], path[96], url[112];
    int listener, client; /* the newest connection, or -1 */
    int connections;
    bool deaf; /* does not read */
    struct text heard;
};

static inline void peer_hang_up(struct peer *peer)
{
    if (peer->client >= 0)
        close(peer->client);
    peer->client = -1;
    text_clear(&peer->heard);
}

static inline void peer_turn(struct peer *peer)
{
    int fd = accept4(peer->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        peer_hang_up(peer);
        peer->client = fd;
        peer->connections++;
    }
    if (peer->client < 0 || peer->deaf)
        return;
    ssize_t got = recv(peer->client, text_room(&peer->heard, 65536), 65536, 0);
    if (got > 0)
        text_added(&peer->heard, (size_t)got);
}

static inline void peer_listen_unix(struct peer *peer)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(peer->dir, "/tmp/sluice-test-XXXXXX");
    assert_non_null(mkdtemp(peer->dir));
    (void)snprintf(peer->path, sizeof peer->path, "%s/redis.sock", peer->dir);
    (void)snprintf(peer->url, sizeof peer->url, "unix://%s", peer->path);
    strcpy(address.sun_path, peer->path);
    peer->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(peer->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(peer->listener, 8), 0);
}

static inline void peer_listen_tcp(struct peer *peer, const char *host)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    close(peer->listener);
    peer->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(peer->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(peer->listener, 8), 0);
    assert_int_equal(getsockname(peer->listener, (struct sockaddr *)&address, &len), 0);
    (void)snprintf(peer->url, sizeof peer->url, "redis://%s:%d", host, ntohs(address.sin_port));
}

/* The length of the first complete command in `heard`, with its words in `words`; 0: none yet. */
static inline size_t first_command(const struct text *heard, struct text *words)
{
    const char *at = heard->data, *end = heard->data + heard->len;
    char *after;
    text_clear(words);
    if (at == end || !memchr(at, '\n', heard->len))
        return 0;
    long count = strtol(at + 1, &after, 10);
    at = after + 2;
    for (long i = 0; i < count; i++) {
        if (at >= end || !memchr(at, '\n', (size_t)(end - at)))
            return 0;
        long len = strtol(at + 1, &after, 10);
        at = after + 2;
        if (end - at < len + 2)
            return 0;
        text_add(words, i ? " " : "");
        text_add_bytes(words, at, (size_t)len);
        at += len + 2;
    }
    return (size_t)(at - heard->data);
}

static inline void hears(struct world *world, const char *expected)
{
    struct text *heard = &world->peer->heard;
    struct text words;
    text_init(&words, &world->arena);
    size_t len;
    UNTIL(world, (len = first_command(heard, &words)) > 0);
    assert_string_equal(words.data, expected);
    memmove(heard->data, heard->data + len, heard->len - len + 1);
    heard->len -= len;
}

static inline void says(struct world *world, const char *bytes)
{
    size_t len = strlen(bytes);
    assert_int_equal(send(world->peer->client, bytes, len, MSG_NOSIGNAL), (ssize_t)len);
}

static inline void becomes_ready(struct world *world)
{
    int before = world->ready;
    hears(world, "PING");
    says(world, "+PONG\r\n");
    UNTIL(world, world->ready > before);
    assert_true(redis_is_ready(world->redis));
    assert_string_equal(redis_why_not(world->redis), "");
}

static inline int set_up(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    world_init(world);
    world->peer = calloc(1, sizeof *world->peer);
    world->peer_turn = peer_turn;
    world->peer->client = -1;
    text_init(&world->peer->heard, NULL);
    peer_listen_unix(world->peer);
    *state = world;
    return 0;
}

static inline int tear_down(void **state)
{
    struct world *world = *state;
    world_release(world);
    struct peer *peer = world->peer;
    peer_hang_up(peer);
    close(peer->listener);
    (void)unlink(peer->path);
    (void)rmdir(peer->dir);
    text_release(&peer->heard);
    free(peer);
    free(world);
    return 0;
}

static inline void start(struct world *world)
{
    struct redis_config config = config_of(world, world->peer->url);
    world->redis = redis_new(&world->loop, &config);
}

static inline void ask(struct world *world, const char *name)
{
    command(world, name, SLUICE_ARGS("GET", name));
}

#define session_test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
