/* Named boards: their definitions.
 *
 * SPDX-License-Identifier: MIT */
#include "board.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "leaderboard.h"

#define TRIES_MAX 3

const char *const board_orders[] = {"desc", "asc", NULL};
const char *const board_operators[] = {"best", "last", "sum", "min", "max", NULL};
const char *const board_ties_words[] = {"earliest", "competition", "dense", "lexical", NULL};
const char *const board_subscores[] = {"none", "desc", "asc", NULL};
const char *const board_periods[] = {"none", "hourly", "daily", "weekly", "monthly", NULL};

static sluice_step defined;

/* ---- As JSON ------------------------------------------------------------------------------ */

const char *board_write(sluice_request *req, const struct board *board)
{
    sluice_arg json = sluice_object(
        req, "id", board->id, "order", board_orders[board->order], "operator",
        board_operators[board->combine], "ties", board_ties_words[board->ties], "subscore",
        board_subscores[board->subscore], "period", board_periods[board->period], "timezone",
        board->timezone, "retention", board->retention, "writers", board->writers);
    return sluice_copy(req, sluice_bytes_of(json.u.text, json.len));
}

/* The index of a member's word; -1 for none of them. */
static int word(const json_t *json, const char *name, const char *const *words)
{
    const char *text = json_string_value(json_object_get(json, name));
    for (int i = 0; text && words[i]; i++)
        if (strcmp(words[i], text) == 0)
            return i;
    return -1;
}

static bool copy_text(const json_t *json, const char *name, char *to, size_t size)
{
    const char *text = json_string_value(json_object_get(json, name));
    size_t len = text ? strlen(text) : size;
    if (len >= size)
        return false;
    memcpy(to, text, len + 1);
    return true;
}

bool board_read(struct board *board, const char *name, sluice_bytes text)
{
    json_t *json = json_loadb(text.data, text.len, 0, NULL);
    memset(board, 0, sizeof *board);
    memcpy(board->name, name, strlen(name) + 1);
    board->order = word(json, "order", board_orders);
    board->combine = word(json, "operator", board_operators);
    board->ties = word(json, "ties", board_ties_words);
    board->subscore = word(json, "subscore", board_subscores);
    board->period = word(json, "period", board_periods);
    board->retention = json_integer_value(json_object_get(json, "retention"));
    bool whole = board->order >= 0 && board->combine >= 0 && board->ties >= 0 &&
                 board->subscore >= 0 && board->period >= 0 &&
                 copy_text(json, "id", board->id, sizeof board->id) &&
                 copy_text(json, "timezone", board->timezone, sizeof board->timezone) &&
                 timezone_is_known(board->timezone) &&
                 copy_text(json, "writers", board->writers, sizeof board->writers);
    json_decref(json);
    return whole;
}

/* ---- Remembering -------------------------------------------------------------------------- */

/* FNV-1a (draft-eastlake-fnv): names are checked, so nobody gains by choosing colliding ones. */
static struct board **place_of(sluice_request *req, const char *name)
{
    struct leaderboard *leaderboard = sluice_self(req);
    uint32_t hash = 2166136261u;
    for (const char *at = name; *at; at++)
        hash = (hash ^ (unsigned char)*at) * 16777619u;
    return &leaderboard->boards[hash & (REMEMBERED_BOARDS - 1)];
}

/* Whoever has the place goes: it was a hint. */
static void remember(sluice_request *req, const struct board *board)
{
    struct board **place = place_of(req, board->name);
    if (!*place)
        *place = malloc(sizeof **place);
    if (*place)
        **place = *board;
}

static const struct board *remembered(sluice_request *req, const char *name)
{
    const struct board *board = *place_of(req, name);
    return board && strcmp(board->name, name) == 0 ? board : NULL;
}

void board_forget(sluice_request *req, const char *name)
{
    struct board **place = place_of(req, name);
    if (*place && strcmp((*place)->name, name) == 0) {
        free(*place);
        *place = NULL;
    }
}

/* ---- Using -------------------------------------------------------------------------------- */

const char *board_key(sluice_request *req, const char *name)
{
    return sluice_key(req, "board:", name);
}

static sluice_verdict no_such_board(sluice_request *req)
{
    return sluice_problem(req, 404, "no_such_board", "there is no leaderboard of this name");
}

sluice_verdict board_unreadable(sluice_request *req, const char *name)
{
    sluice_log(sluice_worker_of(req), SLUICE_LOG_ERROR,
               "board:%s in Redis is no definition that can be read here: is its timezone in this "
               "host's /usr/share/zoneinfo, and was it written by a newer version?",
               name);
    return sluice_problem(req, 500, "internal_error", "the gateway could not answer this request");
}

