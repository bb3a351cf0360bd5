/* Dead-letter queues: looking through one, giving its jobs another chance, emptying it.
 *
 *   list_dead --LRANGE--> found --HMGET...--> listed
 *   requeue_dead, purge_dead --dead.lua, 100 jobs a call--> taken -> ... -> 200 {count}
 *
 * SPDX-License-Identifier: MIT */
#include <string.h>

#include <sluice/json.h>

#include "job_json.h"
#include "jobs.h"
#include "store.h"

#define LIST_MAX 100
#define LIST_DEFAULT 20
#define OFFSET_MAX 10000
#define JOBS_PER_CALL 100

static sluice_step found, listed, counted, taken;

/* ---- Looking through ---------------------------------------------------------------------- */

struct page {
    int64_t offset, limit;
    const char **ids;
    uint64_t count;
};

sluice_verdict list_dead(sluice_request *req, void *self, const sluice_reply *none)
{
    sluice_reader in;
    struct page *page = sluice_new(req, struct page);
    (void)self, (void)none;
    sluice_read_parameters(req, &in);
    const char *queue = queue_take(&in);
    page->limit = sluice_take_query_int(&in, "limit", 1, LIST_MAX, LIST_DEFAULT);
    page->offset = sluice_take_query_int(&in, "cursor", 0, OFFSET_MAX, 0);
    if (sluice_is_bad(&in))
        return sluice_refuse_input(&in);
    return sluice_ask(req, found, page, "LRANGE", queue_keys_of(req, queue)->dead, page->offset,
                      page->offset + page->limit - 1);
}

static sluice_verdict found(sluice_request *req, void *state, const sluice_reply *ids)
{
    struct page *page = state;
    page->count = sluice_length(ids);
    if (page->count == 0)
        return sluice_json(req, 200, "jobs", sluice_list_new(req));
    sluice_command *commands = sluice_alloc(req, sizeof *commands * page->count);
    page->ids = sluice_alloc(req, sizeof *page->ids * page->count);
    for (uint64_t i = 0; i < page->count; i++) {
        page->ids[i] = sluice_copy(req, sluice_text_bytes(sluice_at(ids, i)));
        commands[i] = *job_read(req, page->ids[i]);
    }
    return sluice_ask_all_v(req, SLUICE_THEN(listed, page), commands, (uint32_t)page->count,
                            sizeof commands[0]);
}

static sluice_verdict listed(sluice_request *req, void *state, const sluice_reply *rows)
{
    const struct page *page = state;
    sluice_list *list = sluice_list_new(req);
    for (uint64_t i = 0; i < page->count; i++)
        if (job_is(sluice_at(rows, i)))
            sluice_push(req, list, job_json(req, page->ids[i], sluice_at(rows, i)));
    if (page->count < (uint64_t)page->limit)
        return sluice_json(req, 200, "jobs", list);
    return sluice_json(req, 200, "jobs", list, "cursor", page->offset + page->limit);
}

/* ---- Taking out --------------------------------------------------------------------------- */

struct taking {
    const char *queue, *what;
    sluice_texts ids; /* none: all that are there now */
    uint64_t asked;   /* of the ids */
    int64_t left, count;
};

static sluice_verdict take_more(sluice_request *req, struct taking *taking)
{
    const struct jobs *jobs = sluice_self(req);
    int64_t most = taking->left < JOBS_PER_CALL ? taking->left : JOBS_PER_CALL;
    if (most == 0)
        return sluice_json(req, 200, "count", taking->count);
    struct call call = call_new(req, queue_keys_of(req, taking->queue), 2 + JOBS_PER_CALL);
    call_text(&call, taking->what);
    call_int(&call, most);
    for (int64_t i = 0; i < most && taking->asked < taking->ids.count; i++)
        call_text(&call, taking->ids.items[taking->asked++]);
    taking->left -= most;
    return call_run(req, SLUICE_THEN(taken, taking), jobs->dead, &call);
}

static sluice_verdict taken(sluice_request *req, void *state, const sluice_reply *count)
{
    struct taking *taking = state;
    taking->count += sluice_int(count);
    if (sluice_int(count) == 0 && taking->ids.count == 0)
        taking->left = 0; /* somebody else took them */
    return take_more(req, taking);
}

/* As many as there are now: those that die meanwhile, perhaps again, are not meant. */
static sluice_verdict counted(sluice_request *req, void *state, const sluice_reply *length)
{
    struct taking *taking = state;
    taking->left = sluice_int(length);
    return take_more(req, taking);
}

static void take_ids(sluice_reader *in, struct taking *taking)
{
    taking->ids = sluice_optional_texts(in, "ids", BATCH_MAX, JOB_ID_SIZE - 1);
    for (uint64_t i = 0; i < taking->ids.count && taking->ids.items[i]; i++)
        if (!job_id_queue(taking->ids.items[i])) {
            sluice_member_wrong(in, "ids", "must be ids of jobs");
            return;
        }
    if (json_object_get(in->body, "ids") && taking->ids.count == 0 && in->error_count == 0)
        sluice_member_wrong(in, "ids", "must name some; leave it away for all");
}

/* The body may be left away: all of them. */
static sluice_verdict take_out(sluice_request *req, const char *what)
{
    sluice_reader in;
    struct taking *taking = sluice_new(req, struct taking);
    if (sluice_body(req).len == 0)
        sluice_read_parameters(req, &in);
    else if (!sluice_read_json(req, &in, SLUICE_STRICT))
        return in.verdict;
    else
        take_ids(&in, taking);
    taking->what = what;
    taking->queue = queue_take(&in);
    if (sluice_is_bad(&in))
        return sluice_refuse_input(&in);
    taking->left = (int64_t)taking->ids.count;
    if (taking->left)
        return take_more(req, taking);
    return sluice_ask(req, counted, taking, "LLEN", queue_keys_of(req, taking->queue)->dead);
}

sluice_verdict requeue_dead(sluice_request *req, void *self, const sluice_reply *none)
{
    (void)self, (void)none;
    return take_out(req, "requeue");
}

sluice_verdict purge_dead(sluice_request *req, void *self, const sluice_reply *none)
{
    (void)self, (void)none;
    return take_out(req, "purge");
}
