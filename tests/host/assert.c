/* Looking at answers and at the log. A failed look says what it found instead.
 *
 * SPDX-License-Identifier: MIT */
#include "host.h"

#include <stdlib.h>

#include <jansson.h>

#include "json_write.h"

static struct test_host *host_of(const struct test_answer *answer)
{
    return answered_request(answer)->host;
}

/* What became of a request, for messages. */
static const char *fate(const struct test_answer *answer)
{
    struct arena *arena = &host_of(answer)->arena;
    if (answer->waits_for)
        return arena_printf(arena, "the request still waits for %s (%s)", answer->waits_for,
                            answer->trail);
    if (!answer->status)
        return arena_printf(arena, "the request ended without an answer (%s)", answer->trail);
    return arena_printf(arena, "the answer was %u (%s): %s", answer->status, answer->trail,
                        answer->body);
}

void test_assert_status(struct test_answer *answer, uint32_t status)
{
    if (answer->status != status)
        host_fail(host_of(answer), "expected status %u, but %s", status, fate(answer));
}

void test_assert_waiting(struct test_answer *answer)
{
    if (!answer->waits_for)
        host_fail(host_of(answer), "expected a request that waits, but %s", fate(answer));
}

void test_assert_gone(struct test_answer *answer)
{
    if (answer->waits_for || answer->status)
        host_fail(host_of(answer), "expected a request without an answer, but %s", fate(answer));
}

void test_assert_body(struct test_answer *answer, const char *expected)
{
    if (!answer->status || strlen(expected) != answer->body_len ||
        memcmp(expected, answer->body, answer->body_len) != 0)
        host_fail(host_of(answer), "expected the body %s, but %s", expected, fate(answer));
}

const char *test_answer_header(const struct test_answer *answer, const char *name)
{
    return answer->status ? answer_get_header(&answered_request(answer)->made, name) : NULL;
}

void test_assert_header(struct test_answer *answer, const char *name, const char *expected)
{
    const char *value = test_answer_header(answer, name);
    if (!value && !expected && answer->status)
        return;
    if (!value || !expected || strcmp(value, expected) != 0)
        host_fail(host_of(answer), "expected the header %s: %s, not %s; %s", name,
                  expected ? expected : "(absent)", value ? value : "(absent)", fate(answer));
}

/* ---- JSON ---------------------------------------------------------------------------------- */

/* One reference token of a JSON Pointer (RFC 6901), unescaped. */
static const char *token(struct arena *arena, const char *from, size_t len)
{
    char *made = arena_copy(arena, from, len);
    char *to = made;
    for (size_t i = 0; i < len; i++) {
        bool escape = from[i] == '~' && i + 1 < len && (from[i + 1] == '0' || from[i + 1] == '1');
        *to++ = escape ? (from[i + 1] == '0' ? '~' : '/') : from[i];
        i += escape;
    }
    *to = '\0';
    return made;
}

static json_t *below(struct arena *arena, json_t *value, const char *name, size_t len)
{
    const char *key = token(arena, name, len);
    char *end;
    if (!json_is_array(value))
        return json_object_get(value, key);
    unsigned long index = strtoul(key, &end, 10);
    return *key && !*end ? json_array_get(value, index) : NULL;
}

/* A borrowed reference into `root`, or NULL. */
static json_t *find(struct arena *arena, json_t *root, const char *where)
{
    if (*where != '/')
        return *where ? json_object_get(root, where) : root;
    json_t *value = root;
    while (value && *where == '/') {
        size_t len = strcspn(where + 1, "/");
        value = below(arena, value, where + 1, len);
        where += 1 + len;
    }
    return value;
}

/* The body; fails the test when it is no JSON. */
static json_t *parse(struct test_answer *answer)
{
    json_error_t error;
    json_t *root = json_loadb(answer->body, answer->body_len,
                              JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    if (!root)
        host_fail(host_of(answer), "expected JSON (%s), but %s", error.text, fate(answer));
    return root;
}

/* As text in the host's arena: of strings what they hold, of anything else its JSON. */
static const char *shown(struct arena *arena, const json_t *value, bool quoted)
{
    if (!value)
        return NULL;
    if (json_is_string(value) && !quoted)
        return arena_copy(arena, json_string_value(value), json_string_length(value));
    char *dump = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    const char *copy = dump ? arena_copy_text(arena, dump) : NULL;
    free(dump);
    return copy;
}

const char *test_json(struct test_answer *answer, const char *where)
{
    struct arena *arena = &host_of(answer)->arena;
    json_t *root = parse(answer);
    const char *text = shown(arena, find(arena, root, where), false);
    json_decref(root);
    return text;
}

static bool equal(const json_t *value, const json_t *expected)
{
    if (json_is_number(value) && json_is_number(expected) &&
        !(json_is_integer(value) && json_is_integer(expected)))
        return json_number_value(value) == json_number_value(expected);
    return json_equal(value, expected);
}

void test_assert_json(struct test_answer *answer, const char *where, sluice_arg expected)
{
    struct arena *arena = &host_of(answer)->arena;
    struct text text;
    text_init(&text, arena);
    json_add_value(&text, &expected);
    bool absent = expected.type == SLUICE_ARG_NIL;
    json_t *root = parse(answer);
    json_t *wanted = json_loadb(text.data, text.len, JSON_DECODE_ANY, NULL);
    json_t *value = find(arena, root, where);
    bool same = absent ? !value : value && wanted && equal(value, wanted);
    const char *found = shown(arena, value, true);
    json_decref(wanted);
    json_decref(root);
    if (!same)
        host_fail(host_of(answer), "expected \"%s\" to be %s, not %s; %s", where,
                  absent ? "absent" : text.data, found ? found : "absent", fate(answer));
}

/* ---- The log ------------------------------------------------------------------------------- */

/* Everything that was logged, for messages. */
static const char *logged(struct test_host *host)
{
    static const char *const levels[] = {"debug", "info", "warn", "error"};
    struct text text;
    text_init(&text, &host->arena);
    for (const struct log_entry *each = host->log; each; each = each->next)
        text_add_format(&text, "\n  %s: %s", levels[each->level & 3], each->message);
    return text.len ? text.data : " nothing";
}

void test_assert_logged(struct test_host *host, uint32_t level, const char *part)
{
    for (const struct log_entry *each = host->log; each; each = each->next)
        if (each->level == level && strstr(each->message, part))
            return;
    host_fail(host, "expected a message with \"%s\" at level %u in the log, which has:%s", part,
              level, logged(host));
}

void test_assert_not_logged(struct test_host *host, const char *part)
{
    for (const struct log_entry *each = host->log; each; each = each->next)
        if (strstr(each->message, part))
            host_fail(host, "expected no message with \"%s\" in the log, which has:%s", part,
                      logged(host));
}
