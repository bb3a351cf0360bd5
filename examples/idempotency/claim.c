/* Before the handler: whose key it is, and what became of it.
 *
 *   claim --claim.lua--> claimed -> claimed: on to the handler
 *                                -> replay:  the answer of the first time
 *                                -> busy:    409
 *                                -> differs: 422
 *
 * SPDX-License-Identifier: MIT */
#include <string.h>

#include <sluice/hex.h>

#include "idempotency.h"

#define KEY_MAX 255u /* bytes */
#define MS_PER_S 1000

static sluice_step claimed;

/* ---- The key ------------------------------------------------------------------------------ */

/* The draft has it in quotes (RFC 8941), most clients send it without; both name the same. Empty
 * where it is none. */
static sluice_bytes key_in(const char *header)
{
    size_t len = strlen(header);
    if (len >= 2 && header[0] == '"' && header[len - 1] == '"') {
        header++;
        len -= 2;
    }
    for (size_t i = 0; i < len; i++)
        if (header[i] < ' ' || header[i] > '~')
            return sluice_bytes_of("", 0);
    return sluice_bytes_of(header, len <= KEY_MAX ? len : 0);
}

static sluice_bytes part(const char *text)
{
    return sluice_bytes_of(text ? text : "", text ? strlen(text) : 0);
}

/* Two clients may choose the same key: the record is named by both. Who is not known is known by
 * address. */
static bool name_record(sluice_request *req, sluice_bytes key, struct claim *ret_claim)
{
    const sluice_identity *who = sluice_who(req);
    char hex[HASH_SIZE];
    const sluice_bytes parts[] = {
        part(who ? who->client : NULL),
        part(who ? who->space : NULL),
        part(who ? who->user : NULL),
        part(who ? NULL : sluice_address(req)),
        key,
    };
    if (!hash_parts(parts, sizeof parts / sizeof parts[0], hex))
        return false;
    ret_claim->record = sluice_key(req, "idempotency:", hex);
    return true;
}

/* What must be the same for the same key. */
static bool fingerprint(sluice_request *req, char ret_hex[HASH_SIZE])
{
    const sluice_bytes parts[] = {
        part(sluice_target(req)),
        part(sluice_header(req, "Content-Type")),
        sluice_body(req),
    };
    return hash_parts(parts, sizeof parts / sizeof parts[0], ret_hex);
}

/* ---- Asking ------------------------------------------------------------------------------- */

static bool is_secret(const struct idempotency *plugin, const char *route)
{
    for (uint64_t i = 0; i < plugin->sealed.count; i++)
        if (strncmp(route, plugin->sealed.items[i], strlen(plugin->sealed.items[i])) == 0)
            return true;
    return false;
}

/* Credentials have the chance that a key of the client's choice may lack. */
static bool make_seal(sluice_request *req, sluice_bytes key, struct claim *claim)
{
    const sluice_bytes parts[] = {
        part("seal"),
        part(sluice_header(req, "Authorization")),
        part(sluice_header(req, "x-api-key")),
        part(sluice_header(req, "x-session-id")),
        part(sluice_header(req, "Cookie")),
        key,
    };
    claim->is_sealed = is_secret(claim->plugin, sluice_route_pattern(req));
    return !claim->is_sealed || digest_parts(parts, sizeof parts / sizeof parts[0], claim->seal);
}

static struct claim *new_claim(sluice_request *req, const struct idempotency *plugin)
{
    unsigned char random[HASH_SIZE / 2];
    struct claim *claim = sluice_new(req, struct claim);
    claim->plugin = plugin;
    claim->worker = sluice_worker_of(req);
    sluice_random(claim->worker, random, sizeof random);
    sluice_hex(random, sizeof random, claim->owner);
    return claim;
}

