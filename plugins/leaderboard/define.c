/* Making, showing, listing and deleting named boards.
 *
 *   define_board --GET--> compared --SET--> stored          show_board --GET + ZCARD--> shown
 *   delete_board --GET + periods--> --UNLINK ..--> deleted  list_boards --ZRANGEBYLEX--> listed
 *
 * A board's structure (order, operator, ties, subscore, period, timezone) is for ever: what is
 * stored was stored for it. Writers and retention may change. Deleting takes the definition first,
 * so that nobody writes any more, then all periods, in a thread of Redis's own (UNLINK).
 *
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include <sluice/json.h>

#include "leaderboard.h"

#define BOARDS_MAX 10000
#define LIST_MAX 100
#define LIST_DEFAULT 20
#define RETENTION_MAX 1000

static sluice_step compared, stored, shown, found_periods, deleted, listed;

/* ---- Defining ----------------------------------------------------------------------------- */

struct definition {
    struct board board;
    bool is_new;
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
    sluice_texts writers = sluice_optional_texts(in, "writers", WRITERS_MAX, SLUICE_NAME_MAX);
    size_t len = 0;
    for (uint64_t i = 0; i < writers.count; i++) {
        const char *writer = writers.items[i];
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
    if (!len)
        memcpy(board->writers, "*", 2);
}

static void take_timezone(sluice_reader *in, struct board *board)
{
    const char *timezone = sluice_optional_text(in, "timezone", 1, TIMEZONE_SIZE - 1, "UTC");
    if (!timezone || !timezone_is_known(timezone)) {
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
        sluice_parameter_wrong(in, "b", "is reserved: it is the default board of the classic paths");
    return name;
}

static void make_id(sluice_request *req, char ret_id[BOARD_ID_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char bytes[8];
    sluice_random(sluice_worker_of(req), bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++) {
        ret_id[i * 2] = digits[bytes[i] >> 4];
        ret_id[i * 2 + 1] = digits[bytes[i] & 15];
    }
    ret_id[16] = '\0';
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
    board->operator= take_choice(&in, "operator", board_operators, OPERATOR_BEST);
    board->ties = take_choice(&in, "ties", board_ties_words, TIES_EARLIEST);
    board->subscore = take_choice(&in, "subscore", board_subscores, SUBSCORE_NONE);
    board->period = take_choice(&in, "period", board_periods, PERIOD_NONE);
    board->retention =
        sluice_optional_int(&in, "retention", 1, RETENTION_MAX, RETENTION_DEFAULT);
    take_timezone(&in, board);
    take_writers(&in, board);
    if (sluice_is_bad(&in))
        return sluice_refuse_input(&in);
    memcpy(board->name, name, strlen(name) + 1);
    make_id(req, board->id);
    return sluice_ask_all(req, compared, definition,
                          SLUICE_COMMAND("GET", board_key(req, board->name)),
                          SLUICE_COMMAND("ZCARD", sluice_key(req, "boards")));
}

static bool same_structure(const struct board *a, const struct board *b)
{
    return a->order == b->order && a->operator== b->operator&& a->ties == b->ties &&
           a->subscore == b->subscore && a->period == b->period &&
           strcmp(a->timezone, b->timezone) == 0;
}

static sluice_verdict compared(sluice_request *req, void *state, const sluice_reply *both)
{
    struct definition *definition = state;
    struct board *board = &definition->board;
    struct board before;
    const sluice_reply *stored_one = sluice_at(both, 0);
    if (sluice_is_error(stored_one) || sluice_is_error(sluice_at(both, 1)))
        return sluice_problem(req, 503, "store_unavailable",
                              "the gateway's store refuses to read; try again");
    definition->is_new = sluice_is_nil(stored_one);
    if (definition->is_new && sluice_int(sluice_at(both, 1)) >= BOARDS_MAX)
        return sluice_problem(req, 409, "too_many_boards", "there are 10000 boards; delete some");
    if (!definition->is_new &&
        (!board_read(&before, board->name, sluice_text_bytes(stored_one)) ||
         !same_structure(board, &before)))
        return sluice_problem(req, 409, "board_differs",
                              "a board of this name has another structure; its writers and "
                              "retention may change, for anything else delete it first");
    board_forget(req, board->name);
    return sluice_ask_all(req, stored, definition,
                          SLUICE_COMMAND("SET", board_key(req, board->name),
                                         board_write(req, board)),
                          SLUICE_COMMAND("ZADD", sluice_key(req, "boards"), 0, board->name));
}

/* ---- Showing ------------------------------------------------------------------------------ */

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
                       "operator", board_operators[board->operator], "ties",
                       board_ties_words[board->ties], "subscore",
                       board_subscores[board->subscore], "period", board_periods[board->period],
                       "timezone", board->timezone, "retention", board->retention, "writers",
                       writers_of(req, board), "members",
                       members ? sluice_arg_reply(members) : sluice_arg_text(NULL));
}

static sluice_verdict stored(sluice_request *req, void *state, const sluice_reply *both)
{
    const struct definition *definition = state;
    if (sluice_is_error(sluice_at(both, 0)) || sluice_is_error(sluice_at(both, 1)))
        return sluice_problem(req, 503, "store_unavailable",
                              "the gateway's store refuses to write; try again");
    return answer(req, definition->is_new ? 201 : 200, &definition->board, NULL);
}

static sluice_verdict count_members(sluice_request *req, struct use *use)
{
    struct period period;
    sluice_arg keys[4];
    board_period(req, use->board, sluice_realtime(sluice_worker_of(req)), &period);
    board_data_keys(req, use->board, period.name, keys);
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
    board_forget(req, use->name); /* what is shown or deleted is what is stored */
    return board_use(req, use);
}

sluice_verdict show_board(sluice_request *req, void *self, const sluice_reply *none)
{
    (void)self, (void)none;
    return with_board(req, count_members);
}

/* ---- Deleting ----------------------------------------------------------------------------- */

static sluice_verdict take_definition(sluice_request *req, struct use *use)
{
    board_forget(req, use->name);
    return sluice_ask_all(
        req, found_periods, use, SLUICE_COMMAND("DEL", board_key(req, use->name)),
        SLUICE_COMMAND("ZREM", sluice_key(req, "boards"), use->name),
        SLUICE_COMMAND("ZRANGE", sluice_key(req, "leaderboard:", use->name, ":periods"), 0, -1));
}

sluice_verdict delete_board(sluice_request *req, void *self, const sluice_reply *none)
{
    (void)self, (void)none;
    return with_board(req, take_definition);
}

static sluice_verdict found_periods(sluice_request *req, void *state, const sluice_reply *replies)
{
    const struct use *use = state;
    const sluice_reply *periods = sluice_at(replies, 2);
    uint64_t count = sluice_length(periods);
    sluice_arg *args = sluice_alloc(req, sizeof(sluice_arg) * (2 + 4 * count));
    uint32_t argc = 0;
    if (sluice_is_error(sluice_at(replies, 0)) || sluice_is_error(periods))
        return sluice_problem(req, 503, "store_unavailable",
                              "the gateway's store refuses to write; try again");
    args[argc++] = sluice_arg_text("UNLINK");
    args[argc++] = sluice_arg_text(sluice_key(req, "leaderboard:", use->name, ":periods"));
    for (uint64_t i = 0; i < count; i++)
        argc += board_data_keys(req, use->board,
                                sluice_copy(req, sluice_text_bytes(sluice_at(periods, i))),
                                args + argc);
    return sluice_ask_v(req, SLUICE_THEN(deleted, NULL), args, argc, sizeof args[0]);
}

static sluice_verdict deleted(sluice_request *req, void *none, const sluice_reply *count)
{
    (void)none, (void)count;
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
    sluice_arg cursor = count > limit ? sluice_arg_reply(sluice_at(names, limit - 1))
                                      : sluice_arg_text(NULL);
    return sluice_json(req, 200, "boards", boards, "cursor", cursor);
}
