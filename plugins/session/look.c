/* The sessions that requests come with are looked up together.
 *
 * Requests of the same session, by the same user's device, share one look: a page asks for many
 * things at once. They all came before the call was sent, so none sees what is older than itself.
 *
 * SPDX-License-Identifier: MIT */
#include "look.h"

#include <stdlib.h>
#include <string.h>

#include "session.h"
#include "store.h"

#define SESSIONS_PER_CALL 64u /* a script must not hold Redis */
#define COMMON_ARGS 3u
#define SESSION_ARGS 4u
#define PARK_MS 10000 /* each call has its own, shorter time */

/* One call of touch.lua. */
struct gaze {
    uint32_t count;
    uint32_t seat_count;
    uint32_t place_of[BATCH_SEATS];              /* of each seat, the session among the keys */
    const struct look *looks[SESSIONS_PER_CALL]; /* until the call is sent */
    sluice_arg keys[SESSIONS_PER_CALL];
    sluice_arg args[SESSION_ARGS * SESSIONS_PER_CALL];
};

static void *make(void *none)
{
    (void)none;
    return calloc(1, sizeof(struct gaze));
}

static void begin(void *call)
{
    struct gaze *gaze = call;
    gaze->count = gaze->seat_count = 0;
}

static bool is_same(const struct look *a, const struct look *b)
{
    return a->with_data == b->with_data && strcmp(a->visit->hash, b->visit->hash) == 0 &&
           strcmp(a->address, b->address) == 0 && strcmp(a->device, b->device) == 0;
}

static enum batch_fit add(void *call, void *question)
{
    struct gaze *gaze = call;
    const struct look *look = question;
    uint32_t place = 0;
    while (place < gaze->count && !is_same(gaze->looks[place], look))
        place++;
    if (place == SESSIONS_PER_CALL)
        return BATCH_FULL;
    gaze->place_of[gaze->seat_count++] = place;
    if (place < gaze->count)
        return BATCH_FITS;
    gaze->looks[place] = look;
    sluice_arg *args = &gaze->args[SESSION_ARGS * gaze->count];
    gaze->keys[gaze->count++] = sluice_arg_text(look->key);
    args[0] = sluice_arg_text(look->visit->hash);
    args[1] = sluice_arg_bool(look->with_data);
    args[2] = sluice_arg_text(look->address);
    args[3] = sluice_arg_text(look->device);
    return BATCH_FITS;
}

static bool send(void *call, sluice_worker *worker, sluice_worker_step *then, void *state)
{
    const struct session *session = sluice_worker_self(worker);
    const struct gaze *gaze = call;
    sluice_arg all[COMMON_ARGS + (1 + SESSION_ARGS) * SESSIONS_PER_CALL];
    sluice_arg *args = all + gaze->count;
    memcpy(all, gaze->keys, gaze->count * sizeof *all);
    args[0] = sluice_arg_int(session->idle);
    args[1] = sluice_arg_int(session->absolute);
    args[2] = sluice_arg_text(session->indexes);
    memcpy(args + COMMON_ARGS, gaze->args, SESSION_ARGS * gaze->count * sizeof *all);
    worker->api->run(worker, then, state, session->touch, gaze->count, all,
                     gaze->count + COMMON_ARGS + SESSION_ARGS * gaze->count, sizeof *all);
    return false;
}

static enum sight see(const struct look *look, sluice_worker *worker, const sluice_reply *session)
{
    if (sluice_is_nil(session))
        return SIGHT_NOTHING;
    if (sluice_is_error(session)) {
        sluice_log(worker, SLUICE_LOG_WARN, "Redis refused a session: %s", sluice_text(session));
        return SIGHT_AWAY;
    }
    record_read(look->req, session, &look->visit->record);
    return SIGHT_SESSION;
}

static void judge(void *call, sluice_worker *worker, struct batch_ticket *const *seats,
                  uint32_t count, const sluice_reply *reply)
{
    const struct gaze *gaze = call;
    bool fits = sluice_type(reply) == SLUICE_REPLY_ARRAY && sluice_length(reply) == gaze->count;
    if (!fits && !sluice_is_trouble(reply))
        sluice_log(worker, SLUICE_LOG_ERROR, "touch.lua failed: %s", sluice_text(reply));
    for (uint32_t i = 0; i < count; i++) {
        struct look *look = seats[i] ? seats[i]->question : NULL;
        if (look && fits)
            look->sight = see(look, worker, sluice_at(reply, gaze->place_of[i]));
        else if (look)
            look->sight = sluice_is_trouble(reply) ? SIGHT_AWAY : SIGHT_BROKEN;
    }
}

struct batch *look_batch(sluice_worker *worker)
{
    static const struct batch_kind kind = {make, free, begin, add, send, judge};
    return batch_new(&kind, worker);
}

sluice_verdict look_ask(struct look *look, sluice_step *then, const char *then_name)
{
    const struct session *session = sluice_self(look->req);
    sluice_wait wait = sluice_then(then, then_name, look);
    wait.timeout_ms = PARK_MS;
    return batch_ask(session->looks, look->req, &look->ticket, wait);
}
