/* A redis-server of the test's own, on a unix socket, which keeps nothing.
 *
 * SPDX-License-Identifier: MIT */
#include "gateway.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static void path_of(const struct world *world, char ret_path[108])
{
    (void)snprintf(ret_path, 108, "%s/store.sock", world->folder);
}

static bool answers(const struct world *world)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char reply[8] = "";
    path_of(world, address.sun_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool up = connect(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
              send(fd, "PING\r\n", 6, MSG_NOSIGNAL) == 6 && recv(fd, reply, 5, 0) == 5 &&
              memcmp(reply, "+PONG", 5) == 0;
    close(fd);
    return up;
}

void store_start(struct world *world)
{
    char path[108];
    path_of(world, path);
    unlink(path);
    world->store = fork();
    assert_true(world->store >= 0);
    if (world->store == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", path, "--dir",
               world->folder, "--save", "", "--appendonly", "no", "--logfile", "store.log", NULL);
        _exit(127);
    }
    wait_until(world, answers(world));
}

void store_kill(struct world *world)
{
    int status;
    store_signal(world, SIGKILL);
    assert_int_equal(waitpid(world->store, &status, 0), world->store);
    world->store = 0;
}

void store_signal(const struct world *world, int number)
{
    assert_true(world->store > 0);
    assert_int_equal(kill(world->store, number), 0);
}
