/* The admin token's file.
 *
 * Written under another name and linked into place: two gateways that start at once agree on
 * whichever came first, and nobody ever reads half a token.
 *
 * SPDX-License-Identifier: MIT */
#include "admin_token.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <openssl/rand.h>
#include <sluice/hex.h>

#define TOKEN_BYTES 32
#define TOKEN_MIN 32
#define TOKEN_MAX 512

/* 0, or a negative errno: -ENOENT when there is none yet. */
static int read_token(const char *path, char ret_token[TOKEN_MAX])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    ssize_t len = read(fd, ret_token, TOKEN_MAX - 1);
    int error = len < 0 ? -errno : 0;
    close(fd);
    if (error < 0)
        return error;
    ret_token[len] = '\0';
    ret_token[strcspn(ret_token, " \t\r\n")] = '\0';
    return strlen(ret_token) < TOKEN_MIN ? -EINVAL : 0;
}

static int make_token(char ret_token[TOKEN_MAX])
{
    unsigned char bytes[TOKEN_BYTES];
    if (RAND_bytes(bytes, sizeof bytes) != 1)
        return -EIO;
    sluice_hex(bytes, sizeof bytes, ret_token);
    return 0;
}

static int write_all(int fd, const char *token)
{
    char line[TOKEN_MAX];
    size_t len = strlen(token);
    memcpy(line, token, len);
    line[len] = '\n';
    ssize_t written = write(fd, line, len + 1);
    if (written < 0)
        return -errno;
    return (size_t)written == len + 1 ? 0 : -ENOSPC;
}

/* 0 also when another process was faster: the caller reads what is there. */
static int write_token(struct arena *arena, const char *path, const char *token)
{
    const char *draft = arena_printf(arena, "%s.%ld", path, (long)getpid());
    int fd = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    int error = write_all(fd, token);
    if (close(fd) < 0 && error == 0)
        error = -errno;
    if (error == 0 && link(draft, path) < 0 && errno != EEXIST)
        error = -errno;
    unlink(draft);
    return error;
}

const char *admin_token_load(struct arena *arena, const char *data_dir, const char **ret_why)
{
    char token[TOKEN_MAX];
    const char *path = arena_printf(arena, "%s/admin.token", data_dir);
    int error = read_token(path, token);
    if (error == -ENOENT) {
        error = make_token(token);
        if (error == 0)
            error = write_token(arena, path, token);
        if (error == 0)
            error = read_token(path, token);
    }
    if (error == -EINVAL)
        *ret_why = arena_printf(arena,
                                "%s holds fewer than %d characters; remove it to have a new token "
                                "made",
                                path, TOKEN_MIN);
    else if (error < 0)
        *ret_why = arena_printf(arena, "%s: %s", path, strerror(-error));
    return error < 0 ? NULL : arena_copy_text(arena, token);
}
