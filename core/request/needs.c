/* What a route needs, parsed once and judged per request.
 *
 * SPDX-License-Identifier: MIT */
#include "needs.h"

#include <errno.h>
#include <string.h>

/* ---- Parsing ------------------------------------------------------------------------------ */

static const struct {
    const char *word;
    uint32_t kind;
} kinds[] = {
    {"none", 0},           {"client", NEED_CLIENT}, {"session", NEED_SESSION},
    {"admin", NEED_ADMIN}, {"self", NEED_SELF},
};

#define SCOPE "scope:"

static size_t count_words(const char *auth)
{
    size_t count = 1;
    for (; *auth; auth++)
        count += *auth == ',';
    return count;
}

static int parse_word(struct needs *needs, const char **scopes, const char *word)
{
    /* A scope with a space in it is none: an identity's are separated by spaces. */
    if (strncmp(word, SCOPE, strlen(SCOPE)) == 0 && word[strlen(SCOPE)] && !strchr(word, ' ')) {
        scopes[needs->scope_count++] = word + strlen(SCOPE);
        return 0;
    }
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(word, kinds[i].word) == 0) {
            needs->kinds |= kinds[i].kind;
            return 0;
        }
    return -EINVAL;
}

int needs_parse(struct needs *needs, struct arena *arena, const char *auth, const char **ret_wrong)
{
    struct needs parsed = {0};
    size_t words = count_words(auth);
    const char **scopes = arena_array(arena, const char *, words);
    for (const char *at = auth;;) {
        at += strspn(at, " ");
        size_t len = strcspn(at, ",");
        size_t trimmed = len;
        while (trimmed && at[trimmed - 1] == ' ')
            trimmed--;
        const char *word = arena_copy(arena, at, trimmed);
        bool none = strcmp(word, "none") == 0;
        if (parse_word(&parsed, scopes, word) < 0 || (none && words > 1)) {
            *ret_wrong = word;
            return -EINVAL;
        }
        if (!at[len])
            break;
        at += len + 1;
    }
    parsed.scopes = scopes;
    *needs = parsed;
    return 0;
}

uint32_t needs_identities(const struct needs *needs)
{
    uint32_t identities = needs->kinds & (NEED_CLIENT | NEED_SESSION | NEED_ADMIN);
    if ((needs->kinds & NEED_SELF) || needs->scope_count)
        identities |= SLUICE_IDENTITY_CLIENT;
    return identities;
}

/* ---- Judging ------------------------------------------------------------------------------ */

/* Scopes belong to a client's key; in any other identity they count for nothing. */
static bool has_scope(const sluice_identity *who, const char *scope, size_t len)
{
    const char *scopes = who->kinds & SLUICE_IDENTITY_CLIENT ? who->scopes : NULL;
    while (scopes && *scopes) {
        size_t word = strcspn(scopes, " ");
        if (word == len && memcmp(scopes, scope, len) == 0)
            return true;
        scopes += word + (scopes[word] == ' ');
    }
    return false;
}

static bool is_admin_of(const sluice_identity *who, const char *area)
{
    static const char prefix[] = "admin:";
    char scope[160];
    size_t len = strlen(area);
    if (who->kinds & SLUICE_IDENTITY_ADMIN)
        return true;
    if (len > sizeof scope - sizeof prefix)
        return false;
    memcpy(scope, prefix, sizeof prefix - 1);
    memcpy(scope + sizeof prefix - 1, area, len);
    return has_scope(who, scope, sizeof prefix - 1 + len);
}

static bool fits(const struct needs *needs, const sluice_identity *who, const char *area,
                 const char *id)
{
    if ((needs->kinds & NEED_CLIENT) && (who->kinds & SLUICE_IDENTITY_CLIENT))
        return true;
    if ((needs->kinds & NEED_SESSION) && (who->kinds & SLUICE_IDENTITY_SESSION))
        return true;
    if ((needs->kinds & (NEED_ADMIN | NEED_SELF)) && is_admin_of(who, area))
        return true;
    if ((needs->kinds & NEED_SELF) && (who->kinds & SLUICE_IDENTITY_CLIENT) && who->client && id &&
        strcmp(who->client, id) == 0)
        return true;
    for (uint32_t i = 0; i < needs->scope_count; i++)
        if (has_scope(who, needs->scopes[i], strlen(needs->scopes[i])))
            return true;
    return false;
}

/* A user's session on a route for clients is not a weak client but no client at all: 401 says
 * which credential is missing. Admins and clients are known to each other's routes: 403. */
static bool is_kind_that_could(const struct needs *needs, const sluice_identity *who)
{
    uint32_t could = needs_identities(needs);
    if (could & (SLUICE_IDENTITY_CLIENT | SLUICE_IDENTITY_ADMIN))
        could |= SLUICE_IDENTITY_CLIENT | SLUICE_IDENTITY_ADMIN;
    return who->kinds & could;
}

enum judgement needs_judge(const struct needs *needs, const sluice_identity *who, const char *area,
                           const char *id)
{
    if (needs_nobody(needs))
        return JUDGED_FIT;
    if (!who)
        return JUDGED_UNKNOWN;
    if (fits(needs, who, area, id))
        return JUDGED_FIT;
    return is_kind_that_could(needs, who) ? JUDGED_FORBIDDEN : JUDGED_UNKNOWN;
}
