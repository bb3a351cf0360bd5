/* Networks and their addresses.
 *
 * SPDX-License-Identifier: MIT */
#include "cidr.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sluice/hex.h>

struct network {
    uint8_t bytes[16];
    size_t len; /* 4 or 16 */
    unsigned bits;
};

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/* ---- Addresses and networks ---------------------------------------------------------------- */

static bool read_address(const char *text, struct network *ret_network)
{
    struct network network = {.len = 4, .bits = 32};
    if (inet_pton(AF_INET, text, network.bytes) != 1) {
        network = (struct network){.len = 16, .bits = 128};
        if (inet_pton(AF_INET6, text, network.bytes) != 1)
            return false;
    }
    *ret_network = network;
    return true;
}

static void unmap(struct network *network)
{
    if (network->len != 16 || network->bits < 96 ||
        memcmp(network->bytes, mapped, sizeof mapped) != 0)
        return;
    memmove(network->bytes, network->bytes + sizeof mapped, 4);
    network->len = 4;
    network->bits -= 96;
}

static bool read_bits(const char *text, unsigned max, unsigned *ret_bits)
{
    size_t len = strspn(text, "0123456789");
    if (len == 0 || len > 3 || text[len] || (len > 1 && text[0] == '0'))
        return false;
    unsigned long bits = strtoul(text, NULL, 10);
    if (bits > max)
        return false;
    *ret_bits = (unsigned)bits;
    return true;
}

static uint8_t mask_of(unsigned bits, size_t byte)
{
    unsigned before = (unsigned)byte * 8;
    if (bits <= before)
        return 0;
    if (bits >= before + 8)
        return UINT8_MAX;
    return (uint8_t)(0xff00u >> (bits - before));
}

static bool read_network(const char *text, struct network *ret_network)
{
    struct network network;
    char address[CIDR_TEXT_SIZE];
    size_t len = strcspn(text, "/");
    if (len >= sizeof address)
        return false;
    memcpy(address, text, len);
    address[len] = '\0';
    if (!read_address(address, &network) ||
        (text[len] && !read_bits(text + len + 1, network.bits, &network.bits)))
        return false;
    unmap(&network);
    for (size_t i = 0; i < network.len; i++)
        network.bytes[i] = (uint8_t)(network.bytes[i] & mask_of(network.bits, i));
    *ret_network = network;
    return true;
}

/* ---- As they are kept ---------------------------------------------------------------------- */

static unsigned digit_of(char c)
{
    return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10) : (unsigned)(c - '0');
}

/* The kept network that ends with a space or the end. */
static bool read_kept(const char *text, struct network *ret_network)
{
    struct network network = {.len = strspn(text, "0123456789abcdef") / 2};
    char bits[4] = "";
    if ((network.len != 4 && network.len != 16) || text[2 * network.len] != '/')
        return false;
    for (size_t i = 0; i < network.len; i++)
        network.bytes[i] = (uint8_t)(digit_of(text[2 * i]) << 4 | digit_of(text[2 * i + 1]));
    text += 2 * network.len + 1;
    size_t len = strcspn(text, " ");
    if (len >= sizeof bits)
        return false;
    memcpy(bits, text, len);
    if (!read_bits(bits, (unsigned)network.len * 8, &network.bits))
        return false;
    *ret_network = network;
    return true;
}

bool cidr_read(const char *text, char ret_network[CIDR_SIZE])
{
    struct network network;
    if (!read_network(text, &network))
        return false;
    sluice_hex(network.bytes, network.len, ret_network);
    (void)snprintf(ret_network + 2 * network.len, 5, "/%u", network.bits);
    return true;
}

bool cidr_write(const char *network, char ret_text[CIDR_TEXT_SIZE])
{
    struct network read;
    char address[INET6_ADDRSTRLEN];
    if (!read_kept(network, &read) ||
        !inet_ntop(read.len == 4 ? AF_INET : AF_INET6, read.bytes, address, sizeof address))
        return false;
    (void)snprintf(ret_text, CIDR_TEXT_SIZE, "%s/%u", address, read.bits);
    return true;
}

static bool has(const struct network *network, const struct network *address)
{
    if (network->len != address->len)
        return false;
    for (size_t i = 0; i < network->len; i++)
        if ((address->bytes[i] & mask_of(network->bits, i)) != network->bytes[i])
            return false;
    return true;
}

bool cidrs_have(const char *networks, const char *address)
{
    struct network of, network;
    if (!read_address(address, &of))
        return false;
    unmap(&of);
    for (const char *at = networks; *at;) {
        if (read_kept(at, &network) && has(&network, &of))
            return true;
        at += strcspn(at, " ");
        at += *at == ' ';
    }
    return false;
}
