/* Where the files lie that came with the program.
 *
 *   /proc/self/exe -> less /bin/sluice -> plus the path
 *
 * SPDX-License-Identifier: MIT */
#include "installation.h"

#include <string.h>
#include <unistd.h>

const char *installed(struct arena *arena, const char *path)
{
    char self[4096];
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    if (len <= 0)
        return path;
    self[len] = '\0';
    for (int up = 0; up < 2; up++) {
        char *slash = strrchr(self, '/');
        if (slash)
            *slash = '\0';
    }
    return arena_printf(arena, "%s/%s", self, path);
}
