/* Answers: status, headers and body, and the shape of every problem.
 *
 *   answer_problem -> {"type","title","status","detail","instance", classic members, pairs}
 *
 * SPDX-License-Identifier: MIT */
#include "answer.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "json_write.h"

#define JSON_TYPE "application/json"
#define PROBLEM_TYPE "application/problem+json"

void answer_init(struct answer *answer, struct arena *arena)
{
    answer->arena = arena;
    answer->status = 0;
    answer->header_count = 0;
    text_init(&answer->body, arena);
}

static struct answer_header *find(const struct answer *answer, const char *name)
{
    for (uint32_t i = 0; i < answer->header_count; i++)
        if (strcasecmp(answer->headers[i].name, name) == 0)
            return (struct answer_header *)&answer->headers[i];
    return NULL;
}

/* Both strings outlive the answer. */
static int set(struct answer *answer, const char *name, const char *value)
{
    struct answer_header *header = find(answer, name);
    if (header) {
        header->value = value;
        return 0;
    }
    if (answer->header_count == ANSWER_HEADERS_MAX)
        return -E2BIG;
    answer->headers[answer->header_count++] = (struct answer_header){name, value};
    return 0;
}

static int describes_body(const char *name)
{
    return strcasecmp(name, "content-type") == 0 || strcasecmp(name, "etag") == 0 ||
           strcasecmp(name, "retry-after") == 0;
}

/* Starts an answer over: only headers that say nothing about the old body stay. The new type goes
 * first, where there is always a place for it. */
static void start(struct answer *answer, uint32_t status, const char *type)
{
    struct answer_header kept[ANSWER_HEADERS_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < answer->header_count; i++)
        if (!describes_body(answer->headers[i].name))
            kept[count++] = answer->headers[i];
    answer->header_count = 0;
    if (type)
        answer->headers[answer->header_count++] = (struct answer_header){"Content-Type", type};
    for (uint32_t i = 0; i < count && answer->header_count < ANSWER_HEADERS_MAX; i++)
        answer->headers[answer->header_count++] = kept[i];
    answer->status = status;
    text_clear(&answer->body);
}

void answer_respond(struct answer *answer, uint32_t status, const char *type, const void *body,
                    uint64_t len)
{
    start(answer, status, type ? arena_copy_text(answer->arena, type) : NULL);
    text_add_bytes(&answer->body, body, len);
}

void answer_json(struct answer *answer, uint32_t status, const sluice_arg *pairs, uint32_t count,
                 uint32_t stride)
{
    start(answer, status, JSON_TYPE);
    json_add_object(&answer->body, pairs, count, stride);
}

/* Sets Retry-After from a pair "retryAfter", or to 1 where a status needs one. */
static void set_retry_after(struct answer *answer, const sluice_arg *pairs, uint32_t count,
                            uint32_t stride)
{
    int64_t seconds = answer->status == 429 || answer->status == 503 ? 1 : -1;
    for (uint32_t i = 0; i + 1 < count; i += 2) {
        const sluice_arg *name = arg_at(pairs, stride, i);
        const sluice_arg *value = arg_at(pairs, stride, i + 1);
        if (name->type == SLUICE_ARG_TEXT && name->u.text &&
            strcmp(name->u.text, "retryAfter") == 0 &&
            (value->type == SLUICE_ARG_INT || value->type == SLUICE_ARG_UINT))
            seconds = value->u.i64;
    }
    if (seconds < 0)
        return;
    char digits[20];
    size_t len = digits_of((uint64_t)seconds, digits);
    (void)set(answer, "Retry-After", arena_copy(answer->arena, digits, len));
}

static void add_member(struct text *body, const char *start_of, const char *value)
{
    text_add(body, start_of);
    json_add_string(body, value, strlen(value));
}

/* A first pair "type" names a problem type that is registered elsewhere. */
static const char *own_type(const sluice_arg *pairs, uint32_t count, uint32_t stride)
{
    if (count < 2)
        return NULL;
    const sluice_arg *name = arg_at(pairs, stride, 0), *value = arg_at(pairs, stride, 1);
    bool named = name->type == SLUICE_ARG_TEXT && strcmp(name->u.text, "type") == 0;
    return named && value->type == SLUICE_ARG_TEXT ? value->u.text : NULL;
}

void answer_problem(struct answer *answer, const struct problem *problem, const sluice_arg *pairs,
                    uint32_t count, uint32_t stride)
{
    struct text *body = &answer->body;
    const char *type = own_type(pairs, count, stride);
    start(answer, problem->status, PROBLEM_TYPE);
    set_retry_after(answer, pairs, count, stride);
    if (type) {
        pairs = arg_at(pairs, stride, 2);
        count -= 2;
        add_member(body, "{\"type\":", type);
    } else {
        text_add(body, "{\"type\":\"/problems#");
        text_add(body, problem->code);
        text_add_char(body, '"');
    }
    add_member(body, ",\"title\":", status_phrase(problem->status));
    text_add(body, ",\"status\":");
    text_add_uint(body, problem->status);
    add_member(body, ",\"detail\":", problem->detail);
    if (problem->instance)
        add_member(body, ",\"instance\":", problem->instance);
    add_member(body, ",\"success\":false,\"message\":", problem->detail);
    add_member(body, ",\"error\":", problem->code);
    (void)json_add_pairs(body, 0, pairs, count, stride);
    text_add_char(body, '}');
}

/* RFC 9110, 5.6.2. */
static int is_token(const char *name)
{
    static const char others[] = "!#$%&'*+-.^_`|~";
    if (!*name)
        return 0;
    for (const char *at = name; *at; at++) {
        int alphanumeric =
            (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') || (*at >= '0' && *at <= '9');
        if (!alphanumeric && !strchr(others, *at))
            return 0;
    }
    return 1;
}

static int is_value(const char *value)
{
    for (const char *at = value; *at; at++)
        if (((unsigned char)*at < 0x20 && *at != '\t') || *at == 0x7f)
            return 0;
    return 1;
}

int answer_set_header(struct answer *answer, const char *name, const char *value)
{
    if (!name || !value || !is_token(name) || !is_value(value))
        return -EINVAL;
    struct answer_header *header = find(answer, name);
    if (header) {
        header->value = arena_copy_text(answer->arena, value);
        return 0;
    }
    if (answer->header_count == ANSWER_HEADERS_MAX)
        return -E2BIG;
    return set(answer, arena_copy_text(answer->arena, name), arena_copy_text(answer->arena, value));
}

const char *answer_get_header(const struct answer *answer, const char *name)
{
    const struct answer_header *header = find(answer, name);
    return header ? header->value : NULL;
}

const char *status_phrase(uint32_t status)
{
    static const struct {
        uint32_t status;
        const char *phrase;
    } phrases[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {206, "Partial Content"},
        {207, "Multi-Status"},
        {301, "Moved Permanently"},
        {302, "Found"},
        {303, "See Other"},
        {304, "Not Modified"},
        {307, "Temporary Redirect"},
        {308, "Permanent Redirect"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {402, "Payment Required"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {411, "Length Required"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {417, "Expectation Failed"},
        {421, "Misdirected Request"},
        {422, "Unprocessable Content"},
        {423, "Locked"},
        {425, "Too Early"},
        {426, "Upgrade Required"},
        {428, "Precondition Required"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
    };
    for (size_t i = 0; i < sizeof phrases / sizeof phrases[0]; i++)
        if (phrases[i].status == status)
            return phrases[i].phrase;
    return "Error";
}
