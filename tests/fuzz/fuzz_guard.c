/* Feeds message heads to the guard: a request line, then "Name:value" lines, ended by \n.
 *
 * SPDX-License-Identifier: MIT */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "message.h"

#define HEADERS_MAX 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Cuts off what precedes the next `mark`, or all of it; ends it with a NUL. */
static char *cut(char **rest, char *end, char mark)
{
    char *start = *rest;
    char *stop = memchr(start, mark, (size_t)(end - start));
    if (!stop)
        stop = end;
    *stop = '\0';
    *rest = stop < end ? stop + 1 : end;
    return start;
}

/* One line up to `end`; without a colon all of it is the name. */
static struct header read_header(char *line, char *end)
{
    char *colon = memchr(line, ':', (size_t)(end - line));
    char *name_end = colon ? colon : end;
    char *value = colon ? colon + 1 : end;
    *name_end = *end = '\0';
    return (struct header){line, value, (size_t)(name_end - line), (size_t)(end - value)};
}

static size_t read_headers(char *rest, char *end, struct header headers[HEADERS_MAX])
{
    size_t count = 0;
    while (rest < end && count < HEADERS_MAX) {
        char *stop = memchr(rest, '\n', (size_t)(end - rest));
        if (!stop)
            stop = end;
        headers[count++] = read_header(rest, stop);
        rest = stop < end ? stop + 1 : end;
    }
    return count;
}

static size_t count_of(const struct message *message, const char *name)
{
    size_t count = 0;
    for (size_t i = 0; i < message->header_count; i++)
        count += strcasecmp(message->headers[i].name, name) == 0;
    return count;
}

static void check(int fact)
{
    if (!fact)
        abort();
}

/* What has passed has one meaning. */
static void check_passed(const struct message *message)
{
    int chunked;
    size_t lengths = count_of(message, "Content-Length");
    size_t codings = count_of(message, "Transfer-Encoding");
    size_t hosts = count_of(message, "Host");
    int is_1_1 = strcmp(message->version, "HTTP/1.1") == 0;
    check(is_1_1 || strcmp(message->version, "HTTP/1.0") == 0);
    check(lengths + codings <= 1 && hosts <= 1);
    check(is_1_1 ? hosts == 1 : codings == 0);
    check(message->target[0] == '/' || strcmp(message->target, "*") == 0);
    for (size_t i = 0; i < message->header_count; i++) {
        const struct header *header = &message->headers[i];
        check(strlen(header->name) == header->name_len && !strpbrk(header->name, " \t:\r\n"));
        check(strlen(header->value) == header->value_len && !strpbrk(header->value, "\r\n"));
    }
    unsigned long long length = message_body_length(message, &chunked);
    check(chunked == (codings == 1) && !(chunked && length));
    if (lengths)
        check(length == strtoull(message_header(message, "Content-Length")->value, NULL, 10));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct header headers[HEADERS_MAX];
    char *text = malloc(size + 1);
    if (!text)
        abort();
    if (size)
        memcpy(text, data, size);
    char *rest = text, *end = text + size;
    *end = '\0';
    struct message message = {.headers = headers};
    message.method = cut(&rest, end, ' ');
    message.target = cut(&rest, end, ' ');
    message.version = cut(&rest, end, '\n');
    message.header_count = read_headers(rest, end, headers);
    const struct refusal *refusal = guard_check(&message);
    if (refusal)
        check(refusal->status >= 400 && refusal->code[0] && refusal->detail[0]);
    else
        check_passed(&message);
    free(text);
    return 0;
}
