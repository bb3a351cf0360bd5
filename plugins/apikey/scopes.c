/* Words that are kept in one text.
 *
 * SPDX-License-Identifier: MIT */
#include "scopes.h"

#include <sluice/json.h>

#include "shared/cidr.h"

#define SCOPE_MAX 128u

/* Writes a word as it is kept; false when it can't be one. */
typedef bool keep_word(const char *word, char *ret_kept);

static bool has_word(const char *words, const char *word)
{
    size_t len = strlen(word);
    for (const char *at = words; *at;) {
        size_t each = strcspn(at, " ");
        if (each == len && memcmp(at, word, len) == 0)
            return true;
        at += each + (at[each] == ' ');
    }
    return false;
}

static void refuse_item(sluice_reader *in, const char *member, uint64_t i, const char *rule)
{
    const char *which =
        sluice_printf(in->req, "%s/%llu", sluice_pointer(in->req, member), (unsigned long long)i);
    in->of_body = true;
    sluice_note(in, "pointer", which, which + 1, rule);
}

static const char *take(sluice_reader *in, const char *member, uint64_t max, keep_word *keep,
                        const char *rule)
{
    char kept[SCOPE_MAX + 1];
    uint32_t wrong = in->error_count;
    bool absent = !sluice_take_value(in, member);
    sluice_texts texts = sluice_optional_texts(in, member, max, SCOPE_MAX);
    if (absent || in->error_count > wrong)
        return NULL;
    char *words = sluice_alloc(in->req, texts.count * sizeof kept + 1);
    char *end = words;
    for (uint64_t i = 0; i < texts.count; i++) {
        if (!keep(texts.items[i], kept)) {
            refuse_item(in, member, i, rule);
            continue;
        }
        if (has_word(words, kept))
            continue;
        if (end != words)
            *end++ = ' ';
        size_t len = strlen(kept);
        memcpy(end, kept, len + 1);
        end += len;
    }
    return words;
}

/* ---- Scopes -------------------------------------------------------------------------------- */

static bool keep_scope(const char *word, char *ret_kept)
{
    size_t len = strlen(word);
    const char *colon = strchr(word, ':');
    if (!colon || colon == word || word[len - 1] == ':' || strstr(word, "::"))
        return false;
    for (size_t i = 0; i < len; i++)
        if (word[i] != ':' && !sluice_is_name_character(word[i]))
            return false;
    memcpy(ret_kept, word, len + 1);
    return true;
}

const char *scopes_take(sluice_reader *in, const char *member)
{
    return take(in, member, SCOPES_MAX, keep_scope,
                "must be an area and an action, like leaderboard:manage or jobs:work:mail");
}

sluice_list *words_list(sluice_request *req, const char *words)
{
    sluice_list *list = sluice_list_new(req);
    for (const char *at = words; *at;) {
        size_t len = strcspn(at, " ");
        sluice_push(req, list, sluice_bytes_of(at, len));
        at += len + (at[len] == ' ');
    }
    return list;
}

/* ---- Networks ------------------------------------------------------------------------------ */

const char *cidrs_take(sluice_reader *in, const char *member)
{
    return take(in, member, CIDRS_MAX, cidr_read,
                "must be an address or a network, like 10.0.0.0/8 or 2001:db8::/32");
}

sluice_list *cidrs_list(sluice_request *req, const char *cidrs)
{
    sluice_list *list = sluice_list_new(req);
    char text[CIDR_TEXT_SIZE];
    for (const char *at = cidrs; *at;) {
        if (cidr_write(at, text))
            sluice_push(req, list, sluice_copy(req, sluice_bytes_of(text, strlen(text))));
        at += strcspn(at, " ");
        at += *at == ' ';
    }
    return list;
}
