/* Addresses: what to listen on, who is calling, and which proxies are believed.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_CORE_ADDRESS_H
#define SLUICE_CORE_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "arena.h"

#define ADDRESS_TEXT_SIZE 64 /* any address as text, without port */

/* A network: an IPv4 one is kept as its v4-mapped IPv6 form. */
struct network {
    uint8_t bytes[16];
    unsigned bits;
};

/* "10.0.0.0/8", "::1", "2001:db8::/32". 0 or -EINVAL. */
int network_parse(const char *text, struct network *ret_network);
bool network_has(const struct network *network, const struct sockaddr *address);

/* The peer's address without port; "unix" for a unix socket. */
void address_text(const struct sockaddr *address, char ret_text[ADDRESS_TEXT_SIZE]);

/* The client's address: the peer's, or, when the peer is a trusted proxy, the rightmost address of
 * X-Forwarded-For that is not one. Malformed entries end the search at the last good one. */
void address_client(const struct sockaddr *peer, const char *forwarded_for,
                    const struct network *trusted, size_t trusted_count,
                    char ret_text[ADDRESS_TEXT_SIZE]);

/* A decimal number up to `max`, all of the text: a port, a prefix length. 0 or -EINVAL. */
int address_number(const char *text, unsigned long max, unsigned long *ret_number);

/* ---- listen.c ----------------------------------------------------------------------------- */

/* "127.0.0.1:3000", "[::1]:3000", ":3000" (all), "unix:/path" -> a bound, listening, non-blocking,
 * close-on-exec socket; the address must be numeric. The descriptor, or a negative errno with a
 * sentence in *ret_why (static or in the arena). */
int address_listen(const char *text, struct arena *arena, const char **ret_why);

/* A listening socket's own address as text with port ("127.0.0.1:43121"), for port 0. */
int address_bound(int fd, char ret_text[ADDRESS_TEXT_SIZE + 8]);

#endif
