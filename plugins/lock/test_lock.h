/* What the unit tests of locks have in common: questions that they expect, replies that they give.
 *
 * SPDX-License-Identifier: MIT */
#ifndef TEST_LOCK_H
#define TEST_LOCK_H

#include <stdio.h>

#include <sluice_test.h>

#include "lock.h"

#define KEYS "lock:acme:r", "lock:acme:r:fence", "lock:acme:r:q", "lock:acme:r:w"
#define FENCE INT64_C(1795423490123456)
#define EXPIRES INT64_C(1795423495123) /* 2026-11-23T08:44:55.123Z */
#define ID 4                           /* places of a question's arguments, behind the keys */
#define TICKET 5
#define CHANNEL 9

static inline int set_up(void **state)
{
    *state = test_host_new(sluice_plugin(), NULL);
    test_client(*state, "acme", "acme", "");
    return 0;
}

static inline int tear_down(void **state)
{
    test_host_free(*state);
    return 0;
}

/* With a body that says what it is. */
#define send(host, method, target, body)                                                           \
    (test_header((host), "Content-Type", "application/json"),                                      \
     request((host), (method), (target), (body)))

/* ---- What is asked ------------------------------------------------------------------------- */

static inline void expect_try(struct test_host *host, int wants_place)
{
    expect_run(host, "acquire", 4, KEYS, test_any(), test_any(), test_any(), test_any(),
               wants_place, test_any(), 3000, 1000);
}

static inline void expect_leave(struct test_host *host, int lock_too)
{
    expect_run(host, "leave", 4, KEYS, "mine", test_any(), lock_too);
}

static inline void granted(struct test_host *host)
{
    reply_array(host, "granted", "mine", FENCE, EXPIRES, "");
}

static inline struct test_answer *acquire(struct test_host *host)
{
    return send(host, "POST", "/v1/locks/r", "{\"ttlMs\":5000,\"lockId\":\"mine\"}");
}

#define WAITING "{\"ttlMs\":5000,\"waitMs\":2500,\"lockId\":\"mine\"}"

/* In the queue of a lock that is held for 10 s. `ret_call` is what its call would say. */
static inline struct test_answer *queued(struct test_host *host, char ret_call[128],
                                         char ret_channel[128])
{
    expect_try(host, 1);
    struct test_answer *answer = send(host, "POST", "/v1/locks/r", WAITING);
    (void)snprintf(ret_call, 128, "%s lock:acme:r", test_asked(host, TICKET));
    (void)snprintf(ret_channel, 128, "%s", test_asked(host, CHANNEL));
    reply_array(host, "queued", "mine", 10000);
    assert_waiting(answer);
    return answer;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
