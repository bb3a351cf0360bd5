/* data_dir: made, locked, marked.
 *
 * The lock is an flock(2) on the pid file: it goes with the process however that ends, so a stale
 * file never stands in the way.
 *
 * SPDX-License-Identifier: MIT */
#include "home.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int make_folder(struct arena *arena, const char *path, const char **ret_why)
{
    if (mkdir(path, 0700) == 0 || errno == EEXIST) {
        if (access(path, R_OK | W_OK | X_OK) == 0)
            return 0;
    }
    int error = -errno;
    *ret_why = arena_printf(arena, "can't use %s: %s; data_dir must be a folder that this user may "
                                   "write to",
                            path, strerror(-error));
    return error;
}

static long read_pid(int fd)
{
    char digits[32] = "";
    return pread(fd, digits, sizeof digits - 1, 0) > 0 ? strtol(digits, NULL, 10) : 0;
}

static int lock(struct home *home, struct arena *arena, const char **ret_why)
{
    int fd = open(home->pid_file, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0) {
        int error = -errno;
        *ret_why = arena_printf(arena, "can't open %s: %s", home->pid_file, strerror(-error));
        return error;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        *ret_why = arena_printf(arena,
                                "%s is in use by another gateway, pid %ld; stop it, or give this "
                                "one a data_dir of its own",
                                home->data_dir, read_pid(fd));
        close(fd);
        return -EBUSY;
    }
    home->lock = fd;
    return 0;
}

static int write_pid(struct home *home, struct arena *arena, const char **ret_why)
{
    char line[32];
    int len = snprintf(line, sizeof line, "%ld\n", (long)getpid());
    if (ftruncate(home->lock, 0) == 0 && pwrite(home->lock, line, (size_t)len, 0) == len)
        return 0;
    *ret_why = arena_printf(arena, "can't write %s: %s", home->pid_file, strerror(errno));
    return -EIO;
}

int home_take(struct home *home, struct arena *arena, const char *data_dir, const char **ret_why)
{
    if (home->data_dir && strcmp(home->data_dir, data_dir) == 0)
        return 0;
    if (home->data_dir) {
        *ret_why = arena_printf(arena,
                                "data_dir can't change from %s to %s while the gateway runs; "
                                "restart it",
                                home->data_dir, data_dir);
        return -EBUSY;
    }
    struct home taken = {.data_dir = arena_copy_text(arena, data_dir), .lock = -1};
    const char *run = arena_printf(arena, "%s/run", data_dir);
    taken.pid_file = arena_printf(arena, "%s/sluice.pid", run);
    int error = make_folder(arena, data_dir, ret_why);
    if (error == 0)
        error = make_folder(arena, run, ret_why);
    if (error == 0)
        error = lock(&taken, arena, ret_why);
    if (error == 0)
        error = write_pid(&taken, arena, ret_why);
    if (error == 0)
        *home = taken;
    else if (taken.lock >= 0)
        close(taken.lock);
    return error;
}

void home_leave(struct home *home)
{
    if (home->data_dir)
        unlink(home->pid_file);
}