sluice_verdict board_changing(sluice_request *req)
{
    return sluice_problem_with(req, 503, "board_changing",
                               "the board is being changed again and again; try again",
                               "retryAfter", 1);
}

sluice_verdict board_use_stored(sluice_request *req, struct use *use)
{
    return sluice_ask(req, defined, use, "GET", board_key(req, use->name));
}

static sluice_verdict run(sluice_request *req, struct use *use, const struct board *board)
{
    use->board = sluice_new(req, struct board);
    *use->board = *board;
    return use->run(req, use);
}

sluice_verdict board_use(sluice_request *req, struct use *use)
{
    const struct board *board = remembered(req, use->name);
    return board ? run(req, use, board) : board_use_stored(req, use);
}

static sluice_verdict defined(sluice_request *req, void *state, const sluice_reply *definition)
{
    struct use *use = state;
    struct board board;
    board_forget(req, use->name);
    if (sluice_is_nil(definition))
        return no_such_board(req);
    if (!board_read(&board, use->name, sluice_text_bytes(definition)))
        return board_unreadable(req, use->name);
    remember(req, &board);
    use->is_stored = true;
    return run(req, use, &board);
}

bool board_again(sluice_request *req, struct use *use, const sluice_reply *reply,
                 sluice_verdict *ret_verdict)
{
    if (sluice_type(reply) != SLUICE_REPLY_STATUS)
        return false;
    board_forget(req, use->name);
    if (strcmp(sluice_text(reply), "gone") == 0)
        *ret_verdict = no_such_board(req);
    else if (++use->tries < TRIES_MAX)
        *ret_verdict = board_use_stored(req, use);
    else
        *ret_verdict = board_changing(req);
    return true;
}

/* ---- What scripts are given ---------------------------------------------------------------- */

const char *board_flags(sluice_request *req, const struct board *board)
{
    static const char orders[] = "da", ties[] = "ecnl";
    return sluice_printf(req, "%c%c%c", orders[board->order], ties[board->ties],
                         board->subscore == SUBSCORE_NONE ? '-' : 's');
}

/* Members that are equal but for their subscore are read in the board's direction. */
bool board_inverts_subscore(const struct board *board)
{
    return (board->subscore == SUBSCORE_DESC) != (board->order == ORDER_DESC);
}

uint32_t board_data_keys(sluice_request *req, const struct board *board, const char *period,
                         sluice_arg *ret_keys)
{
    static const char *const companions[] = {"", ":users", ":distinct", ":counts"};
    for (uint32_t i = 0; i < 4; i++)
        ret_keys[i] = sluice_arg_text(
            sluice_key(req, "leaderboard:", board->name, ":", period, companions[i]));
    return 4;
}

const struct remembered_period *board_periods_at(sluice_request *req, const struct board *board,
                                                 int64_t now)
{
    struct leaderboard *leaderboard = sluice_self(req);
    enum period_kind kind = (enum period_kind)board->period;
    unsigned hash = (unsigned)kind;
    for (const char *at = board->timezone; *at; at++)
        hash = hash * 31 + (unsigned char)*at;
    struct remembered_period *place = &leaderboard->periods[hash % REMEMBERED_PERIODS];
    if (place->kind != board->period || strcmp(place->timezone, board->timezone) != 0 ||
        now < place->now.start || now >= place->now.end) {
        place->kind = board->period;
        memcpy(place->timezone, board->timezone, sizeof place->timezone);
        period_at(kind, board->timezone, now, &place->now);
        place->next = place->now;
        if (kind != PERIOD_NONE)
            period_at(kind, board->timezone, place->now.end, &place->next);
    }
    return place;
}

const char *board_period_name(sluice_request *req, const struct board *board)
{
    int64_t now = sluice_realtime(sluice_worker_of(req));
    return sluice_concat(req, board_periods_at(req, board, now)->now.name);
}

int64_t board_period_kept(const struct board *board)
{
    return (board->retention + 1) * period_longest((enum period_kind)board->period);
}

/* The admin may, where a route lets the admin in; nobody may not, even where it asks for no key. */
bool board_may_write(const struct board *board, const sluice_identity *who)
{
    if (!who || who->kinds & SLUICE_IDENTITY_ADMIN)
        return who != NULL;
    if (strcmp(board->writers, "*") == 0)
        return !(who->kinds & SLUICE_IDENTITY_SELF_MADE);
    const char *client = who->client ? who->client : "";
    size_t len = strlen(client);
    for (const char *at = board->writers; *at;) {
        size_t name = strcspn(at, " ");
        if (name == len && memcmp(at, client, len) == 0)
            return true;
        at += name + (at[name] == ' ');
    }
    return false;
}
