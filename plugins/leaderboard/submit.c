/* Scores for named boards: one, or up to 1,000 in one call.
 *
 *   submit_scores -> board -> submit.lua, a hundred entries at a time --> taken -> ... -> results
 *
 * A script of 1,000 entries would keep Redis from everybody else for tens of milliseconds, so a
 * batch is several scripts; each entry is atomic, the batch is not, and says so by its results,
 * also where Redis goes away in the middle of it.
 *
 * SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>

#include <sluice/json.h>

#include "code.h"
#include "leaderboard.h"

#define BATCH_MAX 1000
#define ENTRIES_PER_SCRIPT 100
#define KEYS 10
#define FIXED_ARGS 12

/* This host's clock may be ahead of Redis's by so much (ms): the script is offered the period of
 * that long ago and the next one. */
#define CLOCK_AHEAD 60000

static sluice_step taken;

struct entry {
    const char *user;
    double score, subscore;
    bool has_subscore;
    const char *wrong; /* why it is refused, or NULL */
};

struct submission {
    struct use use;
    bool is_batch;
    struct entry *entries;
    uint32_t count;
    uint32_t done;  /* entries whose results are in the list */
    uint32_t asked; /* of the script that is under way: where it ends */
    sluice_list *results;
};

/* ---- Reading ------------------------------------------------------------------------------ */

static const char *wrong_entry(const json_t *json)
{
    const json_t *user = json_object_get(json, "userId");
    const json_t *score = json_object_get(json, "score");
    const json_t *subscore = json_object_get(json, "subscore");
    if (!json_is_object(json))
        return "must be an object";
    if (!sluice_is_user_id(json_string_value(user)) ||
        strlen(json_string_value(user)) != json_string_length(user))
        return "userId " SLUICE_USER_ID_RULE;
    if (!json_is_number(score))
        return "score must be a number";
    if (subscore && !json_is_number(subscore))
        return "subscore must be a number";
    if (json_object_size(json) > (subscore ? 3 : 2))
        return "has members besides userId, score and subscore";
    return NULL;
}

/* Entries are judged one by one: a bad one is refused by its index, the others are taken. */
static void parse_entry(const json_t *json, struct entry *entry)
{
    entry->wrong = wrong_entry(json);
    if (entry->wrong)
        return;
    entry->user = json_string_value(json_object_get(json, "userId"));
    entry->score = json_number_value(json_object_get(json, "score"));
    entry->subscore = json_number_value(json_object_get(json, "subscore"));
    entry->has_subscore = json_object_get(json, "subscore") != NULL;
}

static void parse_batch(sluice_reader *in, struct submission *submission, const json_t *array)
{
    size_t count = json_array_size(array);
    if (!json_is_array(array) || count == 0 || count > BATCH_MAX) {
        sluice_member_wrong(in, "entries", "must be an array of 1 to 1000 entries");
        return;
    }
    submission->is_batch = true;
    submission->count = (uint32_t)count;
    submission->entries = sluice_alloc(in->req, sizeof(struct entry) * count);
    for (size_t i = 0; i < count; i++)
        parse_entry(json_array_get(array, i), &submission->entries[i]);
}

static void parse_single(sluice_reader *in, struct submission *submission)
{
    struct entry *entry = sluice_new(in->req, struct entry);
    entry->user = sluice_take_user_id(in, "userId");
    entry->score = sluice_take_number(in, "score");
    entry->subscore = sluice_optional_number(in, "subscore", 0);
    entry->has_subscore = json_object_get(in->body, "subscore") != NULL;
    submission->entries = entry;
    submission->count = 1;
}

/* ---- Asking ------------------------------------------------------------------------------- */

static uint32_t add_entry(sluice_request *req, const struct board *board, const struct entry *entry,
                          sluice_arg *args)
{
    char *code = sluice_alloc(req, CODE_SIZE);
    if (board->subscore != SUBSCORE_NONE)
        code_write(entry->subscore, board_inverts_subscore(board), code);
    args[0] = sluice_arg_text(entry->user);
    args[1] = sluice_arg_double(entry->score);
    args[2] = sluice_arg_text(code);
    return 3;
}

