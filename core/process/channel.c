/* Short messages between processes, each with at most one descriptor.
 *
 * SPDX-License-Identifier: MIT */
#include "channel.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

int channel_pair(int ret_ends[2])
{
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret_ends) < 0 ? -errno : 0;
}

union control {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(sizeof(int))];
};

int channel_send(int end, enum channel_kind kind, const char *text, int fd)
{
    uint32_t number = kind;
    size_t len = strnlen(text, CHANNEL_TEXT_SIZE - 1);
    struct iovec parts[] = {{&number, sizeof number}, {(void *)(uintptr_t)text, len}};
    union control control = {.bytes = {0}};
    struct msghdr header = {.msg_iov = parts, .msg_iovlen = 2};
    if (fd >= 0) {
        header.msg_control = control.bytes;
        header.msg_controllen = sizeof control.bytes;
        struct cmsghdr *rights = CMSG_FIRSTHDR(&header);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(sizeof fd);
        memcpy(CMSG_DATA(rights), &fd, sizeof fd);
    }
    while (sendmsg(end, &header, MSG_NOSIGNAL) < 0)
        if (errno != EINTR)
            return -errno;
    return 0;
}

static int wait_for(int end, int timeout_ms)
{
    struct pollfd poll_fd = {.fd = end, .events = POLLIN};
    int ready = poll(&poll_fd, 1, timeout_ms);
    if (ready < 0)
        return errno == EINTR ? -EAGAIN : -errno;
    return ready ? 0 : -EAGAIN;
}

static int passed_fd(struct msghdr *header)
{
    struct cmsghdr *rights = CMSG_FIRSTHDR(header);
    int fd = -1;
    if (rights && rights->cmsg_level == SOL_SOCKET && rights->cmsg_type == SCM_RIGHTS)
        memcpy(&fd, CMSG_DATA(rights), sizeof fd);
    return fd;
}

int channel_receive(int end, struct channel_message *ret_message, int timeout_ms)
{
    int error = wait_for(end, timeout_ms);
    if (error < 0)
        return error;
    uint32_t number;
    struct iovec parts[] = {{&number, sizeof number},
                            {ret_message->text, sizeof ret_message->text - 1}};
    union control control;
    struct msghdr header = {.msg_iov = parts,
                            .msg_iovlen = 2,
                            .msg_control = control.bytes,
                            .msg_controllen = sizeof control.bytes};
    ssize_t len = recvmsg(end, &header, MSG_CMSG_CLOEXEC);
    if (len < 0)
        return errno == ECONNRESET ? -EPIPE : -errno;
    if (len == 0)
        return -EPIPE;
    if ((size_t)len < sizeof number)
        return -EBADMSG;
    ret_message->kind = number;
    ret_message->fd = passed_fd(&header);
    ret_message->text[(size_t)len - sizeof number] = '\0';
    return 0;
}
