/* Webhooks: what is asked for, how it is signed, where it may go.
 *
 * SPDX-License-Identifier: MIT */
#include "webhook.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "shared/cidr.h"

#define SECRET_PREFIX "whsec_"
#define SECRET_MAX 128 /* bytes of a secret, decoded */

/* ---- What is asked for ---------------------------------------------------------------------- */

static bool is_url(const char *url)
{
    const char *host = NULL;
    if (url && strncasecmp(url, "http://", 7) == 0)
        host = url + 7;
    else if (url && strncasecmp(url, "https://", 8) == 0)
        host = url + 8;
    if (!host || *host == '\0' || strchr("/?#:@", *host) || strlen(url) > WEBHOOK_URL_MAX)
        return false;
    for (const char *at = url; *at; at++)
        if ((unsigned char)*at <= ' ' || (unsigned char)*at >= 0x7f)
            return false;
    return true;
}

/* What says how a request is read, where it goes, or who sent it is ours to say. */
static bool is_header(const char *name, const json_t *value)
{
    static const char *const ours[] = {"host",       "content-length", "transfer-encoding",
                                       "connection", "expect",         "te",
                                       "trailer",    "upgrade"};
    static const char token[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ"; /* RFC 9110 section 5.6.2 */
    const char *text = json_string_value(value);
    if (*name == '\0' || name[strspn(name, token)] || strlen(name) > 100 || !text ||
        strlen(text) > 1000 || strncasecmp(name, "webhook-", 8) == 0)
        return false;
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
        if (strcasecmp(name, ours[i]) == 0)
            return false;
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            return false;
    return true;
}

const char *webhook_wrong(const json_t *payload)
{
    const char *name;
    json_t *value;
    json_t *headers = json_object_get(payload, "headers");
    if (!is_url(json_string_value(json_object_get(payload, "url"))))
        return "must have a url that begins with http:// or https://";
    if (!json_object_get(payload, "body"))
        return "must have a body";
    if (json_object_size(payload) > (headers ? 3u : 2u))
        return "has members besides url, body and headers";
    if (headers && (!json_is_object(headers) || json_object_size(headers) > WEBHOOK_HEADERS_MAX))
        return "must have headers that are an object of at most 20 texts";
    json_object_foreach(headers, name, value)
    {
        if (!is_header(name, value))
            return "has a header that can't be sent";
    }
    return NULL;
}

bool webhook_read(const char *payload, size_t len, struct webhook *ret_webhook)
{
    struct webhook webhook = {.json = json_loadb(payload, len, 0, NULL)};
    if (webhook.json && !webhook_wrong(webhook.json)) {
        const json_t *body = json_object_get(webhook.json, "body");
        webhook.url = json_string_value(json_object_get(webhook.json, "url"));
        webhook.headers = json_object_get(webhook.json, "headers");
        webhook.body = json_is_string(body)
                           ? strndup(json_string_value(body), json_string_length(body))
                           : json_dumps(body, JSON_COMPACT | JSON_ENCODE_ANY);
    }
    if (!webhook.body) {
        webhook_release(&webhook);
        return false;
    }
    webhook.body_len = strlen(webhook.body);
    *ret_webhook = webhook;
    return true;
}

void webhook_release(struct webhook *webhook)
{
    json_decref(webhook->json);
    free(webhook->body);
    *webhook = (struct webhook){0};
}

/* ---- Signing -------------------------------------------------------------------------------- */

void webhook_secret_write(const unsigned char bytes[WEBHOOK_SECRET_BYTES],
                          char ret_secret[WEBHOOK_SECRET_SIZE])
{
    (void)stpcpy(ret_secret, SECRET_PREFIX);
    (void)EVP_EncodeBlock((unsigned char *)ret_secret + strlen(SECRET_PREFIX), bytes,
                          WEBHOOK_SECRET_BYTES);
}

/* The number of bytes; -1 for what is no secret. */
static int secret_read(const char *secret, unsigned char ret_bytes[SECRET_MAX])
{
    size_t prefix = strlen(SECRET_PREFIX);
    size_t len = strlen(secret);
    if (strncmp(secret, SECRET_PREFIX, prefix) != 0 || len - prefix > SECRET_MAX / 3 * 4)
        return -1;
    int count =
        EVP_DecodeBlock(ret_bytes, (const unsigned char *)secret + prefix, (int)(len - prefix));
    if (count <= 0)
        return -1;
    return count - (secret[len - 1] == '=') - (secret[len - 2] == '=');
}

bool webhook_sign(const char *secret, const char *id, int64_t timestamp, const char *body,
                  size_t len, char ret_signature[WEBHOOK_SIGNATURE_SIZE])
{
    unsigned char bytes[SECRET_MAX], digest[EVP_MAX_MD_SIZE];
    unsigned digest_len = 0;
    int secret_len = secret_read(secret, bytes);
    size_t size = strlen(id) + 32 + len;
    char *text = secret_len > 0 ? malloc(size) : NULL;
    if (!text)
        return false;
    int head = snprintf(text, size, "%s.%lld.", id, (long long)timestamp);
    memcpy(text + head, body, len);
    bool made = HMAC(EVP_sha256(), bytes, secret_len, (unsigned char *)text, (size_t)head + len,
                     digest, &digest_len) != NULL;
    free(text);
    if (made) {
        (void)stpcpy(ret_signature, "v1,");
        (void)EVP_EncodeBlock((unsigned char *)ret_signature + 3, digest, (int)digest_len);
    }
    return made;
}

/* ---- Where it may go ------------------------------------------------------------------------ */

const char *const webhook_private_networks[] = {
    "0.0.0.0/8",      "10.0.0.0/8",     "100.64.0.0/10", "127.0.0.0/8",
    "169.254.0.0/16", "172.16.0.0/12",  "192.0.0.0/24",  "192.0.2.0/24",
    "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24",
    "203.0.113.0/24", "224.0.0.0/3",    "::/96",         "64:ff9b:1::/48",
    "100::/64",       "2001::/23",      "2001:db8::/32", "fc00::/7",
    "fe80::/10",      "fec0::/10",      "ff00::/8",      NULL,
};

/* Where IPv4 is within IPv6: NAT64 (RFC 6052), 6to4 (RFC 3056). Mapped addresses are IPv4 to cidr.h. */
static const unsigned char *embedded(const struct in6_addr *address)
{
    static const unsigned char nat64[12] = {0x00, 0x64, 0xff, 0x9b};
    static const unsigned char six_to_four[2] = {0x20, 0x02};
    const unsigned char *bytes = address->s6_addr;
    if (memcmp(bytes, nat64, sizeof nat64) == 0)
        return bytes + 12;
    return memcmp(bytes, six_to_four, sizeof six_to_four) == 0 ? bytes + 2 : NULL;
}

bool webhook_address_in(const struct sockaddr *address, const char *networks)
{
    char text[INET6_ADDRSTRLEN] = "";
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)address;
        (void)inet_ntop(AF_INET, &in->sin_addr, text, sizeof text);
    } else if (address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)address;
        const unsigned char *within = embedded(&in6->sin6_addr);
        (void)inet_ntop(within ? AF_INET : AF_INET6,
                        within ? (const void *)within : (const void *)&in6->sin6_addr, text,
                        sizeof text);
    }
    return cidrs_have(networks, text);
}
