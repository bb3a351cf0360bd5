/* The API key plugin from inside: its configuration, and the steps that its files give each other.
 *
 *   apikey.c        options, routes, life cycle
 *   authenticate.c  a key that came with a request -> an identity
 *   cache.c         keys that this worker remembers
 *   clients.c       the classic paths for clients: make, show
 *   clients_v1.c    clients: make, list, show, change, delete
 *   keys.c          new keys, whoever makes them, and the classic rotation
 *   keys_v1.c       keys: make, list, rotate, revoke
 *   verify.c        whether a key is good
 *   refusal.c       the answers to what a script refused
 *   store.c         names and values in Redis
 *   scopes.c        words that are kept in one text: scopes, networks
 *   token.c         keys as text
 *
 * SPDX-License-Identifier: MIT */
#ifndef APIKEY_H
#define APIKEY_H

#include <stdbool.h>
#include <stdint.h>

#include <sluice/plugin.h>

#include "shared/failures.h"
#include "shared/hasher.h"
#include "token.h"

#define CLIENT_NAME_MAX 256u /* bytes of a name that people read */
#define GRACE_MAX_MS (INT64_C(3650) * 86400000)
#define ENTRY_PREFIX "apiKey:"

/* The failure buckets of the configuration. */
struct failing {
    int64_t capacity;
    sluice_rate refill;
};

struct scripts {
    const sluice_script *create, *withdraw, *patch, *remove;
    const sluice_script *make, *rotate, *revoke, *list;
    const sluice_script *look, *used;
};

struct apikey {
    int64_t grace; /* ms */
    int64_t retention;
    int64_t keys_max; /* of a client */
    bool open_registration;
    bool accept_unprefixed;
    struct failing failing;

    struct scripts scripts;

    /* Made in each worker. */
    struct hasher hasher;
    struct failures *failures;
    struct cache *cache;
};

/* A new key, in the request's memory. */
struct key {
    char token[TOKEN_SIZE];
    char hash[HASH_SIZE];
};

/* Whoever asks, as what bounds he may give away: his key's entry, or, for who has none, scopes. */
struct maker {
    const char *entry;  /* its name in Redis, or "" */
    const char *scopes; /* "*": an admin */
};

/* NULL when OpenSSL refused to hash; the request is then answered with key_refused. */
const struct key *key_make(sluice_request *req, struct apikey *apikey);
const struct maker *key_maker(sluice_request *req, struct apikey *apikey);
sluice_verdict key_refused(sluice_request *req);

/* The key that came with the request, in the request's memory; NULL: none. */
const char *key_presented(sluice_request *req);

/* True for what may be a key, by its form. */
bool key_is_formed(const struct apikey *apikey, const char *token);

/* The problem that a script's word stands for. */
sluice_verdict refuse(sluice_request *req, const char *word);

sluice_step apikey_authenticate; /* hook */
sluice_step create_client, show_client, rotate_key;
sluice_step v1_create_client, v1_list_clients, v1_show_client, v1_patch_client, v1_delete_client;
sluice_step v1_make_key, v1_list_keys, v1_rotate_key, v1_revoke_key, v1_verify_key;

#endif
