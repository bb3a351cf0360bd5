/* What the jobs process and its executors say to each other.
 *
 * SPDX-License-Identifier: MIT */
#include "wire.h"

#include <stdlib.h>
#include <string.h>

#include <sluice/args.h>

/* ---- Writing ------------------------------------------------------------------------------ */

static void add(struct wire *wire, const void *bytes, size_t len)
{
    if (wire->size - wire->len < len) {
        size_t size = wire->size ? wire->size : 1024;
        while (size - wire->len < len)
            size *= 2;
        char *data = realloc(wire->data, size);
        if (!data)
            abort();
        wire->data = data;
        wire->size = size;
    }
    if (len)
        memcpy(wire->data + wire->len, bytes, len);
    wire->len += len;
}

void wire_begin(struct wire *wire, enum wire_kind kind)
{
    wire->len = 0;
    wire_int(wire, kind);
}

void wire_int(struct wire *wire, int64_t number)
{
    add(wire, &number, sizeof number);
}

void wire_text(struct wire *wire, sluice_bytes text)
{
    wire_int(wire, (int64_t)text.len);
    add(wire, text.data, text.len);
    add(wire, "", 1);
}

void wire_release(struct wire *wire)
{
    free(wire->data);
    *wire = (struct wire){0};
}

void wire_write_outcome(struct wire *wire, const char *id, const struct wire_outcome *outcome)
{
    wire_begin(wire, WIRE_OUTCOME);
    wire_text(wire, sluice_bytes_of(id, strlen(id)));
    wire_int(wire, outcome->how);
    wire_int(wire, outcome->after_ms);
    wire_text(wire, outcome->why);
    wire_text(wire, outcome->result);
    wire_int(wire, outcome->leaves);
}

/* ---- Reading ------------------------------------------------------------------------------ */

enum wire_kind wire_open(struct wire_reader *reader, sluice_bytes message)
{
    *reader = (struct wire_reader){message.data, (const char *)message.data + message.len, false};
    return (enum wire_kind)wire_take_int(reader);
}

static const void *take(struct wire_reader *reader, size_t len)
{
    const char *at = reader->at;
    if (reader->broken || (size_t)(reader->end - at) < len) {
        reader->broken = true;
        return NULL;
    }
    reader->at += len;
    return at;
}

int64_t wire_take_int(struct wire_reader *reader)
{
    int64_t number = 0;
    const void *at = take(reader, sizeof number);
    if (at)
        memcpy(&number, at, sizeof number);
    return number;
}

sluice_bytes wire_take_text(struct wire_reader *reader)
{
    int64_t len = wire_take_int(reader);
    if (len < 0)
        reader->broken = true;
    const char *at = len < 0 ? NULL : take(reader, (size_t)len + 1);
    return at ? (sluice_bytes){at, (uint64_t)len} : (sluice_bytes){"", 0};
}

bool wire_take_outcome(struct wire_reader *reader, struct wire_outcome *ret_outcome)
{
    struct wire_outcome outcome;
    outcome.how = wire_take_int(reader);
    outcome.after_ms = wire_take_int(reader);
    outcome.why = wire_take_text(reader);
    outcome.result = wire_take_text(reader);
    outcome.leaves = wire_take_int(reader) != 0;
    if (reader->broken || outcome.how < SLUICE_JOB_DONE || outcome.how > SLUICE_JOB_DEAD)
        return false;
    *ret_outcome = outcome;
    return true;
}
