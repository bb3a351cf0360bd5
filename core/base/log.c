/* Log lines on stderr, whole ones only, whoever else writes to the same pipe.
 *
 *   log_message ------------------------> put -> write(2)
 *   log_line -> queue -> log_flush -> pieces -^
 *
 * A pipe takes up to PIPE_BUF bytes at once or not at all (POSIX, write), so nothing longer is
 * written in one go, except a single line that is longer itself. A reader that has fallen behind
 * holds a process up once for WAIT_MS; from then on lines are dropped and counted until one gets
 * through, and a line of its own says how many are missing.
 *
 * SPDX-License-Identifier: MIT */
#include "log.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "json_write.h"
#include "text.h"

#define WAIT_MS 20
#define MESSAGE_MAX 3072 /* bytes of one message; the rest is cut off */
#define QUEUE_MAX                                                                                  \
    (32 * 1024) /* bytes queued before they are written unasked: half a Linux pipe   \
                               */

static struct {
    char role[64];
    enum log_level least;
    struct text queue; /* whole lines, with their newlines */
    struct text line;  /* the one being made */
    uint64_t dropped;  /* lines since the last that got through */
    bool torn;         /* the last write ended in the middle of a line */
} state = {.role = "sluice", .least = LOG_INFO};

void log_role(const char *role)
{
    (void)snprintf(state.role, sizeof state.role, "%s", role);
}

void log_threshold(enum log_level least)
{
    state.least = least;
}

/* Writes all of it, or gives up when the reader is late. */
static bool write_whole(const char *bytes, size_t len, int wait_ms)
{
    size_t done = 0;
    while (done < len) {
        ssize_t written = write(STDERR_FILENO, bytes + done, len - done);
        if (written >= 0) {
            done += (size_t)written;
            continue;
        }
        if (errno == EINTR)
            continue;
        struct pollfd writable = {.fd = STDERR_FILENO, .events = POLLOUT};
        if (errno == EAGAIN && wait_ms > 0 && poll(&writable, 1, wait_ms) > 0) {
            wait_ms /= 2; /* bounded, even where POLLOUT promises too much */
            continue;
        }
        break;
    }
    if (done > 0)
        state.torn = done < len;
    return done == len;
}

static void make_line(enum log_level level, const char *message, size_t len)
{
    static const char *const levels[] = {"debug", "info", "warn", "error"};
    struct text *line = &state.line;
    char stamp[CLOCK_STAMP_SIZE];
    clock_stamp(clock_realtime_ms(), stamp);
    if (!line->data)
        text_init(line, NULL);
    text_clear(line);
    text_add(line, "{\"time\":\"");
    text_add(line, stamp);
    text_add(line, "\",\"level\":\"");
    text_add(line, levels[level]);
    text_add(line, "\",\"process\":");
    json_add_string(line, state.role, strlen(state.role));
    text_add(line, ",\"pid\":");
    text_add_int(line, getpid());
    text_add(line, ",\"message\":");
    json_add_string(line, message, len);
    text_add(line, "}\n");
}

/* True when what is missing, if anything, has been told. */
static bool tell_dropped(void)
{
    if (!state.dropped)
        return true;
    char message[128];
    int len = snprintf(message, sizeof message,
                       "%llu log lines were dropped: whoever reads standard error was too slow",
                       (unsigned long long)state.dropped);
    make_line(LOG_WARN, message, (size_t)len);
    if (state.torn && !write_whole("\n", 1, 0))
        return false;
    if (!write_whole(state.line.data, state.line.len, 0))
        return false;
    state.dropped = 0;
    return true;
}

static void put(const char *bytes, size_t len, uint64_t lines)
{
    if (!write_whole(bytes, len, state.dropped ? 0 : WAIT_MS))
        state.dropped += lines;
}

void log_message(enum log_level level, const char *format, ...)
{
    if (level < state.least || level > LOG_ERROR)
        return;
    int saved = errno;
    char message[MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    int written = vsnprintf(message, sizeof message, format, args);
    va_end(args);
    size_t len = written < 0 ? 0 : (size_t)written;
    if (len >= sizeof message) {
        len = sizeof message - 1;
        memcpy(message + len - 3, "...", 3);
    }
    if (tell_dropped()) {
        make_line(level, message, len);
        /* Escapes can make six bytes of one. */
        for (; state.line.len > PIPE_BUF; len /= 2)
            make_line(level, message, len / 2);
        put(state.line.data, state.line.len, 1);
    } else {
        state.dropped++;
    }
    errno = saved;
}

void log_line(const char *line, size_t len)
{
    if (!state.queue.data)
        text_init(&state.queue, NULL);
    text_add_bytes(&state.queue, line, len);
    text_add_char(&state.queue, '\n');
    if (state.queue.len >= QUEUE_MAX)
        log_flush();
}

/* How much of `bytes` is whole lines within PIPE_BUF, or one longer line. */
static size_t piece(const char *bytes, size_t len, uint64_t *ret_lines)
{
    size_t whole = 0;
    uint64_t lines = 0;
    while (whole < len) {
        const char *end = memchr(bytes + whole, '\n', len - whole);
        size_t next = end ? (size_t)(end - bytes) + 1 : len;
        if (lines > 0 && next > PIPE_BUF)
            break;
        whole = next;
        lines++;
    }
    *ret_lines = lines;
    return whole;
}

void log_flush(void)
{
    if (!state.queue.len)
        return;
    int saved = errno;
    for (size_t at = 0, len; at < state.queue.len; at += len) {
        uint64_t lines;
        len = piece(state.queue.data + at, state.queue.len - at, &lines);
        if (tell_dropped())
            put(state.queue.data + at, len, lines);
        else
            state.dropped += lines;
    }
    text_clear(&state.queue);
    errno = saved;
}
