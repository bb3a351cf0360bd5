/* A JSON Schema (draft 2020-12) of config.yaml, for editors that complete and check as one types.
 *
 * It accepts whatever `sluice check` accepts. It refuses less: what needs more than one value, or
 * the environment, only `sluice check` can judge.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_CORE_SCHEMA_H
#define SLUICE_CORE_SCHEMA_H

#include "arena.h"
#include "catalogue.h"
#include "text.h"

void schema_add(struct text *text, struct arena *arena, const struct catalogue *catalogue);

#endif
