/* All sessions of a user.
 *
 *   v1_list_sessions --list.lua--> listed -> 200
 *   v1_revoke_sessions --revoke.lua--> revoked -> again, or 204
 *
 * A client asks about any user of its space, a session about its own user.
 *
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include <sluice/input.h>
#include <sluice/plugin.h>

#include "answer.h"
#include "cookie.h"
#include "session.h"
#include "store.h"

#define PAGE_MAX 100
#define PAGE_DEFAULT 20
#define REVOKED_AT_ONCE 200 /* holds Redis for less than a ms */

static sluice_step listed, revoked;

struct ask {
    const char *index;        /* its name in Redis */
    const struct visit *mine; /* the session that asks, if it is one of this user's */
    bool but_mine;
    int64_t limit;
    const char *from; /* the end from which on to list */
    int64_t skip;     /* how many of those with that end to leave out */
};

/* ---- Whose sessions ----------------------------------------------------------------------- */

static sluice_verdict forbidden(sluice_request *req)
{
    return sluice_problem(req, 403, "forbidden",
                          "a session sees its own user's sessions only; others need the key of a "
                          "client");
}

static bool has_space(sluice_request *req)
{
    const sluice_identity *who = sluice_who(req);
    return who && who->space;
}

static bool is_allowed(sluice_request *req, const char *user)
{
    const sluice_identity *who = sluice_who(req);
    return (who->kinds & SLUICE_IDENTITY_CLIENT) || (who->user && strcmp(who->user, user) == 0);
}

static void take_user(sluice_reader *in, const struct session *session, struct ask *ask)
{
    const struct visit *visit = visits_find(session->visits, in->req);
    const char *user = sluice_take_path_user_id(in, "id");
    if (!user)
        return;
    ask->index = store_index(in->req, sluice_who(in->req)->space, user);
    if (visit && strcmp(visit->record.user, user) == 0)
        ask->mine = visit;
}

static const char *hash_of_mine(const struct ask *ask)
{
    return ask->mine ? ask->mine->hash : "";
}

/* ---- Listing ------------------------------------------------------------------------------ */

/* <end of the last one that was shown>.<how many with that end were shown>: sessions that end in the
 * same millisecond have no other order. A session that is used meanwhile moves towards the end of
 * the list, so none is left out. */
static void take_cursor(sluice_reader *in, struct ask *ask)
{
    const char *cursor = sluice_query(in->req, "cursor");
    ask->from = "-inf";
    if (!cursor)
        return;
    size_t len = strspn(cursor, "0123456789");
    if (len > 0 && len < 16 && cursor[len] == '.' &&
        sluice_parse_int(cursor + len + 1, &ask->skip) && ask->skip >= 0)
        ask->from = sluice_copy(in->req, sluice_bytes_of(cursor, len));
    else
        sluice_parameter_wrong(in, "cursor", "must be one that a list gave");
}

sluice_verdict v1_list_sessions(sluice_request *req, void *self, const sluice_reply *none)
{
    const struct session *session = self;
    struct ask *ask = sluice_new(req, struct ask);
    sluice_reader in;
    (void)none;
    if (!has_space(req))
        return answer_nobody(req);
    sluice_read_parameters(req, &in);
    take_user(&in, session, ask);
    take_cursor(&in, ask);
    ask->limit = sluice_take_query_int(&in, "limit", 1, PAGE_MAX, PAGE_DEFAULT);
    if (ask->index && !is_allowed(req, sluice_path(req, "id")))
        return forbidden(req);
    if (sluice_is_bad(&in))
        return sluice_refuse_input(&in);
    return sluice_run(req, listed, ask, session->list, 1, ask->index, store_session(req, ""),
                      ask->from, ask->skip, ask->limit, hash_of_mine(ask), session->idle,
                      session->absolute);
}

static sluice_arg text_or_nil(const sluice_reply *text)
{
    return *sluice_text(text) ? sluice_arg_reply(text) : sluice_arg_text(NULL);
}

static sluice_arg row_object(sluice_request *req, const sluice_reply *row)
{
    bool current = sluice_int(sluice_at(row, 1)) == 1;
    return sluice_object(req, "current", current, "address", text_or_nil(sluice_at(row, 2)),
                         "device", text_or_nil(sluice_at(row, 3)), "createdAt",
                         answer_time(req, sluice_int(sluice_at(row, 4))), "lastSeenAt",
                         answer_time(req, sluice_int(sluice_at(row, 5))));
}

static const char *cursor_after(sluice_request *req, const struct ask *ask,
                                const sluice_reply *rows, uint64_t count)
{
    int64_t last = sluice_int(sluice_at(rows, count - 1));
    int64_t same = 0;
    while ((uint64_t)same < count &&
           sluice_int(sluice_at(rows, count - 1 - (uint64_t)same)) == last)
        same++;
    if ((uint64_t)same == count && strtoll(ask->from, NULL, 10) == last)
        same += ask->skip;
    return sluice_concat(req, last, ".", same);
}

static sluice_verdict listed(sluice_request *req, void *state, const sluice_reply *rows)
{
    const struct ask *ask = state;
    uint64_t found = sluice_length(rows);
    uint64_t count = found < (uint64_t)ask->limit ? found : (uint64_t)ask->limit;
    sluice_list *sessions = sluice_list_new(req);
    for (uint64_t i = 0; i < count; i++)
        sluice_push(req, sessions, row_object(req, sluice_at(rows, i)));
    answer_is_private(req);
    return sluice_json(req, 200, "sessions", sessions, "cursor",
                       found > count ? cursor_after(req, ask, rows, count) : NULL);
}

/* ---- Revoking ----------------------------------------------------------------------------- */

static void take_except(sluice_reader *in, struct ask *ask)
{
    const char *except = sluice_query(in->req, "except");
    ask->but_mine = except != NULL;
    if (except && strcmp(except, "current") != 0)
        sluice_parameter_wrong(in, "except", "must be current");
    else if (except && !ask->mine)
        sluice_parameter_wrong(in, "except",
                               "names the session of this request, which came "
                               "without one of this user's");
}

static sluice_verdict revoke(sluice_request *req, struct ask *ask)
{
    const struct session *session = sluice_self(req);
    return sluice_run(req, revoked, ask, session->revoke, 1, ask->index, store_session(req, ""),
                      ask->but_mine ? hash_of_mine(ask) : "", REVOKED_AT_ONCE);
}

sluice_verdict v1_revoke_sessions(sluice_request *req, void *self, const sluice_reply *none)
{
    const struct session *session = self;
    struct ask *ask = sluice_new(req, struct ask);
    sluice_reader in;
    (void)none;
    if (!has_space(req))
        return answer_nobody(req);
    sluice_read_parameters(req, &in);
    take_user(&in, session, ask);
    take_except(&in, ask);
    if (ask->index && !is_allowed(req, sluice_path(req, "id")))
        return forbidden(req);
    if (sluice_is_bad(&in))
        return sluice_refuse_input(&in);
    return revoke(req, ask);
}

static sluice_verdict revoked(sluice_request *req, void *state, const sluice_reply *left)
{
    struct ask *ask = state;
    if (sluice_int(left) > 0)
        return revoke(req, ask);
    if (ask->mine && ask->mine->by_cookie && !ask->but_mine)
        cookie_clear(req, sluice_self(req));
    return sluice_respond_empty(req, 204);
}
