/* Addresses: networks, and who is calling.
 *
 * IPv4 addresses are handled as v4-mapped IPv6 ones (RFC 4291 section 2.5.5.2), so that there is
 * one form to compare.
 *
 * SPDX-License-Identifier: MIT */
#include "address.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>

static const uint8_t v4_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/* ---- Networks ----------------------------------------------------------------------------- */

/* 16 bytes of a numeric address; *ret_v4 says which family it was. 0 or -EINVAL. */
static int parse_bytes(const char *text, uint8_t ret_bytes[16], bool *ret_v4)
{
    *ret_v4 = inet_pton(AF_INET, text, ret_bytes + 12) == 1;
    if (*ret_v4) {
        memcpy(ret_bytes, v4_prefix, sizeof v4_prefix);
        return 0;
    }
    return inet_pton(AF_INET6, text, ret_bytes) == 1 ? 0 : -EINVAL;
}

int address_number(const char *text, unsigned long max, unsigned long *ret_number)
{
    char *end;
    if (*text < '0' || *text > '9')
        return -EINVAL;
    errno = 0;
    unsigned long number = strtoul(text, &end, 10);
    if (errno || *end || number > max)
        return -EINVAL;
    *ret_number = number;
    return 0;
}

int network_parse(const char *text, struct network *ret_network)
{
    char address[ADDRESS_TEXT_SIZE];
    struct network network;
    size_t len = strcspn(text, "/");
    bool v4;
    if (len >= sizeof address)
        return -EINVAL;
    memcpy(address, text, len);
    address[len] = '\0';
    if (parse_bytes(address, network.bytes, &v4) < 0)
        return -EINVAL;
    unsigned long bits = v4 ? 32 : 128;
    if (text[len] && address_number(text + len + 1, bits, &bits) < 0)
        return -EINVAL;
    network.bits = (unsigned)bits + (v4 ? 96 : 0);
    *ret_network = network;
    return 0;
}

static bool has_bytes(const struct network *network, const uint8_t bytes[16])
{
    unsigned whole = network->bits / 8, rest = network->bits % 8;
    if (memcmp(network->bytes, bytes, whole) != 0)
        return false;
    uint8_t mask = (uint8_t)(0xff << (8 - rest));
    return rest == 0 || ((network->bytes[whole] ^ bytes[whole]) & mask) == 0;
}

static bool bytes_of(const struct sockaddr *address, uint8_t ret_bytes[16])
{
    if (address->sa_family == AF_INET6) {
        memcpy(ret_bytes, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, 16);
        return true;
    }
    if (address->sa_family != AF_INET)
        return false;
    memcpy(ret_bytes, v4_prefix, sizeof v4_prefix);
    memcpy(ret_bytes + 12, &((const struct sockaddr_in *)(const void *)address)->sin_addr, 4);
    return true;
}

bool network_has(const struct network *network, const struct sockaddr *address)
{
    uint8_t bytes[16];
    return bytes_of(address, bytes) && has_bytes(network, bytes);
}

/* ---- Who is calling ----------------------------------------------------------------------- */

static void text_of_bytes(const uint8_t bytes[16], char ret_text[ADDRESS_TEXT_SIZE])
{
    bool v4 = memcmp(bytes, v4_prefix, sizeof v4_prefix) == 0;
    inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? bytes + 12 : bytes, ret_text, ADDRESS_TEXT_SIZE);
}

void address_text(const struct sockaddr *address, char ret_text[ADDRESS_TEXT_SIZE])
{
    uint8_t bytes[16];
    if (bytes_of(address, bytes))
        text_of_bytes(bytes, ret_text);
    else
        memcpy(ret_text, "unix", sizeof "unix");
}

static bool is_trusted(const uint8_t bytes[16], const struct network *trusted, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (has_bytes(&trusted[i], bytes))
            return true;
    return false;
}

/* The last entry of a comma-separated list of `*len` bytes, cut off it; false for a bad one. */
static bool take_last(const char *list, size_t *len, uint8_t ret_bytes[16])
{
    char entry[ADDRESS_TEXT_SIZE];
    bool v4;
    size_t start = *len;
    while (start && list[start - 1] != ',')
        start--;
    const char *text = list + start;
    size_t text_len = *len - start;
    *len = start ? start - 1 : 0;
    while (text_len && (*text == ' ' || *text == '\t'))
        text++, text_len--;
    while (text_len && (text[text_len - 1] == ' ' || text[text_len - 1] == '\t'))
        text_len--;
    if (text_len == 0 || text_len >= sizeof entry)
        return false;
    memcpy(entry, text, text_len);
    entry[text_len] = '\0';
    return parse_bytes(entry, ret_bytes, &v4) == 0;
}

void address_client(const struct sockaddr *peer, const char *forwarded_for,
                    const struct network *trusted, size_t trusted_count,
                    char ret_text[ADDRESS_TEXT_SIZE])
{
    uint8_t bytes[16], next[16];
    if (!bytes_of(peer, bytes)) {
        address_text(peer, ret_text);
        return;
    }
    size_t len = forwarded_for ? strlen(forwarded_for) : 0;
    while (len && is_trusted(bytes, trusted, trusted_count) && take_last(forwarded_for, &len, next))
        memcpy(bytes, next, sizeof bytes);
    text_of_bytes(bytes, ret_text);
}
