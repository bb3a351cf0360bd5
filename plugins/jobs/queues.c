/* Queues: how full they are, who may use them, pausing.
 *
 *   list_queues, show_queue --count.lua--> listed, shown
 *   change_queue, pause_queue, resume_queue --change.lua--> changed --count.lua--> shown
 *
 * SPDX-License-Identifier: MIT */
#include <string.h>

#include <sluice/json.h>

#include "jobs.h"
#include "store.h"

#define LIST_MAX 100
#define LIST_DEFAULT 50
#define NAMES_MAX 100
#define LIMIT_MAX 1000000000

static sluice_step listed, shown, changed;

/* What count.lua tells of a queue, in this order. */
enum {
    NAME,
    USED,
    READY,
    DELAYED,
    LEASED,
    DEAD,
    OLDEST,
    ENQUEUED,
    COMPLETED,
    FAILED,
    CANCELLED,
    PAUSED,
    LIMIT,
    WRITERS,
    WORKERS
};

/* ---- As it is answered -------------------------------------------------------------------- */

static sluice_list *words(sluice_request *req, const char *text)
{
    sluice_list *list = sluice_list_new(req);
    if (!*text)
        text = "*";
    for (const char *at = text; *at;) {
        size_t len = strcspn(at, " ");
        sluice_push(req, list, sluice_bytes_of(at, len));
        at += len + (at[len] == ' ');
    }
    return list;
}

static sluice_arg queue_json(sluice_request *req, const sluice_reply *row, int64_t now)
{
    const struct jobs *jobs = sluice_self(req);
    const sluice_reply *oldest = sluice_at(row, OLDEST);
    int64_t limit = sluice_int(sluice_at(row, LIMIT));
    bool paused = sluice_int(sluice_at(row, PAUSED)) != 0;
    sluice_arg age =
        *sluice_text(oldest) ? sluice_arg_int(now - sluice_int(oldest)) : sluice_arg_text(NULL);
    return sluice_object(
        req, "queue", sluice_at(row, NAME), "ready", sluice_int(sluice_at(row, READY)), "delayed",
        sluice_int(sluice_at(row, DELAYED)), "leased", sluice_int(sluice_at(row, LEASED)), "dead",
        sluice_int(sluice_at(row, DEAD)), "paused", paused, "oldestMs", age, "enqueued",
        sluice_int(sluice_at(row, ENQUEUED)), "completed", sluice_int(sluice_at(row, COMPLETED)),
        "failed", sluice_int(sluice_at(row, FAILED)), "cancelled",
        sluice_int(sluice_at(row, CANCELLED)), "limit", limit ? limit : jobs->queue_max, "writers",
        words(req, sluice_text(sluice_at(row, WRITERS))), "workers",
        words(req, sluice_text(sluice_at(row, WORKERS))));
}

/* The time is the last of what count.lua returns. */
static int64_t now_of(const sluice_reply *rows)
{
    return sluice_int(sluice_at(rows, sluice_length(rows) - 1));
}

/* ---- Reading ------------------------------------------------------------------------------ */

sluice_verdict list_queues(sluice_request *req, void *self, const sluice_reply *none)
{
    const struct jobs *jobs = self;
    sluice_reader in;
    (void)none;
    sluice_read_parameters(req, &in);
    int64_t limit = sluice_take_query_int(&in, "limit", 1, LIST_MAX, LIST_DEFAULT);
    const char *cursor = sluice_query(req, "cursor");
    if (cursor && !sluice_is_name(cursor))
        sluice_parameter_wrong(&in, "cursor", SLUICE_NAME_RULE);
    if (sluice_is_bad(&in))
        return sluice_refuse_input(&in);
    return sluice_run(req, listed, self, jobs->count, 1, sluice_key(req, "queues"),
                      sluice_prefix(sluice_worker_of(req)), QUEUE_DEFAULT, cursor ? cursor : "",
                      limit);
}

static sluice_verdict listed(sluice_request *req, void *self, const sluice_reply *rows)
{
    sluice_list *list = sluice_list_new(req);
    uint64_t count = sluice_length(rows) ? sluice_length(rows) - 1 : 0; /* the last is the time */
    int64_t limit = LIST_DEFAULT;
    const char *asked = sluice_query(req, "limit");
    (void)self;
    if (asked)
        (void)sluice_parse_int(asked, &limit); /* it was read once already */
    for (uint64_t i = 0; i < count; i++)
        sluice_push(req, list, queue_json(req, sluice_at(rows, i), now_of(rows)));
    if (count < (uint64_t)limit)
        return sluice_json(req, 200, "queues", list);
    return sluice_json(req, 200, "queues", list, "cursor",
                       sluice_at(sluice_at(rows, count - 1), NAME));
}

