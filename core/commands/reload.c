/* `sluice reload`.
 *
 *   run/sluice.pid -> SIGHUP -> run/status tells of a newer generation -> it serves, or was refused
 *
 * SPDX-License-Identifier: MIT */
#include "reload.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "home.h"

#define WAIT_MS 60000
#define LOOK_MS 20

/* 0 when a generation after `before` serves, 1 otherwise. */
static int wait_for(const char *data_dir, pid_t pid, unsigned before)
{
    int64_t give_up = clock_monotonic_ms() + WAIT_MS;
    while (clock_monotonic_ms() < give_up) {
        unsigned generation = before;
        bool serves = false;
        if (home_status(data_dir, &generation, &serves) == 0 && generation > before) {
            if (serves)
                printf("generation %u serves\n", generation);
            else
                fprintf(stderr,
                        "generation %u was refused, the one before serves on; the "
                        "gateway's log says why\n",
                        generation);
            return !serves;
        }
        if (home_owner(data_dir) != pid) {
            fputs("the gateway has ended\n", stderr);
            return 1;
        }
        poll(NULL, 0, LOOK_MS);
    }
    fprintf(stderr, "no new generation after %d s; the gateway's log may say why\n",
            WAIT_MS / 1000);
    return 1;
}

int reload_main(const char *data_dir)
{
    unsigned before = 0;
    bool serves;
    pid_t pid = home_owner(data_dir);
    if (!pid) {
        fprintf(stderr, "no gateway runs in %s\n", data_dir);
        return 1;
    }
    (void)home_status(data_dir, &before, &serves); /* none yet: the first one is starting */
    if (kill(pid, SIGHUP) < 0) {
        fprintf(stderr, "can't signal the gateway, pid %ld: %s\n", (long)pid, strerror(errno));
        return 1;
    }
    return wait_for(data_dir, pid, before);
}
