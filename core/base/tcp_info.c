/* What the kernel knows of a TCP connection.
 *
 * SPDX-License-Identifier: MIT */
#include "tcp_info.h"

#include <errno.h>
#include <stddef.h>

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

int64_t tcp_bytes_received(int fd)
{
    struct tcp_info info;
    socklen_t len = sizeof info;
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0)
        return -errno;
    if (len < offsetof(struct tcp_info, tcpi_bytes_received) + sizeof info.tcpi_bytes_received)
        return -ENOTSUP;
    return (int64_t)info.tcpi_bytes_received;
}
