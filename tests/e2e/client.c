/* Requests over libcurl.
 *
 * SPDX-License-Identifier: MIT */
#include "client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>

/* ---- One request -------------------------------------------------------------------------- */

struct grown {
    char *data;
    size_t len;
};

static size_t grow(char *bytes, size_t size, size_t count, void *data)
{
    struct grown *grown = data;
    size_t len = size * count;
    char *more = realloc(grown->data, grown->len + len + 1);
    if (!more)
        return 0;
    memcpy(more + grown->len, bytes, len);
    more[grown->len + len] = '\0';
    grown->data = more;
    grown->len += len;
    return len;
}

/* An interim answer is followed by another status line. */
static size_t grow_head(char *bytes, size_t size, size_t count, void *data)
{
    struct grown *grown = data;
    if (size * count > 5 && memcmp(bytes, "HTTP/", 5) == 0)
        grown->len = 0;
    return grow(bytes, size, count, data);
}

static struct curl_slist *header_list(const char *headers, bool body)
{
    struct curl_slist *list = NULL;
    char *copy = strdup(headers ? headers : "");
    bool typed = headers && strcasestr(headers, "content-type:");
    assert_non_null(copy);
    for (char *rest = copy, *line; (line = strsep(&rest, "\n"));)
        if (*line)
            list = curl_slist_append(list, line);
    free(copy);
    return body && !typed ? curl_slist_append(list, "content-type: application/json") : list;
}

static void set_up(CURL *curl, const struct world *world, const char *method, const char *path)
{
    char url[4096];
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u%s", world->port, path);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, HTTP_PATIENCE_S);
    if (strcmp(method, "HEAD") == 0)
        curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    else
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
}

static void perform(CURL *curl, struct answer *answer)
{
    struct grown head = {NULL, 0}, body = {NULL, 0};
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, grow_head);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, &head);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, grow);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);
    CURLcode code = curl_easy_perform(curl);
    if (code == CURLE_OK)
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer->status);
    else
        print_message("no answer: %s\n", curl_easy_strerror(code));
    answer->head = head.data;
    answer->body = body.data;
    answer->body_len = body.len;
    answer->json = body.data ? json_loads(body.data, JSON_REJECT_DUPLICATES, NULL) : NULL;
}

struct answer *answer_new(struct world *world)
{
    struct answer *answer = calloc(1, sizeof *answer);
    assert_non_null(answer);
    answer->next = world->answers;
    world->answers = answer;
    return answer;
}

struct answer *http(struct world *world, const char *method, const char *path, const char *headers,
                    const char *body)
{
    struct answer *answer = answer_new(world);
    struct curl_slist *list = header_list(headers, body != NULL);
    CURL *curl = curl_easy_init();
    assert_non_null(curl);
    set_up(curl, world, method, path);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
    if (body) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)strlen(body));
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    }
    perform(curl, answer);
    curl_easy_cleanup(curl);
    curl_slist_free_all(list);
    return answer;
}

struct answer *get(struct world *world, const char *path, const char *headers)
{
    return http(world, "GET", path, headers, NULL);
}

void answers_free(struct world *world)
{
    while (world->answers) {
        struct answer *answer = world->answers;
        world->answers = answer->next;
        json_decref(answer->json);
        free(answer->head);
        free(answer->body);
        free(answer);
    }
}

/* ---- Credentials -------------------------------------------------------------------------- */

/* Kept with the answers, which live as long. */
static const char *line_of(struct world *world, const char *name, const char *value)
{
    struct answer *holder = answer_new(world);
    if (asprintf(&holder->body, "%s%s", name, value) < 0)
        fail_msg("out of memory");
    return holder->body;
}

const char *as_admin(struct world *world)
{
    return line_of(world, "authorization: Bearer ", world->token);
}

const char *with_key(struct world *world, const char *key)
{
    return line_of(world, "x-api-key: ", key);
}

/* ---- Looking at an answer ----------------------------------------------------------------- */

const char *header_of(const struct answer *answer, const char *name)
{
    static char value[1024];
    size_t len = strlen(name);
    for (const char *line = answer->head; line && *line;) {
        const char *end = strstr(line, "\r\n");
        if (strncasecmp(line, name, len) == 0 && line[len] == ':') {
            const char *start = line + len + 1 + strspn(line + len + 1, " ");
            (void)snprintf(value, sizeof value, "%.*s",
                           end ? (int)(end - start) : (int)strlen(start), start);
            return value;
        }
        line = end ? end + 2 : NULL;
    }
    return NULL;
}

const char *text_of(const struct answer *answer, const char *member)
{
    const char *text = json_string_value(json_object_get(answer->json, member));
    if (!text)
        fail_msg("no text \"%s\" in %s", member, answer->body ? answer->body : "(no body)");
    return text;
}

long long number_of(const struct answer *answer, const char *member)
{
    const json_t *number = json_object_get(answer->json, member);
    if (!json_is_integer(number))
        fail_msg("no whole number \"%s\" in %s", member, answer->body ? answer->body : "(no body)");
    return json_integer_value(number);
}

void assert_answer(const struct answer *answer, long status, const char *file, int line)
{
    if (answer->status == status)
        return;
    print_error("%s:%d: %ld instead of %ld\n%s%s\n", file, line, answer->status, status,
                answer->head ? answer->head : "", answer->body ? answer->body : "");
    _fail(file, line);
}

/* RFC 9457, and the members that classic clients read (docs/http-api.md). */
void assert_refused(const struct answer *answer, long status, const char *code, const char *file,
                    int line)
{
    const char *type = header_of(answer, "content-type");
    const json_t *json = answer->json;
    const char *got = json_string_value(json_object_get(json, "error"));
    assert_answer(answer, status, file, line);
    bool whole = type && strcmp(type, "application/problem+json") == 0 &&
                 json_is_string(json_object_get(json, "type")) &&
                 json_is_string(json_object_get(json, "title")) &&
                 json_is_string(json_object_get(json, "detail")) &&
                 json_is_string(json_object_get(json, "message")) &&
                 json_is_false(json_object_get(json, "success")) &&
                 json_integer_value(json_object_get(json, "status")) == status;
    if (whole && got && strcmp(got, code) == 0)
        return;
    print_error("%s:%d: not a problem \"%s\": %s\n%s\n", file, line, code, type ? type : "no type",
                answer->body ? answer->body : "");
    _fail(file, line);
}

void assert_header_is(const struct answer *answer, const char *name, const char *value,
                      const char *file, int line)
{
    const char *got = header_of(answer, name);
    if (got && strcmp(got, value) == 0)
        return;
    print_error("%s:%d: %s is %s, not %s\n", file, line, name, got ? got : "not there", value);
    _fail(file, line);
}
