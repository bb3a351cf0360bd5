/* What the jobs process and its executors say to each other: messages of numbers and texts.
 *
 *   process  -> RUN job         CANCEL id
 *   executor -> PROGRESS id %   LOG id line   OUTCOME id how ...
 *
 * Both ends are one program, forked from one process: there is no version to tell.
 *
 * SPDX-License-Identifier: MIT */
#ifndef JOBS_WIRE_H
#define JOBS_WIRE_H

#include <stdbool.h>
#include <stddef.h>

#include <sluice/abi.h>

enum wire_kind { WIRE_RUN = 1, WIRE_CANCEL, WIRE_PROGRESS, WIRE_LOG, WIRE_OUTCOME };

/* A message being written, on the heap: a zeroed one is empty. Out of memory ends the process. */
struct wire {
    char *data;
    size_t len, size;
};

void wire_begin(struct wire *wire, enum wire_kind kind); /* forgets what was written before */
void wire_int(struct wire *wire, int64_t number);
void wire_text(struct wire *wire, sluice_bytes text);
void wire_release(struct wire *wire);

/* How a run of a job ended; `how` is a sluice_outcome. `leaves`: the executor ends after it. */
struct wire_outcome {
    int64_t how, after_ms;
    sluice_bytes why, result;
    bool leaves;
};

void wire_write_outcome(struct wire *wire, const char *id, const struct wire_outcome *outcome);

/* A message being read. After a part that is not there everything reads as 0 and "", and `broken` is
 * set. Texts live as long as the message, and a NUL follows them. */
struct wire_reader {
    const char *at, *end;
    bool broken;
};

enum wire_kind wire_open(struct wire_reader *reader, sluice_bytes message);
int64_t wire_take_int(struct wire_reader *reader);
sluice_bytes wire_take_text(struct wire_reader *reader);

/* Behind the kind and the id. False for what is no outcome. */
bool wire_take_outcome(struct wire_reader *reader, struct wire_outcome *ret_outcome);

#endif
