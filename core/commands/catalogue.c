/* Whose options there are.
 *
 *   <prefix>/lib/sluice/plugins/NAME.so -> opened, not configured -+
 *   `- path: FILE.so` of the configuration ------------------------+-> entries
 *
 * SPDX-License-Identifier: MIT */
#include "catalogue.h"

#include <stdlib.h>
#include <string.h>

#include "gateway.h"
#include "installation.h"
#include "object_file.h"

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void add(struct catalogue *catalogue, const sluice_descriptor *descriptor, const char *file)
{
    const char *slash = file ? strrchr(file, '/') : NULL;
    catalogue->items[catalogue->count++] =
        (struct catalogue_entry){descriptor, slash ? slash + 1 : file};
}

void catalogue_read(struct catalogue *catalogue, const struct gateway *gateway, struct arena *arena,
                    struct diag *diag)
{
    const struct plugins *plugins = &gateway->plugins;
    const char *folder = installed(arena, SHIPPED_PLUGINS);
    struct names names = folder_names(arena, folder, ".so");
    qsort(names.items, names.count, sizeof *names.items, by_name);
    *catalogue = (struct catalogue){
        arena_array(arena, struct catalogue_entry, names.count + plugins->count + 1), 0};
    for (size_t i = 0; i < names.count; i++) {
        const char *file = arena_printf(arena, "%s/%s.so", folder, names.items[i]);
        const sluice_descriptor *descriptor = plugins_open(arena, file, diag);
        if (descriptor)
            add(catalogue, descriptor, NULL);
    }
    for (size_t i = 0; i < plugins->count; i++)
        if (plugins->items[i]->setting->path)
            add(catalogue, plugins->items[i]->descriptor, plugins->items[i]->file);
}
