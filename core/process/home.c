/* data_dir: made, locked, marked.
 *
 * The lock is an flock(2) on the pid file: it goes with the process however that ends, so a stale
 * file never stands in the way. Its owner removes the file at the end, so a lock counts only when
 * it is on the file that is still there.
 *
 * SPDX-License-Identifier: MIT */
#include "home.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"
#include "object_file.h"

static int make_folder(struct arena *arena, const char *path, const char **ret_why)
{
    if (mkdir(path, 0700) == 0 || errno == EEXIST) {
        if (access(path, R_OK | W_OK | X_OK) == 0)
            return 0;
    }
    int error = -errno;
    *ret_why = arena_printf(arena,
                            "can't use %s: %s; data_dir must be a folder that this user may "
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

/* False when its owner removed the file between our open and our flock. */
static bool lock_counts(const struct home *home)
{
    struct stat locked, there;
    return fstat(home->lock, &locked) == 0 && stat(home->pid_file, &there) == 0 &&
           locked.st_ino == there.st_ino && locked.st_dev == there.st_dev;
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

/* Plugins' private copies of generations that were killed: the lock says that none is alive. */
static void remove_copies(struct arena *arena, const char *run)
{
    DIR *dir = opendir(run);
    if (!dir)
        return;
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir))
        if (strspn(entry->d_name, "0123456789") == strlen(entry->d_name))
            folder_remove(arena_printf(arena, "%s/%s", run, entry->d_name));
    closedir(dir);
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
    while (error == 0 && !lock_counts(&taken)) {
        close(taken.lock);
        taken.lock = -1;
        error = lock(&taken, arena, ret_why);
    }
    if (error == 0)
        error = write_pid(&taken, arena, ret_why);
    if (error < 0) {
        if (taken.lock >= 0)
            close(taken.lock);
        return error;
    }
    remove_copies(arena, run);
    *home = taken;
    return 0;
}

/* ---- What others can know ----------------------------------------------------------------- */

static void path_in_run(const char *data_dir, const char *name, char ret_path[PATH_MAX])
{
    (void)snprintf(ret_path, PATH_MAX, "%s/run/%s", data_dir, name);
}

void home_tell(const struct home *home, unsigned generation, bool serves)
{
    char path[PATH_MAX], draft[PATH_MAX];
    path_in_run(home->data_dir, "status", path);
    path_in_run(home->data_dir, "status.new", draft);
    FILE *file = fopen(draft, "we");
    if (!file) {
        log_warn("can't write %s: %s", draft, strerror(errno));
        return;
    }
    bool written = fprintf(file, "%u %s\n", generation, serves ? "serves" : "refused") > 0;
    if (fclose(file) != 0 || !written || rename(draft, path) < 0)
        log_warn("can't write %s: %s", path, strerror(errno));
}

int home_status(const char *data_dir, unsigned *ret_generation, bool *ret_serves)
{
    char path[PATH_MAX], word[16];
    unsigned generation;
    path_in_run(data_dir, "status", path);
    FILE *file = fopen(path, "re");
    if (!file)
        return -errno;
    int fields = fscanf(file, "%u %15s", &generation, word);
    fclose(file);
    if (fields != 2)
        return -EBADMSG;
    *ret_generation = generation;
    *ret_serves = strcmp(word, "serves") == 0;
    return 0;
}

/* The lock tells whether the pid in the file is alive: it goes with its process. */
pid_t home_owner(const char *data_dir)
{
    char path[PATH_MAX];
    path_in_run(data_dir, "sluice.pid", path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    bool alive = flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
    pid_t pid = alive ? (pid_t)read_pid(fd) : 0;
    close(fd);
    return pid;
}

void home_leave(struct home *home)
{
    char path[PATH_MAX];
    if (!home->data_dir)
        return;
    path_in_run(home->data_dir, "status", path);
    unlink(path);
    unlink(home->pid_file);
}
