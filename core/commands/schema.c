/* A JSON Schema of config.yaml, from the option tables.
 *
 *   row -> {description, default, anyOf: [what its type takes, a variable, nothing]}
 *   plugins -> a name | {name: its options} | {path, config: by the file's name}
 *
 * SPDX-License-Identifier: MIT */
#include "schema.h"

#include <string.h>

#include "json_pretty.h"
#include "json_write.h"
#include "settings.h"

struct writer {
    struct text *text;
    struct arena *arena;
    const struct catalogue *catalogue;
};

static void add_options(const struct writer *to, struct option_table table);

/* ---- Small pieces ------------------------------------------------------------------------- */

static void add(const struct writer *to, const char *json)
{
    text_add(to->text, json);
}

static void add_string(const struct writer *to, const char *string)
{
    json_add_string(to->text, string, strlen(string));
}

/* Both bounds, under the names that the type has for them. */
static void add_bounds(const struct writer *to, const sluice_option *row, const char *least,
                       const char *most)
{
    if (row->min == 0 && row->max == 0)
        return;
    text_add_format(to->text, ",\"%s\":%lld", least, (long long)row->min);
    if (row->max >= row->min)
        text_add_format(to->text, ",\"%s\":%lld", most, (long long)row->max);
}

/* ---- Types -------------------------------------------------------------------------------- */

/* Numbers and booleans are texts too, as in `workers: 4`. Bounds count bytes, those of the schema
 * characters: one has at most four bytes. */
static void add_text(const struct writer *to, const sluice_option *row)
{
    add(to, "{\"type\":[\"string\",\"number\",\"boolean\"]");
    if (row->min > 0)
        text_add_format(to->text, ",\"minLength\":%lld", (long long)(row->min + 3) / 4);
    if (row->max > 0 && row->max >= row->min)
        text_add_format(to->text, ",\"maxLength\":%lld", (long long)row->max);
    add(to, "}");
}

static void add_choices(const struct writer *to, const sluice_option *row)
{
    add(to, "{\"enum\":[");
    for (size_t i = 0; row->choices && row->choices[i]; i++) {
        add(to, i ? "," : "");
        add_string(to, row->choices[i]);
    }
    add(to, "]}");
}

static void add_texts(const struct writer *to, const sluice_option *row)
{
    add(to, "{\"type\":[\"string\",\"number\",\"boolean\"]},"
            "{\"type\":\"array\",\"items\":{\"type\":[\"string\",\"number\",\"boolean\"]}");
    add_bounds(to, row, "minItems", "maxItems");
    add(to, "}");
}

static void add_map(const struct writer *to, const sluice_option *row)
{
    add(to, "{\"type\":\"object\",\"propertyNames\":{\"$ref\":\"#/$defs/name\"}");
    add_bounds(to, row, "minProperties", "maxProperties");
    add(to, ",\"additionalProperties\":{\"anyOf\":[");
    add_options(to, option_rows(row));
    add(to, ",{\"type\":\"null\"}]}}");
}

static void add_int(const struct writer *to, const sluice_option *row)
{
    add(to, "{\"type\":\"integer\"");
    add_bounds(to, row, "minimum", "maximum");
    add(to, "}");
}

/* ---- Plugins and routes ------------------------------------------------------------------- */

static void add_config_of(const struct writer *to, const sluice_descriptor *descriptor)
{
    add(to, "{\"anyOf\":[{\"$ref\":");
    add_string(to, arena_printf(to->arena, "#/$defs/plugin_%s", descriptor->name));
    add(to, "},{\"type\":\"null\"}]}");
}

static void add_shipped(const struct writer *to)
{
    const struct catalogue *catalogue = to->catalogue;
    add(to, "{\"enum\":[");
    for (size_t i = 0; i < catalogue->count && !catalogue->items[i].file; i++) {
        add(to, i ? "," : "");
        add_string(to, catalogue->items[i].descriptor->name);
    }
    add(to, "]},{\"type\":\"object\",\"minProperties\":1,\"maxProperties\":1,"
            "\"additionalProperties\":false,\"properties\":{");
    for (size_t i = 0; i < catalogue->count && !catalogue->items[i].file; i++) {
        const sluice_descriptor *descriptor = catalogue->items[i].descriptor;
        add(to, i ? "," : "");
        add_string(to, descriptor->name);
        add(to, ":");
        add_config_of(to, descriptor);
    }
    add(to, "}}");
}

