/* Messages over a stream socket between a process and its executor: each with its length in front.
 *
 *   frames_add -> frames_write (what the socket takes; the rest later)
 *   frames_read (what is there) -> frames_next, again and again
 *
 * A stream, because a message of a datagram socket must fit its buffer, and a payload need not.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_CORE_FRAMES_H
#define SLUICE_CORE_FRAMES_H

#include <stdbool.h>
#include <stddef.h>

#include <sluice/abi.h>

#include "text.h"

struct frames {
    int fd; /* non-blocking; -1: none */
    struct text out, in;
    size_t written, taken; /* bytes of `out` that are gone; of `in` that frames_next gave */
};

/* Takes the descriptor over. */
void frames_open(struct frames *frames, int fd);
void frames_close(struct frames *frames); /* also of a zeroed one */

/* Queues a message. False: it is larger than SLUICE_MESSAGE_MAX, and nothing happened. */
bool frames_add(struct frames *frames, const void *message, size_t len);

/* 0 when all is written, -EAGAIN when the socket is full, or another negative errno. */
int frames_write(struct frames *frames);

/* Reads what is there: -EAGAIN when nothing more is, 0 when so much was that there may be more,
 * -EPIPE at the other side's end (what came before it is read), or another negative errno. Ends the
 * life of what frames_next gave. */
int frames_read(struct frames *frames);

/* 1 with the next whole message, 0 when there is none, -EBADMSG when what came is no message. */
int frames_next(struct frames *frames, sluice_bytes *ret_message);

#endif
