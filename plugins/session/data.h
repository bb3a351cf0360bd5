/* The data of sessions, as JSON: checked, written, merged.
 *
 *   patch -> data_is_within -> member by member: data_merge with what is there -> data_text -> Redis
 *
 * SPDX-License-Identifier: MIT */
#ifndef SESSION_DATA_H
#define SESSION_DATA_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>
#include <sluice/plugin.h>

/* True when `json`, which counts as one level, has no more levels than that. */
bool data_is_within(const json_t *json, int64_t levels);

/* JSON text in the request's memory: integers as they are, doubles with the fewest digits that read
 * back the same. */
const char *data_text(sluice_request *req, const json_t *json);

/* A merge patch (RFC 7396) of `target`, a NULL one being absent. A new reference; NULL: no memory. */
json_t *data_merge(const json_t *target, const json_t *patch);

#endif
