/* Two gateways at one Redis, and clients with keys: for the end-to-end suites of apikey.
 *
 * SPDX-License-Identifier: MIT */
#ifndef APIKEY_TEST_GATEWAYS_H
#define APIKEY_TEST_GATEWAYS_H

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <client.h>
#include <hiredis/hiredis.h>

#define HELLO "/probe/hello"
#define KEYS "/v1/clients/acme/keys"

/* A route that needs a key and nothing else of Redis. */
#define CONFIG_REST                                                                                \
    CONFIG_TOKEN CONFIG_PROBE                                                                      \
        "  - apikey: { grace: 1h, retention: 3, failures: { capacity: 1000000 } }\n"               \
        "routes: { GET /probe/hello: { auth: client } }\n"
#define CONFIG_AT(url) CONFIG_HEAD "workers: 2\nredis: { url: \"" url "\" }\n" CONFIG_REST
#define CONFIG_HERE CONFIG_AT("unix://${E2E_STORE}")

static struct world *other; /* the second gateway */

/* The second gateway at the store that is there. */
static void start_other(const struct world *world)
{
    static const struct plan plan = {NULL, ""};
    char config[1024];
    void *state = (void *)&plan;
    assert_int_equal(world_set_up(&state), 0);
    other = state;
    (void)snprintf(config, sizeof config, CONFIG_AT("unix://%s/store.sock"), world->folder);
    gateway_configure(other, config);
    other->passed = true; /* its log is shown with nobody's failure */
    gateway_start(other);
}

/* Starts the store, and both gateways at it. */
static inline void start_two(struct world *world)
{
    store_start(world);
    gateway_start(world);
    start_other(world);
}

/* First all processes, so that nobody waits for those of another. */
static int tear_down_two(void **state)
{
    struct world *world = *state;
    void *second = other;
    if (other && other->gateway > 0)
        (void)kill(other->gateway, SIGKILL);
    if (world->gateway > 0)
        (void)kill(world->gateway, SIGKILL);
    int failed = world_tear_down(state);
    other = NULL;
    if (!second)
        return failed;
    ((struct world *)second)->gateway = 0;
    return world_tear_down(&second) | failed;
}

/* A row of the table of tests, for those that use start_two. */
#define E2E_TWO(test, config)                                                                      \
    {                                                                                              \
#test, world_run, world_set_up, tear_down_two, &(struct plan)                              \
        {                                                                                          \
            test, config                                                                           \
        }                                                                                          \
    }

/* ---- Redis ---------------------------------------------------------------------------------- */

static redisContext *store_open(const struct world *world)
{
    char path[108];
    (void)snprintf(path, sizeof path, "%s/store.sock", world->folder);
    redisContext *redis = redisConnectUnix(path);
    assert_true(redis && !redis->err);
    return redis;
}

/* ---- Clients -------------------------------------------------------------------------------- */

static void make_acme(struct world *world)
{
    assert_status(http(world, "POST", "/v1/clients", as_admin(world),
                       "{\"id\":\"acme\",\"name\":\"Acme Ltd\",\"grants\":[\"jobs:work\","
                       "\"keys:verify\"]}"),
                  201);
}

static struct answer *make_key(struct world *world, const char *wishes)
{
    struct answer *made = http(world, "POST", KEYS, as_admin(world), wishes);
    assert_status(made, 201);
    return made;
}

/* ---- Connections ---------------------------------------------------------------------------- */

/* Asks over a connection that is kept. */
static void wire_request(int wire, const char *method, const char *path, const char *header)
{
    char request[512];
    (void)snprintf(request, sizeof request, "%s %s HTTP/1.1\r\nHost: x\r\n%s\r\n%s\r\n", method,
                   path, header, strcmp(method, "POST") == 0 ? "Content-Length: 0\r\n" : "");
    wire_send(wire, request);
}

static inline long wire_status(struct world *world, int wire, const char *path, const char *header)
{
    wire_request(wire, "GET", path, header);
    struct answer *answer = wire_answer(world, wire);
    assert_non_null(answer);
    return answer->status;
}

#endif
