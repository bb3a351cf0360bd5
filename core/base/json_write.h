/* JSON text (RFC 8259) from typed arguments: what answers, problems and log lines are made of.
 *
 * Strings are escaped as needed; bytes that are not UTF-8 are replaced by U+FFFD, so that the
 * result always parses. NaN and infinities become null.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_CORE_JSON_WRITE_H
#define SLUICE_CORE_JSON_WRITE_H

#include <sluice/abi.h>

#include "text.h"

/* The i-th argument of an array built with another version's stride. */
static inline const sluice_arg *arg_at(const sluice_arg *args, uint32_t stride, uint32_t i)
{
    return (const sluice_arg *)((const char *)args + (size_t)stride * i);
}

/* The ABI's opaque list: JSON text with its opening bracket, closed when it is used. */
struct sluice_list {
    struct text text;
};

void json_add_string(struct text *text, const char *bytes, size_t len);
void json_add_value(struct text *text, const sluice_arg *value);

/* `"name":value` pairs, comma-separated, without braces; nil values and their names are left out.
 * `first` says whether the object is still empty; returns the same for what follows. */
int json_add_pairs(struct text *text, int first, const sluice_arg *pairs, uint32_t count,
                   uint32_t stride);
void json_add_object(struct text *text, const sluice_arg *pairs, uint32_t count, uint32_t stride);

/* As the ABI's list and push. */
sluice_list *json_list_new(struct arena *arena);
void json_list_push(sluice_list *list, const sluice_arg *value);

#endif
