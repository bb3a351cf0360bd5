/* Shared objects as files.
 *
 * The build id is the note NT_GNU_BUILD_ID (elf.h), found through the program headers, since
 * section headers may have been stripped.
 *
 * SPDX-License-Identifier: MIT */
#include "object_file.h"

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sluice/hex.h>

#define NAMES_MAX 256

/* ---- Copying ------------------------------------------------------------------------------ */

static int make_folders(const char *path)
{
    char folder[4096];
    size_t len = strlen(path);
    if (len >= sizeof folder)
        return -ENAMETOOLONG;
    memcpy(folder, path, len + 1);
    for (char *slash = strchr(folder + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(folder, 0700) < 0 && errno != EEXIST)
            return -errno;
        *slash = '/';
    }
    return 0;
}

static int send_all(int to, int from, off_t size)
{
    off_t sent = 0;
    while (sent < size) {
        ssize_t n = sendfile(to, from, &sent, (size_t)(size - sent));
        if (n < 0 && errno != EINTR)
            return -errno;
        if (n == 0)
            return -EIO; /* it shrank meanwhile */
    }
    return 0;
}

static int copy_open(int from, const char *to)
{
    struct stat stat;
    if (fstat(from, &stat) < 0)
        return -errno;
    int target = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0500);
    if (target < 0)
        return -errno;
    int error = send_all(target, from, stat.st_size);
    if (close(target) < 0 && error == 0)
        error = -errno;
    if (error < 0)
        unlink(to);
    return error;
}

int object_copy(const char *from, const char *to)
{
    int error = make_folders(to);
    if (error < 0)
        return error;
    int source = open(from, O_RDONLY | O_CLOEXEC);
    if (source < 0)
        return -errno;
    error = copy_open(source, to);
    close(source);
    return error;
}

/* ---- Build id ----------------------------------------------------------------------------- */

struct bytes {
    const unsigned char *data;
    size_t len;
};

static size_t padded(size_t len)
{
    return (len + 3) & ~(size_t)3;
}

/* Walks one segment of notes; every length is checked against what is left. */
static int find_note(struct bytes notes, char ret_hex[41])
{
    while (notes.len >= sizeof(ElfW(Nhdr))) {
        ElfW(Nhdr) note;
        memcpy(&note, notes.data, sizeof note);
        size_t name_len = padded(note.n_namesz), id_len = padded(note.n_descsz);
        size_t whole = sizeof note + name_len + id_len;
        if (name_len > notes.len || id_len > notes.len || whole > notes.len)
            return 0;
        const unsigned char *name = notes.data + sizeof note;
        if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && memcmp(name, "GNU", 4) == 0) {
            sluice_hex(name + name_len, note.n_descsz < 20 ? note.n_descsz : 20, ret_hex);
            return 1;
        }
        notes.data += whole;
        notes.len -= whole;
    }
    return 0;
}

static void read_build_id(struct bytes file, char ret_hex[41])
{
    ElfW(Ehdr) head;
    if (file.len < sizeof head || memcmp(file.data, ELFMAG, SELFMAG) != 0)
        return;
    memcpy(&head, file.data, sizeof head);
    for (size_t i = 0; i < head.e_phnum; i++) {
        ElfW(Phdr) segment;
        size_t at = head.e_phoff + i * sizeof segment;
        if (at > file.len || file.len - at < sizeof segment)
            return;
        memcpy(&segment, file.data + at, sizeof segment);
        if (segment.p_type != PT_NOTE || segment.p_offset > file.len ||
            segment.p_filesz > file.len - segment.p_offset)
            continue;
        if (find_note((struct bytes){file.data + segment.p_offset, segment.p_filesz}, ret_hex))
            return;
    }
}

void object_build_id(const char *file, char ret_hex[41])
{
    ret_hex[0] = '\0';
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    struct stat stat;
    if (fstat(fd, &stat) == 0 && stat.st_size > 0) {
        size_t len = (size_t)stat.st_size;
        void *map = mmap(NULL, len, PROT_READ, MAP_PRIVATE, fd, 0);
        if (map != MAP_FAILED) {
            read_build_id((struct bytes){map, len}, ret_hex);
            munmap(map, len);
        }
    }
    close(fd);
}

/* ---- Folders ------------------------------------------------------------------------------ */

struct names folder_names(struct arena *arena, const char *folder, const char *suffix)
{
    struct names names = {arena_array(arena, const char *, NAMES_MAX), 0};
    DIR *dir = opendir(folder);
    if (!dir)
        return names;
    size_t tail = strlen(suffix);
    for (struct dirent *entry = readdir(dir); entry && names.count < NAMES_MAX;
         entry = readdir(dir)) {
        size_t len = strlen(entry->d_name);
        if (len > tail && strcmp(entry->d_name + len - tail, suffix) == 0)
            names.items[names.count++] = arena_copy(arena, entry->d_name, len - tail);
    }
    closedir(dir);
    return names;
}

void folder_remove(const char *folder)
{
    char path[4096];
    DIR *dir = opendir(folder);
    if (!dir)
        return;
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        if (entry->d_name[0] == '.')
            continue;
        (void)snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        unlink(path);
    }
    closedir(dir);
    rmdir(folder);
}
