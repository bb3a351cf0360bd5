/* Who a request is, by the API key that it brings.
 *
 *   presented -> SHA-256 -> remembered? -> identity
 *       |                       `- whole? -> GET apiKey:<sha256> + PTTL -> found -> identity
 *       none: go on                `----- 401, or 429 for who failed too often --'
 *
 * A key comes in x-api-key or as `Authorization: Bearer slc_...`. Other bearers are not ours: the
 * admin token is one of them, and the gateway looked at it before. This hook never answers 401
 * itself: it says why, and the gateway answers so where the route needs to know who asks. A good
 * key that is used from where it may not be is answered with 403.
 *
 * SPDX-License-Identifier: MIT */
#include <string.h>
#include <strings.h>

#include <sluice/check.h>
#include <sluice/plugin.h>

#include "apikey.h"
#include "cache.h"
#include "shared/cidr.h"
#include "store.h"

static sluice_step found;
static sluice_worker_step noted;

static const char *bearer(sluice_request *req)
{
    const char *header = sluice_header(req, "Authorization");
    if (!header || strncasecmp(header, "Bearer ", 7) != 0)
        return NULL;
    header += 7 + strspn(header + 7, " ");
    return strncmp(header, TOKEN_PREFIX, strlen(TOKEN_PREFIX)) == 0 ? header : NULL;
}

const char *key_presented(sluice_request *req)
{
    const char *token = sluice_header(req, "x-api-key");
    return token ? token : bearer(req);
}

bool key_is_formed(const struct apikey *apikey, const char *token)
{
    return token_is_whole(token) || (apikey->accept_unprefixed && token_is_unprefixed(token));
}

/* A failed attempt: what it costs, and what it is told. */
static sluice_verdict fail(sluice_request *req, const char *detail)
{
    struct apikey *apikey = sluice_self(req);
    int64_t now = sluice_monotonic(sluice_worker_of(req));
    int64_t wait_ms = failures_spend(apikey->failures, sluice_address(req), now);
    if (wait_ms > 0)
        return sluice_problem_with(req, 429, "too_many_failures",
                                   "too many attempts with keys that are not valid came from this "
                                   "address; retryAfter says how many seconds to wait",
                                   "retryAfter", (wait_ms + 999) / 1000);
    sluice_unidentified(req, "invalid_api_key", detail);
    return SLUICE_NEXT;
}

/* A look at Redis that is under way. */
struct lookup {
    struct apikey *apikey;
    char hash[HASH_SIZE];
    uint64_t mark;
    int64_t asked_at; /* monotonic ms */
};

/* The request may end without an answer; the mark must not stay. */
static void give_up(void *what)
{
    struct lookup *lookup = what;
    cache_give_up(lookup->apikey->cache, lookup->hash, lookup->mark);
}

/* A time that could not be noted shows an earlier use: the next minute brings another try. */
static void noted(sluice_worker *worker, void *none, const sluice_reply *reply)
{
    (void)none;
    if (sluice_is_error(reply))
        sluice_log(worker, SLUICE_LOG_WARN, "Redis refuses to note when a key was used: %s",
                   sluice_text(reply));
}

/* The classic server's keys have no id that a time could be noted under. */
static void note_use(sluice_request *req, const char *hash, const struct entry *entry)
{
    sluice_worker *worker = sluice_worker_of(req);
    struct apikey *apikey = sluice_self(req);
    if (entry->key && sluice_redis_ready(worker) && cache_use_is_due(apikey->cache, worker, hash))
        sluice_worker_run(worker, noted, NULL, apikey->scripts.used, 2, store_entry(req, hash),
                          store_used(req, entry->client), entry->key);
}

static sluice_verdict identify(sluice_request *req, const char *hash, const struct entry *entry)
{
    sluice_identity who = {
        .size = sizeof who,
        .kinds = SLUICE_IDENTITY_CLIENT | (entry->self_made ? SLUICE_IDENTITY_SELF_MADE : 0),
        .client = entry->client,
        .space = entry->space,
        .scopes = entry->scopes,
        .key = entry->key,
        .policy = entry->policy,
    };
    if (entry->disabled) {
        sluice_unidentified(req, "client_disabled", "the client of this API key is disabled");
        return SLUICE_NEXT;
    }
    if (entry->cidrs && !cidrs_have(entry->cidrs, sluice_address(req)))
        return sluice_problem(req, 403, "address_not_allowed",
                              "this API key may not be used from the address of this request");
    note_use(req, hash, entry);
    sluice_identify(req, &who);
    return SLUICE_NEXT;
}

