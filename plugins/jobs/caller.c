/* Who asks.
 *
 * SPDX-License-Identifier: MIT */
#include "caller.h"

#include <string.h>

static bool is_admin(const sluice_identity *who)
{
    return who->kinds & SLUICE_IDENTITY_ADMIN;
}

const char *caller_client(sluice_request *req)
{
    const sluice_identity *who = sluice_who(req);
    return is_admin(who) ? "" : who->client;
}

const char *caller_space(sluice_request *req)
{
    const sluice_identity *who = sluice_who(req);
    return is_admin(who) ? "" : who->space;
}

bool caller_is_self_made(sluice_request *req)
{
    return sluice_who(req)->kinds & SLUICE_IDENTITY_SELF_MADE;
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
    return is_admin(who) || has_word(who->scopes, "admin:jobs") ||
           has_word(who->scopes, "jobs:work") ||
           has_word(who->scopes, sluice_concat(req, "jobs:work:", queue));
}
