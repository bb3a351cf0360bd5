/* After the handler: its answer is stored, or the key is free again.
 *
 *   settle --store.lua----> settled      an answer that is final
 *          --release.lua--> settled      5xx, Retry-After, too long to keep: may be tried again
 *   (the request ended before) --release.lua--> nobody
 *
 * The client gets its answer after Redis has the record, so that a retry that follows at once finds
 * it. Trouble with Redis here does not take the answer away: it was earned.
 *
 * SPDX-License-Identifier: MIT */
#include <string.h>

#include "idempotency.h"

static sluice_step settled;

/* ---- Taking back -------------------------------------------------------------------------- */

static void ignore(sluice_worker *worker, void *state, const sluice_reply *reply)
{
    (void)worker, (void)state, (void)reply;
}

static void release(sluice_worker *worker, const struct claim *claim)
{
    sluice_worker_run(worker, ignore, NULL, claim->plugin->release, 1, claim->record, claim->owner);
}

void claim_take_back(void *what)
{
    const struct claim *claim = what;
    if (!claim->settled)
        release(claim->worker, claim);
}

void claim_undo(sluice_worker *worker, void *state, const sluice_reply *reply)
{
    if (strcmp(sluice_text(sluice_at(reply, 0)), "claimed") == 0)
        release(worker, state);
}

/* ---- Storing ------------------------------------------------------------------------------ */

/* What says "try again" must not be the answer to doing so. */
static bool is_final(sluice_request *req, const struct idempotency *plugin)
{
    return sluice_answer_status(req) < 500 && !sluice_answer_header(req, "Retry-After") &&
           sluice_answer_body(req).len <= (uint64_t)plugin->answer_max;
}

/* Appends name and value of a header that the answer has. */
static uint32_t add_header(sluice_request *req, sluice_arg *argv, uint32_t argc, const char *name)
{
    const char *value = sluice_answer_header(req, name);
    if (!value)
        return argc;
    argv[argc++] = SLUICE_ARG_OF(name);
    argv[argc++] = SLUICE_ARG_OF(value);
    return argc;
}

/* False when it can't be sealed: then it is not stored. */
static bool body_to_store(sluice_request *req, const struct claim *claim, sluice_bytes *ret_body)
{
    unsigned char nonce[SEAL_NONCE_SIZE];
    sluice_bytes body = sluice_answer_body(req);
    *ret_body = body;
    if (!claim->is_sealed || body.len == 0)
        return true;
    unsigned char *sealed = sluice_alloc(req, body.len + SEAL_EXTRA);
    sluice_random(claim->worker, nonce, sizeof nonce);
    *ret_body = sluice_bytes_of(sealed, body.len + SEAL_EXTRA);
    return seal_close(claim->seal, nonce, body, sealed);
}

static sluice_verdict store(sluice_request *req, sluice_wait wait, const struct claim *claim,
                            sluice_bytes body)
{
    const struct idempotency *plugin = claim->plugin;
    sluice_arg *argv = sluice_alloc(req, (7 + 2 * plugin->headers.count) * sizeof *argv);
    uint32_t argc = 0;
    argv[argc++] = SLUICE_ARG_OF(claim->record);
    argv[argc++] = SLUICE_ARG_OF((const char *)claim->owner);
    argv[argc++] = SLUICE_ARG_OF(plugin->keep);
    argv[argc++] = SLUICE_ARG_OF(sluice_answer_status(req));
    argv[argc++] = SLUICE_ARG_OF(body);
    argc = add_header(req, argv, argc, "Content-Type");
    for (uint64_t i = 0; i < plugin->headers.count; i++)
        argc = add_header(req, argv, argc, plugin->headers.items[i]);
    return sluice_run_v(req, wait, plugin->store, 1, argv, argc, sizeof *argv);
}

sluice_verdict settle(sluice_request *req, void *self, const sluice_reply *none)
{
    const struct idempotency *plugin = self;
    struct claim *claim = sluice_kept(req);
    (void)none;
    if (!claim)
        return SLUICE_NEXT;
    claim->settled = true;
    sluice_wait wait = SLUICE_THEN(settled, claim);
    wait.flags = SLUICE_TAKE_TROUBLE;
    sluice_bytes body;
    if (is_final(req, plugin) && body_to_store(req, claim, &body))
        return store(req, wait, claim, body);
    return sluice_run_as(req, wait, plugin->release, 1, claim->record, claim->owner);
}

static sluice_verdict settled(sluice_request *req, void *state, const sluice_reply *reply)
{
    const struct claim *claim = state;
    if (sluice_is_trouble(reply) || sluice_is_error(reply))
        sluice_log(claim->worker, SLUICE_LOG_WARN,
                   "the answer of request %s is not kept for a retry: %s", sluice_request_id(req),
                   sluice_text(reply));
    return SLUICE_NEXT;
}
