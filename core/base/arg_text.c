/* An argument as plain text.
 *
 * SPDX-License-Identifier: MIT */
#include "arg_text.h"

#include "json_write.h"

void text_add_arg(struct text *text, const sluice_arg *arg)
{
    switch (arg->type) {
    case SLUICE_ARG_TEXT:
    case SLUICE_ARG_ERROR:
        if (arg->u.text)
            text_add(text, arg->u.text);
        break;
    case SLUICE_ARG_BYTES:
    case SLUICE_ARG_JSON:
        text_add_bytes(text, arg->u.text, arg->len);
        break;
    case SLUICE_ARG_INT:
        text_add_int(text, arg->u.i64);
        break;
    case SLUICE_ARG_UINT:
    case SLUICE_ARG_BOOL:
        text_add_uint(text, arg->u.u64);
        break;
    case SLUICE_ARG_DOUBLE:
        text_add_double(text, arg->u.f64);
        break;
    case SLUICE_ARG_LIST:
        json_add_value(text, arg);
        break;
    default: /* nil: nothing */
        break;
    }
}

const char *args_join(struct arena *arena, const char *first, const sluice_arg *parts,
                      uint32_t count, uint32_t stride)
{
    struct text text;
    text_init(&text, arena);
    text_add(&text, first);
    for (uint32_t i = 0; i < count; i++)
        text_add_arg(&text, arg_at(parts, stride, i));
    return text.data;
}
