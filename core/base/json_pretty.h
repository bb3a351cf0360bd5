/* JSON text with a line for each member, for people.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_CORE_JSON_PRETTY_H
#define SLUICE_CORE_JSON_PRETTY_H

#include <stddef.h>

#include "text.h"

/* Appends `json`, which must be right, indented by two spaces a level; arrays and objects that fit
 * stay on one line. Ends with a newline. */
void json_add_pretty(struct text *text, const char *json, size_t len);

#endif
