/* The hang-up watch.
 *
 * EPOLLRDHUP fires when the peer shut down its sending side or everything; EPOLLONESHOT makes each
 * watch tell once, so that a descriptor nobody forgets can't spin the loop.
 *
 * SPDX-License-Identifier: MIT */
#include "hangup.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "memory.h"

#define TOLD_PER_TURN 64

struct hangup {
    uv_poll_t poll; /* first: freed with its handle */
    int epoll;
    hangup_fn *hung_up;
    void *owner;
};

/* One at a time: what is forgotten while another is told must not be told any more. */
static void look(uv_poll_t *poll, int status, int events)
{
    (void)status, (void)events;
    struct hangup *hangup = poll->data;
    struct epoll_event found;
    for (int i = 0; i < TOLD_PER_TURN && epoll_wait(hangup->epoll, &found, 1, 0) == 1; i++)
        hangup->hung_up(hangup->owner, found.data.u64);
}

struct hangup *hangup_new(uv_loop_t *loop, hangup_fn *hung_up, void *owner)
{
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0)
        return NULL;
    struct hangup *hangup = memory_new(struct hangup);
    hangup->epoll = epoll;
    hangup->hung_up = hung_up;
    hangup->owner = owner;
    if (uv_poll_init(loop, &hangup->poll, epoll) < 0) {
        close(epoll);
        free(hangup);
        return NULL;
    }
    hangup->poll.data = hangup;
    uv_poll_start(&hangup->poll, UV_READABLE, look);
    return hangup;
}

int hangup_watch(struct hangup *hangup, int fd, uint64_t token)
{
    struct epoll_event event = {.events = EPOLLRDHUP | EPOLLONESHOT, .data.u64 = token};
    if (epoll_ctl(hangup->epoll, EPOLL_CTL_ADD, fd, &event) == 0)
        return 0;
    if (errno == EEXIST && epoll_ctl(hangup->epoll, EPOLL_CTL_MOD, fd, &event) == 0)
        return 0;
    return -errno;
}

void hangup_forget(struct hangup *hangup, int fd)
{
    struct epoll_event unused = {0};
    (void)epoll_ctl(hangup->epoll, EPOLL_CTL_DEL, fd, &unused); /* not there: as wanted */
}

static void closed(uv_handle_t *poll)
{
    struct hangup *hangup = poll->data;
    close(hangup->epoll);
    free(hangup);
}

void hangup_close(struct hangup *hangup)
{
    if (hangup)
        uv_close((uv_handle_t *)&hangup->poll, closed);
}
