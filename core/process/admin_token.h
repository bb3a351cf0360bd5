/* The admin token's file.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_CORE_ADMIN_TOKEN_H
#define SLUICE_CORE_ADMIN_TOKEN_H

#include "arena.h"

/* The token in data_dir/admin.token; made at first start: 256 random bits as 64 hex digits, mode
 * 0600. NULL with a sentence in *ret_why (in the arena). */
const char *admin_token_load(struct arena *arena, const char *data_dir, const char **ret_why);

#endif
