/* Reading JSON bodies: parsed under caps, taken from by name and type, nothing coerced.
 *
 *   static sluice_verdict submit(sluice_request *req, void *self, const sluice_reply *none)
 *   {
 *       sluice_reader in;
 *       if (!sluice_read_json(req, &in, 0))
 *           return in.verdict;
 *       const char *user = sluice_take_user_id(&in, "userId");
 *       double score = sluice_take_number(&in, "score");
 *       int64_t ttl = sluice_optional_int(&in, "ttlMs", 1, 86400000, 30000);
 *       if (sluice_is_bad(&in))
 *           return sluice_refuse_input(&in);
 *       ...
 *   }
 *
 *   body -> 415 -> depth, 400 -> parse, 400 -> object?, 422 -> take, take, take -> 422 or go on
 *
 * Header-only; a plugin that includes it links jansson, and no json_t crosses the ABI.
 *
 * "10" is not 10, 10.0 is no integer, null is not absent. A take_ function notes a value that is
 * missing or wrong and returns NULL, 0 or false; an optional_ one does so for what is wrong and
 * returns the fallback for what is missing. Taken values may be used only after sluice_is_bad said
 * no; they live as long as the request.
 *
 * Answers (problem+json), besides those of <sluice/input.h>:
 *   415 unsupported_media_type   the body is not declared as application/json or .../...+json
 *   400 malformed_json           the body is empty or no JSON; the detail has line and column
 *   400 duplicate_member         an object has two members of one name
 *   400 too_deep                 nested deeper than SLUICE_JSON_DEPTH
 *
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_JSON_H
#define SLUICE_JSON_H

#include <math.h>
#include <strings.h>

#include <jansson.h>

#include <sluice/input.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SLUICE_JSON_DEPTH 32u

/* For sluice_read_json: members that nobody takes are refused (the /v1 paths; the classic ones
 * ignore them). */
#define SLUICE_STRICT 1u

/* ---- Bodies ------------------------------------------------------------------------------- */

static inline void sluice_json_cleanup(void *json)
{
    json_decref((json_t *)json);
}

/* application/json or anything/...+json (RFC 6838 section 4.2.8), with any parameters. */
static inline bool sluice_is_json_type(const char *type)
{
    size_t len = strcspn(type, "; \t");
    if (len == 16 && strncasecmp(type, "application/json", 16) == 0)
        return true;
    return len > 5 && strncasecmp(type + len - 5, "+json", 5) == 0 && memchr(type, '/', len - 5);
}

/* Counts brackets outside strings: jansson would parse 2048 levels, each with an allocation. */
static inline bool sluice_json_is_deep(sluice_bytes text)
{
    const char *at = (const char *)text.data;
    uint32_t depth = 0;
    bool quoted = false;
    for (uint64_t i = 0; i < text.len; i++) {
        if (quoted && at[i] == '\\')
            i++;
        else if (at[i] == '"')
            quoted = !quoted;
        else if (!quoted && (at[i] == '{' || at[i] == '['))
            depth++;
        else if (!quoted && depth && (at[i] == '}' || at[i] == ']'))
            depth--;
        if (depth > SLUICE_JSON_DEPTH)
            return true;
    }
    return false;
}

SLUICE_MUST_RETURN static inline sluice_verdict sluice_json_refused(sluice_reader *in,
                                                                    const json_error_t *error)
{
    enum json_error_code code = json_error_code(error);
    const char *detail =
        sluice_printf(in->req, "line %d, column %d: %s", error->line, error->column, error->text);
    if (code == json_error_duplicate_key)
        return sluice_problem(in->req, 400, "duplicate_member", detail);
    if (code != json_error_numeric_overflow)
        return sluice_problem(in->req, 400, "malformed_json", detail);
    sluice_list *errors = sluice_list_new(in->req);
    sluice_push(in->req, errors, sluice_object(in->req, "pointer", "", "detail", detail));
    return sluice_problem_with(in->req, 422, "invalid_body", detail, "errors", errors);
}

static inline bool sluice_json_parse(sluice_reader *in, sluice_bytes text)
{
    json_error_t error;
    in->body = json_loadb((const char *)text.data, text.len,
                          JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_ANY, &error);
    if (!in->body) {
        in->verdict = sluice_json_refused(in, &error);
        return false;
    }
    sluice_defer(in->req, sluice_json_cleanup, in->body);
    return true;
}

