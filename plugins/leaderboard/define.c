/* Making, showing, listing and deleting named boards.
 *
 *   define_board --GET--> compared --define.lua--> stored
 *   show_board   -> board --ZCARD--> shown
 *   delete_board -> board --ZRANGE--> found_periods --delete.lua--> deleted
 *   list_boards  --ZRANGEBYLEX--> listed
 *
 * A board's structure (order, operator, ties, subscore, period, timezone) is for ever: what is
 * stored was stored for it. Writers and retention may change. Both scripts do nothing when the
 * stored definition is not the one that was read before, and the way begins anew.
 *
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include <sluice/hex.h>
#include <sluice/json.h>

#include "leaderboard.h"

#define BOARDS_MAX 10000
#define TRIES_MAX 3
#define LIST_MAX 100
#define LIST_DEFAULT 10

static sluice_step compared, stored, shown, found_periods, deleted, listed;

/* ---- A board as it is answered -------------------------------------------------------------- */

static sluice_list *writers_of(sluice_request *req, const struct board *board)
{
    sluice_list *list = sluice_list_new(req);
    for (const char *at = board->writers; *at;) {
        size_t len = strcspn(at, " ");
        sluice_push(req, list, sluice_bytes_of(at, len));
        at += len + (at[len] == ' ');
    }
    return list;
}

static sluice_verdict answer(sluice_request *req, uint32_t status, const struct board *board,
                             const sluice_reply *members)
{
    return sluice_json(req, status, "board", board->name, "order", board_orders[board->order],
                       "operator", board_operators[board->combine], "ties",
                       board_ties_words[board->ties], "subscore", board_subscores[board->subscore],
                       "period", board_periods[board->period], "timezone", board->timezone,
                       "retention", board->retention, "writers", writers_of(req, board), "members",
                       members ? sluice_arg_reply(members) : sluice_arg_text(NULL));
}

/* ---- Defining ----------------------------------------------------------------------------- */

struct definition {
    struct board board;
    bool is_new;
    int tries;
};

static int take_choice(sluice_reader *in, const char *name, const char *const *words, int fallback)
{
    const char *text = sluice_optional_text(in, name, 1, 32, NULL);
    const char *known = "";
    for (int i = 0; text && words[i]; i++) {
        if (strcmp(words[i], text) == 0)
            return i;
        known = sluice_printf(in->req, "%s%s%s", known, i ? ", " : "", words[i]);
    }
    if (text)
        sluice_member_wrong(in, name, sluice_printf(in->req, "must be one of %s", known));
    return fallback;
}

static void take_writers(sluice_reader *in, struct board *board)
{
    size_t len = 0;
    if (!json_object_get(in->body, "writers")) {
        memcpy(board->writers, "*", 2);
        return;
    }
    sluice_texts writers = sluice_optional_texts(in, "writers", WRITERS_MAX, SLUICE_NAME_MAX);
    for (uint64_t i = 0; i < writers.count; i++) {
        const char *writer = writers.items[i];
        if (!writer)
            return; /* noted as no string */
        bool any = strcmp(writer, "*") == 0 && writers.count == 1;
        size_t more = strlen(writer);
        if ((!any && !sluice_is_name(writer)) || len + more + 2 > sizeof board->writers) {
            sluice_member_wrong(in, "writers", "must be client ids, or \"*\" alone");
            return;
        }
        if (len)
            board->writers[len++] = ' ';
        memcpy(board->writers + len, writer, more + 1);
        len += more;
    }
    if (!len && !in->error_count)
        sluice_member_wrong(in, "writers", "must name somebody; \"*\" is every client");
}

static void take_timezone(sluice_reader *in, struct board *board)
{
    const char *timezone = sluice_optional_text(in, "timezone", 1, TIMEZONE_SIZE - 1, "UTC");
    if (!timezone)
        return; /* noted as no such text */
    if (!timezone_is_known(timezone)) {
        sluice_member_wrong(in, "timezone",
                            "must be a name of the timezone database, like Europe/Berlin");
        return;
    }
    memcpy(board->timezone, timezone, strlen(timezone) + 1);
}

static const char *take_board_name(sluice_reader *in)
{
    const char *name = sluice_take_path_name(in, "b");
    if (name && strcmp(name, "zset") == 0)
        sluice_parameter_wrong(in, "b",
                               "is reserved: it is the default board of the classic paths");
    return name;
}

