/* The session plugin from inside: its configuration, and the steps that its files give each other.
 *
 *   session.c       options, routes, life cycle
 *   authenticate.c  a session id that came with a request -> an identity; who may use it from where
 *   look.c          looks sessions up, many at once
 *   visit.c         what is known of the session a request came with
 *   create.c        new sessions
 *   current.c       the session itself: show, end, give it a new id
 *   patch.c         changes of its data
 *   users.c         all sessions of a user: list, end
 *   answer.c        what answers look like, and the refusals
 *   id.c, cookie.c, device.c, origin.c, data.c, store.h: ids, cookies, devices, senders, JSON,
 *                   names in Redis
 *
 * SPDX-License-Identifier: MIT */
#ifndef SESSION_H
#define SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include <sluice/plugin.h>

#include "shared/failures.h"
#include "shared/hasher.h"
#include "visit.h"

#define MEMBERS_MAX 1000 /* of a session's data, and of one change of it */

struct session {
    int64_t idle, absolute; /* ms */
    int64_t sessions_max;   /* of a user */
    int64_t data_max;       /* bytes */
    int64_t data_depth;
    bool insecure;         /* cookies without TLS */
    sluice_texts origins;  /* besides the gateway's own */
    sluice_texts writable; /* members that a session alone may write; "*": all */
    struct {
        int64_t capacity;
        sluice_rate refill;
    } failing;

    const sluice_script *create, *touch, *patch, *rotate, *destroy, *list, *revoke;
    struct visits *visits;

    /* Made in each worker. */
    struct hasher hasher;
    struct failures *failures;
    struct batch *looks;
    char *indexes; /* what stands before a space in an index's name */
};

sluice_step session_authenticate, session_guard; /* hooks */
sluice_step create_session, show_session, delete_session;
sluice_step v1_create_session, v1_show_session, v1_patch_session, v1_delete_session;
sluice_step v1_rotate_session, v1_list_sessions, v1_revoke_sessions;

#endif
