/* Reading named boards: tops, runs, neighbours, single entries, percentiles, past periods.
 *
 *   parameters -> board -> range.lua --> listed            parameters -> board -> look.lua --> seen
 *
 * SPDX-License-Identifier: MIT */
#include <string.h>

#include <sluice/json.h>

#include "code.h"
#include "leaderboard.h"

#define ROWS_MAX 100
#define ROWS_DEFAULT 10
#define POSITION_MAX INT64_C(1000000000)

static sluice_step listed, seen, percentile_seen, removed, periods_listed;

/* ---- A run of entries --------------------------------------------------------------------- */

struct listing {
    struct use use;
    const char *around; /* a user id, or "" */
    const char *period; /* NULL: the current one */
    int64_t first, last;
    bool is_paged; /* the answer has a cursor where there is more */
};

/* Board, data keys, id and flags: what every script here begins with. No period: the current one. */
static uint32_t begin(sluice_request *req, const struct board *board, const char *period,
                      sluice_arg *args)
{
    args[0] = sluice_arg_text(board_key(req, board->name));
    board_data_keys(req, board, period ? period : board_period_name(req, board), args + 1);
    args[5] = sluice_arg_text(board->id);
    args[6] = sluice_arg_text(board_flags(req, board));
    return 7;
}

static sluice_verdict list(sluice_request *req, struct use *use)
{
    const struct leaderboard *leaderboard = sluice_self(req);
    struct listing *listing = (struct listing *)use;
    sluice_arg args[10];
    uint32_t count = begin(req, use->board, listing->period, args);
    args[count++] = sluice_arg_text(listing->around);
    args[count++] = sluice_arg_int(listing->first);
    args[count++] = sluice_arg_int(listing->last);
    return sluice_run_v(req, SLUICE_THEN(listed, listing), leaderboard->range, 5, args, count,
                        sizeof args[0]);
}

static sluice_arg subscore_of(const struct board *board, const sluice_reply *code)
{
    if (board->subscore == SUBSCORE_NONE)
        return sluice_arg_text(NULL);
    return sluice_arg_double(code_read(sluice_text(code), board_inverts_subscore(board)));
}

static sluice_verdict not_ranked(sluice_request *req)
{
    return sluice_problem(req, 404, "not_ranked", "this user has no score");
}

/* Where the next page begins; NULL where there is none. */
static const char *cursor_of(sluice_request *req, const struct listing *listing, int64_t total)
{
    int64_t next = listing->last + 1;
    return listing->is_paged && next < total ? sluice_concat(req, next) : NULL;
}

static sluice_verdict listed(sluice_request *req, void *state, const sluice_reply *rows)
{
    struct listing *listing = state;
    sluice_verdict verdict;
    if (board_again(req, &listing->use, rows, &verdict))
        return verdict;
    if (sluice_is_nil(rows))
        return not_ranked(req);
    sluice_list *entries = sluice_list_new(req);
    for (uint64_t i = 1; i + 3 < sluice_length(rows); i += 4)
        sluice_push(req, entries,
                    sluice_object(req, "userId", sluice_at(rows, i), "score",
                                  sluice_number(sluice_at(rows, i + 1)), "subscore",
                                  subscore_of(listing->use.board, sluice_at(rows, i + 2)), "rank",
                                  sluice_at(rows, i + 3)));
    return sluice_json(req, 200, "entries", entries, "total", sluice_at(rows, 0), "cursor",
                       cursor_of(req, listing, sluice_int(sluice_at(rows, 0))));
}

/* The name of a period that came as `parameter`, or NULL for none. */
static const char *checked_period(sluice_reader *in, const char *parameter, const char *name)
{
    if (!name || period_is_name(name))
        return name;
    sluice_parameter_wrong(in, parameter, "must be a period's name, as .../periods lists them");
    return NULL;
}

/* A listing of the board that the path names; positions are filled in by the caller. */
static struct listing *listing(sluice_reader *in)
{
    struct listing *made = sluice_new(in->req, struct listing);
    made->use.name = sluice_take_path_name(in, "b");
    made->use.run = list;
    made->around = "";
    made->period = checked_period(in, "period", sluice_query(in->req, "period"));
    return made;
}

sluice_verdict read_top(sluice_request *req, void *self, const sluice_reply *none)
{
    (void)self, (void)none;
    sluice_reader in;
    sluice_read_parameters(req, &in);
    struct listing *top = listing(&in);
    top->last = sluice_take_query_int(&in, "limit", 1, ROWS_MAX, ROWS_DEFAULT) - 1;
    if (sluice_is_bad(&in))
        return sluice_refuse_input(&in);
    return board_use(req, &top->use);
}