static void make_id(sluice_request *req, char ret_id[BOARD_ID_SIZE])
{
    unsigned char bytes[(BOARD_ID_SIZE - 1) / 2];
    sluice_random(sluice_worker_of(req), bytes, sizeof bytes);
    sluice_hex(bytes, sizeof bytes, ret_id);
}

static sluice_verdict look_up(sluice_request *req, struct definition *definition)
{
    return sluice_ask(req, compared, definition, "GET", board_key(req, definition->board.name));
}

sluice_verdict define_board(sluice_request *req, void *self, const sluice_reply *none)
{
    (void)self, (void)none;
    sluice_reader in;
    if (!sluice_read_json(req, &in, SLUICE_STRICT))
        return in.verdict;
    struct definition *definition = sluice_new(req, struct definition);
    struct board *board = &definition->board;
    const char *name = take_board_name(&in);
    board->order = take_choice(&in, "order", board_orders, ORDER_DESC);
    board->combine = take_choice(&in, "operator", board_operators, OPERATOR_BEST);
    board->ties = take_choice(&in, "ties", board_ties_words, TIES_EARLIEST);
    board->subscore = take_choice(&in, "subscore", board_subscores, SUBSCORE_NONE);
    board->period = take_choice(&in, "period", board_periods, PERIOD_NONE);
    board->retention = sluice_optional_int(&in, "retention", 1, RETENTION_MAX, RETENTION_DEFAULT);
    take_timezone(&in, board);
    take_writers(&in, board);
    if (sluice_is_bad(&in))
        return sluice_refuse_input(&in);
    memcpy(board->name, name, strlen(name) + 1);
    make_id(req, board->id);
    return look_up(req, definition);
}

static bool same_structure(const struct board *a, const struct board *b)
{
    return a->order == b->order && a->combine == b->combine && a->ties == b->ties &&
           a->subscore == b->subscore && a->period == b->period &&
           strcmp(a->timezone, b->timezone) == 0;
}

static bool is_same(const struct board *a, const struct board *b)
{
    return same_structure(a, b) && a->retention == b->retention &&
           strcmp(a->writers, b->writers) == 0;
}

static sluice_verdict compared(sluice_request *req, void *state, const sluice_reply *before)
{
    const struct leaderboard *leaderboard = sluice_self(req);
    struct definition *definition = state;
    struct board *board = &definition->board;
    struct board old;
    definition->is_new = sluice_is_nil(before);
    if (!definition->is_new) {
        if (!board_read(&old, board->name, sluice_text_bytes(before)))
            return board_unreadable(req, board->name);
        if (!same_structure(board, &old))
            return sluice_problem(req, 409, "board_differs",
                                  "a board of this name has another structure; its writers and "
                                  "retention may change, for anything else delete it first");
        if (is_same(board, &old))
            return answer(req, 200, board, NULL);
    }
    return sluice_run(req, stored, definition, leaderboard->define, 2, board_key(req, board->name),
                      sluice_key(req, "boards"), board->name, sluice_text_bytes(before),
                      board_write(req, board), BOARDS_MAX);
}

static sluice_verdict stored(sluice_request *req, void *state, const sluice_reply *outcome)
{
    struct definition *definition = state;
    const char *word = sluice_text(outcome);
    board_forget(req, definition->board.name);
    if (strcmp(word, "stored") == 0)
        return answer(req, definition->is_new ? 201 : 200, &definition->board, NULL);
    if (strcmp(word, "full") == 0)
        return sluice_problem(req, 409, "too_many_boards", "there are 10000 boards; delete some");
    return ++definition->tries < TRIES_MAX ? look_up(req, definition) : board_changing(req);
}

/* ---- Showing ------------------------------------------------------------------------------ */

static sluice_verdict count_members(sluice_request *req, struct use *use)
{
    sluice_arg keys[4];
    board_data_keys(req, use->board, board_period_name(req, use->board), keys);
    return sluice_ask(req, shown, use, "ZCARD", keys[0]);
}

static sluice_verdict shown(sluice_request *req, void *state, const sluice_reply *members)
{
    const struct use *use = state;
    return answer(req, 200, use->board, members);
}

