/* What Redis may answer to a question, and what else can happen then.
 *
 * Scripts answer in their own words: those that stand behind `return` in a script's text are tried, as
 * texts and at the head of arrays.
 *
 * SPDX-License-Identifier: MIT */
#include "check.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

struct words {
    char text[WORDS_MAX][32];
    unsigned count;
};

static bool has(const struct words *words, const char *text, size_t len)
{
    for (unsigned i = 0; i < words->count; i++)
        if (strlen(words->text[i]) == len && memcmp(words->text[i], text, len) == 0)
            return true;
    return false;
}

/* The next 'word' of the line; NULL at its end. */
static const char *next_word(const char *at, size_t *ret_len)
{
    for (; *at && *at != '\n'; at++) {
        if (*at != '\'' && *at != '"')
            continue;
        size_t len = strspn(at + 1, "abcdefghijklmnopqrstuvwxyz_");
        if (len && at[1 + len] == *at) {
            *ret_len = len;
            return at + 1;
        }
    }
    return NULL;
}

static void find_words(const char *script, struct words *ret_words)
{
    size_t len;
    ret_words->count = 0;
    for (const char *at = script; at && (at = strstr(at, "return ")) != NULL; at += 7)
        for (const char *word = at; (word = next_word(word, &len)) != NULL; word += len + 1)
            if (ret_words->count < WORDS_MAX && len < sizeof ret_words->text[0] &&
                !has(ret_words, word, len)) {
                memcpy(ret_words->text[ret_words->count], word, len);
                ret_words->text[ret_words->count++][len] = '\0';
            }
}

unsigned happenings(const char *script)
{
    struct words words;
    find_words(script, &words);
    return HAPPENS_WORD + 2 * words.count;
}

const char *happening_name(const char *script, unsigned happening, char ret_name[64])
{
    static const char *const names[] = {"a nil",
                                        "0",
                                        "1",
                                        "a text",
                                        "an empty array",
                                        "an array of numbers",
                                        "an error",
                                        "no Redis",
                                        "a late reply",
                                        "a hang-up",
                                        "a reload"};
    struct words words;
    if (happening < HAPPENS_WORD)
        return names[happening];
    find_words(script, &words);
    unsigned i = happening - HAPPENS_WORD;
    (void)snprintf(ret_name, 64, i % 2 ? "{\"%s\", 1, 1 ...}" : "\"%s\"", words.text[i / 2]);
    return ret_name;
}

/* Numbers come as texts, as they do from scripts. */
static void reply_row(struct test_host *host, const char *first)
{
    sluice_arg items[16];
    for (size_t i = 0; i < 16; i++)
        items[i] = sluice_arg_text(i == 0 && first ? first : "1");
    test_reply_array(host, items, 16, sizeof items[0]);
}

void happen(struct test_host *host, const char *script, unsigned happening)
{
    struct words words;
    switch (happening) {
    case HAPPENS_NIL:
        test_reply_nil(host);
        break;
    case HAPPENS_ZERO:
        test_reply_int(host, 0);
        break;
    case HAPPENS_ONE:
        test_reply_int(host, 1);
        break;
    case HAPPENS_TEXT:
        test_reply_text(host, "{\"a\":1}");
        break;
    case HAPPENS_EMPTY:
        test_reply_array(host, NULL, 0, sizeof(sluice_arg));
        break;
    case HAPPENS_NUMBERS:
        reply_row(host, NULL);
        break;
    case HAPPENS_ERROR:
        test_reply_error(host, "WRONGTYPE Operation against a key holding the wrong kind of value");
        break;
    case HAPPENS_TROUBLE:
        test_reply_trouble(host);
        break;
    case HAPPENS_LATE:
        test_reply_late(host);
        test_reply_int(host, 1);
        break;
    case HAPPENS_HANG_UP:
    case HAPPENS_RELOAD:
        break; /* the answer comes when it has happened */
    default:
        find_words(script, &words);
        if ((happening - HAPPENS_WORD) % 2)
            reply_row(host, words.text[(happening - HAPPENS_WORD) / 2]);
        else
            test_reply_text(host, words.text[(happening - HAPPENS_WORD) / 2]);
    }
}
