/* Whether a key is good, for services that are given keys themselves.
 *
 *   v1_verify_key --look.lua--> looked
 *
 * Redis is asked each time, so that the answer has the end to the millisecond. Where a key may be
 * used from is not looked at: the address of whoever brought it is not known here.
 *
 * SPDX-License-Identifier: MIT */
#include <sluice/json.h>
#include <sluice/plugin.h>

#include "apikey.h"
#include "scopes.h"
#include "shared/times.h"
#include "store.h"

#define TOKEN_TEXT_MAX 256u

static sluice_step looked;

static sluice_verdict answer_invalid(sluice_request *req)
{
    sluice_set_header(req, "Cache-Control", "no-store");
    return sluice_json(req, 200, "valid", false);
}

sluice_verdict v1_verify_key(sluice_request *req, void *self, const sluice_reply *none)
{
    struct apikey *apikey = self;
    char hash[HASH_SIZE];
    sluice_reader in;
    (void)none;
    if (!sluice_read_json(req, &in, SLUICE_STRICT))
        return in.verdict;
    const char *token = sluice_take_text(&in, "key", 1, TOKEN_TEXT_MAX);
    if (sluice_is_bad(&in))
        return sluice_refuse_input(&in);
    if (!key_is_formed(apikey, token))
        return answer_invalid(req);
    if (!hasher_hash(&apikey->hasher, token, hash))
        return key_refused(req);
    return sluice_run(req, looked, apikey, apikey->scripts.look, 1, store_entry(req, hash));
}

static sluice_verdict looked(sluice_request *req, void *self, const sluice_reply *reply)
{
    const struct apikey *apikey = self;
    sluice_bytes text = sluice_text_bytes(sluice_at(reply, 0));
    const char *ends = sluice_text(sluice_at(reply, 1));
    char end[TIME_SIZE];
    int64_t ends_at;
    struct entry entry;
    if (sluice_is_nil(reply) ||
        (!entry_read(req, text, &entry) &&
         !(apikey->accept_unprefixed && entry_read_bare(req, text, &entry))) ||
        entry.disabled)
        return answer_invalid(req);
    bool has_end = sluice_parse_int(ends, &ends_at);
    if (has_end)
        time_write(ends_at, end);
    sluice_set_header(req, "Cache-Control", "no-store");
    return sluice_json(req, 200, "valid", true, "clientId", entry.client, "scopes",
                       words_list(req, entry.scopes), "expiresAt", has_end ? end : NULL);
}
