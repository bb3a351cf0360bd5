/* Counters that all processes of a gateway share.
 *
 * SPDX-License-Identifier: MIT */
#include "counters.h"

#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

int counters_create(void)
{
    int fd = memfd_create("sluice-counters", MFD_CLOEXEC);
    if (fd < 0)
        return -errno;
    if (ftruncate(fd, sizeof(struct counters)) < 0) {
        int error = -errno;
        close(fd);
        return error;
    }
    return fd;
}

struct counters *counters_map(int fd)
{
    void *map = mmap(NULL, sizeof(struct counters), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return map == MAP_FAILED ? NULL : map;
}
