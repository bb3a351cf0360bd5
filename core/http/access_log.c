/* The access log's lines, written without printf: one is due for every request.
 *
 * SPDX-License-Identifier: MIT */
#include "access_log.h"

#include <string.h>

#include "clock.h"
#include "json_write.h"
#include "log.h"

static void add_time(struct text *text, int64_t time_ms)
{
    static char stamp[CLOCK_STAMP_SIZE];
    static int64_t stamped_second = -1;
    int64_t second = time_ms / 1000;
    unsigned ms = (unsigned)(time_ms % 1000);
    if (second != stamped_second) {
        clock_stamp(second * 1000, stamp);
        stamped_second = second;
    }
    char *digits = stamp + strlen("2026-11-23T07:10:55.");
    digits[0] = (char)('0' + ms / 100);
    digits[1] = (char)('0' + ms / 10 % 10);
    digits[2] = (char)('0' + ms % 10);
    text_add_bytes(text, stamp, CLOCK_STAMP_SIZE - 1);
}

static void add_member(struct text *text, const char *name, const char *value)
{
    text_add(text, name);
    json_add_string(text, value, strlen(value));
}

void access_log_format(struct text *text, const struct access_entry *entry)
{
    text_add(text, "{\"time\":\"");
    add_time(text, entry->time_ms);
    add_member(text, "\",\"id\":", entry->request_id);
    if (entry->trace_id)
        add_member(text, ",\"trace\":", entry->trace_id);
    add_member(text, ",\"method\":", entry->method);
    add_member(text, ",\"route\":", entry->route);
    text_add(text, ",\"status\":");
    text_add_uint(text, entry->status);
    text_add(text, ",\"bytes\":");
    text_add_uint(text, entry->bytes);
    text_add(text, ",\"us\":");
    text_add_int(text, entry->duration_us);
    if (entry->client)
        add_member(text, ",\"client\":", entry->client);
    add_member(text, ",\"address\":", entry->address);
    text_add_char(text, '}');
}

void access_log(const struct access_entry *entry)
{
    static struct text line;
    if (!line.data)
        text_init(&line, NULL);
    text_clear(&line);
    access_log_format(&line, entry);
    log_line(line.data, line.len);
}