/* Name, start and expiry of a period, as submit.lua wants them. */
static void add_period(const struct board *board, const struct period *period, sluice_arg *args)
{
    args[0] = sluice_arg_text(period->name);
    args[1] = sluice_arg_int(period->start);
    args[2] = board->period == PERIOD_NONE
                  ? sluice_arg_text("")
                  : sluice_arg_int(period->start + board_period_kept(board));
}

/* Names of periods outlast their entries, so that deleting finds them however retention changes. */
static uint32_t add_periods(sluice_request *req, const struct board *board, sluice_arg *keys,
                            sluice_arg *args)
{
    int64_t now = sluice_realtime(sluice_worker_of(req)) - CLOCK_AHEAD;
    const struct remembered_period *at = board_periods_at(req, board, now);
    int64_t longest = period_longest((enum period_kind)board->period);
    board_data_keys(req, board, at->now.name, keys);
    board_data_keys(req, board, at->next.name, keys + 4);
    args[0] = board->period == PERIOD_NONE ? sluice_arg_text("") : sluice_arg_int(at->now.end);
    args[1] = sluice_arg_text("");
    add_period(board, &at->now, args + 2);
    add_period(board, &at->next, args + 5);
    args[8] = sluice_arg_int((RETENTION_MAX + 1) * longest);
    return 9;
}

static sluice_verdict ask(sluice_request *req, struct submission *submission)
{
    static const char *const operators[] = {"b", "l", "s", "m", "x"};
    const struct leaderboard *leaderboard = sluice_self(req);
    const struct board *board = submission->use.board;
    sluice_arg args[KEYS + FIXED_ARGS + 3 * ENTRIES_PER_SCRIPT];
    sluice_arg *argv = args + KEYS;
    uint32_t count = 0;
    args[0] = sluice_arg_text(board_key(req, board->name));
    args[KEYS - 1] = sluice_arg_text(sluice_key(req, "leaderboard:", board->name, ":periods"));
    argv[count++] = sluice_arg_text(board->id);
    argv[count++] = sluice_arg_text(board_flags(req, board));
    argv[count++] = sluice_arg_text(operators[board->combine]);
    count += add_periods(req, board, args + 1, argv + count);
    submission->asked = submission->done;
    for (uint32_t i = 0; i < ENTRIES_PER_SCRIPT && submission->asked < submission->count; i++) {
        const struct entry *entry = &submission->entries[submission->asked++];
        if (!entry->wrong)
            count += add_entry(req, board, entry, argv + count);
    }
    sluice_wait wait = SLUICE_THEN(taken, submission);
    wait.flags = submission->done > 0 ? SLUICE_TAKE_TROUBLE : 0; /* what is taken must be told */
    return sluice_run_v(req, wait, leaderboard->submit, KEYS, args, KEYS + count, sizeof args[0]);
}

static bool has_subscores(const struct submission *submission)
{
    for (uint32_t i = 0; i < submission->count; i++)
        if (submission->entries[i].has_subscore)
            return true;
    return false;
}

static void refuse_subscores(struct submission *submission)
{
    for (uint32_t i = 0; i < submission->count; i++)
        if (!submission->entries[i].wrong && submission->entries[i].has_subscore)
            submission->entries[i].wrong = "has a subscore, and this board has none";
}

/* Nobody is refused for what the definition said a while ago. */
static sluice_verdict use_board(sluice_request *req, struct use *use)
{
    struct submission *submission = (struct submission *)use;
    bool may_write = board_may_write(use->board, sluice_who(req));
    bool takes_all = use->board->subscore != SUBSCORE_NONE || !has_subscores(submission);
    if (!(may_write && takes_all) && !use->is_stored)
        return board_use_stored(req, use);
    if (!may_write)
        return sluice_problem(req, 403, "not_a_writer", "this client may not write to this board");
    if (!takes_all)
        refuse_subscores(submission);
    if (!submission->is_batch && submission->entries[0].wrong)
        return sluice_problem(req, 422, "invalid_entry", submission->entries[0].wrong);
    if (submission->results == NULL)
        submission->results = sluice_list_new(req);
    return ask(req, submission);
}

