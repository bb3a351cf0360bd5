/* Keys as resources of their client.
 *
 *   v1_make_key --make.lua--> made           (late: --> undo --revoke.lua--> withdrawn)
 *   v1_list_keys --list.lua--> listed
 *   v1_rotate_key --rotate.lua--> made
 *   v1_revoke_key --revoke.lua--> revoked
 *
 * A key that nobody received is taken back. A rotation is not: rotating again is safe.
 *
 * SPDX-License-Identifier: MIT */
#include <sluice/json.h>
#include <sluice/plugin.h>

#include "apikey.h"
#include "scopes.h"
#include "shared/times.h"
#include "store.h"

static sluice_step made, listed, revoked;
static sluice_worker_step undo_making, withdrawn;

/* A key under way, and where its client's keys are. */
struct making {
    const char *id;
    const struct key *key;
    const struct maker *maker;
    const char *meta, *index, *used, *prefix; /* names in Redis; before a hash in one */
};

/* ---- Answers ------------------------------------------------------------------------------ */

/* Of ms since 1970 as text; absent for "" and NULL. */
static sluice_arg time_of(sluice_request *req, const char *ms)
{
    char text[TIME_SIZE];
    int64_t value;
    if (!ms || !sluice_parse_int(ms, &value))
        return sluice_arg_text(NULL);
    time_write(value, text);
    return sluice_arg_text(sluice_copy(req, sluice_bytes_of(text, strlen(text))));
}

static sluice_arg list_or_nothing(const sluice_list *list)
{
    return list ? sluice_arg_list(list) : sluice_arg_text(NULL);
}

/* `row` begins with id, entry and end. */
static sluice_arg key_object(sluice_request *req, const sluice_reply *row, const char *used,
                             const char *token, const sluice_list *gone)
{
    struct entry entry = {.client = "", .scopes = ""};
    (void)entry_read(req, sluice_text_bytes(sluice_at(row, 1)), &entry); /* our script wrote it */
    sluice_list *cidrs = entry.cidrs ? cidrs_list(req, entry.cidrs) : NULL;
    return sluice_object(req, "id", sluice_at(row, 0), "clientId", entry.client, "line",
                         entry.line ? entry.line : "", "name", entry.name, "scopes",
                         words_list(req, entry.scopes), "cidrs", list_or_nothing(cidrs),
                         "createdAt", time_of(req, entry.created_at), "expiresAt",
                         time_of(req, sluice_text(sluice_at(row, 2))), "lastUsedAt",
                         time_of(req, used), "key", token, "revoked", list_or_nothing(gone));
}

/* ---- Making ------------------------------------------------------------------------------- */

/* The body's expiresAt; 0: absent. */
static int64_t take_end(sluice_reader *in)
{
    const char *text = sluice_optional_text(in, "expiresAt", 1, 64, NULL);
    int64_t now = sluice_realtime(sluice_worker_of(in->req)), end = 0;
    if (!text)
        return 0;
    if (!time_read(text, &end))
        sluice_member_wrong(in, "expiresAt",
                            "must be a time as of RFC 3339, like 2026-01-31T12:00:00Z");
    else if (end <= now || end - now > GRACE_MAX_MS)
        sluice_member_wrong(in, "expiresAt", "must be in the future, within ten years");
    return end;
}

/* What make.lua takes: absent members are left to it. */
static sluice_arg take_wishes(sluice_reader *in)
{
    const char *line = sluice_optional_name(in, "line", "");
    const char *name = sluice_optional_text(in, "name", 1, CLIENT_NAME_MAX, NULL);
    const char *scopes = scopes_take(in, "scopes");
    const char *cidrs = cidrs_take(in, "cidrs");
    int64_t ends_at = take_end(in);
    int64_t ttl = sluice_optional_int(in, "ttlMs", 1, GRACE_MAX_MS, 0);
    if (ends_at && ttl)
        sluice_member_wrong(in, "ttlMs", "can't be given beside expiresAt");
    return sluice_object(in->req, "line", line, "name", name, "scopes", scopes, "cidrs",
                         cidrs && *cidrs ? cidrs : NULL, "expiresAt",
                         ends_at ? sluice_arg_int(ends_at) : sluice_arg_text(NULL), "ttlMs",
                         ttl ? sluice_arg_int(ttl) : sluice_arg_text(NULL));
}

