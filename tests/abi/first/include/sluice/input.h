/* Reading what a request brings, and refusing it with everything that is wrong at a time.
 *
 *   sluice_reader in;
 *   sluice_read_parameters(req, &in);
 *   const char *user = sluice_take_path_user_id(&in, "userId");
 *   int64_t limit = sluice_take_query_int(&in, "limit", 1, 100, 10);
 *   if (sluice_is_bad(&in))
 *       return sluice_refuse_input(&in);
 *
 *   take -> take -> take -> is_bad? -> 422, or go on
 *
 * This header reads path and query parameters and needs no library; <sluice/json.h> adds bodies,
 * and both may be taken from with one reader. What is missing or wrong is noted and given as NULL,
 * 0 or false; taken values may be used only after sluice_is_bad said no. They live as long as the
 * request.
 *
 * Answers (problem+json):
 *   422 invalid_body        errors: [{"pointer": "/score", "detail": "..."}]  (RFC 6901)
 *   422 invalid_parameter   errors: [{"parameter": "limit", "detail": "..."}]
 *
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_INPUT_H
#define SLUICE_INPUT_H

#include <errno.h>
#include <stdlib.h>

#include <sluice/check.h>
#include <sluice/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SLUICE_ERRORS_MAX 100u /* told in one answer; what is wrong beyond is only counted */

struct json_t; /* jansson's */

/* On the stack of the step that reads. Only `verdict` is for its user. */
typedef struct sluice_reader {
    sluice_verdict verdict; /* after sluice_read_json returned false: what the step returns */
    sluice_request *req;
    struct json_t *body;  /* NULL: parameters only */
    struct json_t *taken; /* the members that were asked for; NULL: not strict */
    void (*finish)(struct sluice_reader *in); /* what is left to check when all is taken, or NULL */
    sluice_list *errors;                      /* NULL: none yet */
    uint32_t error_count;
    bool of_body;      /* an error is about the body */
    const char *first; /* the first error, in words */
} sluice_reader;

/* Begins to read a request whose body is not looked at. */
static inline void sluice_read_parameters(sluice_request *req, sluice_reader *ret_in)
{
    memset(ret_in, 0, sizeof *ret_in);
    ret_in->req = req;
}

/* ---- Noting what is wrong ----------------------------------------------------------------- */

/* RFC 6901: "/" and the name with ~ and / escaped. */
static inline const char *sluice_pointer(sluice_request *req, const char *name)
{
    char *pointer = (char *)sluice_alloc(req, 2 * strlen(name) + 2);
    char *to = pointer;
    *to++ = '/';
    for (; *name; name++) {
        if (*name == '~' || *name == '/') {
            *to++ = '~';
            *to++ = *name == '~' ? '0' : '1';
        } else {
            *to++ = *name;
        }
    }
    return pointer;
}

static inline void sluice_note(sluice_reader *in, const char *kind, const char *where,
                               const char *name, const char *detail)
{
    if (in->error_count++ >= SLUICE_ERRORS_MAX)
        return;
    if (!in->errors) {
        in->errors = sluice_list_new(in->req);
        in->first = *name ? sluice_printf(in->req, "%s %s", name, detail) : detail;
    }
    sluice_push(in->req, in->errors, sluice_object(in->req, kind, where, "detail", detail));
}

/* For rules of your own: this member of the body can't be. `detail` follows its name: "must be
 * later than startAt". */
static inline void sluice_member_wrong(sluice_reader *in, const char *name, const char *detail)
{
    in->of_body = true;
    sluice_note(in, "pointer", sluice_pointer(in->req, name), name, detail);
}

/* The same for a path or query parameter. */
static inline void sluice_parameter_wrong(sluice_reader *in, const char *name, const char *detail)
{
    sluice_note(in, "parameter", name, name, detail);
}

/* ---- Path and query parameters ------------------------------------------------------------ */

/* A {name} of the route that must be a name. */
static inline const char *sluice_take_path_name(sluice_reader *in, const char *name)
{
    const char *text = sluice_path(in->req, name);
    if (sluice_is_name(text))
        return text;
    sluice_parameter_wrong(in, name, SLUICE_NAME_RULE);
    return NULL;
}

/* A {name} of the route that must be a user id. */
static inline const char *sluice_take_path_user_id(sluice_reader *in, const char *name)
{
    const char *text = sluice_path(in->req, name);
    if (sluice_is_user_id(text))
        return text;
    sluice_parameter_wrong(in, name, SLUICE_USER_ID_RULE);
    return NULL;
}

/* A whole decimal integer, nothing before or behind it but a minus. */
static inline bool sluice_parse_int(const char *text, int64_t *ret_value)
{
    char *end;
    const char *digits = text + (*text == '-');
    if (*digits < '0' || *digits > '9')
        return false;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (*end || errno)
        return false;
    *ret_value = value;
    return true;
}

/* An integer of the query; the fallback when absent. Out of range is wrong, never cut to fit. */
static inline int64_t sluice_take_query_int(sluice_reader *in, const char *name, int64_t min,
                                            int64_t max, int64_t fallback)
{
    const char *text = sluice_query(in->req, name);
    int64_t value = 0;
    if (!text)
        return fallback;
    if (sluice_parse_int(text, &value) && value >= min && value <= max)
        return value;
    sluice_parameter_wrong(in, name,
                           sluice_printf(in->req, "must be an integer from %lld to %lld",
                                         (long long)min, (long long)max));
    return 0;
}

/* ---- The end of reading ------------------------------------------------------------------- */

/* True when something was wrong; in strict mode also when there are members nobody took. */
SLUICE_MUST_RETURN static inline bool sluice_is_bad(sluice_reader *in)
{
    if (in->finish)
        in->finish(in);
    in->finish = NULL;
    return in->error_count > 0;
}

/* The 422 that tells all of it; its message tells the first. */
SLUICE_MUST_RETURN static inline sluice_verdict sluice_refuse_input(sluice_reader *in)
{
    const char *detail = in->first;
    if (in->error_count > 1)
        detail =
            sluice_printf(in->req, "%s (and %u more, see errors)", in->first, in->error_count - 1);
    return sluice_problem_with(in->req, 422, in->of_body ? "invalid_body" : "invalid_parameter",
                               detail, "errors", in->errors);
}

#ifdef __cplusplus
}
#endif
#endif
