/* Who a request is, by the session id that it brings.
 *
 *   presented -> formed? -> SHA-256 --touch.lua: read and renew--> found -> same space? -> identity
 *       |           |                                               |           |
 *       none: go on `----------- 401, or 429 for who failed too often ----------'
 *
 *   session_guard, before the handler: a cookie may write only from pages that may -> 403
 *
 * An id comes in x-session-id, which wins, or in the cookie. It is looked up and never stored: who
 * brings an id that the gateway did not make gets no session by it. The hook answers no 401
 * itself: it says why, and the gateway answers so where the route needs to know who asks.
 *
 * A session of one space does not exist for a client of another. Where this plugin stands before
 * the one that knows the client, session_guard finds that out.
 *
 * SPDX-License-Identifier: MIT */
#include <string.h>

#include <sluice/plugin.h>

#include "answer.h"
#include "cookie.h"
#include "device.h"
#include "id.h"
#include "look.h"
#include "origin.h"
#include "session.h"
#include "store.h"

static sluice_step found;

/* Whoever has a key may look for sessions as often as his limit allows: an application asks for
 * all its users from one address. */
static bool has_key(sluice_request *req)
{
    const sluice_identity *who = sluice_who(req);
    return who && (who->kinds & (SLUICE_IDENTITY_CLIENT | SLUICE_IDENTITY_ADMIN));
}

static sluice_verdict fail(sluice_request *req, const char *detail)
{
    const struct session *session = sluice_self(req);
    int64_t now = sluice_monotonic(sluice_worker_of(req));
    int64_t wait_ms = 0;
    if (!has_key(req))
        wait_ms = failures_spend(session->failures, sluice_address(req), now);
    if (wait_ms > 0)
        return sluice_problem_with(req, 429, "too_many_failures",
                                   "too many session ids that are not valid came from this "
                                   "address; retryAfter says how many seconds to wait",
                                   "retryAfter", (wait_ms + 999) / 1000);
    sluice_unidentified(req, "invalid_session", detail);
    return SLUICE_NEXT;
}

static const char *presented(sluice_request *req, const struct session *session,
                             bool *ret_by_cookie)
{
    const char *id = sluice_header(req, "x-session-id");
    *ret_by_cookie = !id;
    if (!id)
        id = cookie_read(req, session);
    return id && *id ? id : NULL;
}

/* The handlers of these routes get by with what is read here. */
static bool needs_data(sluice_request *req)
{
    const char *route = sluice_route_pattern(req);
    return strcmp(sluice_method(req), "DELETE") != 0 &&
           (strcmp(route, "/v1/sessions/current") == 0 || strcmp(route, "/session/get") == 0);
}

sluice_verdict session_authenticate(sluice_request *req, void *self, const sluice_reply *none)
{
    struct session *session = self;
    bool by_cookie;
    (void)none;
    const char *id = presented(req, session, &by_cookie);
    if (!id)
        return SLUICE_NEXT;
    if (!id_is_formed(id))
        return fail(req, "the session id is damaged: it must be 43 characters of base64url");
    struct visit *visit = sluice_new(req, struct visit);
    visit->by_cookie = by_cookie;
    if (!hasher_hash(&session->hasher, id, visit->hash))
        return answer_refused(req, "SHA-256 failed");
    struct look *look = sluice_new(req, struct look);
    *look = (struct look){
        .req = req,
        .visit = visit,
        .key = store_session(req, visit->hash),
        .address = has_key(req) ? "" : sluice_address(req),
        .device = device_of(req),
        .with_data = needs_data(req),
    };
    return look_ask(look, SLUICE_STEP(found));
}

static bool is_elsewhere(sluice_request *req, const struct visit *visit)
{
    const sluice_identity *who = sluice_who(req);
    return who && (who->kinds & SLUICE_IDENTITY_CLIENT) && who->space &&
           strcmp(who->space, visit->record.space) != 0;
}

static sluice_verdict found(sluice_request *req, void *state, const sluice_reply *reply)
{
    const struct look *look = state;
    struct visit *visit = look->visit;
    struct session *self = sluice_self(req);
    (void)reply;
    if (look->sight == SIGHT_AWAY)
        return answer_away(req);
    if (look->sight == SIGHT_BROKEN)
        return answer_refused(req, "touch.lua failed");
    if (look->sight == SIGHT_NOTHING)
        return fail(req, "there is no such session: it may have expired, ended or been rotated");
    if (is_elsewhere(req, visit))
        return fail(req, "there is no such session in the space of this client");
    visits_attach(self->visits, req, visit);
    sluice_identity who = {
        .size = sizeof who,
        .kinds = SLUICE_IDENTITY_SESSION,
        .space = visit->record.space,
        .user = visit->record.user,
        .session = visit->record.id,
    };
    sluice_identify(req, &who);
    return SLUICE_NEXT;
}

/* ---- Before the handler -------------------------------------------------------------------- */

static bool only_reads(sluice_request *req)
{
    const char *method = sluice_method(req);
    return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0 ||
           strcmp(method, "OPTIONS") == 0;
}

static bool may_write(sluice_request *req, const struct session *session)
{
    struct sender sender = {
        .origin = sluice_header(req, "Origin"),
        .referer = sluice_header(req, "Referer"),
        .site = sluice_header(req, "Sec-Fetch-Site"),
        .host = sluice_header(req, "Host"),
    };
    return origin_may_write(&sender, &session->origins);
}

/* A key or an id in a header is nothing that a browser adds by itself. */
sluice_verdict session_guard(sluice_request *req, void *self, const sluice_reply *none)
{
    const struct session *session = self;
    const struct visit *visit = visits_find(session->visits, req);
    (void)none;
    if (!visit)
        return SLUICE_NEXT;
    if (is_elsewhere(req, visit))
        return answer_gone(req);
    if (!visit->by_cookie || has_key(req) || only_reads(req) || may_write(req, session))
        return SLUICE_NEXT;
    return sluice_problem(req, 403, "csrf",
                          "a session cookie can't write from this page: its origin is neither the "
                          "gateway's nor one of the option origins");
}
