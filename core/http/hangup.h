/* The hang-up watch: tells when the peer of a suspended connection has gone.
 *
 * libmicrohttpd does not look at a connection while it is suspended. One private epoll, nested in
 * the loop's, does it for those whose request asked.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_CORE_HANGUP_H
#define SLUICE_CORE_HANGUP_H

#include <stdint.h>

#include <uv.h>

struct hangup;

/* Called from the loop, never from within the functions below. */
typedef void hangup_fn(void *owner, uint64_t token);

/* NULL when the system has no epoll descriptor left, or no room for another watch. */
struct hangup *hangup_new(uv_loop_t *loop, hangup_fn *hung_up, void *owner);

/* Watches `fd` until it hangs up, once, or is forgotten. Watching again replaces the token.
 * 0 or a negative errno. */
int hangup_watch(struct hangup *hangup, int fd, uint64_t token);

/* Must come before the descriptor is closed or its connection resumed. */
void hangup_forget(struct hangup *hangup, int fd);

/* The memory is freed when the loop has closed the handle. Takes NULL. */
void hangup_close(struct hangup *hangup);

#endif
