/* What the kernel knows of a TCP connection. In a file of its own, since <linux/tcp.h> and uv.h
 * can't be included together.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_CORE_TCP_INFO_H
#define SLUICE_CORE_TCP_INFO_H

#include <stdint.h>

/* Bytes received and acknowledged so far (tcpi_bytes_received, RFC 4898 tcpEStatsAppHCThruOctets-
 * Received), or a negative errno, as for a socket that is not TCP. */
int64_t tcp_bytes_received(int fd);

#endif
