/* The guard: what libmicrohttpd 0.9.75 lets through and must not get any further.
 *
 *   request line -> host -> framing -> expectation -> header names and values
 *
 * Where two parsers can disagree about where a message ends or whom it is for, one of them can be
 * fooled. Everything ambiguous is therefore refused, never repaired (RFC 9112 sections 3.2, 6.1 and
 * 11.2).
 *
 * SPDX-License-Identifier: MIT */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "message.h"

#define REFUSE(status, code, detail)                                                               \
    do {                                                                                           \
        static const struct refusal refusal = {status, code, detail};                              \
        return &refusal;                                                                           \
    } while (0)

static bool is_named(const struct header *header, const char *name, size_t len)
{
    return header->name_len == len && strncasecmp(header->name, name, len) == 0;
}

const struct header *message_header(const struct message *message, const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < message->header_count; i++)
        if (is_named(&message->headers[i], name, len))
            return &message->headers[i];
    return NULL;
}

static size_t count_of(const struct message *message, const char *name)
{
    size_t len = strlen(name), count = 0;
    for (size_t i = 0; i < message->header_count; i++)
        count += is_named(&message->headers[i], name, len);
    return count;
}

/* ---- Request line ------------------------------------------------------------------------- */

static bool is_http11(const struct message *message)
{
    return strcmp(message->version, "HTTP/1.1") == 0;
}

/* Visible ASCII; a fragment is never sent (RFC 9112 section 3.2). */
static bool target_is_clean(const char *target)
{
    for (; *target; target++)
        if (*target <= ' ' || *target >= 0x7f || *target == '#')
            return false;
    return true;
}

static const struct refusal *check_line(const struct message *message)
{
    const char *method = message->method, *target = message->target;
    if (!is_http11(message) && strcmp(message->version, "HTTP/1.0") != 0)
        REFUSE(505, "version_not_supported", "this gateway speaks HTTP/1.1 and HTTP/1.0");
    /* TRACE echoes headers, secrets among them; CONNECT asks for a tunnel. 501, since that holds
     * for every path; 405 would be about this one and owe it an Allow (RFC 9110 section 9.1). */
    if (strcmp(method, "TRACE") == 0 || strcmp(method, "CONNECT") == 0)
        REFUSE(501, "method_not_implemented", "TRACE and CONNECT are not served by this gateway");
    if (strcmp(target, "*") == 0 && strcmp(method, "OPTIONS") == 0)
        return NULL;
    /* RFC 9112 section 3.2.2 has servers take http://host/path as well. Its host overrules the Host
     * header, which whoever reads Host would have to know: clients send it to proxies alone. */
    if (target[0] != '/')
        REFUSE(400, "bad_target",
               "the request target must be a path that starts with /, not a whole URL");
    if (!target_is_clean(target))
        REFUSE(400, "bad_target",
               "the request target has a byte that must be percent-encoded: a control character, "
               "a space, # or a byte above 126");
    return NULL;
}

/* ---- Host --------------------------------------------------------------------------------- */

/* What an authority can consist of (RFC 3986 section 3.2), without userinfo. */
static bool is_authority(const char *host)
{
    return host[strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                             "-._~!$&'()*+,;=:[]%")] == '\0';
}

static const struct refusal *check_host(const struct message *message)
{
    size_t hosts = count_of(message, "Host");
    if (hosts > 1)
        REFUSE(400, "duplicate_host", "a request has one Host header");
    if (hosts == 0 && is_http11(message))
        REFUSE(400, "missing_host", "an HTTP/1.1 request needs a Host header");
    if (hosts == 1 && !is_authority(message_header(message, "Host")->value))
        REFUSE(400, "bad_host", "the Host header is not a host name or address");
    return NULL;
}

/* ---- Framing ------------------------------------------------------------------------------ */

/* 1*DIGIT that fits; *ret_length untouched otherwise. */
static bool parse_length(const char *value, uint64_t *ret_length)
{
    uint64_t length = 0;
    if (!*value)
        return false;
    for (; *value; value++) {
        if (*value < '0' || *value > '9' || length > (UINT64_MAX - 9) / 10)
            return false;
        length = length * 10 + (uint64_t)(*value - '0');
    }
    *ret_length = length;
    return true;
}

static const struct refusal *check_framing(const struct message *message)
{
    size_t lengths = count_of(message, "Content-Length");
    size_t codings = count_of(message, "Transfer-Encoding");
    uint64_t length;
    if (lengths > 1)
        REFUSE(400, "duplicate_content_length", "a request has at most one Content-Length");
    if (lengths && codings)
        REFUSE(400, "ambiguous_length",
               "a request has either Content-Length or Transfer-Encoding, not both");
    if (lengths && !parse_length(message_header(message, "Content-Length")->value, &length))
        REFUSE(400, "bad_content_length", "Content-Length must be a decimal number");
    if (!codings)
        return NULL;
    if (!is_http11(message))
        REFUSE(400, "transfer_encoding_on_1_0", "HTTP/1.0 has no Transfer-Encoding");
    if (codings > 1 || strcasecmp(message_header(message, "Transfer-Encoding")->value, "chunked"))
        REFUSE(501, "transfer_encoding_not_implemented",
               "the only Transfer-Encoding this gateway takes is a single \"chunked\"");
    return NULL;
}

unsigned long long message_body_length(const struct message *message, int *ret_chunked)
{
    uint64_t length = 0;
    const struct header *header = message_header(message, "Content-Length");
    *ret_chunked = message_header(message, "Transfer-Encoding") != NULL;
    if (header)
        (void)parse_length(header->value, &length); /* the guard has checked it */
    return length;
}

static const struct refusal *check_expectations(const struct message *message)
{
    for (size_t i = 0; i < message->header_count; i++) {
        const struct header *header = &message->headers[i];
        if (is_named(header, "Expect", strlen("Expect")) &&
            strcasecmp(header->value, "100-continue") != 0)
            REFUSE(417, "expectation_failed",
                   "the only expectation this gateway meets is 100-continue");
    }
    return NULL;
}

/* ---- Every header ------------------------------------------------------------------------- */

/* tchar of RFC 9110 section 5.6.2. */
static bool is_token(const char *name, size_t len)
{
    static const char marks[] = "!#$%&'*+-.^_`|~";
    for (size_t i = 0; i < len; i++) {
        char c = name[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && (c == '\0' || !strchr(marks, c)))
            return false;
    }
    return len > 0;
}

static bool is_field_value(const char *value, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (((unsigned char)value[i] < ' ' && value[i] != '\t') || value[i] == 0x7f)
            return false;
    return true;
}

static const struct refusal *check_headers(const struct message *message)
{
    for (size_t i = 0; i < message->header_count; i++) {
        const struct header *header = &message->headers[i];
        if (!is_token(header->name, header->name_len))
            REFUSE(400, "bad_header_name",
                   "a header's name may have letters, digits and !#$%&'*+-.^_`|~, and no space "
                   "before its colon");
        if (!is_field_value(header->value, header->value_len))
            REFUSE(400, "bad_header_value", "a header's value has a control character");
    }
    return NULL;
}

const struct refusal *guard_check(const struct message *message)
{
    static const struct refusal *(*const checks[])(const struct message *) = {
        check_line, check_headers, check_host, check_framing, check_expectations,
    };
    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++) {
        const struct refusal *refusal = checks[i](message);
        if (refusal)
            return refusal;
    }
    return NULL;
}