static sluice_verdict ask_count(sluice_request *req)
{
    const struct jobs *jobs = sluice_self(req);
    return sluice_run(req, shown, NULL, jobs->count, 1, sluice_key(req, "queues"),
                      sluice_prefix(sluice_worker_of(req)), QUEUE_DEFAULT, "", 1,
                      sluice_path(req, "q"));
}

sluice_verdict show_queue(sluice_request *req, void *self, const sluice_reply *none)
{
    sluice_reader in;
    (void)self, (void)none;
    sluice_read_parameters(req, &in);
    (void)queue_take(&in);
    if (sluice_is_bad(&in))
        return sluice_refuse_input(&in);
    return ask_count(req);
}

static sluice_verdict shown(sluice_request *req, void *state, const sluice_reply *rows)
{
    const sluice_reply *row = sluice_at(rows, 0);
    (void)state;
    if (!sluice_int(sluice_at(row, USED)) &&
        strcmp(sluice_text(sluice_at(row, NAME)), QUEUE_DEFAULT) != 0)
        return sluice_problem(req, 404, "queue_not_found",
                              "there is no such queue; the first job makes it, or PUT");
    sluice_arg queue = queue_json(req, row, now_of(rows));
    return sluice_respond(req, 200, "application/json", sluice_bytes_of(queue.u.text, queue.len));
}

/* ---- Changing ----------------------------------------------------------------------------- */

static sluice_verdict change(sluice_request *req, const struct call *call)
{
    const struct jobs *jobs = sluice_self(req);
    return call_run(req, SLUICE_THEN(changed, NULL), jobs->change, call);
}

static sluice_verdict changed(sluice_request *req, void *state, const sluice_reply *reply)
{
    (void)state, (void)reply;
    return ask_count(req);
}

/* Client ids, or "*" alone, as scripts want them; NULL, and noted, for what is neither. */
static const char *take_names(sluice_reader *in, const char *member)
{
    sluice_texts names = sluice_optional_texts(in, member, NAMES_MAX, SLUICE_NAME_MAX);
    const char *text = "";
    for (uint64_t i = 0; i < names.count && in->error_count == 0; i++) {
        bool any = strcmp(names.items[i], "*") == 0 && names.count == 1;
        if (!any && !sluice_is_name(names.items[i])) {
            sluice_member_wrong(in, member, "must be client ids, or \"*\" alone");
            return NULL;
        }
        text = sluice_concat(in->req, text, i ? " " : "", names.items[i]);
    }
    return text;
}

sluice_verdict change_queue(sluice_request *req, void *self, const sluice_reply *none)
{
    sluice_reader in;
    (void)self, (void)none;
    if (!sluice_read_json(req, &in, SLUICE_STRICT))
        return in.verdict;
    const char *queue = queue_take(&in);
    const char *writers = take_names(&in, "writers"), *workers = take_names(&in, "workers");
    int64_t limit = sluice_optional_int(&in, "limit", 1, LIMIT_MAX, 0);
    if (sluice_is_bad(&in))
        return sluice_refuse_input(&in);
    struct call call = call_new(req, queue_keys_of(req, queue), 6);
    call_text(&call, "writers");
    call_text(&call, writers);
    call_text(&call, "workers");
    call_text(&call, workers);
    call_text(&call, "limit");
    if (limit)
        call_int(&call, limit);
    else
        call_text(&call, "");
    return change(req, &call);
}

static sluice_verdict set_paused(sluice_request *req, const char *paused)
{
    sluice_reader in;
    sluice_read_parameters(req, &in);
    const char *queue = queue_take(&in);
    if (sluice_is_bad(&in))
        return sluice_refuse_input(&in);
    struct call call = call_new(req, queue_keys_of(req, queue), 2);
    call_text(&call, "paused");
    call_text(&call, paused);
    return change(req, &call);
}

sluice_verdict pause_queue(sluice_request *req, void *self, const sluice_reply *none)
{
    (void)self, (void)none;
    return set_paused(req, "1");
}

sluice_verdict resume_queue(sluice_request *req, void *self, const sluice_reply *none)
{
    (void)self, (void)none;
    return set_paused(req, "");
}
