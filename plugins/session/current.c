/* The session that a request came with: show it, end it, give it a new id.
 *
 *   show: what authenticate read -> 200
 *   delete_session, v1_delete_session --destroy.lua--> ended -> 200, 204
 *   v1_rotate_session --rotate.lua--> rotated -> 200    (late: --> undo: back to the old id)
 *
 * SPDX-License-Identifier: MIT */
#include <string.h>

#include <sluice/plugin.h>

#include "answer.h"
#include "cookie.h"
#include "id.h"
#include "session.h"
#include "store.h"

static sluice_step ended, rotated;
static sluice_worker_step undo_rotation, rotated_back;

/* ---- Showing ------------------------------------------------------------------------------ */

sluice_verdict v1_show_session(sluice_request *req, void *self, const sluice_reply *none)
{
    const struct session *session = self;
    const struct visit *visit = visits_find(session->visits, req);
    (void)none;
    return visit ? answer_session(req, 200, &visit->record, NULL) : answer_nobody(req);
}

static sluice_arg member(const struct record *record, const char *name)
{
    const char *json = record_member(record, name);
    return sluice_raw_json(sluice_bytes_of(json, json ? strlen(json) : 0));
}

sluice_verdict show_session(sluice_request *req, void *self, const sluice_reply *none)
{
    const struct session *session = self;
    const struct visit *visit = visits_find(session->visits, req);
    (void)none;
    if (!visit)
        return answer_nobody(req);
    const struct record *record = &visit->record;
    answer_is_private(req);
    return sluice_json(req, 200, "success", true, "session",
                       sluice_object(req, "userId", record->user, "email", member(record, "email"),
                                     "name", member(record, "name"), "createdAt", record->created));
}

/* ---- Ending ------------------------------------------------------------------------------- */

static sluice_verdict end(sluice_request *req, const struct session *session, bool classic)
{
    static const char yes[] = "classic";
    const struct visit *visit = visits_find(session->visits, req);
    if (!visit)
        return answer_nobody(req);
    return sluice_run(req, ended, (void *)(uintptr_t)(classic ? yes : NULL), session->destroy, 2,
                      store_session(req, visit->hash),
                      store_index(req, visit->record.space, visit->record.user), visit->hash);
}

sluice_verdict delete_session(sluice_request *req, void *self, const sluice_reply *none)
{
    (void)none;
    return end(req, self, true);
}

sluice_verdict v1_delete_session(sluice_request *req, void *self, const sluice_reply *none)
{
    (void)none;
    return end(req, self, false);
}

/* It is gone as well when somebody else was faster. */
static sluice_verdict ended(sluice_request *req, void *classic, const sluice_reply *reply)
{
    const struct session *session = sluice_self(req);
    (void)reply;
    if (visits_find(session->visits, req)->by_cookie)
        cookie_clear(req, session);
    if (!classic)
        return sluice_respond_empty(req, 204);
    return sluice_json(req, 200, "success", true, "message", "session deleted");
}

/* ---- Rotating ----------------------------------------------------------------------------- */

struct rotation {
    const struct visit *visit;
    const struct id *id;
    const char *old_key, *new_key, *index; /* names in Redis */
};

sluice_verdict v1_rotate_session(sluice_request *req, void *self, const sluice_reply *none)
{
    struct session *session = self;
    const struct visit *visit = visits_find(session->visits, req);
    struct rotation *rotation = sluice_new(req, struct rotation);
    (void)none;
    if (!visit)
        return answer_nobody(req);
    rotation->visit = visit;
    rotation->id = id_make(req, &session->hasher);
    if (!rotation->id)
        return answer_refused(req, "SHA-256 failed");
    rotation->old_key = store_session(req, visit->hash);
    rotation->new_key = store_session(req, rotation->id->hash);
    rotation->index = store_index(req, visit->record.space, visit->record.user);
    sluice_wait wait = SLUICE_THEN(rotated, rotation);
    wait.undo = undo_rotation;
    return sluice_run_as(req, wait, session->rotate, 3, rotation->old_key, rotation->new_key,
                         rotation->index, visit->hash, rotation->id->hash, session->idle,
                         session->absolute);
}

/* The cookie is HttpOnly so that no script on a page can read the id: then the answer must not have
 * it either. */
static sluice_verdict rotated(sluice_request *req, void *state, const sluice_reply *reply)
{
    const struct rotation *rotation = state;
    const struct session *session = sluice_self(req);
    struct record record;
    if (sluice_is_nil(reply))
        return answer_gone(req);
    if (strcmp(sluice_text(sluice_at(reply, 0)), "ok") != 0)
        return answer_refused(req, sluice_text(sluice_at(reply, 0)));
    record_read(req, sluice_at(reply, 1), &record);
    if (!rotation->visit->by_cookie)
        return answer_session(req, 200, &record, rotation->id->text);
    cookie_set(req, session, rotation->id->text);
    return answer_session(req, 200, &record, NULL);
}

/* Whoever asked knows only the old id. */
static void undo_rotation(sluice_worker *worker, void *state, const sluice_reply *reply)
{
    const struct rotation *rotation = state;
    const struct session *session = sluice_worker_self(worker);
    if (strcmp(sluice_text(sluice_at(reply, 0)), "ok") == 0)
        sluice_worker_run(worker, rotated_back, NULL, session->rotate, 3, rotation->new_key,
                          rotation->old_key, rotation->index, rotation->id->hash,
                          rotation->visit->hash, session->idle, session->absolute);
}

static void rotated_back(sluice_worker *worker, void *state, const sluice_reply *reply)
{
    (void)state;
    if (sluice_is_trouble(reply) || sluice_is_error(reply))
        sluice_log(worker, SLUICE_LOG_WARN,
                   "a session got a new id too late to tell whoever asked, and can't get its old "
                   "one back: %s; its user has to sign in again",
                   sluice_text(reply));
}
