/* "Did you mean": the known word that a slip of the hand turned into this one.
 *
 *   word, candidates -> edit distance of each -> the smallest, if small enough
 *
 * The distance is the optimal string alignment one (Damerau 1964): insertions, deletions,
 * replacements and swaps of neighbours count one each; case does not count. Near enough is at most
 * a third of the longer word's letters.
 *
 * SPDX-License-Identifier: MIT */
#include "diag.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#define WORD_MAX 64u /* longer words are no slips of known ones */

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static bool same(char a, char b)
{
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* Of words of at most WORD_MAX bytes. `now[j]` is the distance of a's first i + 1 letters to b's
 * first j; `last` and `before` are the rows of i and i - 1. */
static size_t distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t rows[3][WORD_MAX + 1] = {{0}};
    size_t *before = rows[0], *last = rows[1], *now = rows[2];
    for (size_t j = 0; j <= b_len; j++)
        last[j] = j;
    for (size_t i = 0; i < a_len; i++) {
        now[0] = i + 1;
        for (size_t j = 0; j < b_len; j++) {
            size_t replaced = last[j] + (same(a[i], b[j]) ? 0 : 1);
            now[j + 1] = least(replaced, least(last[j + 1], now[j]) + 1);
            if (i > 0 && j > 0 && same(a[i], b[j - 1]) && same(a[i - 1], b[j]))
                now[j + 1] = least(now[j + 1], before[j - 1] + 1);
        }
        size_t *free_row = before;
        before = last;
        last = now;
        now = free_row;
    }
    return last[b_len];
}

const char *nearest_word(const char *word, const char *const *candidates, size_t count,
                         size_t stride)
{
    const char *nearest = NULL;
    size_t nearest_distance = WORD_MAX;
    size_t word_len = strlen(word);
    if (word_len > WORD_MAX)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        const char *candidate =
            *(const char *const *)(const void *)((const char *)candidates + i * stride);
        size_t len = strlen(candidate);
        if (len > WORD_MAX)
            continue;
        size_t found = distance(word, word_len, candidate, len);
        if (found <= (len > word_len ? len : word_len) / 3 && found < nearest_distance) {
            nearest = candidate;
            nearest_distance = found;
        }
    }
    return nearest;
}