static sluice_verdict look_up(sluice_request *req, struct apikey *apikey, const char *hash)
{
    struct lookup *lookup = sluice_new(req, struct lookup);
    const char *name = store_entry(req, hash);
    lookup->apikey = apikey;
    memcpy(lookup->hash, hash, sizeof lookup->hash);
    lookup->asked_at = sluice_monotonic(sluice_worker_of(req));
    lookup->mark = cache_expect(apikey->cache, hash);
    if (lookup->mark)
        sluice_defer(req, give_up, lookup);
    return sluice_ask_all(req, found, lookup, SLUICE_COMMAND("GET", name),
                          SLUICE_COMMAND("PTTL", name));
}

sluice_verdict apikey_authenticate(sluice_request *req, void *self, const sluice_reply *none)
{
    struct apikey *apikey = self;
    const sluice_identity *who = sluice_who(req);
    char hash[HASH_SIZE];
    (void)none;
    if (who && (who->kinds & (SLUICE_IDENTITY_CLIENT | SLUICE_IDENTITY_ADMIN)))
        return SLUICE_NEXT;
    const char *token = key_presented(req);
    if (!token)
        return SLUICE_NEXT;
    if (!hasher_hash(&apikey->hasher, token, hash))
        return key_refused(req);
    const struct entry *entry = cache_find(apikey->cache, sluice_worker_of(req), hash);
    if (entry)
        return identify(req, hash, entry);
    if (!key_is_formed(apikey, token))
        return fail(req, "the API key is damaged: its form or checksum is wrong; copy it again");
    return look_up(req, apikey, hash);
}

/* An error among the replies is an element, so what the core would say of it is said here. */
static sluice_verdict store_refused(sluice_request *req, const sluice_reply *error)
{
    sluice_log(sluice_worker_of(req), SLUICE_LOG_WARN, "Redis refused to look a key up: %s",
               sluice_text(error));
    return sluice_problem(req, 503, "store_unavailable",
                          "the gateway's store does not answer now; nothing is lost, try again");
}

/* Counted from before the question: a little too early, never too late. */
static int64_t left_of(sluice_request *req, const struct lookup *lookup, int64_t left_ms)
{
    int64_t took = sluice_monotonic(sluice_worker_of(req)) - lookup->asked_at;
    if (left_ms < 0)
        return left_ms;
    return left_ms > took ? left_ms - took : 0;
}

static sluice_verdict found(sluice_request *req, void *state, const sluice_reply *both)
{
    struct lookup *lookup = state;
    struct apikey *apikey = lookup->apikey;
    const sluice_reply *reply = sluice_at(both, 0), *left = sluice_at(both, 1);
    sluice_bytes text = sluice_text_bytes(reply);
    struct entry entry;
    if (sluice_is_error(reply) || sluice_is_error(left))
        return store_refused(req, sluice_is_error(reply) ? reply : left);
    if (sluice_is_nil(reply) || sluice_int(left) == -2)
        return fail(req, "the API key is not known: it may have expired or been rotated");
    if (!entry_read(req, text, &entry) &&
        !(apikey->accept_unprefixed && entry_read_bare(req, text, &entry))) {
        sluice_log(sluice_worker_of(req), SLUICE_LOG_ERROR,
                   "an apiKey: entry in Redis can't be read, its key is refused (request %s); "
                   "give its client a new one",
                   sluice_request_id(req));
        return fail(req, "the API key can't be used any more; ask for a new one");
    }
    cache_fill(apikey->cache, sluice_worker_of(req), lookup->hash, lookup->mark, &entry,
               left_of(req, lookup, sluice_int(left)));
    return identify(req, lookup->hash, &entry);
}