static inline void sluice_json_untaken(sluice_reader *in)
{
    const char *name;
    json_t *value;
    json_object_foreach(in->body, name, value)
    {
        if (!json_object_get(in->taken, name))
            sluice_member_wrong(in, name, "is not a member that is known here");
    }
}

/* Reads the body as a JSON object. False: the request is answered, return in.verdict. `flags` is 0
 * or SLUICE_STRICT. */
SLUICE_MUST_RETURN static inline bool sluice_read_json(sluice_request *req, sluice_reader *ret_in,
                                                       uint32_t flags)
{
    const char *type = sluice_header(req, "Content-Type");
    sluice_bytes text = sluice_body(req);
    sluice_read_parameters(req, ret_in);
    if (type ? !sluice_is_json_type(type) : text.len > 0) {
        ret_in->verdict = sluice_problem(req, 415, "unsupported_media_type",
                                         "the body must be sent as Content-Type: application/json");
        return false;
    }
    if (text.len == 0) {
        ret_in->verdict = sluice_problem(req, 400, "malformed_json",
                                         "the body is empty; a JSON object is expected");
        return false;
    }
    if (sluice_json_is_deep(text)) {
        ret_in->verdict =
            sluice_problem(req, 400, "too_deep", "the body is nested more than 32 levels deep");
        return false;
    }
    if (!sluice_json_parse(ret_in, text))
        return false;
    if (!json_is_object(ret_in->body)) {
        ret_in->of_body = true;
        sluice_note(ret_in, "pointer", "", "", "the body must be a JSON object");
        ret_in->verdict = sluice_refuse_input(ret_in);
        return false;
    }
    if (flags & SLUICE_STRICT) {
        ret_in->taken = json_object();
        ret_in->finish = sluice_json_untaken;
        sluice_defer(req, sluice_json_cleanup, ret_in->taken);
    }
    return true;
}

/* ---- Members of the body ------------------------------------------------------------------ */

/* The member as jansson has it, borrowed; NULL when it is absent. For shapes that have no function
 * here; note what is wrong with sluice_member_wrong. */
static inline json_t *sluice_take_value(sluice_reader *in, const char *name)
{
    json_t *value = json_object_get(in->body, name);
    if (value && in->taken)
        (void)json_object_set(in->taken, name, value);
    return value;
}

/* The member, noted as missing when it is. */
static inline json_t *sluice_take_needed(sluice_reader *in, const char *name)
{
    json_t *value = sluice_take_value(in, name);
    if (!value)
        sluice_member_wrong(in, name, "is missing");
    return value;
}

/* The string in `value`; NULL, and noted, for anything else and for strings with a NUL inside. */
static inline const char *sluice_text_in(sluice_reader *in, const char *name, const json_t *value)
{
    const char *text = json_string_value(value);
    if (!text)
        sluice_member_wrong(in, name, "must be a string");
    else if (strlen(text) != json_string_length(value))
        sluice_member_wrong(in, name, "must not contain \\u0000");
    else
        return text;
    return NULL;
}

static inline const char *sluice_bounded_in(sluice_reader *in, const char *name,
                                            const json_t *value, uint64_t min, uint64_t max)
{
    const char *text = sluice_text_in(in, name, value);
    if (!text || (json_string_length(value) >= min && json_string_length(value) <= max))
        return text;
    sluice_member_wrong(in, name,
                        sluice_printf(in->req, "must have %llu to %llu bytes",
                                      (unsigned long long)min, (unsigned long long)max));
    return NULL;
}

static inline const char *sluice_name_in(sluice_reader *in, const char *name, const json_t *value)
{
    const char *text = sluice_text_in(in, name, value);
    if (!text || sluice_is_name(text))
        return text;
    sluice_member_wrong(in, name, SLUICE_NAME_RULE);
    return NULL;
}

static inline int64_t sluice_int_in(sluice_reader *in, const char *name, const json_t *value,
                                    int64_t min, int64_t max)
{
    int64_t number = json_integer_value(value);
    if (json_is_integer(value) && number >= min && number <= max)
        return number;
    sluice_member_wrong(in, name,
                        sluice_printf(in->req, "must be an integer from %lld to %lld",
                                      (long long)min, (long long)max));
    return 0;
}

static inline double sluice_number_in(sluice_reader *in, const char *name, const json_t *value)
{
    double number = json_number_value(value);
    if (json_is_number(value) && isfinite(number))
        return number;
    sluice_member_wrong(in, name, "must be a number");
    return 0;
}

