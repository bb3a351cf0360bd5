/* Clients as resources.
 *
 *   v1_create_client --create.lua--> created       v1_list_clients --ZRANGEBYLEX--> --HMGET ..--> listed
 *   v1_show_client --HMGET--> shown                v1_patch_client --patch.lua--> shown
 *   v1_delete_client --remove.lua--> removed
 *
 * A client that is made here has no key yet: its first one is made like all others.
 *
 * SPDX-License-Identifier: MIT */
#include <sluice/json.h>
#include <sluice/plugin.h>

#include "apikey.h"
#include "scopes.h"
#include "shared/times.h"
#include "store.h"

#define PAGE_MAX 100
#define PAGE_DEFAULT 20

static sluice_step created, shown, found_page, listed, removed;

/* ---- Answers ------------------------------------------------------------------------------ */

#define FIELDS "name", "space", "grants", "disabled", "createdAt", "policy"

/* What a stored time is in an answer; absent when it is not there. */
static sluice_arg time_of(sluice_request *req, const sluice_reply *ms)
{
    char text[TIME_SIZE];
    if (sluice_is_nil(ms))
        return sluice_arg_text(NULL);
    time_write(sluice_int(ms), text);
    return sluice_arg_text(sluice_copy(req, sluice_bytes_of(text, strlen(text))));
}

static bool is_there(const sluice_reply *fields)
{
    return !sluice_is_nil(sluice_at(fields, 0)) || !sluice_is_nil(sluice_at(fields, 4));
}

/* Imported clients have neither a space nor grants. */
static sluice_arg client_object(sluice_request *req, const char *id, const sluice_reply *fields)
{
    const sluice_reply *space = sluice_at(fields, 1);
    sluice_list *grants =
        words_list(req, sluice_copy(req, sluice_text_bytes(sluice_at(fields, 2))));
    return sluice_object(req, "id", id, "name", sluice_at(fields, 0), "space",
                         sluice_is_nil(space) ? sluice_arg_text(id) : sluice_arg_reply(space),
                         "grants", grants, "disabled",
                         sluice_arg_bool(sluice_int(sluice_at(fields, 3)) == 1), "createdAt",
                         time_of(req, sluice_at(fields, 4)), "policy", sluice_at(fields, 5));
}

static sluice_verdict answer(sluice_request *req, uint32_t status, sluice_arg object)
{
    sluice_set_header(req, "Cache-Control", "no-store");
    return sluice_respond(req, status, "application/json",
                          sluice_bytes_of(object.u.text, object.len));
}

/* ---- Making ------------------------------------------------------------------------------- */

sluice_verdict v1_create_client(sluice_request *req, void *self, const sluice_reply *none)
{
    struct apikey *apikey = self;
    sluice_reader in;
    (void)none;
    if (!sluice_read_json(req, &in, SLUICE_STRICT))
        return in.verdict;
    const char *id = sluice_take_name(&in, "id");
    const char *name = sluice_take_text(&in, "name", 1, CLIENT_NAME_MAX);
    const char *space = sluice_optional_name(&in, "space", NULL);
    const char *grants = scopes_take(&in, "grants");
    const char *policy = sluice_optional_name(&in, "policy", NULL);
    if (sluice_is_bad(&in))
        return sluice_refuse_input(&in);
    const struct maker *maker = key_maker(req, apikey);
    if (!maker)
        return key_refused(req);
    const char *home = space ? space : id;
    return sluice_run(
        req, created, (void *)(uintptr_t)id, apikey->scripts.create, 7, store_meta(req, id),
        store_index(req, id), "", store_clients(req), store_space(req, home), store_meta(req, home),
        maker->entry, id, "", "admin", maker->scopes,
        sluice_object(req, "name", name, "space", space, "grants", grants, "policy", policy));
}

static sluice_verdict created(sluice_request *req, void *id, const sluice_reply *fields)
{
    if (sluice_type(fields) != SLUICE_REPLY_ARRAY)
        return refuse(req, sluice_text(fields));
    sluice_set_header(req, "Location", sluice_printf(req, "/v1/clients/%s", (const char *)id));
    return answer(req, 201, client_object(req, id, fields));
}

/* ---- Showing, changing, deleting ----------------------------------------------------------- */

sluice_verdict v1_show_client(sluice_request *req, void *self, const sluice_reply *none)
{
    sluice_reader in;
    (void)self;
    (void)none;
    sluice_read_parameters(req, &in);
    const char *id = sluice_take_path_name(&in, "id");
    if (sluice_is_bad(&in))
        return sluice_refuse_input(&in);
    return sluice_ask(req, shown, NULL, "HMGET", store_meta(req, id), FIELDS);
}

static sluice_verdict shown(sluice_request *req, void *none, const sluice_reply *fields)
{
    (void)none;
    if (sluice_type(fields) != SLUICE_REPLY_ARRAY)
        return refuse(req, sluice_text(fields));
    if (!is_there(fields))
        return refuse(req, "client_not_found");
    return answer(req, 200, client_object(req, sluice_path(req, "id"), fields));
}

/* null takes the client's own policy away. */
static sluice_arg take_policy(sluice_reader *in)
{
    const json_t *policy = sluice_take_value(in, "policy");
    if (json_is_null(policy))
        return sluice_raw_json(sluice_bytes_of("null", 4));
    return sluice_arg_text(policy ? sluice_name_in(in, "policy", policy) : NULL);
}