sluice_verdict claim(sluice_request *req, void *self, const sluice_reply *none)
{
    const struct idempotency *plugin = self;
    const char *header = sluice_header(req, "Idempotency-Key");
    char print[HASH_SIZE];
    (void)none;
    if (!header || strcmp(sluice_method(req), "POST") != 0)
        return SLUICE_NEXT;
    sluice_bytes key = key_in(header);
    if (key.len == 0)
        return sluice_problem(req, 400, "idempotency_key_invalid",
                              "Idempotency-Key must have 1 to 255 printable ASCII characters");
    struct claim *asked = new_claim(req, plugin);
    if (!name_record(req, key, asked) || !fingerprint(req, print) || !make_seal(req, key, asked))
        return sluice_problem(req, 500, "internal_error", "the key could not be hashed");

    sluice_wait wait = SLUICE_THEN(claimed, asked);
    wait.flags = SLUICE_TAKE_TROUBLE;
    wait.undo = claim_undo;
    return sluice_run_as(req, wait, plugin->claim, 1, asked->record, print, asked->owner,
                         plugin->in_flight);
}

/* ---- The answer --------------------------------------------------------------------------- */

/* The body as it was answered; false: it was to other credentials, which alone open it. */
static bool body_of(sluice_request *req, const struct claim *asked, sluice_bytes stored,
                    sluice_bytes *ret_body)
{
    size_t len = 0;
    unsigned char *text;
    *ret_body = stored;
    if (!asked->is_sealed || stored.len == 0)
        return true;
    text = sluice_alloc(req, stored.len);
    if (!seal_open(asked->seal, stored, text, &len))
        return false;
    *ret_body = sluice_bytes_of(text, len);
    return true;
}

/* {"replay", status, body, name, value, ...} */
static sluice_verdict replay(sluice_request *req, const struct claim *asked,
                             const sluice_reply *stored)
{
    const char *type = NULL;
    sluice_bytes body;
    if (!body_of(req, asked, sluice_text_bytes(sluice_at(stored, 2)), &body))
        return sluice_problem(req, 409, "idempotency_answer_sealed",
                              "this was done before, for other credentials of this client; its "
                              "answer is a secret and is told again to them alone");
    for (uint64_t i = 3; i + 1 < sluice_length(stored); i += 2)
        if (strcmp(sluice_text(sluice_at(stored, i)), "Content-Type") == 0)
            type = sluice_text(sluice_at(stored, i + 1));
    sluice_verdict done =
        sluice_respond(req, (uint32_t)sluice_int(sluice_at(stored, 1)), type, body);
    for (uint64_t i = 3; i + 1 < sluice_length(stored); i += 2)
        sluice_set_header(req, sluice_text(sluice_at(stored, i)),
                          sluice_text(sluice_at(stored, i + 1)));
    sluice_set_header(req, "Idempotency-Replayed", "true");
    return done;
}

static sluice_verdict without_store(sluice_request *req, const struct idempotency *plugin)
{
    if (plugin->on_store_error == STORE_OPEN)
        return SLUICE_NEXT;
    return sluice_problem_with(req, 503, "store_unavailable",
                               "the gateway can't tell whether this was done before; nothing was "
                               "done now, try again with the same key",
                               "retryAfter", 1);
}

static sluice_verdict claimed(sluice_request *req, void *state, const sluice_reply *reply)
{
    struct claim *asked = state;
    const char *what = sluice_text(sluice_at(reply, 0));
    if (sluice_is_trouble(reply) || sluice_is_error(reply))
        return without_store(req, asked->plugin);
    if (strcmp(what, "replay") == 0)
        return replay(req, asked, reply);
    if (strcmp(what, "differs") == 0)
        return sluice_problem(req, 422, "idempotency_key_reused",
                              "this Idempotency-Key came with another request before; a new "
                              "request needs a new key");
    if (strcmp(what, "busy") == 0)
        return sluice_problem_with(req, 409, "idempotency_key_in_use",
                                   "the first request with this Idempotency-Key has not ended yet",
                                   "retryAfter", sluice_int(sluice_at(reply, 1)) / MS_PER_S + 1);
    sluice_keep(req, asked);
    sluice_defer(req, claim_take_back, asked);
    return SLUICE_NEXT;
}