static inline bool sluice_bool_in(sluice_reader *in, const char *name, const json_t *value)
{
    if (!json_is_boolean(value))
        sluice_member_wrong(in, name, "must be true or false");
    return json_is_true(value);
}

/* A string of `min` to `max` bytes. */
static inline const char *sluice_take_text(sluice_reader *in, const char *name, uint64_t min,
                                           uint64_t max)
{
    json_t *value = sluice_take_needed(in, name);
    return value ? sluice_bounded_in(in, name, value, min, max) : NULL;
}

static inline const char *sluice_optional_text(sluice_reader *in, const char *name, uint64_t min,
                                               uint64_t max, const char *fallback)
{
    json_t *value = sluice_take_value(in, name);
    return value ? sluice_bounded_in(in, name, value, min, max) : fallback;
}

/* A name as sluice_is_name wants it. */
static inline const char *sluice_take_name(sluice_reader *in, const char *name)
{
    json_t *value = sluice_take_needed(in, name);
    return value ? sluice_name_in(in, name, value) : NULL;
}

static inline const char *sluice_optional_name(sluice_reader *in, const char *name,
                                               const char *fallback)
{
    json_t *value = sluice_take_value(in, name);
    return value ? sluice_name_in(in, name, value) : fallback;
}

/* A user id as sluice_is_user_id wants it. */
static inline const char *sluice_take_user_id(sluice_reader *in, const char *name)
{
    json_t *value = sluice_take_needed(in, name);
    const char *text = value ? sluice_text_in(in, name, value) : NULL;
    if (!text || sluice_is_user_id(text))
        return text;
    sluice_member_wrong(in, name, SLUICE_USER_ID_RULE);
    return NULL;
}

static inline int64_t sluice_take_int(sluice_reader *in, const char *name, int64_t min, int64_t max)
{
    json_t *value = sluice_take_needed(in, name);
    return value ? sluice_int_in(in, name, value, min, max) : 0;
}

static inline int64_t sluice_optional_int(sluice_reader *in, const char *name, int64_t min,
                                          int64_t max, int64_t fallback)
{
    json_t *value = sluice_take_value(in, name);
    return value ? sluice_int_in(in, name, value, min, max) : fallback;
}

/* A finite number, integer or not. */
static inline double sluice_take_number(sluice_reader *in, const char *name)
{
    json_t *value = sluice_take_needed(in, name);
    return value ? sluice_number_in(in, name, value) : 0;
}

static inline double sluice_optional_number(sluice_reader *in, const char *name, double fallback)
{
    json_t *value = sluice_take_value(in, name);
    return value ? sluice_number_in(in, name, value) : fallback;
}

static inline bool sluice_take_bool(sluice_reader *in, const char *name)
{
    json_t *value = sluice_take_needed(in, name);
    return value ? sluice_bool_in(in, name, value) : false;
}

static inline bool sluice_optional_bool(sluice_reader *in, const char *name, bool fallback)
{
    json_t *value = sluice_take_value(in, name);
    return value ? sluice_bool_in(in, name, value) : fallback;
}

/* An array of at most `max_count` strings of 1 to `max_len` bytes each; empty when absent. Each
 * wrong item is noted with its own pointer: "/scopes/2". */
static inline sluice_texts sluice_optional_texts(sluice_reader *in, const char *name,
                                                 uint64_t max_count, uint64_t max_len)
{
    json_t *value = sluice_take_value(in, name);
    size_t count = json_array_size(value);
    sluice_texts texts;
    memset(&texts, 0, sizeof texts);
    if (!value)
        return texts;
    if (!json_is_array(value) || count > max_count) {
        sluice_member_wrong(in, name,
                            sluice_printf(in->req, "must be an array of at most %llu strings",
                                          (unsigned long long)max_count));
        return texts;
    }
    const char **items = (const char **)sluice_alloc(in->req, (count + 1) * sizeof *items);
    for (size_t i = 0; i < count; i++) {
        const json_t *item = json_array_get(value, i);
        items[i] = json_string_value(item);
        size_t len = json_string_length(item);
        if (items[i] && len >= 1 && len <= max_len && strlen(items[i]) == len)
            continue;
        const char *which = sluice_printf(in->req, "%s/%zu", sluice_pointer(in->req, name), i);
        in->of_body = true;
        sluice_note(in, "pointer", which, which + 1,
                    sluice_printf(in->req, "must be a string of 1 to %llu bytes",
                                  (unsigned long long)max_len));
    }
    texts.items = items;
    texts.count = count;
    return texts;
}

#ifdef __cplusplus
}
#endif
#endif
