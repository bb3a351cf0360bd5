/* leaderboard: what its files have in common.
 *
 *   leaderboard.c  options, routes, scripts
 *   classic.c      the classic paths, on the default board
 *   board.c        definitions of named boards
 *   define.c       making, listing, deleting boards
 *   submit.c       scores, one or many
 *   read.c         ranks, tops, pages, percentiles
 *   period.c       periods in a timezone      code.c  subscores that sort
 *
 * SPDX-License-Identifier: MIT */
#ifndef LEADERBOARD_H
#define LEADERBOARD_H

#include <sluice/plugin.h>

#include "board.h"

#define REMEMBERED_BOARDS 256 /* a power of 2 */
#define REMEMBERED_PERIODS 64

struct remembered_period {
    char timezone[TIMEZONE_SIZE];
    int kind;
    struct period now, next;
};

struct leaderboard {
    const sluice_script *define, *delete, *submit, *look, *range, *remove;
    struct board **boards; /* REMEMBERED_BOARDS places, by the hash of the name */
    struct remembered_period periods[REMEMBERED_PERIODS];
};

/* classic.c */
sluice_step classic_submit, classic_top, classic_page, classic_rank, classic_score, classic_delete,
    classic_reset;

/* define.c */
sluice_step define_board, show_board, delete_board, list_boards;

/* submit.c */
sluice_step submit_scores;

/* read.c */
sluice_step read_top, read_entry, read_around, read_range, read_percentile, read_lookup,
    read_periods, read_period, remove_entry;

#endif
