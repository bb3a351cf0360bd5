/* JSON text with a line for each member.
 *
 *   {"a":[1,2],"b":{...}}  ->  {
 *                                "a": [1, 2],
 *                                "b": {
 *                                  ...
 *
 * What is between a bracket and its end stays on one line where it is shorter than LINE.
 *
 * SPDX-License-Identifier: MIT */
#include "json_pretty.h"

#include <stdbool.h>
#include <string.h>

#define LINE 76u

/* Behind the string that begins at `at`, which is a quote. */
static const char *string_end(const char *at, const char *end)
{
    for (at++; at < end && *at != '"'; at++)
        if (*at == '\\')
            at++;
    return at < end ? at + 1 : end;
}

/* Behind the end of what the bracket at `at` opens. */
static const char *bracket_end(const char *at, const char *end)
{
    unsigned depth = 0;
    while (at < end) {
        if (*at == '"') {
            at = string_end(at, end);
            continue;
        }
        depth += *at == '{' || *at == '[';
        depth -= *at == '}' || *at == ']';
        at++;
        if (depth == 0)
            break;
    }
    return at;
}

static void add_line(struct text *text, unsigned depth)
{
    text_add_char(text, '\n');
    for (unsigned i = 0; i < depth; i++)
        text_add(text, "  ");
}

/* `flat` until there: what fits on one line. */
struct pretty {
    struct text *text;
    unsigned depth;
    const char *flat;
};

static void open_bracket(struct pretty *pretty, const char *at, const char *end)
{
    const char *close = bracket_end(at, end);
    text_add_char(pretty->text, *at);
    if (at < pretty->flat)
        return;
    if ((size_t)(close - at) + 2 * (size_t)pretty->depth <= LINE)
        pretty->flat = close;
    else
        add_line(pretty->text, ++pretty->depth);
}

static void add_sign(struct pretty *pretty, const char *at, const char *end)
{
    bool flat = at < pretty->flat;
    if (*at == '{' || *at == '[') {
        open_bracket(pretty, at, end);
        return;
    }
    if ((*at == '}' || *at == ']') && !flat)
        add_line(pretty->text, --pretty->depth);
    text_add_char(pretty->text, *at);
    if (*at == ',' && !flat)
        add_line(pretty->text, pretty->depth);
    else if (*at == ',' || *at == ':')
        text_add_char(pretty->text, ' ');
}

void json_add_pretty(struct text *text, const char *json, size_t len)
{
    struct pretty pretty = {text, 0, json};
    const char *end = json + len;
    while (json < end) {
        const char *from = json;
        if (*json == '"') {
            json = string_end(json, end);
            text_add_bytes(text, from, (size_t)(json - from));
        } else {
            add_sign(&pretty, json++, end);
        }
    }
    text_add_char(text, '\n');
}
