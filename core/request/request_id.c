/* Request ids and trace ids.
 *
 * Random bytes are fetched from OpenSSL in stocks of a page: a call per request would cost more
 * than the rest of the id.
 *
 * SPDX-License-Identifier: MIT */
#include "request_id.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/rand.h>
#include <sluice/hex.h>

#include "log.h"

#define ID_BYTES 16

static unsigned char stock[4096];
static size_t stock_used = sizeof stock;

void request_id_reset(void)
{
    stock_used = sizeof stock;
}

static const unsigned char *random_bytes(void)
{
    if (stock_used + ID_BYTES > sizeof stock) {
        if (RAND_bytes(stock, sizeof stock) != 1) {
            log_error("OpenSSL has no random bytes; the process ends");
            abort();
        }
        stock_used = 0;
    }
    const unsigned char *bytes = stock + stock_used;
    stock_used += ID_BYTES;
    return bytes;
}

void request_id_take(char ret_id[REQUEST_ID_SIZE], const char *from_client)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    size_t len = from_client ? strspn(from_client, allowed) : 0;
    if (len == 0 || len >= REQUEST_ID_SIZE || from_client[len]) {
        sluice_hex(random_bytes(), ID_BYTES, ret_id);
        return;
    }
    memcpy(ret_id, from_client, len + 1);
}

/* `len` lower-case hex digits, not all zero, then `end`. */
static bool is_hex(const char *text, size_t len, char end)
{
    return strspn(text, "0123456789abcdef") == len && strspn(text, "0") < len && text[len] == end;
}

const char *request_trace(struct arena *arena, const char *traceparent)
{
    if (!traceparent || strlen(traceparent) != 55 || strncmp(traceparent, "00-", 3) != 0 ||
        !is_hex(traceparent + 3, 32, '-') || !is_hex(traceparent + 36, 16, '-') ||
        strspn(traceparent + 53, "0123456789abcdef") != 2)
        return NULL;
    return arena_copy(arena, traceparent + 3, 32);
}
