/* Who asks.
 *
 * SPDX-License-Identifier: MIT */
#include "caller.h"

#include <string.h>

#define NOBODY ":" /* where `routes:` lets anybody in; no client and no space has that name */

static bool is_admin(const sluice_identity *who)
{
    return who && who->kinds & SLUICE_IDENTITY_ADMIN;
}

const char *caller_client(sluice_request *req)
{
    const sluice_identity *who = sluice_who(req);
    if (is_admin(who))
        return "";
    return who && who->client ? who->client : NOBODY;
}

const char *caller_space(sluice_request *req)
{
    const sluice_identity *who = sluice_who(req);
    if (is_admin(who))
        return "";
    return who && who->space ? who->space : NOBODY;
}

bool caller_is_self_made(sluice_request *req)
{
    const sluice_identity *who = sluice_who(req);
    return who && who->kinds & SLUICE_IDENTITY_SELF_MADE;
}

static bool has_word(const char *words, const char *word)
{
    size_t len = strlen(word);
    while (words && *words) {
        size_t each = strcspn(words, " ");
        if (each == len && memcmp(words, word, len) == 0)
            return true;
        words += each + (words[each] == ' ');
    }
    return false;
}

bool caller_may_work(sluice_request *req, const char *queue)
{
    const sluice_identity *who = sluice_who(req);
    if (!who)
        return false;
    return is_admin(who) || has_word(who->scopes, "admin:jobs") ||
           has_word(who->scopes, "jobs:work") ||
           has_word(who->scopes, sluice_concat(req, "jobs:work:", queue));
}
