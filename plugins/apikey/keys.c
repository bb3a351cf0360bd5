/* New keys, whoever makes them, and the classic rotation.
 *
 *   rotate_key --rotate.lua--> rotated
 *
 * A rotation whose answer is lost leaves a key that nobody has; rotating again is safe, and its
 * answer has a key that works.
 *
 * SPDX-License-Identifier: MIT */
#include <openssl/crypto.h>
#include <sluice/input.h>
#include <sluice/plugin.h>

#include "apikey.h"
#include "store.h"

static sluice_step rotated;

const struct key *key_make(sluice_request *req, struct apikey *apikey)
{
    uint8_t random[TOKEN_RANDOM];
    struct key *key = sluice_new(req, struct key);
    sluice_random(sluice_worker_of(req), random, sizeof random);
    token_write(random, key->token);
    OPENSSL_cleanse(random, sizeof random);
    return hasher_hash(&apikey->hasher, key->token, key->hash) ? key : NULL;
}

/* Who was identified by something else than a key of ours is bounded by the scopes he has. */
const struct maker *key_maker(sluice_request *req, struct apikey *apikey)
{
    struct maker *maker = sluice_new(req, struct maker);
    const sluice_identity *who = sluice_who(req);
    const char *token = key_presented(req);
    char hash[HASH_SIZE];
    maker->entry = "";
    maker->scopes = who && who->scopes ? who->scopes : "";
    if (who && (who->kinds & SLUICE_IDENTITY_ADMIN)) {
        maker->scopes = "*";
    } else if (token && key_is_formed(apikey, token)) {
        if (!hasher_hash(&apikey->hasher, token, hash))
            return NULL;
        maker->entry = store_entry(req, hash);
    }
    return maker;
}

sluice_verdict key_refused(sluice_request *req)
{
    sluice_log(sluice_worker_of(req), SLUICE_LOG_ERROR,
               "OpenSSL refused to compute a SHA-256 (request %s)", sluice_request_id(req));
    return sluice_problem(req, 500, "internal_error", "the gateway could not answer this request");
}

sluice_verdict rotate_key(sluice_request *req, void *self, const sluice_reply *none)
{
    struct apikey *apikey = self;
    sluice_reader in;
    (void)none;
    sluice_read_parameters(req, &in);
    const char *id = sluice_take_path_name(&in, "id");
    if (sluice_is_bad(&in))
        return sluice_refuse_input(&in);
    const struct key *key = key_make(req, apikey);
    const struct maker *maker = key ? key_maker(req, apikey) : NULL;
    if (!maker)
        return key_refused(req);
    return sluice_run(req, rotated, (void *)(uintptr_t)key->token, apikey->scripts.rotate, 5,
                      store_meta(req, id), store_index(req, id), store_used(req, id),
                      store_entry(req, key->hash), maker->entry, store_entry(req, ""), id,
                      key->hash, apikey->keys_max, maker->scopes, "", apikey->grace,
                      apikey->retention);
}

static sluice_verdict rotated(sluice_request *req, void *token, const sluice_reply *reply)
{
    if (sluice_type(reply) != SLUICE_REPLY_ARRAY)
        return refuse(req, sluice_text(reply));
    sluice_set_header(req, "Cache-Control", "no-store");
    return sluice_json(req, 200, "success", true, "message",
                       "key rotated; this is the only time the new one is shown", "newKey",
                       (const char *)token);
}
