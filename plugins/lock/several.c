/* POST /v1/locks: several locks, all of them or none, without waiting.
 *
 *   acquire_several -> take --acquire.lua--> taken -> the next one ... -> 201
 *                                              `--held--> give_back ... -> 423
 *
 * One after the other in the order of their names, each with its own script call: locks may live in
 * different places of a Redis Cluster. Two callers that want the same ones meet at the first of
 * them, so that not both can fail. With all of them one lockId is granted.
 *
 * A lock that the caller's lockId had before is not given back: it is not this request's.
 *
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include <sluice/json.h>

#include "lease.h"

#define SEVERAL_MAX 32

static sluice_step taken, given_back;

struct one {
    struct lease lease; /* first: the state that lease_undo expects */
    struct several *several;
    bool is_new; /* granted by this request, and to be given back unless all are */
    sluice_arg answer;
};

struct several {
    struct one *ones;               /* in the caller's order */
    struct one *order[SEVERAL_MAX]; /* that in which they are taken */
    uint32_t count, at;
    int64_t left_ms; /* of the lock at `at`, which is held */
};

/* Runs when the request ends, in whatever way. */
static void forget(void *what)
{
    const struct several *several = what;
    for (uint32_t i = 0; i < several->count; i++)
        if (several->ones[i].is_new)
            lease_leave(&several->ones[i].lease, true);
}

/* ---- Giving back --------------------------------------------------------------------------- */

static sluice_verdict refuse(sluice_request *req, const struct several *several)
{
    int64_t seconds = several->left_ms > 1000 ? (several->left_ms + 999) / 1000 : 1;
    const char *resource = several->order[several->at]->lease.resource;
    return sluice_problem_with(
        req, 423, "locked",
        sluice_concat(req, resource, " is held by somebody else; none of the locks was taken"),
        "resource", resource, "retryAfter", seconds);
}

static sluice_verdict give_back(sluice_request *req, struct several *several)
{
    for (uint32_t i = 0; i < several->count; i++) {
        struct one *one = &several->ones[i];
        if (one->is_new) {
            one->is_new = false;
            return lease_release(req, SLUICE_THEN(given_back, several), &one->lease);
        }
    }
    return refuse(req, several);
}

static sluice_verdict given_back(sluice_request *req, void *state, const sluice_reply *reply)
{
    (void)reply;
    return give_back(req, state);
}

/* ---- Taking -------------------------------------------------------------------------------- */

static sluice_verdict answer(sluice_request *req, struct several *several)
{
    sluice_list *locks = sluice_list_new(req);
    for (uint32_t i = 0; i < several->count; i++) {
        several->ones[i].is_new = false;
        sluice_push(req, locks, several->ones[i].answer);
    }
    return sluice_json(req, 201, "locks", locks);
}

static sluice_verdict take(sluice_request *req, struct several *several)
{
    if (several->at == several->count)
        return answer(req, several);
    struct one *one = several->order[several->at];
    return lease_acquire(req, SLUICE_THEN(taken, one), &one->lease, false);
}

static sluice_verdict taken(sluice_request *req, void *state, const sluice_reply *reply)
{
    struct one *one = state;
    struct several *several = one->several;
    if (!lease_is_granted(reply)) {
        several->left_ms = sluice_int(sluice_at(reply, 2));
        return give_back(req, several);
    }
    one->is_new = lease_is_new(reply);
    one->answer = answer_object(req, one->lease.resource, reply);
    several->at++;
    return take(req, several);
}

/* ---- Reading ------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
    struct one *const *left = a, *const *right = b;
    return strcmp((*left)->lease.resource, (*right)->lease.resource);
}

/* Sorted, two of one name stand beside each other. */
static bool has_twins(const struct several *several)
{
    for (uint32_t i = 1; i < several->count; i++)
        if (by_name(&several->order[i - 1], &several->order[i]) == 0)
            return true;
    return false;
}

static void check_name(sluice_reader *in, const char *name, uint64_t i)
{
    if (!name || sluice_is_name(name)) /* NULL is noted already */
        return;
    const char *which = sluice_printf(in->req, "/resources/%u", (unsigned)i);
    in->of_body = true;
    sluice_note(in, "pointer", which, which + 1, SLUICE_NAME_RULE);
}

static sluice_texts take_names(sluice_reader *in)
{
    uint32_t errors = in->error_count;
    sluice_texts names = sluice_optional_texts(in, "resources", SEVERAL_MAX, 4 * SLUICE_NAME_MAX);
    for (uint64_t i = 0; i < names.count; i++)
        check_name(in, names.items[i], i);
    if (names.count == 0 && in->error_count == errors)
        sluice_member_wrong(in, "resources", "must name at least one resource");
    return names;
}

static void open_all(sluice_request *req, struct several *several, sluice_texts names,
                     const struct lease *like)
{
    const char *space = lease_space(req), *id = like->id;
    several->count = (uint32_t)names.count;
    several->ones = sluice_alloc(req, sizeof *several->ones * names.count);
    for (uint32_t i = 0; i < several->count; i++) {
        struct one *one = several->order[i] = &several->ones[i];
        one->several = several;
        lease_open(req, like->lock, space, names.items[i], id, &one->lease);
        one->lease.ttl_ms = like->ttl_ms;
        one->lease.owner = like->owner;
        id = one->lease.id; /* where the caller chose none, that of the first is everybody's */
    }
    qsort(several->order, several->count, sizeof *several->order, by_name);
}

sluice_verdict acquire_several(sluice_request *req, void *self, const sluice_reply *none)
{
    struct several *several = sluice_new(req, struct several);
    struct lease like = {.lock = self};
    sluice_reader in;
    (void)none;
    if (!sluice_read_json(req, &in, SLUICE_STRICT))
        return in.verdict;
    sluice_texts names = take_names(&in);
    like.ttl_ms = sluice_take_int(&in, "ttlMs", 1, TTL_MAX_MS);
    like.owner = sluice_optional_text(&in, "owner", 0, OWNER_MAX, "");
    like.id = sluice_optional_name(&in, "lockId", NULL);
    if (sluice_is_bad(&in))
        return sluice_refuse_input(&in);
    open_all(req, several, names, &like);
    if (has_twins(several)) {
        sluice_member_wrong(&in, "resources", "must not name a resource twice");
        return sluice_refuse_input(&in);
    }
    sluice_defer(req, forget, several);
    return take(req, several);
}
