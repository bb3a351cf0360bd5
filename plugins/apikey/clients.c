/* The classic paths for clients: making one with its first key, and showing one.
 *
 *   create_client --create.lua--> created      (late: --> undo --withdraw.lua--> withdrawn)
 *   show_client --HMGET--> shown
 *
 * A client whose key nobody received is of no use and blocks its id: when the answer of Redis comes
 * after the request has ended with 503, the client is taken back, and trying again works.
 *
 * SPDX-License-Identifier: MIT */
#include <sluice/json.h>
#include <sluice/plugin.h>

#include "apikey.h"
#include "store.h"

static sluice_step created, shown;
static sluice_worker_step undo_creation, withdrawn;

struct creation {
    const char *id; /* a copy: an undo comes after the body was freed */
    const struct key *key;
    const char *meta, *index, *entry, *clients, *space; /* names in Redis */
};

static void name_keys(sluice_request *req, struct creation *creation)
{
    creation->meta = store_meta(req, creation->id);
    creation->index = store_index(req, creation->id);
    creation->entry = store_entry(req, creation->key->hash);
    creation->clients = store_clients(req);
    creation->space = store_space(req, creation->id);
}

/* A client of the classic paths has no grants and its key no scopes: there is nothing to bound. */
sluice_verdict create_client(sluice_request *req, void *self, const sluice_reply *none)
{
    struct apikey *apikey = self;
    struct creation *creation = sluice_new(req, struct creation);
    sluice_reader in;
    (void)none;
    if (!sluice_read_json(req, &in, 0))
        return in.verdict;
    const char *id = sluice_take_name(&in, "id");
    const char *name = sluice_take_text(&in, "name", 1, CLIENT_NAME_MAX);
    if (sluice_is_bad(&in))
        return sluice_refuse_input(&in);
    creation->id = sluice_copy(req, sluice_bytes_of(id, strlen(id)));
    creation->key = key_make(req, apikey);
    if (!creation->key)
        return key_refused(req);
    name_keys(req, creation);
    sluice_wait wait = SLUICE_THEN(created, creation);
    wait.undo = undo_creation;
    return sluice_run_as(
        req, wait, apikey->scripts.create, 7, creation->meta, creation->index, creation->entry,
        creation->clients, creation->space, creation->meta, "", creation->id, creation->key->hash,
        apikey->open_registration ? "self" : "admin", "", sluice_object(req, "name", name));
}

static sluice_verdict created(sluice_request *req, void *state, const sluice_reply *made)
{
    const struct creation *creation = state;
    if (sluice_type(made) != SLUICE_REPLY_ARRAY)
        return refuse(req, sluice_text(made));
    sluice_set_header(req, "Cache-Control", "no-store");
    return sluice_json(req, 200, "success", true, "message",
                       "client created; this is the only time its API key is shown", "apiKey",
                       creation->key->token, "id", creation->id);
}

static void undo_creation(sluice_worker *worker, void *state, const sluice_reply *made)
{
    const struct creation *creation = state;
    const struct apikey *apikey = sluice_worker_self(worker);
    if (sluice_type(made) != SLUICE_REPLY_ARRAY)
        return;
    sluice_worker_run(worker, withdrawn, NULL, apikey->scripts.withdraw, 5, creation->meta,
                      creation->index, creation->entry, creation->clients, creation->space,
                      creation->id);
}

static void withdrawn(sluice_worker *worker, void *state, const sluice_reply *reply)
{
    (void)state;
    if (sluice_is_trouble(reply) || sluice_is_error(reply))
        sluice_log(worker, SLUICE_LOG_WARN,
                   "a client was made too late to tell whoever asked, and can't be taken back: %s; "
                   "an admin can rotate its key to get one",
                   sluice_text(reply));
}

sluice_verdict show_client(sluice_request *req, void *self, const sluice_reply *none)
{
    sluice_reader in;
    (void)self;
    (void)none;
    sluice_read_parameters(req, &in);
    const char *id = sluice_take_path_name(&in, "id");
    if (sluice_is_bad(&in))
        return sluice_refuse_input(&in);
    return sluice_ask(req, shown, NULL, "HMGET", store_meta(req, id), "name", "createdAt");
}

static sluice_verdict shown(sluice_request *req, void *none, const sluice_reply *meta)
{
    const sluice_reply *name = sluice_at(meta, 0), *created_at = sluice_at(meta, 1);
    (void)none;
    if (sluice_is_nil(name) && sluice_is_nil(created_at))
        return refuse(req, "client_not_found");
    sluice_set_header(req, "Cache-Control", "no-store");
    sluice_arg client = sluice_object(req, "name", name, "createdAt", created_at);
    return sluice_json(req, 200, "success", true, "clientInfo",
                       sluice_object(req, "id", sluice_path(req, "id"), "client", client));
}
