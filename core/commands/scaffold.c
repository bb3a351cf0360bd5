/* A new plugin from the template.
 *
 *   template/FILE -> name filled in -> folder.new-<pid>/FILE -> renamed to folder when all are there
 *
 * The template is itself a plugin, called `myplugin`, that builds and passes: what stands in it is
 * what is written, but for that one word.
 *
 * SPDX-License-Identifier: MIT */
#include "scaffold.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "object_file.h"
#include "text.h"

#define PLACEHOLDER "myplugin"
#define NAME_LEN_MAX 40u

/* ---- Names -------------------------------------------------------------------------------- */

/* The words of C, what gcc defines, and what CMake and make have targets for. */
static const char *const reserved[] = {
    "all",           "auto",       "bool",     "break",    "case",   "char",
    "clean",         "const",      "continue", "default",  "depend", "do",
    "double",        "edit_cache", "else",     "enum",     "errno",  "extern",
    "false",         "float",      "for",      "goto",     "help",   "if",
    "inline",        "install",    "int",      "linux",    "long",   "package",
    "rebuild_cache", "register",   "restrict", "return",   "short",  "signed",
    "sizeof",        "static",     "struct",   "switch",   "test",   "true",
    "typedef",       "union",      "unix",     "unsigned", "void",   "volatile",
    "while",         PLACEHOLDER,
};

static bool is_reserved(const char *name)
{
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
        if (strcmp(reserved[i], name) == 0)
            return true;
    return false;
}

const char *scaffold_refuses(struct arena *arena, const char *name)
{
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");
    if (name[len] || len < 2 || len > NAME_LEN_MAX || name[0] < 'a')
        return arena_printf(arena,
                            "\"%.100s\" can't be a plugin's name; expected 2 to %u of a-z, 0-9 and "
                            "_, the first a letter, for example request_log",
                            name, NAME_LEN_MAX);
    if (is_reserved(name))
        return arena_printf(arena,
                            "\"%s\" can't be a plugin's name: the compiler or CMake has another "
                            "use for it; try %s_plugin",
                            name, name);
    return NULL;
}

/* ---- One file ----------------------------------------------------------------------------- */

static void add_filled(struct text *text, const char *from, const char *name)
{
    for (const char *found; (found = strstr(from, PLACEHOLDER));
         from = found + strlen(PLACEHOLDER)) {
        text_add_bytes(text, from, (size_t)(found - from));
        text_add(text, name);
    }
    text_add(text, from);
}

static int read_file(int fd, struct text *text)
{
    for (;;) {
        ssize_t got = read(fd, text_room(text, 4096), 4096);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got == 0 ? 0 : -errno;
        text_added(text, (size_t)got);
    }
}

static int write_file(const char *path, mode_t mode, const struct text *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0)
        return -errno;
    int rc = 0;
    for (size_t done = 0; rc == 0 && done < text->len;) {
        ssize_t put = write(fd, text->data + done, text->len - done);
        if (put >= 0)
            done += (size_t)put;
        else if (errno != EINTR)
            rc = -errno;
    }
    if (close(fd) != 0 && rc == 0)
        rc = -errno;
    return rc;
}

/* The template's files are in memory twice at most: they are small. */
static int copy_filled(struct arena *arena, const char *from, const char *to, const char *name)
{
    struct stat stat;
    struct text read, filled;
    text_init(&read, arena);
    text_init(&filled, arena);
    int fd = open(from, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int rc = fstat(fd, &stat) == 0 ? read_file(fd, &read) : -errno;
    (void)close(fd); /* only read */
    if (rc)
        return rc;
    add_filled(&filled, read.data, name);
    return write_file(to, (stat.st_mode & 0777) | S_IWUSR, &filled);
}

/* ---- The folder --------------------------------------------------------------------------- */

/* What is being made, and from what. */
struct scaffold {
    struct arena *arena;
    const char *template, *name, *folder;
    const char *unfinished; /* the folder's name until it is complete */
    struct names files;     /* of the template */
};

static const char *target_of(const struct scaffold *scaffold, const char *file)
{
    struct text name;
    text_init(&name, scaffold->arena);
    add_filled(&name, file, scaffold->name);
    return arena_printf(scaffold->arena, "%s/%s", scaffold->unfinished, name.data);
}

static bool is_file(const char *name)
{
    return strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static int fill(const struct scaffold *scaffold, const char **ret_why)
{
    for (size_t i = 0; i < scaffold->files.count; i++) {
        const char *file = scaffold->files.items[i];
        if (!is_file(file))
            continue;
        const char *from = arena_printf(scaffold->arena, "%s/%s", scaffold->template, file);
        const char *to = target_of(scaffold, file);
        int rc = copy_filled(scaffold->arena, from, to, scaffold->name);
        if (rc) {
            *ret_why = arena_printf(scaffold->arena, "can't write %s from %s: %s", to, from,
                                    strerror(-rc));
            return rc;
        }
    }
    return 0;
}

/* As far as it can: what could not be written need not be removed. */
static void discard(const struct scaffold *scaffold)
{
    for (size_t i = 0; i < scaffold->files.count; i++)
        if (is_file(scaffold->files.items[i]))
            (void)unlink(target_of(scaffold, scaffold->files.items[i]));
    (void)rmdir(scaffold->unfinished);
}

static int make(const struct scaffold *scaffold, const char **ret_why)
{
    if (mkdir(scaffold->unfinished, 0777) != 0) {
        int rc = -errno;
        *ret_why = arena_printf(scaffold->arena, "can't make the folder %s: %s",
                                scaffold->unfinished, strerror(-rc));
        return rc;
    }
    int rc = fill(scaffold, ret_why);
    if (rc == 0 && rename(scaffold->unfinished, scaffold->folder) != 0) {
        rc = -errno;
        *ret_why = arena_printf(scaffold->arena, "can't name the folder %s: %s", scaffold->folder,
                                strerror(-rc));
    }
    if (rc)
        discard(scaffold);
    return rc;
}

int scaffold_write(struct arena *arena, const char *template, const char *name, const char *folder,
                   const char **ret_why)
{
    struct stat there;
    struct scaffold scaffold = {arena,
                                template,
                                name,
                                folder,
                                arena_printf(arena, "%s.new-%ld", folder, (long)getpid()),
                                folder_names(arena, template, "")};
    if (lstat(folder, &there) == 0) {
        *ret_why = arena_printf(
            arena, "%s is there already; name another folder, or remove this one first", folder);
        return -EEXIST;
    }
    if (scaffold.files.count == 0) {
        *ret_why = arena_printf(
            arena, "the template is not at %s; install Sluice whole (cmake --install)", template);
        return -ENOENT;
    }
    return make(&scaffold, ret_why);
}
