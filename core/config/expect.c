/* What an option takes, in words: the second half of every complaint about a value.
 *
 *   row -> kind, bounds, example -> "a whole number from 1 to 128, for example 4"
 *
 * The example is always a right value: the default, or a customary one within the bounds, or the
 * lowest.
 *
 * SPDX-License-Identifier: MIT */
#include "options.h"

/* How each type is spoken of. `custom` is a customary value in `example`'s spelling. */
static const struct kind {
    const char *name, *bounds_of, *example;
    int64_t custom;
} kinds[] = {
    [SLUICE_BOOL] = {"true or false", NULL, NULL, 0},
    [SLUICE_INT] = {"a whole number", "", "10", 10},
    [SLUICE_DURATION] = {"a duration", "", "30s", 30000},
    [SLUICE_SIZE] = {"a size", "", "64k", 65536},
    [SLUICE_RATE] = {"a rate (an amount, a slash, a duration)", " with an amount", "10/s", 10},
    [SLUICE_TEXT] = {"a text", " of a length in bytes", NULL, 0},
    [SLUICE_CHOICE] = {"one of ", NULL, NULL, 0},
    [SLUICE_TEXTS] = {"a text or a list of texts", " with a number of items", NULL, 0},
    [SLUICE_GROUP] = {"a mapping of options", NULL, NULL, 0},
    [SLUICE_MAP] = {"a mapping from names to options", " with a number of names", NULL, 0},
};

bool option_in_bounds(const sluice_option *row, int64_t value)
{
    if (row->min == 0 && row->max == 0)
        return true;
    return value >= row->min && (row->max < row->min || value <= row->max);
}

static void add_choices(struct text *text, const char *const *choices)
{
    for (size_t i = 0; choices && choices[i]; i++) {
        if (i)
            text_add(text, choices[i + 1] ? ", " : " or ");
        text_add(text, choices[i]);
    }
}

static void add_bounds(struct text *text, const sluice_option *row, const char *of)
{
    if (!of || (row->min == 0 && row->max == 0))
        return;
    text_add(text, of);
    text_add(text, row->max < row->min ? " of at least " : " from ");
    value_add(text, row->type, row->min);
    if (row->max < row->min)
        return;
    text_add(text, " to ");
    value_add(text, row->type, row->max);
}

static void add_example(struct text *text, const sluice_option *row, const struct kind *kind)
{
    if (!kind->example || (row->flags & SLUICE_SECRET))
        return;
    text_add(text, ", for example ");
    if (row->fallback)
        text_add(text, row->fallback);
    else if (option_in_bounds(row, kind->custom))
        text_add(text, kind->example);
    else
        value_add(text, row->type, row->min);
    if (row->type == SLUICE_RATE && !row->fallback && !option_in_bounds(row, kind->custom))
        text_add(text, "/s");
}

static const struct kind *kind_of(const sluice_option *row)
{
    return row->type < sizeof kinds / sizeof *kinds ? &kinds[row->type] : NULL;
}

const char *option_takes(const sluice_option *row, struct arena *arena)
{
    const struct kind *kind = kind_of(row);
    struct text text;
    if (!kind)
        return "something else";
    text_init(&text, arena);
    text_add(&text, kind->name);
    if (row->type == SLUICE_CHOICE)
        add_choices(&text, row->choices);
    add_bounds(&text, row, kind->bounds_of);
    return text.data;
}

const char *option_expects(const sluice_option *row, struct arena *arena)
{
    const struct kind *kind = kind_of(row);
    struct text text;
    text_init(&text, arena);
    text_add(&text, option_takes(row, arena));
    if (kind)
        add_example(&text, row, kind);
    return text.data;
}
