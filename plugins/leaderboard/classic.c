/* The classic paths: scores and ranks on the default board.
 *
 *   submit --ZADD--> stored
 *   rank   --ZREVRANK--> ranked          score --ZSCORE--> scored
 *   top    --ZREVRANGE--> topped         page  --ZCARD + ZREVRANGE--> paged
 *   remove --ZREM--> removed             reset --UNLINK--> emptied
 *
 * Key: leaderboard:zset, members are user ids as they are, so that what the classic server wrote
 * reads back. Equal scores stand in the set's own reverse order, the greater user id first, as
 * they did there.
 *
 * SPDX-License-Identifier: MIT */
#include <sluice/json.h>

#include "leaderboard.h"

#define BOARD "leaderboard:zset"
#define PAGE_MAX 1000000 /* the page number; with size 100 beyond any board Redis can hold */
#define SIZE_MAX_ROWS 100
#define SIZE_DEFAULT 10

static sluice_step stored, ranked, scored, topped, paged, removed, emptied;

static const char *board(sluice_request *req)
{
    return sluice_key(req, BOARD);
}

/* Asks `command` about the user that the path names. */
static sluice_verdict ask_about_user(sluice_request *req, sluice_wait then, const char *command)
{
    sluice_reader in;
    sluice_read_parameters(req, &in);
    const char *user = sluice_take_path_user_id(&in, "userId");
    if (sluice_is_bad(&in))
        return sluice_refuse_input(&in);
    return sluice_ask_as(req, then, command, board(req), user);
}

/* ---- Writing ------------------------------------------------------------------------------ */

struct submission {
    double score;
};

sluice_verdict classic_submit(sluice_request *req, void *self, const sluice_reply *none)
{
    (void)self, (void)none;
    sluice_reader in;
    if (!sluice_read_json(req, &in, 0))
        return in.verdict;
    struct submission *submission = sluice_new(req, struct submission);
    const char *user = sluice_take_user_id(&in, "userId");
    submission->score = sluice_take_number(&in, "score") + 0.0; /* which makes 0 of -0 */
    if (sluice_is_bad(&in))
        return sluice_refuse_input(&in);
    return sluice_ask(req, stored, submission, "ZADD", board(req), submission->score, user);
}

static sluice_verdict stored(sluice_request *req, void *state, const sluice_reply *added)
{
    const struct submission *submission = state;
    (void)added; /* 1 for a new user, 0 for an update: both are fine */
    return sluice_json(req, 200, "success", true, "message", "Score submitted", "newScore",
                       submission->score);
}

sluice_verdict classic_delete(sluice_request *req, void *self, const sluice_reply *none)
{
    (void)none;
    return ask_about_user(req, SLUICE_THEN(removed, self), "ZREM");
}

static sluice_verdict removed(sluice_request *req, void *self, const sluice_reply *count)
{
    (void)self;
    if (sluice_int(count) == 0)
        return sluice_problem(req, 404, "not_ranked", "this user has no score");
    return sluice_json(req, 200, "success", true, "message", "User removed from the leaderboard");
}

/* UNLINK frees a large set in a thread of Redis's: nobody waits for it. */
sluice_verdict classic_reset(sluice_request *req, void *self, const sluice_reply *none)
{
    (void)none;
    return sluice_ask(req, emptied, self, "UNLINK", board(req));
}

static sluice_verdict emptied(sluice_request *req, void *self, const sluice_reply *count)
{
    (void)self, (void)count; /* 0 when there was none: as wanted */
    return sluice_json(req, 200, "success", true, "message", "Leaderboard reset");
}

/* ---- Reading one user --------------------------------------------------------------------- */

sluice_verdict classic_rank(sluice_request *req, void *self, const sluice_reply *none)
{
    (void)none;
    return ask_about_user(req, SLUICE_THEN(ranked, self), "ZREVRANK");
}

static sluice_verdict ranked(sluice_request *req, void *self, const sluice_reply *place)
{
    (void)self;
    if (sluice_is_nil(place))
        return sluice_problem(req, 404, "not_ranked", "this user has no score");
    return sluice_json(req, 200, "success", true, "UserRank", sluice_int(place) + 1);
}

sluice_verdict classic_score(sluice_request *req, void *self, const sluice_reply *none)
{
    (void)none;
    return ask_about_user(req, SLUICE_THEN(scored, self), "ZSCORE");
}

static sluice_verdict scored(sluice_request *req, void *self, const sluice_reply *value)
{
    (void)self;
    if (sluice_is_nil(value))
        return sluice_problem(req, 404, "not_ranked", "this user has no score");
    return sluice_json(req, 200, "success", true, "score", sluice_number(value));
}

/* ---- Reading many ------------------------------------------------------------------------- */

/* Members and scores take turns in the reply. */
static sluice_list *entries(sluice_request *req, const sluice_reply *range)
{
    sluice_list *list = sluice_list_new(req);
    for (uint64_t i = 0; i + 1 < sluice_length(range); i += 2)
        sluice_push(req, list,
                    sluice_object(req, "userId", sluice_at(range, i), "score",
                                  sluice_number(sluice_at(range, i + 1))));
    return list;
}

sluice_verdict classic_top(sluice_request *req, void *self, const sluice_reply *none)
{
    (void)none;
    sluice_reader in;
    sluice_read_parameters(req, &in);
    int64_t limit = sluice_take_query_int(&in, "limit", 1, SIZE_MAX_ROWS, SIZE_DEFAULT);
    if (sluice_is_bad(&in))
        return sluice_refuse_input(&in);
    return sluice_ask(req, topped, self, "ZREVRANGE", board(req), 0, limit - 1, "WITHSCORES");
}

static sluice_verdict topped(sluice_request *req, void *self, const sluice_reply *range)
{
    (void)self;
    return sluice_json(req, 200, "success", true, "topScores", entries(req, range));
}

struct window {
    int64_t page, size;
};

sluice_verdict classic_page(sluice_request *req, void *self, const sluice_reply *none)
{
    (void)self, (void)none;
    sluice_reader in;
    sluice_read_parameters(req, &in);
    struct window *window = sluice_new(req, struct window);
    window->page = sluice_take_query_int(&in, "page", 1, PAGE_MAX, 1);
    window->size = sluice_take_query_int(&in, "size", 1, SIZE_MAX_ROWS, SIZE_DEFAULT);
    if (sluice_is_bad(&in))
        return sluice_refuse_input(&in);
    int64_t first = (window->page - 1) * window->size;
    return sluice_ask_all(
        req, paged, window, SLUICE_COMMAND("ZCARD", board(req)),
        SLUICE_COMMAND("ZREVRANGE", board(req), first, first + window->size - 1, "WITHSCORES"));
}

static sluice_verdict paged(sluice_request *req, void *state, const sluice_reply *both)
{
    const struct window *window = state;
    const sluice_reply *total = sluice_at(both, 0);
    const sluice_reply *range = sluice_at(both, 1);
    if (sluice_is_error(total) || sluice_is_error(range))
        return sluice_problem(req, 503, "store_unavailable",
                              "the gateway's store refuses to read; try again");
    return sluice_json(req, 200, "success", true, "page", window->page, "size", window->size,
                       "total", sluice_int(total), "data", entries(req, range));
}