/* False when OpenSSL refused to hash. */
static bool begin(sluice_request *req, struct making *making, const char *id)
{
    struct apikey *apikey = sluice_self(req);
    making->id = id;
    making->key = key_make(req, apikey);
    making->maker = key_maker(req, apikey);
    making->meta = store_meta(req, id);
    making->index = store_index(req, id);
    making->used = store_used(req, id);
    making->prefix = store_entry(req, "");
    return making->key && making->maker;
}

sluice_verdict v1_make_key(sluice_request *req, void *self, const sluice_reply *none)
{
    const struct apikey *apikey = self;
    struct making *making = sluice_new(req, struct making);
    sluice_reader in;
    (void)none;
    if (!sluice_read_json(req, &in, SLUICE_STRICT))
        return in.verdict;
    const char *id = sluice_take_path_name(&in, "id");
    sluice_arg wishes = take_wishes(&in);
    if (sluice_is_bad(&in))
        return sluice_refuse_input(&in);
    if (!begin(req, making, id))
        return key_refused(req);
    sluice_wait wait = SLUICE_THEN(made, making);
    wait.undo = undo_making;
    return sluice_run_as(req, wait, apikey->scripts.make, 5, making->meta, making->index,
                         making->used, store_entry(req, making->key->hash), making->maker->entry,
                         making->prefix, id, making->key->hash, apikey->keys_max,
                         making->maker->scopes, wishes);
}

/* After a rotation the ids of revoked keys follow. */
static sluice_list *gone_of(sluice_request *req, const sluice_reply *row)
{
    sluice_list *gone = sluice_list_new(req);
    for (uint64_t i = 3; i < sluice_length(row); i++)
        sluice_push(req, gone, sluice_at(row, i));
    return gone;
}

static bool is_rotation(sluice_request *req)
{
    return sluice_path(req, "kid") != NULL;
}

static sluice_verdict made(sluice_request *req, void *state, const sluice_reply *row)
{
    const struct making *making = state;
    if (sluice_type(row) != SLUICE_REPLY_ARRAY)
        return refuse(req, sluice_text(row));
    sluice_arg object =
        key_object(req, row, NULL, making->key->token, is_rotation(req) ? gone_of(req, row) : NULL);
    sluice_set_header(req, "Cache-Control", "no-store");
    sluice_set_header(
        req, "Location",
        sluice_printf(req, "/v1/clients/%s/keys/%s", making->id, sluice_text(sluice_at(row, 0))));
    return sluice_respond(req, 201, "application/json", sluice_bytes_of(object.u.text, object.len));
}

static void undo_making(sluice_worker *worker, void *state, const sluice_reply *row)
{
    const struct making *making = state;
    const struct apikey *apikey = sluice_worker_self(worker);
    if (sluice_type(row) != SLUICE_REPLY_ARRAY)
        return;
    sluice_worker_run(worker, withdrawn, NULL, apikey->scripts.revoke, 3, making->meta,
                      making->index, making->used, making->prefix,
                      sluice_text_bytes(sluice_at(row, 0)));
}

static void withdrawn(sluice_worker *worker, void *none, const sluice_reply *reply)
{
    (void)none;
    if (sluice_is_trouble(reply) || sluice_is_error(reply))
        sluice_log(worker, SLUICE_LOG_WARN,
                   "a key was made too late to tell whoever asked, and can't be taken back: %s; "
                   "its client's list of keys has it",
                   sluice_text(reply));
}

/* ---- Rotating, revoking -------------------------------------------------------------------- */