static sluice_arg take_disabled(sluice_reader *in)
{
    const json_t *disabled = sluice_take_value(in, "disabled");
    if (!disabled)
        return sluice_arg_text(NULL);
    return sluice_arg_bool(sluice_bool_in(in, "disabled", disabled));
}

sluice_verdict v1_patch_client(sluice_request *req, void *self, const sluice_reply *none)
{
    struct apikey *apikey = self;
    sluice_reader in;
    (void)none;
    if (!sluice_read_json(req, &in, SLUICE_STRICT))
        return in.verdict;
    const char *id = sluice_take_path_name(&in, "id");
    const char *name = sluice_optional_text(&in, "name", 1, CLIENT_NAME_MAX, NULL);
    const char *grants = scopes_take(&in, "grants");
    const char *space = sluice_optional_name(&in, "space", NULL);
    sluice_arg disabled = take_disabled(&in), policy = take_policy(&in);
    if (sluice_is_bad(&in))
        return sluice_refuse_input(&in);
    const struct maker *maker = key_maker(req, apikey);
    if (!maker)
        return key_refused(req);
    return sluice_run(req, shown, NULL, apikey->scripts.patch, 5, store_meta(req, id),
                      store_index(req, id), space ? store_space(req, space) : "",
                      space ? store_meta(req, space) : "", maker->entry, store_entry(req, ""), id,
                      maker->scopes,
                      sluice_object(req, "name", name, "disabled", disabled, "grants", grants,
                                    "space", space, "policy", policy));
}

sluice_verdict v1_delete_client(sluice_request *req, void *self, const sluice_reply *none)
{
    const struct apikey *apikey = self;
    sluice_reader in;
    (void)none;
    sluice_read_parameters(req, &in);
    const char *id = sluice_take_path_name(&in, "id");
    if (sluice_is_bad(&in))
        return sluice_refuse_input(&in);
    return sluice_run(req, removed, NULL, apikey->scripts.remove, 4, store_meta(req, id),
                      store_index(req, id), store_used(req, id), store_clients(req),
                      store_entry(req, ""), id);
}

static sluice_verdict removed(sluice_request *req, void *none, const sluice_reply *done)
{
    (void)none;
    if (sluice_type(done) != SLUICE_REPLY_INT)
        return refuse(req, sluice_text(done));
    return sluice_respond_empty(req, 204);
}

/* ---- Listing ------------------------------------------------------------------------------ */

struct page {
    uint64_t limit;
    const char *ids[PAGE_MAX];
    uint64_t count;
    const char *cursor; /* NULL: there is no more */
};

sluice_verdict v1_list_clients(sluice_request *req, void *self, const sluice_reply *none)
{
    sluice_reader in;
    struct page *page = sluice_new(req, struct page);
    (void)self;
    (void)none;
    sluice_read_parameters(req, &in);
    const char *cursor = sluice_query(req, "cursor");
    page->limit = (uint64_t)sluice_take_query_int(&in, "limit", 1, PAGE_MAX, PAGE_DEFAULT);
    if (cursor && !sluice_is_name(cursor))
        sluice_parameter_wrong(&in, "cursor", "must be one that a list gave");
    if (sluice_is_bad(&in))
        return sluice_refuse_input(&in);
    return sluice_ask(req, found_page, page, "ZRANGEBYLEX", store_clients(req),
                      cursor ? sluice_printf(req, "(%s", cursor) : "-", "+", "LIMIT", 0,
                      page->limit + 1);
}

/* A command that outlives this call. */
static sluice_command fields_of(sluice_request *req, const char *id)
{
    const sluice_arg *argv = SLUICE_ARGV("HMGET", store_meta(req, id), FIELDS);
    uint32_t argc = SLUICE_ARGC("HMGET", id, FIELDS);
    sluice_arg *copy = sluice_alloc(req, argc * sizeof *copy);
    memcpy(copy, argv, argc * sizeof *copy);
    return sluice_command_of(copy, argc, sizeof *copy);
}

/* One more than asked for says that there is more; the cursor is the last id that is shown. */
static sluice_verdict found_page(sluice_request *req, void *state, const sluice_reply *ids)
{
    struct page *page = state;
    uint64_t found = sluice_length(ids);
    page->count = found < page->limit ? found : page->limit;
    if (page->count == 0)
        return sluice_json(req, 200, "clients", sluice_list_new(req));
    sluice_command *commands = sluice_alloc(req, page->count * sizeof *commands);
    for (uint64_t i = 0; i < page->count; i++) {
        page->ids[i] = sluice_copy(req, sluice_text_bytes(sluice_at(ids, i)));
        commands[i] = fields_of(req, page->ids[i]);
    }
    if (found > page->count)
        page->cursor = page->ids[page->count - 1];
    return sluice_ask_all_v(req, SLUICE_THEN(listed, page), commands, (uint32_t)page->count,
                            sizeof *commands);
}

/* A client that was deleted between the two questions is left out. */
static sluice_verdict listed(sluice_request *req, void *state, const sluice_reply *replies)
{
    const struct page *page = state;
    sluice_list *clients = sluice_list_new(req);
    for (uint64_t i = 0; i < page->count; i++)
        if (is_there(sluice_at(replies, i)))
            sluice_push(req, clients, client_object(req, page->ids[i], sluice_at(replies, i)));
    sluice_set_header(req, "Cache-Control", "no-store");
    return sluice_json(req, 200, "clients", clients, "cursor", page->cursor);
}
