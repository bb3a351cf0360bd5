/* Words that are kept in one text, separated by spaces: scopes, networks.
 *
 *   body -> scopes_take -> "jobs:work keys:verify" -> words_list -> answer
 *
 * A scope has 1 to 128 bytes of A-Z a-z 0-9 . _ @ - and colons, and an area and an action at the
 * least: `jobs:work`, `jobs:work:mail`. What covers what is decided in the scripts (common.lua).
 *
 * SPDX-License-Identifier: MIT */
#ifndef APIKEY_SCOPES_H
#define APIKEY_SCOPES_H

#include <sluice/input.h>

#define SCOPES_MAX 64u /* of a client or key */
#define CIDRS_MAX 32u  /* of a key */

/* Optional members of a body: each once, in their order; NULL when absent, "" when empty, and noted
 * when one of them can't be. Networks as cidr.h keeps them. */
const char *scopes_take(sluice_reader *in, const char *member);
const char *cidrs_take(sluice_reader *in, const char *member);

/* For answers: the words; the networks as people write them. */
sluice_list *words_list(sluice_request *req, const char *words);
sluice_list *cidrs_list(sluice_request *req, const char *cidrs);

#endif
