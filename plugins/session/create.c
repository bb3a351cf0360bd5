/* New sessions.
 *
 *   create_session, v1_create_session -> make --create.lua--> created -> 200, 201
 *                                        (late: --> undo --destroy.lua--> destroyed)
 *
 * A session whose id nobody received is of no use and counts against its user: when the answer of
 * Redis comes after the request has ended with 503, the session is taken back.
 *
 * SPDX-License-Identifier: MIT */
#include <string.h>

#include <sluice/json.h>
#include <sluice/plugin.h>

#include "answer.h"
#include "cookie.h"
#include "data.h"
#include "device.h"
#include "id.h"
#include "session.h"
#include "store.h"

#define EMAIL_MAX 320u
#define NAME_MAX_BYTES 256u
#define FIXED_ARGS 12 /* 2 keys and what is no data */

static sluice_step created;
static sluice_worker_step undo_creation, destroyed;

struct creation {
    const char *user; /* of the body: freed before an undo */
    bool classic, cookie;
    const struct id *id;
    const char *key, *index; /* names in Redis */
    struct member *members;  /* an empty text keeps the name for keys */
    uint32_t count;
};

static sluice_verdict make(sluice_request *req, struct session *session, struct creation *creation)
{
    const sluice_identity *who = sluice_who(req);
    const char *space = who ? who->space : NULL;
    if (!space)
        return answer_nobody(req);
    creation->id = id_make(req, &session->hasher);
    if (!creation->id)
        return answer_refused(req, "SHA-256 failed");
    creation->key = store_session(req, creation->id->hash);
    creation->index = store_index(req, space, creation->user);
    sluice_arg *args =
        sluice_alloc(req, (FIXED_ARGS + 2 * (uint64_t)creation->count) * sizeof *args);
    memcpy(args,
           SLUICE_ARGV(creation->key, creation->index, creation->id->hash, session->idle,
                       session->absolute, session->sessions_max, session->data_max, space,
                       creation->user, id_make_public(req), sluice_address(req), device_of(req)),
           FIXED_ARGS * sizeof *args);
    uint32_t count = FIXED_ARGS;
    for (uint32_t i = 0; i < creation->count; i++) {
        args[count++] = sluice_arg_text(creation->members[i].name);
        args[count++] = sluice_arg_text(creation->members[i].json);
    }
    sluice_wait wait = SLUICE_THEN(created, creation);
    wait.undo = undo_creation;
    return sluice_run_v(req, wait, session->create, 2, args, count, sizeof *args);
}

/* ---- What is asked ------------------------------------------------------------------------ */

static void add(sluice_request *req, struct creation *creation, const char *name,
                const json_t *value)
{
    struct member *member = &creation->members[creation->count++];
    member->name = name;
    member->json = json_is_null(value) ? "" : data_text(req, value);
}

static void take_data(sluice_reader *in, struct creation *creation)
{
    json_t *data = sluice_take_value(in, "data"), *value;
    const char *name;
    if (!data)
        return;
    if (!json_is_object(data) || json_object_size(data) > MEMBERS_MAX) {
        sluice_member_wrong(in, "data", "must be an object of at most 1000 members");
        return;
    }
    creation->members = sluice_alloc(in->req, (json_object_size(data) + 1) * sizeof(struct member));
    json_object_foreach(data, name, value)
    {
        add(in->req, creation, name, value);
    }
}

sluice_verdict v1_create_session(sluice_request *req, void *self, const sluice_reply *none)
{
    struct session *session = self;
    struct creation *creation = sluice_new(req, struct creation);
    sluice_reader in;
    (void)none;
    if (!sluice_read_json(req, &in, SLUICE_STRICT))
        return in.verdict;
    creation->user = sluice_take_user_id(&in, "userId");
    creation->cookie = sluice_optional_bool(&in, "cookie", false);
    take_data(&in, creation);
    if (sluice_is_bad(&in))
        return sluice_refuse_input(&in);
    if (!data_is_within(json_object_get(in.body, "data"), session->data_depth))
        return answer_refused(req, "data_too_deep");
    return make(req, session, creation);
}

sluice_verdict create_session(sluice_request *req, void *self, const sluice_reply *none)
{
    struct session *session = self;
    struct creation *creation = sluice_new(req, struct creation);
    sluice_reader in;
    (void)none;
    if (!sluice_read_json(req, &in, 0))
        return in.verdict;
    creation->classic = true;
    creation->user = sluice_take_user_id(&in, "userId");
    (void)sluice_take_text(&in, "email", 1, EMAIL_MAX);
    (void)sluice_take_text(&in, "name", 1, NAME_MAX_BYTES);
    if (sluice_is_bad(&in))
        return sluice_refuse_input(&in);
    creation->members = sluice_alloc(req, 2 * sizeof(struct member));
    add(req, creation, "email", json_object_get(in.body, "email"));
    add(req, creation, "name", json_object_get(in.body, "name"));
    return make(req, session, creation);
}

/* ---- What is answered --------------------------------------------------------------------- */

static sluice_verdict created(sluice_request *req, void *state, const sluice_reply *made)
{
    const struct creation *creation = state;
    const struct session *session = sluice_self(req);
    struct record record;
    if (strcmp(sluice_text(sluice_at(made, 0)), "ok") != 0)
        return answer_refused(req, sluice_text(sluice_at(made, 0)));
    if (creation->classic) {
        answer_is_private(req);
        return sluice_json(req, 200, "success", true, "message", "session created", "sessionId",
                           creation->id->text);
    }
    record_read(req, sluice_at(made, 1), &record);
    if (creation->cookie)
        cookie_set(req, session, creation->id->text);
    sluice_set_header(req, "Location", "/v1/sessions/current");
    return answer_session(req, 201, &record, creation->id->text);
}

static void undo_creation(sluice_worker *worker, void *state, const sluice_reply *made)
{
    const struct creation *creation = state;
    const struct session *session = sluice_worker_self(worker);
    if (strcmp(sluice_text(sluice_at(made, 0)), "ok") == 0)
        sluice_worker_run(worker, destroyed, NULL, session->destroy, 2, creation->key,
                          creation->index, creation->id->hash);
}

/* Not worth a word when it fails: a session that nobody can use ends by itself. */
static void destroyed(sluice_worker *worker, void *state, const sluice_reply *reply)
{
    (void)state;
    if (sluice_is_error(reply))
        sluice_log(worker, SLUICE_LOG_WARN, "a session that nobody received can't be ended: %s",
                   sluice_text(reply));
}
