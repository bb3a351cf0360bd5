/* The data of sessions, as JSON.
 *
 * Recursion is bounded: bodies have at most SLUICE_JSON_DEPTH levels.
 *
 * SPDX-License-Identifier: MIT */
#include "data.h"

#include <string.h>

bool data_is_within(const json_t *json, int64_t levels)
{
    const char *name;
    json_t *value;
    size_t i;
    if (!json_is_object(json) && !json_is_array(json))
        return true;
    if (levels < 1)
        return false;
    json_object_foreach((json_t *)(uintptr_t)json, name, value)
    {
        if (!data_is_within(value, levels - 1))
            return false;
    }
    json_array_foreach(json, i, value)
    {
        if (!data_is_within(value, levels - 1))
            return false;
    }
    return true;
}

/* ---- Writing ------------------------------------------------------------------------------ */

static sluice_arg argument(sluice_request *req, const json_t *json);

static sluice_arg object(sluice_request *req, const json_t *json)
{
    sluice_arg *pairs = sluice_alloc(req, (2 * json_object_size(json) + 1) * sizeof *pairs);
    uint32_t count = 0;
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)json, name, value)
    {
        pairs[count++] = sluice_arg_text(name);
        pairs[count++] = argument(req, value);
    }
    return req->api->object(req, pairs, count, sizeof *pairs);
}

static sluice_arg array(sluice_request *req, const json_t *json)
{
    sluice_list *list = sluice_list_new(req);
    size_t i;
    json_t *value;
    json_array_foreach(json, i, value)
    {
        sluice_push(req, list, argument(req, value));
    }
    return sluice_arg_list(list);
}

/* null as JSON text: a nil would leave its member out. */
static sluice_arg argument(sluice_request *req, const json_t *json)
{
    switch (json_typeof(json)) {
    case JSON_OBJECT:
        return object(req, json);
    case JSON_ARRAY:
        return array(req, json);
    case JSON_STRING:
        return sluice_arg_bytes(sluice_bytes_of(json_string_value(json), json_string_length(json)));
    case JSON_INTEGER:
        return sluice_arg_int(json_integer_value(json));
    case JSON_REAL:
        return sluice_arg_double(json_real_value(json));
    case JSON_NULL:
        return sluice_raw_json(sluice_bytes_of("null", 4));
    default:
        return sluice_arg_bool(json_is_true(json));
    }
}

/* The gateway writes objects: the text is what stands behind the name in {"":...}. */
const char *data_text(sluice_request *req, const json_t *json)
{
    sluice_arg around = sluice_object(req, "", argument(req, json));
    return sluice_copy(req, sluice_bytes_of(around.u.text + 4, around.len - 5));
}

/* ---- Merging ------------------------------------------------------------------------------ */

static json_t *merge_objects(const json_t *target, const json_t *patch)
{
    json_t *merged =
        json_is_object(target) ? json_copy((json_t *)(uintptr_t)target) : json_object();
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)patch, name, value)
    {
        if (json_is_null(value))
            (void)json_object_del(merged, name);
        else if (json_object_set_new(merged, name,
                                     data_merge(json_object_get(target, name), value)) < 0) {
            json_decref(merged);
            return NULL;
        }
    }
    return merged;
}

json_t *data_merge(const json_t *target, const json_t *patch)
{
    if (json_is_object(patch))
        return merge_objects(target, patch);
    return json_incref((json_t *)(uintptr_t)patch);
}
