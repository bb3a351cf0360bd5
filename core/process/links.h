/* A plugin's process and its executors: what is asked of the generation, and the sockets.
 *
 *   links_start --EXECUTE--> generation --STARTED + socket--> started
 *   links_send  --frame----> executor   --frame-------------> received
 *   links_signal -SIGNAL---> generation --ENDED-------------> received what is left, then ended
 *
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_CORE_LINKS_H
#define SLUICE_CORE_LINKS_H

#include <stddef.h>

#include <uv.h>

struct links;
struct worker_handle;
struct process;

/* `channel` is taken over. NULL, with the reason logged, when there can be none. */
struct links *links_open(uv_loop_t *loop, struct worker_handle *handle,
                         const struct process *process, int channel);

/* Stops everything; the memory is freed when libuv has closed its handles. */
void links_close(struct links *links);

/* As the worker's table says in sluice/abi.h. */
void links_start(struct links *links, unsigned slot);
void links_send(struct links *links, unsigned slot, const void *message, size_t len);
void links_signal(struct links *links, unsigned slot, int number);

#endif