/* Ids are sequence numbers; what is none names no key. */
static bool is_key_id(const char *text)
{
    int64_t seq;
    return sluice_parse_int(text, &seq) && seq > 0 && text[0] != '0' && strlen(text) <= 15;
}

/* A body is not needed where all of its members are optional. */
static bool read_grace(sluice_request *req, sluice_reader *in, int64_t *ret_grace)
{
    const struct apikey *apikey = sluice_self(req);
    *ret_grace = apikey->grace;
    if (sluice_body(req).len == 0) {
        sluice_read_parameters(req, in);
        return true;
    }
    if (!sluice_read_json(req, in, SLUICE_STRICT))
        return false;
    *ret_grace = sluice_optional_int(in, "graceMs", 0, GRACE_MAX_MS, apikey->grace);
    return true;
}

sluice_verdict v1_rotate_key(sluice_request *req, void *self, const sluice_reply *none)
{
    const struct apikey *apikey = self;
    struct making *making = sluice_new(req, struct making);
    const char *kid = sluice_path(req, "kid");
    sluice_reader in;
    int64_t grace;
    (void)none;
    if (!read_grace(req, &in, &grace))
        return in.verdict;
    const char *id = sluice_take_path_name(&in, "id");
    if (sluice_is_bad(&in))
        return sluice_refuse_input(&in);
    if (!is_key_id(kid))
        return refuse(req, "key_not_found");
    if (!begin(req, making, id))
        return key_refused(req);
    return sluice_run(req, made, making, apikey->scripts.rotate, 5, making->meta, making->index,
                      making->used, store_entry(req, making->key->hash), making->maker->entry,
                      making->prefix, id, making->key->hash, apikey->keys_max,
                      making->maker->scopes, kid, grace, apikey->retention);
}

sluice_verdict v1_revoke_key(sluice_request *req, void *self, const sluice_reply *none)
{
    const struct apikey *apikey = self;
    const char *kid = sluice_path(req, "kid");
    sluice_reader in;
    (void)none;
    sluice_read_parameters(req, &in);
    const char *id = sluice_take_path_name(&in, "id");
    if (sluice_is_bad(&in))
        return sluice_refuse_input(&in);
    if (!is_key_id(kid))
        return refuse(req, "key_not_found");
    return sluice_run(req, revoked, NULL, apikey->scripts.revoke, 3, store_meta(req, id),
                      store_index(req, id), store_used(req, id), store_entry(req, ""), kid);
}

static sluice_verdict revoked(sluice_request *req, void *none, const sluice_reply *done)
{
    (void)none;
    if (sluice_type(done) != SLUICE_REPLY_INT)
        return refuse(req, sluice_text(done));
    return sluice_respond_empty(req, 204);
}

/* ---- Listing ------------------------------------------------------------------------------ */

sluice_verdict v1_list_keys(sluice_request *req, void *self, const sluice_reply *none)
{
    const struct apikey *apikey = self;
    sluice_reader in;
    (void)none;
    sluice_read_parameters(req, &in);
    const char *id = sluice_take_path_name(&in, "id");
    if (sluice_is_bad(&in))
        return sluice_refuse_input(&in);
    return sluice_run(req, listed, NULL, apikey->scripts.list, 3, store_meta(req, id),
                      store_index(req, id), store_used(req, id), store_entry(req, ""), id);
}

static sluice_verdict listed(sluice_request *req, void *none, const sluice_reply *rows)
{
    sluice_list *keys = sluice_list_new(req);
    (void)none;
    if (sluice_type(rows) != SLUICE_REPLY_ARRAY)
        return refuse(req, sluice_text(rows));
    for (uint64_t i = 0; i < sluice_length(rows); i++) {
        const sluice_reply *row = sluice_at(rows, i);
        sluice_push(req, keys, key_object(req, row, sluice_text(sluice_at(row, 3)), NULL, NULL));
    }
    sluice_set_header(req, "Cache-Control", "no-store");
    return sluice_json(req, 200, "keys", keys);
}
