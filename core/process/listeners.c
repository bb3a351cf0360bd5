/* SPDX-License-Identifier: MIT */
#include "listeners.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "address.h"
#include "log.h"

static struct listener *find(struct listeners *listeners, const char *address)
{
    for (unsigned i = 0; i < LISTENERS; i++)
        if (strcmp(listeners->places[i].address, address) == 0)
            return &listeners->places[i];
    return NULL;
}

static int open_place(struct listener *place, const char *address, struct arena *arena,
                      const char **ret_why)
{
    char bound[ADDRESS_TEXT_SIZE + 8];
    int fd = address_listen(address, arena, ret_why);
    if (fd < 0)
        return fd;
    place->fd = fd;
    (void)snprintf(place->address, sizeof place->address, "%s", address);
    if (address_bound(fd, bound) == 0)
        log_info("listening on %s", strcmp(bound, "unix") == 0 ? address : bound);
    return 0;
}

int listeners_use(struct listeners *listeners, unsigned slot, const char *address,
                  struct arena *arena, const char **ret_why)
{
    struct listener *place = find(listeners, address);
    if (!place) {
        place = find(listeners, "");
        *ret_why = "too many addresses";
        int error = place ? open_place(place, address, arena, ret_why) : -EMFILE;
        if (error < 0)
            return error;
    }
    place->used_by[slot] = true;
    return place->fd;
}

static bool in_use(const struct listener *place)
{
    for (unsigned slot = 0; slot < COUNTERS_GENERATIONS; slot++)
        if (place->used_by[slot])
            return true;
    return false;
}

void listeners_leave(struct listeners *listeners, unsigned slot)
{
    for (unsigned i = 0; i < LISTENERS; i++) {
        struct listener *place = &listeners->places[i];
        place->used_by[slot] = false;
        if (!place->address[0] || in_use(place))
            continue;
        if (strncmp(place->address, "unix:", 5) == 0)
            unlink(place->address + 5);
        close(place->fd);
        place->address[0] = '\0';
    }
}

void listeners_forget(struct listeners *listeners)
{
    for (unsigned i = 0; i < LISTENERS; i++)
        if (listeners->places[i].address[0])
            close(listeners->places[i].fd);
}
