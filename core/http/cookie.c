/* Cookies as clients send them (RFC 6265 section 4.2.1): name=value pairs, separated by "; ".
 *
 * SPDX-License-Identifier: MIT */
#include <string.h>

#include "router.h"

const char *cookie_value(struct arena *arena, const char *header, const char *name)
{
    size_t name_len = strlen(name);
    while (*header) {
        header += strspn(header, " \t;");
        size_t len = strcspn(header, ";");
        if (len > name_len && header[name_len] == '=' && strncmp(header, name, name_len) == 0) {
            const char *value = header + name_len + 1;
            size_t value_len = len - name_len - 1;
            while (value_len && (value[value_len - 1] == ' ' || value[value_len - 1] == '\t'))
                value_len--;
            if (value_len >= 2 && value[0] == '"' && value[value_len - 1] == '"') {
                value++;
                value_len -= 2;
            }
            return arena_copy(arena, value, value_len);
        }
        header += len;
    }
    return NULL;
}