/* As a regular expression that takes this text alone at the end of a path. */
static const char *pattern_of(const struct writer *to, const char *file)
{
    struct text pattern;
    text_init(&pattern, to->arena);
    text_add(&pattern, "(^|/)");
    for (; *file; file++) {
        if (strchr("\\^$.|?*+()[]{}", *file))
            text_add_char(&pattern, '\\');
        text_add_char(&pattern, *file);
    }
    text_add(&pattern, "$");
    return pattern.data;
}

/* Which options `config` takes is told by the file's name; of others anything goes. */
static void add_by_path(const struct writer *to)
{
    const struct catalogue *catalogue = to->catalogue;
    add(to, "{\"type\":\"object\",\"required\":[\"path\"],\"additionalProperties\":false,"
            "\"properties\":{\"path\":{\"type\":\"string\"},"
            "\"config\":{\"type\":[\"object\",\"null\"]}},\"allOf\":[true");
    for (size_t i = 0; i < catalogue->count; i++) {
        if (!catalogue->items[i].file)
            continue;
        add(to, ",{\"if\":{\"properties\":{\"path\":{\"pattern\":");
        add_string(to, pattern_of(to, catalogue->items[i].file));
        add(to, "}}},\"then\":{\"properties\":{\"config\":");
        add_config_of(to, catalogue->items[i].descriptor);
        add(to, "}}}");
    }
    add(to, "]}");
}

static void add_lists(const struct writer *to, const sluice_option *row)
{
    if (strcmp(row->name, "plugins") == 0) {
        add(to, "{\"type\":\"array\",\"items\":{\"anyOf\":[");
        add_shipped(to);
        add(to, ",");
        add_by_path(to);
        add(to, "]}}");
    } else {
        add(to, "{\"type\":\"object\",\"propertyNames\":{\"pattern\":\"^[A-Z]+ +/\"},"
                "\"additionalProperties\":{\"anyOf\":[");
        add_options(to, option_rows(row));
        add(to, ",{\"type\":\"null\"}]}}");
    }
}

/* ---- Options ------------------------------------------------------------------------------ */

static void add_type(const struct writer *to, const sluice_option *row)
{
    switch (row->type) {
    case SLUICE_BOOL:
        add(to, "{\"$ref\":\"#/$defs/boolean\"}");
        break;
    case SLUICE_INT:
        add_int(to, row);
        break;
    case SLUICE_DURATION:
        add(to, "{\"$ref\":\"#/$defs/duration\"}");
        break;
    case SLUICE_SIZE:
        add(to, "{\"$ref\":\"#/$defs/size\"}");
        break;
    case SLUICE_RATE:
        add(to, "{\"$ref\":\"#/$defs/rate\"}");
        break;
    case SLUICE_CHOICE:
        add_choices(to, row);
        break;
    case SLUICE_TEXTS:
        add_texts(to, row);
        break;
    case SLUICE_GROUP:
        add_options(to, option_rows(row));
        break;
    case SLUICE_MAP:
        add_map(to, row);
        break;
    case OPTION_NODE:
        add_lists(to, row);
        break;
    default:
        add_text(to, row);
    }
}

/* Written as in YAML, so only what is no list and no mapping has the same form here. */
static void add_default(const struct writer *to, const sluice_option *row)
{
    if (!row->fallback || row->type == SLUICE_TEXTS || row->type == SLUICE_MAP)
        return;
    add(to, "\"default\":");
    if (row->type == SLUICE_INT || row->type == SLUICE_BOOL)
        add(to, row->fallback);
    else
        add_string(to, row->fallback);
    add(to, ",");
}

/* Variables are filled into values; a mapping or list of entries is none. */
static bool may_be_variable(const sluice_option *row)
{
    return row->type != SLUICE_GROUP && row->type != SLUICE_MAP && row->type != OPTION_NODE;
}

