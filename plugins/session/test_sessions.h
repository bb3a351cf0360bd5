/* What the end-to-end suites of sessions have in common.
 *
 * SPDX-License-Identifier: MIT */
#ifndef TEST_SESSIONS_H
#define TEST_SESSIONS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <client.h>
#include <hiredis/hiredis.h>

#define CURRENT "/v1/sessions/current"
#define OF_ANN "/v1/users/ann/sessions"
#define NOBODY "x-session-id: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

/* `options` are those of session, in YAML; two routes of another plugin ask for a session. */
#define CONFIG_WITH(options)                                                                       \
    CONFIG_HEAD "workers: 2\n" CONFIG_STORE CONFIG_PROBE "  - apikey\n  - session: { " options     \
                " }\n"                                                                             \
                "routes: { GET /probe/hello: { auth: session }, "                                  \
                "POST /probe/body: { auth: session } }\n"
#define CONFIG CONFIG_WITH("")

/* ---- Clients ------------------------------------------------------------------------------- */

static inline const char *client_key(struct world *world, const char *client)
{
    char body[128];
    (void)snprintf(body, sizeof body, "{\"id\":\"%s\",\"name\":\"%s\"}", client, client);
    struct answer *made = http(world, "POST", "/clients/createClient", as_admin(world), body);
    assert_status(made, 200);
    return with_key(world, text_of(made, "apiKey"));
}

static inline const char *start(struct world *world)
{
    store_start(world);
    gateway_start(world);
    return client_key(world, "acme");
}

/* ---- Sessions ------------------------------------------------------------------------------ */

/* Headers, kept until the test ends. */
static inline const char *lines(struct world *world, const char *first, const char *then)
{
    struct answer *holder = answer_new(world);
    size_t size = strlen(first) + strlen(then) + 2;
    holder->body = malloc(size);
    assert_non_null(holder->body);
    (void)snprintf(holder->body, size, "%s%s%s", first, *then ? "\n" : "", then);
    return holder->body;
}

static inline const char *header_line(struct world *world, const char *name, const char *value)
{
    struct answer *holder = answer_new(world);
    size_t size = strlen(name) + strlen(value) + 1;
    holder->body = malloc(size);
    assert_non_null(holder->body);
    (void)snprintf(holder->body, size, "%s%s", name, value);
    return holder->body;
}

static inline const char *by_id(struct world *world, const struct answer *made)
{
    return header_line(world, "x-session-id: ", text_of(made, "sessionId"));
}

static inline const char *by_cookie(struct world *world, const struct answer *made)
{
    return header_line(world, "Cookie: __Host-sid=", text_of(made, "sessionId"));
}

static inline struct answer *make(struct world *world, const char *key, const char *body)
{
    struct answer *made = http(world, "POST", "/v1/sessions", key, body);
    assert_status(made, 201);
    return made;
}

/* A new session of ann, as the header that uses it. */
static inline const char *sign_in(struct world *world, const char *key)
{
    return by_id(world, make(world, key, "{\"userId\":\"ann\"}"));
}

static inline struct answer *patch(struct world *world, const char *headers, const char *body)
{
    return http(world, "PATCH", CURRENT, headers, body);
}

static inline long status_of(struct world *world, const char *session)
{
    return get(world, CURRENT, session)->status;
}

static inline size_t count_of(struct world *world, const char *headers)
{
    struct answer *list = get(world, OF_ANN "?limit=100", headers);
    assert_status(list, 200);
    return json_array_size(json_object_get(list->json, "sessions"));
}

static inline json_t *data_of(const struct answer *answer)
{
    return json_object_get(answer->json, "data");
}

/* ---- Redis --------------------------------------------------------------------------------- */

static inline redisContext *store_open(const struct world *world)
{
    char path[108];
    (void)snprintf(path, sizeof path, "%s/store.sock", world->folder);
    redisContext *redis = redisConnectUnix(path);
    assert_true(redis && !redis->err);
    return redis;
}

static inline long long store_number(redisContext *redis, const char *command)
{
    redisReply *reply = redisCommand(redis, command);
    assert_true(reply && reply->type == REDIS_REPLY_INTEGER);
    long long number = reply->integer;
    freeReplyObject(reply);
    return number;
}

#endif
