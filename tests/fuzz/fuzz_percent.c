/* Feeds any bytes to the decoder of paths, queries and cookies.
 *
 * SPDX-License-Identifier: MIT */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "router.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was decoded, with every byte escaped, decodes to itself. */
static void check_round_trip(struct arena *arena, const char *text)
{
    static const char digits[] = "0123456789abcdef";
    size_t len = strlen(text);
    char *escaped = arena_array(arena, char, len * 3 + 1);
    for (size_t i = 0; i < len; i++) {
        escaped[i * 3] = '%';
        escaped[i * 3 + 1] = digits[(unsigned char)text[i] >> 4];
        escaped[i * 3 + 2] = digits[text[i] & 15];
    }
    const char *again = percent_decode(arena, escaped, len * 3, true);
    if (!again || strcmp(again, text) != 0)
        abort();
}

static void check_decoded(struct arena *arena, const char *bytes, size_t len, bool plus)
{
    const char *text = percent_decode(arena, bytes, len, plus);
    if (!text)
        return;
    if (strlen(text) > len)
        abort();
    check_round_trip(arena, text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = ARENA_INIT;
    /* The decoder gets a length, the others a NUL; neither may look any further. */
    char *text = calloc(1, size + 1);
    char *bytes = malloc(size ? size : 1);
    if (!text || !bytes)
        abort();
    for (size_t i = 0; i < size; i++)
        bytes[i] = text[i] = data[i] ? (char)data[i] : ' ';
    check_decoded(&arena, bytes, size, false);
    check_decoded(&arena, bytes, size, true);
    const char *value = query_value(&arena, text, "a");
    if (value)
        check_round_trip(&arena, value);
    (void)query_value(&arena, text, "");
    const char *cookie = cookie_value(&arena, text, "sid");
    if (cookie && strlen(cookie) + strlen("sid=") > size)
        abort();
    (void)cookie_value(&arena, text, "");
    free(bytes);
    free(text);
    arena_release(&arena);
    return 0;
}
