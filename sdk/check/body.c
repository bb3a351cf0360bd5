/* Bodies that a route takes, learned from its refusals: a 422 of sluice/json.h names each member that is
 * missing or wrong, and says what it must be.
 *
 * SPDX-License-Identifier: MIT */
#include "check.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#define TRIES_MAX 12

/* What a member must be, by what is said about it. */
static json_t *guess(const char *detail)
{
    const char *from = strstr(detail, "from ");
    if (strstr(detail, "integer"))
        return json_integer(from ? strtoll(from + 5, NULL, 10) : 1);
    if (strstr(detail, "a number"))
        return json_real(1.5);
    if (strstr(detail, "true or false"))
        return json_true();
    if (strstr(detail, "array of"))
        return json_pack("[s]", "a1");
    if (strstr(detail, "an array"))
        return json_pack("[{s:s, s:i}]", "userId", "a1", "score", 1);
    if (strstr(detail, "object"))
        return json_object();
    if (strstr(detail, "url"))
        return json_pack("{s:s, s:i}", "url", "https://example.com/", "body", 1);
    return json_string("a1");
}

/* False: nothing was learned. */
static bool learn(json_t *body, const json_t *answer)
{
    size_t i;
    const json_t *error;
    bool learned = false;
    json_array_foreach(json_object_get(answer, "errors"), i, error)
    {
        const char *pointer = json_string_value(json_object_get(error, "pointer"));
        const char *detail = json_string_value(json_object_get(error, "detail"));
        if (!pointer || !detail || *pointer != '/' || strchr(pointer + 1, '/'))
            continue;
        learned = true;
        if (strstr(detail, "known here"))
            (void)json_object_del(body, pointer + 1);
        else
            (void)json_object_set_new(body, pointer + 1, guess(detail));
    }
    return learned;
}

char *body_learn(struct check *check, const struct wish *wish)
{
    struct wish with = *wish;
    json_t *body = json_object();
    bool learned = true;
    with.body = json_dumps(body, 0);
    for (int i = 0; i < TRIES_MAX && learned; i++) {
        struct course course = {.chosen = 0};
        char *text = NULL;
        uint32_t status = run(check, &with, &course, &text);
        json_t *answer = text ? json_loads(text, 0, NULL) : NULL;
        learned = status == 422 && learn(body, answer);
        json_decref(answer);
        free(text);
        if (learned) {
            free(with.body);
            with.body = json_dumps(body, JSON_ENCODE_ANY);
        }
    }
    json_decref(body);
    return with.body;
}
