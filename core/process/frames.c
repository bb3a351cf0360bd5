/* Messages over a stream socket.
 *
 * SPDX-License-Identifier: MIT */
#include "frames.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_AT_ONCE 65536u
#define IN_MAX (SLUICE_MESSAGE_MAX + READ_AT_ONCE) /* a whole message is among so much */

void frames_open(struct frames *frames, int fd)
{
    *frames = (struct frames){.fd = fd};
    text_init(&frames->out, NULL);
    text_init(&frames->in, NULL);
}

void frames_close(struct frames *frames)
{
    if (!frames->out.data)
        return;
    if (frames->fd >= 0)
        close(frames->fd);
    text_release(&frames->out);
    text_release(&frames->in);
    *frames = (struct frames){.fd = -1};
}

bool frames_add(struct frames *frames, const void *message, size_t len)
{
    uint32_t prefix = (uint32_t)len; /* both sides are one program: its own byte order will do */
    if (len > SLUICE_MESSAGE_MAX)
        return false;
    text_add_bytes(&frames->out, &prefix, sizeof prefix);
    text_add_bytes(&frames->out, message, len);
    return true;
}

int frames_write(struct frames *frames)
{
    while (frames->written < frames->out.len) {
        ssize_t len = send(frames->fd, frames->out.data + frames->written,
                           frames->out.len - frames->written, MSG_NOSIGNAL);
        if (len < 0 && errno == EINTR)
            continue;
        if (len < 0)
            return -errno;
        frames->written += (size_t)len;
    }
    text_clear(&frames->out);
    frames->written = 0;
    return 0;
}

/* Moves what is not taken yet to the front. */
static void make_room(struct frames *frames)
{
    size_t left = frames->in.len - frames->taken;
    memmove(frames->in.data, frames->in.data + frames->taken, left);
    text_clear(&frames->in);
    text_added(&frames->in, left);
    frames->taken = 0;
}

int frames_read(struct frames *frames)
{
    if (frames->taken)
        make_room(frames);
    while (frames->in.len < IN_MAX) {
        char *room = text_room(&frames->in, READ_AT_ONCE);
        ssize_t len = recv(frames->fd, room, READ_AT_ONCE, 0);
        if (len > 0)
            text_added(&frames->in, (size_t)len);
        else if (len == 0 || errno == ECONNRESET)
            return -EPIPE;
        else if (errno != EINTR) /* EAGAIN among them */
            return -errno;
    }
    return 0;
}

int frames_next(struct frames *frames, sluice_bytes *ret_message)
{
    uint32_t len;
    const char *at = frames->in.data + frames->taken;
    size_t left = frames->in.len - frames->taken;
    if (left < sizeof len)
        return 0;
    memcpy(&len, at, sizeof len);
    if (len > SLUICE_MESSAGE_MAX)
        return -EBADMSG;
    if (left - sizeof len < len)
        return 0;
    *ret_message = (sluice_bytes){at + sizeof len, len};
    frames->taken += sizeof len + len;
    return 1;
}
