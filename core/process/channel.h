/* Between master and generation, and between generation and a plugin's process: short messages, each
 * with at most one descriptor.
 *
 *   generation                         master
 *   HOME data_dir          ------->    locks it            -> OK | ERROR why
 *   LISTEN address         ------->    opens or has it     -> OK + descriptor | ERROR why
 *   REDIS program          ------->    starts it           -> OK socket path | ERROR why
 *   READY banner           ------->    (no answer) the generation before drains
 *
 *   process                            generation
 *   EXECUTE slot           ------->    forks an executor
 *                          <-------    STARTED slot pid + its socket
 *   SIGNAL slot number     ------->    signals its process group
 *                          <-------    ENDED slot signal status max-rss-in-KiB
 *
 * SOCK_SEQPACKET keeps message boundaries, and its end says that the other side has died.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_CORE_CHANNEL_H
#define SLUICE_CORE_CHANNEL_H

#include <stdint.h>

#define CHANNEL_TEXT_SIZE 4096

enum channel_kind {
    CHANNEL_HOME = 1,
    CHANNEL_LISTEN,
    CHANNEL_REDIS,
    CHANNEL_READY,
    CHANNEL_OK,
    CHANNEL_ERROR,
    CHANNEL_EXECUTE,
    CHANNEL_SIGNAL,
    CHANNEL_STARTED,
    CHANNEL_ENDED,
};

struct channel_message {
    uint32_t kind;
    int fd; /* passed along, or -1; the receiver owns it */
    char text[CHANNEL_TEXT_SIZE];
};

/* Two connected ends, close-on-exec. 0 or a negative errno. */
int channel_pair(int ret_ends[2]);

/* `text` is cut at CHANNEL_TEXT_SIZE - 1 bytes. `fd` stays the caller's. 0 or a negative errno. */
int channel_send(int end, enum channel_kind kind, const char *text, int fd);

/* Waits at most `timeout_ms` (-1: for ever, 0: not at all). 0, -EAGAIN when nothing came, -EPIPE
 * when the other side is gone, or another negative errno. */
int channel_receive(int end, struct channel_message *ret_message, int timeout_ms);

#endif
