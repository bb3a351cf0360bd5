/* Changes of a session's data: a merge patch (RFC 7396), member by member.
 *
 *   v1_patch_session -> If-Match, writable? -> ask --patch.lua--> patched -> 200, 401, 403, 412, 422
 *                                               ^                    |
 *                                               `---- conflict ------'
 *
 * A member whose new value is no object is written whatever it was. One whose value is an object is
 * merged with what was read, here, and written only if it still is that; else it is merged again
 * with what it is now. So changes of different members never meet, and none is lost.
 *
 * SPDX-License-Identifier: MIT */
#include <string.h>

#include <sluice/json.h>
#include <sluice/plugin.h>

#include "answer.h"
#include "data.h"
#include "session.h"
#include "store.h"

#define TRIES_MAX 100 /* each of them lost to somebody whose change was taken */
#define FIXED_ARGS 7  /* the key and what is no data */

static sluice_step patched;

struct change {
    const struct visit *visit;
    json_t *patch;
    const char *version; /* the one it must have, or "" */
    bool with_key;
    unsigned tries;
};

/* ---- If-Match ----------------------------------------------------------------------------- */

/* The strong tag "<version>" among those of the header (RFC 9110 section 13.1.1). */
static bool names_version(const char *header, const char *version)
{
    size_t len = strlen(version);
    for (const char *at = header; *at;) {
        at += strspn(at, ", \t");
        if (*at == '"' && strncmp(at + 1, version, len) == 0 && at[len + 1] == '"')
            return true;
        at += strcspn(at, ",");
    }
    return false;
}

/* NULL: what the header asks for is not so. */
static const char *version_wanted(sluice_request *req, const struct visit *visit)
{
    const char *header = sluice_header(req, "If-Match");
    if (!header || strcmp(header, "*") == 0)
        return "";
    return names_version(header, visit->record.version) ? visit->record.version : NULL;
}

/* ---- Asking ------------------------------------------------------------------------------- */

/* The value merged with what the member is in `record`; NULL: no memory. */
static const char *merged(sluice_request *req, const char *old, const json_t *value)
{
    json_t *target = old ? json_loads(old, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL) : NULL;
    json_t *json = data_merge(target, value);
    const char *text = json ? data_text(req, json) : NULL;
    json_decref(target);
    json_decref(json);
    return text;
}

/* What patch.lua is to do with a member: three arguments. False: no memory. */
static bool add_member(sluice_request *req, const struct record *record, const char *name,
                       const json_t *value, sluice_arg *args)
{
    args[0] = sluice_arg_text(name);
    args[1] = sluice_arg_text("");
    args[2] = sluice_arg_text("");
    if (json_is_null(value))
        return true;
    if (!json_is_object(value)) {
        args[2] = sluice_arg_text(data_text(req, value));
        return true;
    }
    const char *old = record_member(record, name);
    args[1] = sluice_arg_text(sluice_concat(req, "=", old ? old : ""));
    args[2] = sluice_arg_text(merged(req, old, value));
    return args[2].u.text != NULL;
}

static sluice_verdict ask(sluice_request *req, struct change *change, const struct record *record)
{
    const struct session *session = sluice_self(req);
    size_t members = json_object_size(change->patch);
    sluice_arg *args = sluice_alloc(req, (FIXED_ARGS + 3 * members) * sizeof *args);
    uint32_t count = FIXED_ARGS;
    const char *name;
    json_t *value;
    memcpy(args,
           SLUICE_ARGV(store_session(req, change->visit->hash), change->version, change->with_key,
                       session->data_max, MEMBERS_MAX, session->idle, session->absolute),
           FIXED_ARGS * sizeof *args);
    json_object_foreach(change->patch, name, value)
    {
        if (!add_member(req, record, name, value, args + count))
            return answer_refused(req, "out of memory");
        count += 3;
    }
    return sluice_run_v(req, SLUICE_THEN(patched, change), session->patch, 1, args, count,
                        sizeof *args);
}

/* ---- The request -------------------------------------------------------------------------- */

static bool is_writable(const struct session *session, const char *name)
{
    for (uint64_t i = 0; i < session->writable.count; i++) {
        const char *item = session->writable.items[i];
        if (strcmp(item, "*") == 0 || strcmp(item, name) == 0)
            return true;
    }
    return false;
}

static bool all_writable(const struct session *session, json_t *patch)
{
    const char *name;
    json_t *value;
    json_object_foreach(patch, name, value)
    {
        if (!is_writable(session, name))
            return false;
    }
    return true;
}

static bool has_key(sluice_request *req)
{
    const sluice_identity *who = sluice_who(req);
    return who && (who->kinds & (SLUICE_IDENTITY_CLIENT | SLUICE_IDENTITY_ADMIN));
}

sluice_verdict v1_patch_session(sluice_request *req, void *self, const sluice_reply *none)
{
    const struct session *session = self;
    struct change *change = sluice_new(req, struct change);
    sluice_reader in;
    (void)none;
    change->visit = visits_find(session->visits, req);
    if (!change->visit)
        return answer_nobody(req);
    if (!sluice_read_json(req, &in, SLUICE_STRICT))
        return in.verdict;
    change->patch = sluice_take_needed(&in, "data");
    if (change->patch &&
        (!json_is_object(change->patch) || json_object_size(change->patch) > MEMBERS_MAX))
        sluice_member_wrong(&in, "data", "must be an object of at most 1000 members");
    if (sluice_is_bad(&in))
        return sluice_refuse_input(&in);
    change->with_key = has_key(req);
    change->version = version_wanted(req, change->visit);
    if (!change->with_key && !all_writable(session, change->patch))
        return answer_refused(req, "read_only_field");
    if (!data_is_within(change->patch, session->data_depth))
        return answer_refused(req, "data_too_deep");
    if (!change->version)
        return answer_refused(req, "version_changed");
    return ask(req, change, &change->visit->record);
}

static sluice_verdict patched(sluice_request *req, void *state, const sluice_reply *reply)
{
    struct change *change = state;
    const char *word = sluice_text(sluice_at(reply, 0));
    struct record record;
    if (sluice_is_nil(reply))
        return answer_gone(req);
    bool conflict = strcmp(word, "conflict") == 0;
    if (!conflict && strcmp(word, "ok") != 0)
        return answer_refused(req, word);
    record_read(req, sluice_at(reply, 1), &record);
    if (!conflict)
        return answer_session(req, 200, &record, NULL);
    if (++change->tries == TRIES_MAX)
        return answer_refused(req, "data_contended");
    return ask(req, change, &record);
}
