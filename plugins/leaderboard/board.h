/* Named boards: their definitions, kept in Redis and remembered for a while.
 *
 *   board_use -> remembered? -> run
 *                `- GET board:<b> -> parse -> remember -> run
 *   run's script says "stale" -> board_again -> GET ... -> run once more
 *   run would refuse          -> board_use_stored -> GET ... -> run once more
 *
 * What is remembered is a hint, never the truth: every script compares the id of the definition it
 * was called for with the stored one before it does anything. So a request is one round trip, and a
 * board that was made anew a moment ago is never written to in the old board's form.
 *
 * SPDX-License-Identifier: MIT */
#ifndef LEADERBOARD_BOARD_H
#define LEADERBOARD_BOARD_H

#include <sluice/plugin.h>

#include "period.h"

#define BOARD_ID_SIZE 17
#define WRITERS_MAX 100
#define WRITERS_SIZE 4096 /* bytes of all their names, separated by spaces */
#define RETENTION_DEFAULT 8
#define RETENTION_MAX 1000

enum board_order { ORDER_DESC, ORDER_ASC };
enum board_operator { OPERATOR_BEST, OPERATOR_LAST, OPERATOR_SUM, OPERATOR_MIN, OPERATOR_MAX };
enum board_ties { TIES_EARLIEST, TIES_COMPETITION, TIES_DENSE, TIES_LEXICAL };
enum board_subscore { SUBSCORE_NONE, SUBSCORE_DESC, SUBSCORE_ASC };

/* The words of the choices above, in their order, ending with NULL. */
extern const char *const board_orders[];
extern const char *const board_operators[];
extern const char *const board_ties_words[];
extern const char *const board_subscores[];
extern const char *const board_periods[];

struct board {
    char name[SLUICE_NAME_MAX + 1];
    char id[BOARD_ID_SIZE];
    int order, combine, ties, subscore, period; /* `combine` is an enum board_operator */
    char timezone[TIMEZONE_SIZE];
    int64_t retention;
    char writers[WRITERS_SIZE]; /* names separated by spaces; "*": every client */
};

struct remembered_period;

/* What a request does with a board; first in the request's own struct. */
struct use;
typedef sluice_verdict board_run(sluice_request *req, struct use *use);

struct use {
    const char *name;
    board_run *run;
    struct board *board; /* the request's own copy, set before `run` */
    bool is_stored;      /* it was read from Redis for this request */
    int tries;
};

/* Finds the board and runs; 404 where there is none. `use->name` and `use->run` are set. */
SLUICE_MUST_RETURN sluice_verdict board_use(sluice_request *req, struct use *use);

/* The same with the definition that is stored, whatever is remembered: for what no script checks,
 * and before a request is refused for what the definition says. */
SLUICE_MUST_RETURN sluice_verdict board_use_stored(sluice_request *req, struct use *use);

/* True where a script said that the board is another or gone; *ret_verdict is then what the step
 * returns. */
bool board_again(sluice_request *req, struct use *use, const sluice_reply *reply,
                 sluice_verdict *ret_verdict);

/* Answers 503: the board was changed each time when it was looked at. */
SLUICE_MUST_RETURN sluice_verdict board_changing(sluice_request *req);

/* Answers 500 for a definition that can't be read, and logs it. */
SLUICE_MUST_RETURN sluice_verdict board_unreadable(sluice_request *req, const char *name);

/* Forgets what is remembered of a board. */
void board_forget(sluice_request *req, const char *name);

/* The definition as JSON, as it is stored; and back: false for text that is none, or has a timezone
 * that this host does not know. */
const char *board_write(sluice_request *req, const struct board *board);
bool board_read(struct board *board, const char *name, sluice_bytes json);

/* ---- What scripts are given ---------------------------------------------------------------- */

const char *board_key(sluice_request *req, const char *name);
const char *board_flags(sluice_request *req, const struct board *board);
bool board_inverts_subscore(const struct board *board);

/* Appends the four data keys of a period. */
uint32_t board_data_keys(sluice_request *req, const struct board *board, const char *period,
                         sluice_arg *ret_keys);

/* The period of a board that `now` lies in, and the one behind it: remembered until the next call
 * for another timezone or time. */
const struct remembered_period *board_periods_at(sluice_request *req, const struct board *board,
                                                 int64_t now);

/* The name of the current period by this host's clock; lives as long as the request. */
const char *board_period_name(sluice_request *req, const struct board *board);

/* How long a period's entries can be read, from its start, in ms; 0: for ever. */
int64_t board_period_kept(const struct board *board);

bool board_may_write(const struct board *board, const sluice_identity *who);

#endif
