/* The reference of options as Markdown.
 *
 *   rows -> | `policies.<name>.capacity` | a whole number from 1 to ... | `20` | help |
 *
 * A group, a map, and the lists of the file itself are followed by what is in them, dotted.
 *
 * SPDX-License-Identifier: MIT */
#include "option_docs.h"

#include <string.h>

#include "settings.h"

/* ---- Cells -------------------------------------------------------------------------------- */

/* A bar would end the cell. */
static void add_cell(struct text *text, const char *words)
{
    for (; *words; words++) {
        if (*words == '|')
            text_add_char(text, '\\');
        text_add_char(text, *words);
    }
}

static void add_takes(struct text *text, struct arena *arena, const sluice_option *row)
{
    if (row->type != OPTION_NODE)
        add_cell(text, option_takes(row, arena));
    else if (row->rows)
        text_add(text,
                 strcmp(row->name, "routes") == 0 ? "a mapping from `METHOD /path`" : "a list");
    else
        text_add(text, "a mapping of options");
}

static void add_default(struct text *text, const sluice_option *row)
{
    if (row->flags & SLUICE_REQUIRED)
        text_add(text, "required");
    else if (row->fallback && *row->fallback)
        text_add_format(text, "`%s`", row->fallback);
    else if (row->type != SLUICE_GROUP)
        text_add(text, row->fallback ? "empty" : "none");
}

static void add_meaning(struct text *text, const sluice_option *row)
{
    if (row->help)
        add_cell(text, row->help);
    if (row->flags & SLUICE_SECRET)
        text_add(text, row->help ? " (secret: never printed)" : "secret: never printed");
}

/* ---- Tables ------------------------------------------------------------------------------- */

/* How the path goes on below a row. */
static const char *below(const sluice_option *row)
{
    if (row->type == SLUICE_MAP)
        return ".<name>.";
    if (row->type == OPTION_NODE)
        return strcmp(row->name, "routes") == 0 ? ".<METHOD /path>." : "[].";
    return ".";
}

static void add_rows(struct text *text, struct arena *arena, struct option_table table,
                     const char *path)
{
    for (uint32_t i = 0; i < table.count; i++) {
        sluice_option row = option_row(table, i);
        if (row.type == SLUICE_NAME)
            continue;
        text_add_format(text, "| `%s%s` | ", path, row.name);
        add_takes(text, arena, &row);
        text_add(text, " | ");
        add_default(text, &row);
        text_add(text, " | ");
        add_meaning(text, &row);
        text_add(text, " |\n");
        if (row.rows)
            add_rows(text, arena, option_rows(&row),
                     arena_printf(arena, "%s%s%s", path, row.name, below(&row)));
    }
}

static void add_table(struct text *text, struct arena *arena, struct option_table table)
{
    if (table.count == 0) {
        text_add(text, "It has no options.\n");
        return;
    }
    text_add(text, "| option | takes | default | meaning |\n|---|---|---|---|\n");
    add_rows(text, arena, table, "");
}

/* ---- Pages -------------------------------------------------------------------------------- */

void docs_add_plugin(struct text *text, struct arena *arena, const sluice_descriptor *descriptor)
{
    text_add_format(text, "## %s\n\n%s\n\n", descriptor->name, descriptor->summary);
    add_table(text, arena, descriptor_options(descriptor));
}

void docs_add_all(struct text *text, struct arena *arena, const struct catalogue *catalogue)
{
    text_add(text, "# Options\n\n"
                   "<!-- Made by `sluice plugin docs`: change the tables in the sources. -->\n\n"
                   "Every option of `config.yaml`, from the tables that also check it. Values may "
                   "be filled in from\nthe environment, as `${NAME:-default}`; an option that is "
                   "empty has its default.\n\n"
                   "## The gateway\n\n");
    add_table(text, arena, settings_options());
    for (size_t i = 0; i < catalogue->count; i++) {
        text_add(text, "\n");
        docs_add_plugin(text, arena, catalogue->items[i].descriptor);
    }
}