static void add_description(const struct writer *to, const sluice_option *row)
{
    struct text text;
    text_init(&text, to->arena);
    text_add(&text, row->help ? row->help : "");
    if (row->type != SLUICE_GROUP && row->type != OPTION_NODE)
        text_add_format(&text, "; %s", option_takes(row, to->arena));
    add(to, "\"description\":");
    add_string(to, text.data);
}

static void add_option(const struct writer *to, const sluice_option *row)
{
    add_string(to, row->name);
    add(to, ":{");
    add_description(to, row);
    add(to, ",");
    add_default(to, row);
    add(to, "\"anyOf\":[");
    add_type(to, row);
    add(to, may_be_variable(row) ? ",{\"$ref\":\"#/$defs/variable\"}" : "");
    add(to, row->flags & SLUICE_REQUIRED ? "]}" : ",{\"type\":\"null\"}]}");
}

static void add_required(const struct writer *to, struct option_table table)
{
    bool first = true;
    for (uint32_t i = 0; i < table.count; i++) {
        sluice_option row = option_row(table, i);
        if (!(row.flags & SLUICE_REQUIRED))
            continue;
        add(to, first ? ",\"required\":[" : ",");
        add_string(to, row.name);
        first = false;
    }
    add(to, first ? "" : "]");
}

static void add_properties(const struct writer *to, struct option_table table)
{
    bool first = true;
    for (uint32_t i = 0; i < table.count; i++) {
        sluice_option row = option_row(table, i);
        if (row.type == SLUICE_NAME)
            continue;
        add(to, first ? "" : ",");
        add_option(to, &row);
        first = false;
    }
}

static void add_options(const struct writer *to, struct option_table table)
{
    add(to, "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{");
    add_properties(to, table);
    add(to, "}");
    add_required(to, table);
    add(to, "}");
}

/* ---- The whole ---------------------------------------------------------------------------- */

/* A value may be a variable wherever it stands, whole or in part; what it becomes only the
 * environment knows. Words for booleans are texts to editors that read YAML 1.2. */
static const char definitions[] =
    "\"variable\":{\"type\":\"string\",\"pattern\":\"\\\\$\\\\{[^}]+\\\\}\"},"
    "\"name\":{\"type\":\"string\",\"pattern\":\"^[A-Za-z0-9._@-]{1,128}$\"},"
    "\"boolean\":{\"anyOf\":[{\"type\":\"boolean\"},"
    "{\"type\":\"string\",\"pattern\":\"^([Tt]rue|[Ff]alse|[Yy]es|[Nn]o|[Oo]n|[Oo]ff|"
    "TRUE|FALSE|YES|NO|ON|OFF)$\"}]},"
    "\"duration\":{\"anyOf\":[{\"const\":0},"
    "{\"type\":\"string\",\"pattern\":\"^(0|[0-9]+(ms|s|m|h|d))$\"}]},"
    "\"size\":{\"anyOf\":[{\"type\":\"integer\",\"minimum\":0},"
    "{\"type\":\"string\",\"pattern\":\"^[0-9]+[kmgKMG]?$\"}]},"
    "\"rate\":{\"type\":\"string\",\"pattern\":\"^[0-9]+/[0-9]*(ms|s|m|h|d)$\"}";

static void add_definitions(const struct writer *to)
{
    add(to, ",\"$defs\":{");
    add(to, definitions);
    for (size_t i = 0; i < to->catalogue->count; i++) {
        const sluice_descriptor *descriptor = to->catalogue->items[i].descriptor;
        add(to, ",");
        add_string(to, arena_printf(to->arena, "plugin_%s", descriptor->name));
        add(to, ":{\"description\":");
        add_string(to, descriptor->summary);
        add(to, ",\"allOf\":[");
        add_options(to, descriptor_options(descriptor));
        add(to, "]}");
    }
    add(to, "}");
}

void schema_add(struct text *text, struct arena *arena, const struct catalogue *catalogue)
{
    struct text compact;
    text_init(&compact, arena);
    const struct writer to = {&compact, arena, catalogue};
    add(&to, "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\","
             "\"title\":\"config.yaml of Sluice\",\"type\":\"object\","
             "\"additionalProperties\":false,\"properties\":{");
    add_properties(&to, settings_options());
    add(&to, "}");
    add_definitions(&to);
    add(&to, "}");
    json_add_pretty(text, compact.data, compact.len);
}
