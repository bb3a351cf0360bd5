/* The API key plugin from inside: its configuration, and the steps that its files give each other.
 *
 *   apikey.c        options, routes, life cycle
 *   authenticate.c  a key that came with a request -> an identity
 *   clients.c       clients: make, show
 *   keys.c          keys: make, rotate
 *   store.c         names and values in Redis
 *   token.c         keys as text
 *   failures.c      who failed too often
 *   cache.c         keys that were verified a moment ago
 *
 * SPDX-License-Identifier: MIT */
#ifndef APIKEY_H
#define APIKEY_H

#include <stdbool.h>
#include <stdint.h>

#include <sluice/plugin.h>

#include "failures.h"
#include "token.h"

/* The failure buckets of the configuration. */
struct failing {
    int64_t capacity;
    sluice_rate refill;
};

struct apikey {
    int64_t grace; /* ms */
    int64_t retention;
    bool open_registration;
    bool accept_unprefixed;
    struct failing failing;

    const sluice_script *create, *withdraw, *rotate;

    /* Made in each worker. */
    struct hasher hasher;
    struct failures *failures;
    struct cache *cache;
};

/* A new key, in the request's memory. */
struct key {
    char token[TOKEN_SIZE];
    char hash[TOKEN_HASH_SIZE];
};

/* NULL when OpenSSL refused to hash; the request is then answered with key_refused. */
const struct key *key_make(sluice_request *req, struct apikey *apikey);
sluice_verdict key_refused(sluice_request *req);

sluice_step apikey_authenticate; /* hook */
sluice_step create_client, show_client, rotate_key;

#endif