static sluice_verdict with_board(sluice_request *req, board_run *run)
{
    sluice_reader in;
    sluice_read_parameters(req, &in);
    struct use *use = sluice_new(req, struct use);
    use->name = sluice_take_path_name(&in, "b");
    use->run = run;
    if (sluice_is_bad(&in))
        return sluice_refuse_input(&in);
    return board_use_stored(req, use);
}

sluice_verdict show_board(sluice_request *req, void *self, const sluice_reply *none)
{
    (void)self, (void)none;
    return with_board(req, count_members);
}

/* ---- Deleting ----------------------------------------------------------------------------- */

static const char *periods_key(sluice_request *req, const char *name)
{
    return sluice_key(req, "leaderboard:", name, ":periods");
}

static sluice_verdict find_periods(sluice_request *req, struct use *use)
{
    return sluice_ask(req, found_periods, use, "ZRANGE", periods_key(req, use->name), 0, -1);
}

sluice_verdict delete_board(sluice_request *req, void *self, const sluice_reply *none)
{
    (void)self, (void)none;
    return with_board(req, find_periods);
}

static sluice_verdict found_periods(sluice_request *req, void *state, const sluice_reply *periods)
{
    const struct leaderboard *leaderboard = sluice_self(req);
    struct use *use = state;
    uint64_t count = sluice_length(periods);
    sluice_arg *args = sluice_alloc(req, sizeof(sluice_arg) * (6 + 4 * count));
    uint32_t argc = 0;
    args[argc++] = sluice_arg_text(board_key(req, use->name));
    args[argc++] = sluice_arg_text(sluice_key(req, "boards"));
    args[argc++] = sluice_arg_text(periods_key(req, use->name));
    for (uint64_t i = 0; i < count; i++)
        argc += board_data_keys(req, use->board, sluice_text(sluice_at(periods, i)), args + argc);
    uint32_t keys = argc;
    args[argc++] = sluice_arg_text(use->board->id);
    args[argc++] = sluice_arg_text(use->name);
    args[argc++] = sluice_arg_uint(count);
    return sluice_run_v(req, SLUICE_THEN(deleted, use), leaderboard->delete, keys, args, argc,
                        sizeof args[0]);
}

static sluice_verdict deleted(sluice_request *req, void *state, const sluice_reply *outcome)
{
    struct use *use = state;
    sluice_verdict verdict;
    if (board_again(req, use, outcome, &verdict))
        return verdict;
    board_forget(req, use->name);
    return sluice_respond_empty(req, 204);
}

/* ---- Listing ------------------------------------------------------------------------------ */

struct page {
    int64_t limit;
};

sluice_verdict list_boards(sluice_request *req, void *self, const sluice_reply *none)
{
    (void)self, (void)none;
    sluice_reader in;
    sluice_read_parameters(req, &in);
    struct page *page = sluice_new(req, struct page);
    const char *cursor = sluice_query(req, "cursor");
    page->limit = sluice_take_query_int(&in, "limit", 1, LIST_MAX, LIST_DEFAULT);
    if (cursor && !sluice_is_name(cursor))
        sluice_parameter_wrong(&in, "cursor", "must be one that a list gave");
    if (sluice_is_bad(&in))
        return sluice_refuse_input(&in);
    return sluice_ask(req, listed, page, "ZRANGEBYLEX", sluice_key(req, "boards"),
                      cursor ? sluice_printf(req, "(%s", cursor) : "-", "+", "LIMIT", 0,
                      page->limit + 1);
}

/* One more than asked for says that there is more; the cursor is the last name that is shown. */
static sluice_verdict listed(sluice_request *req, void *state, const sluice_reply *names)
{
    const struct page *page = state;
    sluice_list *boards = sluice_list_new(req);
    uint64_t count = sluice_length(names), limit = (uint64_t)page->limit;
    for (uint64_t i = 0; i < count && i < limit; i++)
        sluice_push(req, boards, sluice_object(req, "board", sluice_at(names, i)));
    sluice_arg cursor =
        count > limit ? sluice_arg_reply(sluice_at(names, limit - 1)) : sluice_arg_text(NULL);
    return sluice_json(req, 200, "boards", boards, "cursor", cursor);
}
