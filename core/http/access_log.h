/* The access log: one JSON line a request. Never a path, a query or a header: no secrets.
 *
 *   {"time":"...","id":"...","method":"GET","route":"/leaderboard/rank/{userId}","status":200,
 *    "bytes":31,"us":412,"client":"acme","address":"192.0.2.7"}
 *
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_CORE_ACCESS_LOG_H
#define SLUICE_CORE_ACCESS_LOG_H

#include <stdint.h>

#include "text.h"

struct access_entry {
    int64_t time_ms; /* since 1970 */
    const char *request_id;
    const char *trace_id; /* NULL: none */
    const char *method;
    const char *route; /* the pattern; "" where no route matched */
    uint32_t status;
    uint64_t bytes; /* of the body that was sent */
    int64_t duration_us;
    const char *client; /* NULL: nobody */
    const char *address;
};

/* Queues the line; log_flush writes it. */
void access_log(const struct access_entry *entry);

/* The line alone, without its newline, added to `text`. */
void access_log_format(struct text *text, const struct access_entry *entry);

#endif