sluice_verdict submit_scores(sluice_request *req, void *self, const sluice_reply *none)
{
    (void)self, (void)none;
    sluice_reader in;
    if (!sluice_read_json(req, &in, SLUICE_STRICT))
        return in.verdict;
    struct submission *submission = sluice_new(req, struct submission);
    json_t *entries = sluice_take_value(&in, "entries");
    submission->use.name = sluice_take_path_name(&in, "b");
    submission->use.run = use_board;
    if (entries)
        parse_batch(&in, submission, entries);
    else
        parse_single(&in, submission);
    if (sluice_is_bad(&in))
        return sluice_refuse_input(&in);
    return board_use(req, &submission->use);
}

/* ---- Answering ---------------------------------------------------------------------------- */

#define BOARD_CHANGED "the board was changed during the batch; this entry was not taken"
#define INFINITE_SUM "the sum of this user's scores would not be a finite number"

static sluice_arg result(sluice_request *req, const struct entry *entry, const sluice_reply *row)
{
    const sluice_reply *rank = sluice_at(row, 2), *old = sluice_at(row, 3);
    sluice_arg change = sluice_is_nil(old) ? sluice_arg_text(NULL)
                                           : sluice_arg_int(sluice_int(old) - sluice_int(rank));
    bool updated = sluice_int(sluice_at(row, 4)) != 0; /* a comparison itself would be an int */
    return sluice_object(req, "userId", entry->user, "score", sluice_number(sluice_at(row, 1)),
                         "rank", rank, "change", change, "updated", updated);
}

static sluice_verdict answer_single(sluice_request *req, const struct submission *submission,
                                    const sluice_reply *row)
{
    if (sluice_int(sluice_at(row, 0)) == 0)
        return sluice_problem(req, 422, "sum_not_finite", INFINITE_SUM);
    sluice_arg body = result(req, &submission->entries[0], row);
    return sluice_respond(req, 200, "application/json", sluice_bytes_of(body.u.text, body.len));
}

static void push_results(sluice_request *req, struct submission *submission,
                         const sluice_reply *rows)
{
    uint64_t row = 0;
    for (; submission->done < submission->asked; submission->done++) {
        const struct entry *entry = &submission->entries[submission->done];
        sluice_arg value;
        if (entry->wrong)
            value = sluice_object(req, "index", submission->done, "error", "invalid_entry",
                                  "detail", entry->wrong);
        else if (sluice_int(sluice_at(sluice_at(rows, row), 0)) == 0)
            value = sluice_object(req, "index", submission->done, "error", "sum_not_finite",
                                  "detail", INFINITE_SUM);
        else
            value = result(req, entry, sluice_at(rows, row));
        row += !entry->wrong;
        sluice_push(req, submission->results, value);
    }
}

/* A part of the batch is taken: an error for the whole of it would hide which. */
static sluice_verdict cut_short(sluice_request *req, struct submission *submission,
                                const char *error, const char *asked, const char *not_tried)
{
    for (uint32_t i = submission->done; i < submission->count; i++)
        sluice_push(req, submission->results,
                    sluice_object(req, "index", i, "error", error, "detail",
                                  i < submission->asked ? asked : not_tried));
    return sluice_json(req, 200, "results", submission->results);
}

static sluice_verdict taken(sluice_request *req, void *state, const sluice_reply *rows)
{
    struct submission *submission = state;
    sluice_verdict verdict;
    if (sluice_is_trouble(rows) || sluice_is_error(rows))
        return cut_short(req, submission, "store_unavailable",
                         "the store did not answer; it may have taken this entry",
                         "the store did not answer; this entry was not tried");
    if (submission->done > 0 && sluice_type(rows) == SLUICE_REPLY_STATUS)
        return cut_short(req, submission, "board_changing", BOARD_CHANGED, BOARD_CHANGED);
    if (board_again(req, &submission->use, rows, &verdict))
        return verdict;
    if (!submission->is_batch)
        return answer_single(req, submission, sluice_at(rows, 0));
    push_results(req, submission, rows);
    if (submission->done < submission->count)
        return ask(req, submission);
    return sluice_json(req, 200, "results", submission->results);
}
