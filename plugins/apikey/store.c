/* What Redis holds for this plugin, as names and as values.
 *
 * SPDX-License-Identifier: MIT */
#include "store.h"

#include <sluice/json.h>

#include "apikey.h"

const char *store_meta(sluice_request *req, const char *client)
{
    return sluice_key(req, "client:", client, ":meta");
}

const char *store_index(sluice_request *req, const char *client)
{
    return sluice_key(req, "client:", client, ":apiKeys");
}

const char *store_used(sluice_request *req, const char *client)
{
    return sluice_key(req, "client:", client, ":used");
}

const char *store_entry(sluice_request *req, const char *hash)
{
    return sluice_key(req, ENTRY_PREFIX, hash);
}

const char *store_space(sluice_request *req, const char *space)
{
    return sluice_key(req, "space:", space);
}

const char *store_clients(sluice_request *req)
{
    return sluice_key(req, "clients");
}

static const char *member(const json_t *json, const char *name)
{
    return json_string_value(json_object_get(json, name));
}

bool entry_read(sluice_request *req, sluice_bytes text, struct entry *ret_entry)
{
    json_t *json = json_loadb(text.data, text.len, JSON_REJECT_DUPLICATES, NULL);
    if (!json)
        return false;
    sluice_defer(req, sluice_json_cleanup, json);
    const json_t *seq = json_object_get(json, "seq");
    const char *origin = member(json, "origin");
    struct entry entry = {
        .client = member(json, "client"),
        .space = member(json, "space"),
        .scopes = member(json, "scopes"),
        .policy = member(json, "policy"),
        .cidrs = member(json, "cidrs"),
        .line = member(json, "line"),
        .name = member(json, "name"),
        .created_at = member(json, "createdAt"),
        .disabled = json_is_true(json_object_get(json, "disabled")),
        .self_made = origin && strcmp(origin, "self") == 0,
    };
    if (!entry.client || !entry.space || !entry.scopes || !json_is_integer(seq))
        return false;
    entry.key = sluice_printf(req, "%lld", (long long)json_integer_value(seq));
    *ret_entry = entry;
    return true;
}

bool entry_read_bare(sluice_request *req, sluice_bytes text, struct entry *ret_entry)
{
    const char *client = sluice_copy(req, text);
    if (strlen(client) != text.len || !sluice_is_name(client))
        return false;
    *ret_entry = (struct entry){.client = client, .space = client, .scopes = ""};
    return true;
}
