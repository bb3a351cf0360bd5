/* An argument as plain text: what Redis gets for it, and what key names are made of.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_CORE_ARG_TEXT_H
#define SLUICE_CORE_ARG_TEXT_H

#include <sluice/abi.h>

#include "text.h"

void text_add_arg(struct text *text, const sluice_arg *arg);

/* `first` and then all arguments, one after the other, in the arena. */
const char *args_join(struct arena *arena, const char *first, const sluice_arg *parts,
                      uint32_t count, uint32_t stride);

#endif