/* A period's entries, page by page; the cursor is the position that comes next. */
sluice_verdict read_period(sluice_request *req, void *self, const sluice_reply *none)
{
    (void)self, (void)none;
    sluice_reader in;
    sluice_read_parameters(req, &in);
    struct listing *past = listing(&in);
    past->period = checked_period(&in, "p", sluice_path(req, "p"));
    past->is_paged = true;
    past->first = sluice_take_query_int(&in, "cursor", 1, POSITION_MAX, 0);
    past->last = past->first + sluice_take_query_int(&in, "limit", 1, ROWS_MAX, ROWS_DEFAULT) - 1;
    if (sluice_is_bad(&in))
        return sluice_refuse_input(&in);
    return board_use(req, &past->use);
}

sluice_verdict read_range(sluice_request *req, void *self, const sluice_reply *none)
{
    (void)self, (void)none;
    sluice_reader in;
    sluice_read_parameters(req, &in);
    struct listing *run = listing(&in);
    int64_t from = sluice_take_query_int(&in, "from", 1, POSITION_MAX, 1);
    int64_t to = sluice_take_query_int(&in, "to", 1, POSITION_MAX, from + ROWS_DEFAULT - 1);
    if (!in.error_count && (to < from || to - from >= ROWS_MAX))
        sluice_parameter_wrong(&in, "to", "must be from 0 to 99 positions behind from");
    if (sluice_is_bad(&in))
        return sluice_refuse_input(&in);
    run->first = from - 1;
    run->last = to - 1;
    return board_use(req, &run->use);
}

sluice_verdict read_around(sluice_request *req, void *self, const sluice_reply *none)
{
    (void)self, (void)none;
    sluice_reader in;
    sluice_read_parameters(req, &in);
    struct listing *neighbours = listing(&in);
    neighbours->around = sluice_take_path_user_id(&in, "u");
    neighbours->first = sluice_take_query_int(&in, "n", 0, ROWS_MAX / 2, 5);
    if (sluice_is_bad(&in))
        return sluice_refuse_input(&in);
    return board_use(req, &neighbours->use);
}

/* ---- Single users -------------------------------------------------------------------------- */

struct look {
    struct use use;
    const char *period;
    const char **users;
    uint32_t count;
    bool is_list;
    sluice_step *then;
    const char *then_name;
};

static sluice_verdict look(sluice_request *req, struct use *use)
{
    const struct leaderboard *leaderboard = sluice_self(req);
    struct look *look = (struct look *)use;
    sluice_arg *args = sluice_alloc(req, sizeof(sluice_arg) * (7 + look->count));
    uint32_t count = begin(req, use->board, look->period, args);
    for (uint32_t i = 0; i < look->count; i++)
        args[count++] = sluice_arg_text(look->users[i]);
    return sluice_run_v(req, sluice_then(look->then, look->then_name, look), leaderboard->look, 5,
                        args, count, sizeof args[0]);
}

static sluice_arg entry(sluice_request *req, const struct board *board, const char *user,
                        const sluice_reply *row)
{
    return sluice_object(req, "userId", user, "score", sluice_number(sluice_at(row, 0)), "subscore",
                         subscore_of(board, sluice_at(row, 1)), "rank", sluice_at(row, 2));
}

static sluice_verdict seen(sluice_request *req, void *state, const sluice_reply *rows)
{
    struct look *look = state;
    sluice_verdict verdict;
    if (board_again(req, &look->use, rows, &verdict))
        return verdict;
    if (!look->is_list) {
        if (sluice_is_nil(sluice_at(rows, 1)))
            return not_ranked(req);
        sluice_arg body = entry(req, look->use.board, look->users[0], sluice_at(rows, 1));
        return sluice_respond(req, 200, "application/json", sluice_bytes_of(body.u.text, body.len));
    }
    sluice_list *entries = sluice_list_new(req);
    for (uint32_t i = 0; i < look->count; i++)
        if (!sluice_is_nil(sluice_at(rows, i + 1)))
            sluice_push(req, entries,
                        entry(req, look->use.board, look->users[i], sluice_at(rows, i + 1)));
    return sluice_json(req, 200, "entries", entries, "total", sluice_at(rows, 0));
}

/* 100 x (entries that rank strictly below) / max(1, entries - 1) */
static sluice_verdict percentile_seen(sluice_request *req, void *state, const sluice_reply *rows)
{
    struct look *look = state;
    sluice_verdict verdict;
    if (board_again(req, &look->use, rows, &verdict))
        return verdict;
    const sluice_reply *row = sluice_at(rows, 1);
    if (sluice_is_nil(row))
        return not_ranked(req);
    int64_t total = sluice_int(sluice_at(rows, 0));
    double others = total > 1 ? (double)(total - 1) : 1;
    return sluice_json(req, 200, "userId", look->users[0], "percentile",
                       100.0 * (double)sluice_int(sluice_at(row, 3)) / others, "rank",
                       sluice_at(row, 2), "total", total);
}

