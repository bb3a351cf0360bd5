/* Webhooks: what is asked for, how it is signed, where it may go.
 *
 *   {url, body, headers?} -> webhook_read -> POST with webhook-id, webhook-timestamp and
 *   webhook-signature, as Standard Webhooks has them (github.com/standard-webhooks, version 1.0.0)
 *
 * SPDX-License-Identifier: MIT */
#ifndef JOBS_WEBHOOK_H
#define JOBS_WEBHOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <jansson.h>

#define WEBHOOK_TYPE "webhook"
#define WEBHOOK_URL_MAX 2048
#define WEBHOOK_HEADERS_MAX 20
#define WEBHOOK_SECRET_BYTES 32
#define WEBHOOK_SECRET_SIZE 64 /* "whsec_" and base64, with its NUL */
#define WEBHOOK_SIGNATURE_SIZE 64

/* ---- What is asked for ---------------------------------------------------------------------- */

struct webhook {
    json_t *json; /* owned */
    const char *url;
    char *body; /* owned: a text as it is, anything else as JSON */
    size_t body_len;
    const json_t *headers; /* NULL: none */
};

/* NULL, or what is wrong with a payload, in words that follow its name: "must have a url". */
const char *webhook_wrong(const json_t *payload);

/* Of a payload that was found right. False: it is not, after all, or memory is out. */
bool webhook_read(const char *payload, size_t len, struct webhook *ret_webhook);
void webhook_release(struct webhook *webhook);

/* ---- Signing -------------------------------------------------------------------------------- */

/* "whsec_" and the base64 of these bytes. */
void webhook_secret_write(const unsigned char bytes[WEBHOOK_SECRET_BYTES],
                          char ret_secret[WEBHOOK_SECRET_SIZE]);

/* "v1,<base64 of HMAC-SHA256 of id.timestamp.body>". False for a secret that is none. */
bool webhook_sign(const char *secret, const char *id, int64_t timestamp, const char *body,
                  size_t len, char ret_signature[WEBHOOK_SIGNATURE_SIZE]);

/* ---- Where it may go ------------------------------------------------------------------------ */

/* Networks that are no part of the internet, or this host, as shared/cidr.h reads them; ends with
 * NULL (the IANA special-purpose address registries, RFC 6890). */
extern const char *const webhook_private_networks[];

/* Whether one of the networks, as shared/cidr.h keeps them, has the address; one of IPv4 within
 * IPv6 (mapped, NAT64, 6to4) is looked at as IPv4. */
bool webhook_address_in(const struct sockaddr *address, const char *networks);

#endif
