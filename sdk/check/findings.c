/* What was found, told once.
 *
 * SPDX-License-Identifier: MIT */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOLD_MAX 64

static char *told[TOLD_MAX];
static unsigned told_count;

void found(struct check *check, const char *what)
{
    for (unsigned i = 0; i < told_count; i++)
        if (strcmp(told[i], what) == 0)
            return;
    check->shared->findings++;
    if (told_count == TOLD_MAX)
        return;
    told[told_count++] = strdup(what);
    printf("%s: %s\n    %s\n", check->plugin ? check->plugin->name : check->file, what,
           check->shared->doing);
    (void)fflush(stdout);
}