/* For the user that the path names. */
static sluice_verdict at_one(sluice_request *req, board_run *run, sluice_step *then,
                             const char *then_name)
{
    sluice_reader in;
    sluice_read_parameters(req, &in);
    struct look *one = sluice_new(req, struct look);
    one->use.name = sluice_take_path_name(&in, "b");
    one->use.run = run;
    one->then = then;
    one->then_name = then_name;
    one->users = sluice_alloc(req, sizeof *one->users);
    one->users[0] = sluice_take_path_user_id(&in, "u");
    one->count = 1;
    one->period = checked_period(&in, "period", sluice_query(req, "period"));
    if (sluice_is_bad(&in))
        return sluice_refuse_input(&in);
    return board_use(req, &one->use);
}

sluice_verdict read_entry(sluice_request *req, void *self, const sluice_reply *none)
{
    (void)self, (void)none;
    return at_one(req, look, SLUICE_STEP(seen));
}

sluice_verdict read_percentile(sluice_request *req, void *self, const sluice_reply *none)
{
    (void)self, (void)none;
    return at_one(req, look, SLUICE_STEP(percentile_seen));
}

static void take_users(sluice_reader *in, struct look *many)
{
    sluice_texts users = sluice_optional_texts(in, "userIds", ROWS_MAX, SLUICE_USER_ID_MAX);
    many->users = sluice_alloc(in->req, sizeof *many->users * (users.count + 1));
    for (uint64_t i = 0; i < users.count; i++) {
        if (users.items[i] && !sluice_is_user_id(users.items[i]))
            sluice_member_wrong(in, "userIds", SLUICE_USER_ID_RULE);
        many->users[many->count++] = users.items[i];
    }
    if (users.count == 0 && !in->error_count)
        sluice_member_wrong(in, "userIds", "must name 1 to 100 users");
}

sluice_verdict read_lookup(sluice_request *req, void *self, const sluice_reply *none)
{
    (void)self, (void)none;
    sluice_reader in;
    if (!sluice_read_json(req, &in, SLUICE_STRICT))
        return in.verdict;
    struct look *many = sluice_new(req, struct look);
    many->use.name = sluice_take_path_name(&in, "b");
    many->use.run = look;
    many->is_list = true;
    many->then = seen;
    many->then_name = "seen";
    many->period = checked_period(&in, "period", sluice_query(req, "period"));
    take_users(&in, many);
    if (sluice_is_bad(&in))
        return sluice_refuse_input(&in);
    return board_use(req, &many->use);
}

/* ---- Removing and periods ------------------------------------------------------------------ */

static sluice_verdict remove_from(sluice_request *req, struct use *use)
{
    const struct leaderboard *leaderboard = sluice_self(req);
    struct look *one = (struct look *)use;
    sluice_arg args[8];
    uint32_t count = begin(req, use->board, one->period, args);
    args[count++] = sluice_arg_text(one->users[0]);
    return sluice_run_v(req, sluice_then(one->then, one->then_name, one), leaderboard->remove, 5,
                        args, count, sizeof args[0]);
}

sluice_verdict remove_entry(sluice_request *req, void *self, const sluice_reply *none)
{
    (void)self, (void)none;
    return at_one(req, remove_from, SLUICE_STEP(removed));
}

static sluice_verdict removed(sluice_request *req, void *state, const sluice_reply *count)
{
    struct look *one = state;
    sluice_verdict verdict;
    if (board_again(req, &one->use, count, &verdict))
        return verdict;
    return sluice_int(count) ? sluice_respond_empty(req, 204) : not_ranked(req);
}

/* Those whose entries have not expired; the newest first. */
static sluice_verdict list_periods(sluice_request *req, struct use *use)
{
    int64_t now = sluice_realtime(sluice_worker_of(req));
    const char *oldest = "-inf";
    if (use->board->period != PERIOD_NONE)
        oldest = sluice_concat(req, "(", now - board_period_kept(use->board));
    return sluice_ask(req, periods_listed, NULL, "ZREVRANGEBYSCORE",
                      sluice_key(req, "leaderboard:", use->name, ":periods"), "+inf", oldest,
                      "LIMIT", 0, use->board->retention + 1);
}

sluice_verdict read_periods(sluice_request *req, void *self, const sluice_reply *none)
{
    (void)self, (void)none;
    sluice_reader in;
    sluice_read_parameters(req, &in);
    struct use *use = sluice_new(req, struct use);
    use->name = sluice_take_path_name(&in, "b");
    use->run = list_periods;
    if (sluice_is_bad(&in))
        return sluice_refuse_input(&in);
    return board_use_stored(req, use);
}

static sluice_verdict periods_listed(sluice_request *req, void *none, const sluice_reply *names)
{
    (void)none;
    sluice_list *periods = sluice_list_new(req);
    for (uint64_t i = 0; i < sluice_length(names); i++)
        sluice_push(req, periods, sluice_at(names, i));
    return sluice_json(req, 200, "periods", periods);
}
