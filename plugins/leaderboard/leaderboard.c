/* leaderboard: the classic board, and named boards under /v1.
 *
 * SPDX-License-Identifier: MIT */
#include "leaderboard.h"

#include <stdlib.h>
#include <string.h>

#include "define.lua.h"
#include "delete.lua.h"
#include "look.lua.h"
#include "range.lua.h"
#include "remove.lua.h"
#include "submit.lua.h"

#define MANAGE "admin,scope:leaderboard:manage"
#define BATCH_BODY (512 * 1024) /* 1,000 entries with the longest user ids */

static const sluice_route routes[] = {
    {"POST", "/leaderboard/score", SLUICE_STEP(classic_submit), "client", NULL, 0, SLUICE_CLASSIC,
     0},
    {"GET", "/leaderboard/top", SLUICE_STEP(classic_top), "client", NULL, 0, SLUICE_CLASSIC, 0},
    {"GET", "/leaderboard/page", SLUICE_STEP(classic_page), "client", NULL, 0, SLUICE_CLASSIC, 0},
    {"GET", "/leaderboard/rank/{userId}", SLUICE_STEP(classic_rank), "client", NULL, 0,
     SLUICE_CLASSIC, 0},
    {"GET", "/leaderboard/score/{userId}", SLUICE_STEP(classic_score), "client", NULL, 0,
     SLUICE_CLASSIC, 0},
    {"DELETE", "/leaderboard/delete/{userId}", SLUICE_STEP(classic_delete), MANAGE, NULL, 0,
     SLUICE_CLASSIC, 0},
    {"DELETE", "/leaderboard/reset", SLUICE_STEP(classic_reset), MANAGE, NULL, 0, SLUICE_CLASSIC,
     0},
    {"GET", "/v1/leaderboards", SLUICE_STEP(list_boards), "client", NULL, 0, 0, 0},
    {"PUT", "/v1/leaderboards/{b}", SLUICE_STEP(define_board), MANAGE, NULL, 0, 0, 0},
    {"GET", "/v1/leaderboards/{b}", SLUICE_STEP(show_board), "client", NULL, 0, 0, 0},
    {"DELETE", "/v1/leaderboards/{b}", SLUICE_STEP(delete_board), MANAGE, NULL, 0, 0, 0},
    {"POST", "/v1/leaderboards/{b}/scores", SLUICE_STEP(submit_scores), "client", NULL, BATCH_BODY,
     0, 0},
    {"GET", "/v1/leaderboards/{b}/top", SLUICE_STEP(read_top), "client", NULL, 0, 0, 0},
    {"GET", "/v1/leaderboards/{b}/range", SLUICE_STEP(read_range), "client", NULL, 0, 0, 0},
    {"GET", "/v1/leaderboards/{b}/entries/{u}", SLUICE_STEP(read_entry), "client", NULL, 0, 0, 0},
    {"DELETE", "/v1/leaderboards/{b}/entries/{u}", SLUICE_STEP(remove_entry), MANAGE, NULL, 0, 0,
     0},
    {"GET", "/v1/leaderboards/{b}/around/{u}", SLUICE_STEP(read_around), "client", NULL, 0, 0, 0},
    {"GET", "/v1/leaderboards/{b}/percentile/{u}", SLUICE_STEP(read_percentile), "client", NULL, 0,
     0, 0},
    {"POST", "/v1/leaderboards/{b}/lookup", SLUICE_STEP(read_lookup), "client", NULL, 0, 0, 0},
    {"GET", "/v1/leaderboards/{b}/periods", SLUICE_STEP(read_periods), "client", NULL, 0, 0, 0},
    {"GET", "/v1/leaderboards/{b}/periods/{p}", SLUICE_STEP(read_period), "client", NULL, 0, 0, 0},
};

static int32_t configure(sluice_host *host, void *self)
{
    struct leaderboard *leaderboard = self;
    leaderboard->boards = sluice_host_alloc(host, sizeof(struct board *) * REMEMBERED_BOARDS);
    leaderboard->define = sluice_add_script(host, "define", define_lua);
    leaderboard->delete = sluice_add_script(host, "delete", delete_lua);
    leaderboard->submit = sluice_add_script(host, "submit", submit_lua);
    leaderboard->look = sluice_add_script(host, "look", look_lua);
    leaderboard->range = sluice_add_script(host, "range", range_lua);
    leaderboard->remove = sluice_add_script(host, "remove", remove_lua);
    sluice_routes(host, routes);
    return 0;
}

static void stop(sluice_worker *worker, void *self)
{
    struct leaderboard *leaderboard = self;
    (void)worker;
    for (size_t i = 0; i < REMEMBERED_BOARDS; i++)
        free(leaderboard->boards[i]);
}

static const sluice_descriptor descriptor = {
    .size = sizeof descriptor,
    .abi_major = SLUICE_ABI_MAJOR,
    .abi_minor = SLUICE_ABI_MINOR,
    .name = "leaderboard",
    .version = "0.1.0",
    .summary = "scores and ranks from Redis sorted sets",
    .self_size = sizeof(struct leaderboard),
    .configure = configure,
    .stop = stop,
};

const sluice_descriptor *sluice_plugin(void)
{
    return &descriptor;
}
