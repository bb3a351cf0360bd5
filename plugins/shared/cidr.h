/* Networks and their addresses (RFC 4632, RFC 4291).
 *
 *   "10.0.0.0/8" -> "0a000000/8"      "2001:db8::/32" -> "20010db8000000000000000000000000/32"
 *
 * They are kept as hexadecimal digits, 8 or 32, and a length: so a script can compare them without
 * reading addresses. IPv4 within IPv6 (::ffff:10.0.0.1) is IPv4; an address alone is its own
 * network; bits behind the length are cleared.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SHARED_CIDR_H
#define SHARED_CIDR_H

#include <stdbool.h>

#define CIDR_SIZE 37u      /* of a kept network with its NUL: 32 digits, '/', "128" */
#define CIDR_TEXT_SIZE 50u /* of one for people */

/* False when `text` is neither an address nor a network. */
bool cidr_read(const char *text, char ret_network[CIDR_SIZE]);

/* The kept network at the start of `network`, for people; false when there is none. */
bool cidr_write(const char *network, char ret_text[CIDR_TEXT_SIZE]);

/* True when one of the kept networks, separated by spaces, has the address. */
bool cidrs_have(const char *networks, const char *address);

#endif
