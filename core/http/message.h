/* The head of an HTTP request as it came: what guard, router and steps read.
 *
 * Strings are libmicrohttpd's, NUL-terminated, and live as long as the request.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_CORE_MESSAGE_H
#define SLUICE_CORE_MESSAGE_H

#include <stddef.h>

struct header {
    const char *name, *value;
    size_t name_len, value_len;
};

struct message {
    const char *method;
    const char *target;  /* as sent: path and query */
    const char *version; /* "HTTP/1.1" */
    const struct header *headers;
    size_t header_count;
};

/* The first header of that name, in any case; NULL when absent. */
const struct header *message_header(const struct message *message, const char *name);

/* Why a message is refused before anything else looks at it. */
struct refusal {
    unsigned status;
    const char *code, *detail;
};

/* NULL, or a static refusal of what libmicrohttpd 0.9.75 lets through and RFC 9110/9112 forbid or
 * make dangerous: request smuggling first of all. */
const struct refusal *guard_check(const struct message *message);

/* Content-Length as a number, 0 when absent; *ret_chunked says that its length is not known.
 * Only for a message that guard_check let pass. */
unsigned long long message_body_length(const struct message *message, int *ret_chunked);

#endif
