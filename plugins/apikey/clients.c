/* Clients: making one with its first key, and showing one.
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

#define CLIENT_NAME_MAX 256u /* bytes of the name that people read */

static sluice_step created, shown;
static sluice_worker_step undo_creation, withdrawn;

struct creation {
    const char *id;
    const struct key *key;
    const char *meta, *index, *entry; /* names in Redis */
};

sluice_verdict create_client(sluice_request *req, void *self, const sluice_reply *none)
{
    struct apikey *apikey = self;
    struct creation *creation = sluice_new(req, struct creation);
    sluice_reader in;
    (void)none;
    if (!sluice_read_json(req, &in, 0))
        return in.verdict;
    creation->id = sluice_take_name(&in, "id");
    const char *name = sluice_take_text(&in, "name", 1, CLIENT_NAME_MAX);
    if (sluice_is_bad(&in))
        return sluice_refuse_input(&in);
    creation->key = key_make(req, apikey);
    if (!creation->key)
        return key_refused(req);
    creation->meta = store_meta(req, creation->id);
    creation->index = store_index(req, creation->id);
    creation->entry = store_entry(req, creation->key->hash);
    sluice_wait wait = SLUICE_THEN(created, creation);
    wait.undo = undo_creation;
    return sluice_run_as(req, wait, apikey->create, 3, creation->meta, creation->index,
                         creation->entry, creation->id, creation->key->hash, name,
                         apikey->open_registration ? "self" : "admin");
}

static sluice_verdict created(sluice_request *req, void *state, const sluice_reply *made)
{
    const struct creation *creation = state;
    if (sluice_int(made) == 0)
        return sluice_problem(req, 409, "client_exists",
                              "there is a client with this id already; it was not changed");
    sluice_set_header(req, "Cache-Control", "no-store");
    return sluice_json(req, 200, "success", true, "message",
                       "client created; this is the only time its API key is shown", "apiKey",
                       creation->key->token, "id", creation->id);
}

static void undo_creation(sluice_worker *worker, void *state, const sluice_reply *made)
{
    const struct creation *creation = state;
    const struct apikey *apikey = sluice_worker_self(worker);
    if (sluice_int(made) == 0)
        return;
    sluice_worker_run(worker, withdrawn, NULL, apikey->withdraw, 3, creation->meta, creation->index,
                      creation->entry);
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
        return sluice_problem(req, 404, "client_not_found", "there is no client with this id");
    sluice_set_header(req, "Cache-Control", "no-store");
    sluice_arg client = sluice_object(req, "name", name, "createdAt", created_at);
    return sluice_json(req, 200, "success", true, "clientInfo",
                       sluice_object(req, "id", sluice_path(req, "id"), "client", client));
}
