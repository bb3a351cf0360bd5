/* A plugin's process and its executors.
 *
 * SPDX-License-Identifier: MIT */
#include "links.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "channel.h"
#include "clock.h"
#include "crash.h"
#include "frames.h"
#include "log.h"
#include "memory.h"
#include "worker_internal.h"

/* One executor's socket. libuv has its handle until it is closed, so each executor has a new one. */
struct link {
    uv_poll_t poll; /* first; data: itself */
    struct links *links;
    unsigned slot;
    struct frames frames;
};

struct links {
    uv_poll_t channel; /* first; data: itself */
    int fd;
    struct worker_handle *handle;
    const struct process *process;
    struct link **slots; /* NULL: nobody is there */
};

static void *self_of(const struct links *links)
{
    return links->handle->plugin->self;
}

static bool is_slot(const struct links *links, unsigned slot)
{
    if (slot < links->process->row.executors)
        return true;
    log_error("%s: there is no executor slot %u", links->process->row.name, slot);
    return false;
}

/* ---- Sockets ------------------------------------------------------------------------------ */

static void freed(uv_handle_t *handle)
{
    free(handle);
}

static void drop(struct link *link)
{
    link->links->slots[link->slot] = NULL;
    uv_poll_stop(&link->poll);
    frames_close(&link->frames);
    uv_close((uv_handle_t *)&link->poll, freed);
}

/* Gives what has come to the plugin. False when the link was dropped, or sent what is no message. */
static bool deliver(struct link *link)
{
    struct links *links = link->links;
    unsigned slot = link->slot;
    sluice_bytes message;
    int found;
    while ((found = frames_next(&link->frames, &message)) > 0) {
        crash_note(links->handle->plugin->name, "received");
        links->process->row.received(&links->handle->abi, self_of(links), slot, message);
        crash_note(NULL, NULL);
        if (links->slots[slot] != link)
            return false;
    }
    if (found < 0) {
        log_error("executor %u of %s sent what is no message; killing it", slot,
                  links->process->row.name);
        links_signal(links, slot, SIGKILL);
    }
    return found == 0;
}

static void ready(uv_poll_t *poll, int status, int events);

static void watch(struct link *link, bool writable)
{
    uv_poll_start(&link->poll, UV_READABLE | (writable ? UV_WRITABLE : 0), ready);
}

/* The end of the socket is not the end of the executor: a grandchild may hold it open, or the
 * executor may have closed it. The generation tells. */
static void ready(uv_poll_t *poll, int status, int events)
{
    struct link *link = poll->data;
    int error = status < 0 ? status : 0;
    if (error == 0 && events & UV_WRITABLE) {
        error = frames_write(&link->frames);
        watch(link, error == -EAGAIN);
    }
    if (events & UV_READABLE) {
        error = frames_read(&link->frames);
        if (!deliver(link))
            return;
    }
    if (error < 0 && error != -EAGAIN)
        uv_poll_stop(poll);
}

/* ---- What the generation tells ------------------------------------------------------------- */

static void started(struct links *links, unsigned slot, long pid, int fd)
{
    struct link *link = memory_new(struct link);
    link->links = links;
    link->slot = slot;
    link->poll.data = link;
    if (links->slots[slot])
        drop(links->slots[slot]);
    if (uv_poll_init(&links->handle->worker->loop, &link->poll, fd) < 0) {
        log_error("can't watch executor %u of %s; killing it", slot, links->process->row.name);
        close(fd);
        free(link);
        links_signal(links, slot, SIGKILL);
        return;
    }
    frames_open(&link->frames, fd);
    links->slots[slot] = link;
    watch(link, false);
    links->process->row.started(&links->handle->abi, self_of(links), slot, pid);
}

static void ended(struct links *links, unsigned slot, const sluice_exit *how)
{
    struct link *link = links->slots[slot];
    if (link) {
        int error;
        do
            error = frames_read(&link->frames);
        while (deliver(link) && error == 0);
        if (links->slots[slot] == link)
            drop(link);
    }
    links->process->row.ended(&links->handle->abi, self_of(links), slot, how);
}

static void told(struct links *links, const struct channel_message *message)
{
    unsigned slot;
    int number = 0, status = 0;
    long last = 0;
    if (message->kind == CHANNEL_STARTED && message->fd >= 0 &&
        sscanf(message->text, "%u %ld", &slot, &last) == 2 && is_slot(links, slot)) {
        started(links, slot, last, message->fd);
        return;
    }
    if (message->fd >= 0)
        close(message->fd);
    if (message->kind == CHANNEL_ENDED &&
        sscanf(message->text, "%u %d %d %ld", &slot, &number, &status, &last) == 4 &&
        is_slot(links, slot)) {
        const sluice_exit how = {.size = sizeof how,
                                 .signal = number,
                                 .status = status,
                                 .max_rss = (int64_t)last * 1024};
        ended(links, slot, &how);
    }
}

static void channel_ready(uv_poll_t *poll, int status, int events)
{
    struct links *links = poll->data;
    struct channel_message message;
    int error = status;
    (void)events;
    while (error == 0) {
        error = channel_receive(links->fd, &message, 0);
        if (error == 0)
            told(links, &message);
    }
    if (error != -EAGAIN) /* the generation is gone, and this process with it in a moment */
        uv_poll_stop(poll);
}

/* ---- What the plugin asks for --------------------------------------------------------------- */

static void ask(struct links *links, enum channel_kind kind, const char *text)
{
    int error = channel_send(links->fd, kind, text, -1);
    if (error < 0)
        log_error("%s: the generation does not take messages: %s", links->process->row.name,
                  strerror(-error));
}

void links_start(struct links *links, unsigned slot)
{
    char text[16];
    if (!is_slot(links, slot))
        return;
    (void)snprintf(text, sizeof text, "%u", slot);
    ask(links, CHANNEL_EXECUTE, text);
}

void links_signal(struct links *links, unsigned slot, int number)
{
    char text[32];
    if (!is_slot(links, slot))
        return;
    (void)snprintf(text, sizeof text, "%u %d", slot, number);
    ask(links, CHANNEL_SIGNAL, text);
}

void links_send(struct links *links, unsigned slot, const void *message, size_t len)
{
    struct link *link = is_slot(links, slot) ? links->slots[slot] : NULL;
    if (!link)
        return;
    if (!frames_add(&link->frames, message, len)) {
        log_error("%s: a message of %zu bytes is more than an executor takes",
                  links->process->row.name, len);
        return;
    }
    if (frames_write(&link->frames) == -EAGAIN)
        watch(link, true);
}

/* ---- Beginning and end -------------------------------------------------------------------- */

struct links *links_open(uv_loop_t *loop, struct worker_handle *handle,
                         const struct process *process, int channel)
{
    struct links *links = memory_new(struct links);
    links->fd = channel;
    links->handle = handle;
    links->process = process;
    links->slots = memory_array(struct link *, process->row.executors + 1);
    links->channel.data = links;
    int error = uv_poll_init(loop, &links->channel, channel);
    if (error == 0)
        error = uv_poll_start(&links->channel, UV_READABLE, channel_ready);
    if (error == 0)
        return links;
    log_error("%s: can't watch the generation: %s", process->row.name, uv_strerror(error));
    free(links->slots);
    free(links);
    return NULL;
}

void links_close(struct links *links)
{
    for (unsigned i = 0; i < links->process->row.executors; i++)
        if (links->slots[i])
            drop(links->slots[i]);
    free(links->slots);
    uv_poll_stop(&links->channel);
    close(links->fd);
    uv_close((uv_handle_t *)&links->channel, freed);
}
