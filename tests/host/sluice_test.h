/* The Sluice test host: unit tests of a plugin without Redis, HTTP or an event loop.
 *
 * A test is a conversation. It says what the plugin will ask and what Redis answers, makes a
 * request, and looks at the answer:
 *
 *   #include <sluice_test.h>
 *
 *   static int set_up(void **state)
 *   {
 *       *state = test_host_new(sluice_plugin(), "board: scores\n");
 *       test_client(*state, "acme", "acme", "");
 *       return 0;
 *   }
 *
 *   static int tear_down(void **state)
 *   {
 *       test_host_free(*state);
 *       return 0;
 *   }
 *
 *   static void a_user_without_score_is_404(void **state)
 *   {
 *       struct test_host *host = *state;
 *       expect_ask(host, "ZREVRANK", "leaderboard:scores", "ann");
 *       reply_nil(host);
 *       struct test_answer *answer = request(host, "GET", "/leaderboard/rank/ann", NULL);
 *       assert_status(answer, 404);
 *       assert_json(answer, "error", "not_ranked");
 *   }
 *
 *   int main(void)
 *   {
 *       const struct CMUnitTest tests[] = {
 *           cmocka_unit_test_setup_teardown(a_user_without_score_is_404, set_up, tear_down),
 *       };
 *       return cmocka_run_group_tests(tests, NULL, NULL);
 *   }
 *
 *   cc test_board.c board.c $(pkg-config --cflags --libs sluice-test) -o test_board
 *
 * Everything runs inside the calls of the test: request() returns when the request is answered or
 * waits for something that the test has not given yet. Routes, parameters, auth requirements,
 * hooks, options and answers are handled by the gateway's own code or by its rules.
 *
 * Questions and replies come in order, as on one connection to Redis: the plugin's questions must
 * match the expectations one after the other, and each reply_*() is the answer to the oldest
 * expectation that has none. A reply given before the question waits for it; one given after it
 * runs the plugin's next step at once. A question that the test leaves unanswered leaves its
 * request waiting, which is how time-outs, hang-ups and batches are tested.
 *
 * What fails the test by itself: a question that was not expected, another one than expected, an
 * expectation that was never asked (when the host is freed), a step that returns SLUICE_WAIT
 * without asking or asks without returning it, SLUICE_DONE without an answer, SLUICE_NEXT from a
 * handler, a log hook that waits, a park without a deadline. Requests, questions and replies have
 * memory of their own that is freed as early as the gateway would: under AddressSanitizer a plugin
 * that keeps a reply beyond its step, or request memory beyond its request, is found.
 *
 * Time stands still unless test_advance moves it; random bytes are the same in every run.
 *
 * The names without test_ in front (expect_..., reply_..., request, assert_...) are macros that
 * note the file and line they stand in. With SLUICE_TEST_LONG_NAMES defined before the #include
 * only the functions behind them are declared.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SLUICE_TEST_H
#define SLUICE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sluice/plugin.h>

/* One plugin, configured and started, and the world around it. */
struct test_host;

/* A request and what became of it. Lives until test_host_free; its members may be read at any
 * time, and change when a waiting request goes on. */
struct test_answer {
    uint32_t status;  /* 0 while it waits, and when it ended without an answer */
    const char *body; /* ends with NUL; "" for none */
    size_t body_len;
    const char *trail;     /* the steps that ran: "rank > ranked" */
    const char *waits_for; /* NULL, or what it waits for, in words */
};

/* ---- A host ------------------------------------------------------------------------------- */

/* Loads the options from YAML (NULL or "": all defaults), runs configure and start. Fails the test,
 * with the errors, when one of them refuses. */
struct test_host *test_host_new(const sluice_descriptor *plugin, const char *options);

/* The same in two halves: for services and expectations that start needs, and for configurations
 * that are wrong. test_host_prepare loads and configures; test_errors has what was found, one
 * error a line ("options:2:11: ..."), "" for none; test_start runs start. */
struct test_host *test_host_prepare(const sluice_descriptor *plugin, const char *options);
const char *test_errors(const struct test_host *host);
void test_start(struct test_host *host);

/* Ends requests that still wait, runs stop, frees everything; takes NULL. Fails the test when
 * something expected was never asked. */
void test_host_free(struct test_host *host);

void *test_self(struct test_host *host);            /* the plugin's configuration */
sluice_worker *test_worker(struct test_host *host); /* for calling the plugin's functions */

/* ---- The world ---------------------------------------------------------------------------- */

/* Who makes the requests from now on; nobody at first. Strings are copied, NULLs are absent. The
 * plugin's own AUTHENTICATE hooks run all the same and add to it. As in the gateway, a route with
 * `auth: none` sees nobody. */
void test_client(struct test_host *host, const char *client, const char *space, const char *scopes);
void test_session(struct test_host *host, const char *space, const char *user, const char *session);
void test_admin(struct test_host *host);
void test_nobody(struct test_host *host);
void test_identity(struct test_host *host, const sluice_identity *who);

/* The client's address from now on; 192.0.2.1 at first. */
void test_address(struct test_host *host, const char *address);

/* A header of the next request. */
void test_header(struct test_host *host, const char *name, const char *value);

void test_prefix(struct test_host *host, const char *prefix); /* redis.prefix; "" at first */
void test_workers(struct test_host *host, uint32_t index, uint32_t count); /* 0 of 1 at first */
void test_gateways(struct test_host *host, uint32_t count);                /* 1 at first */
void test_redis_ready(struct test_host *host, bool ready);                 /* true at first */
void test_seed(struct test_host *host, uint64_t seed); /* of the random bytes; 1 at first */

/* Offers a service to the plugin, as another plugin would; before test_start when start looks it
 * up. The table is kept. */
void test_service(struct test_host *host, const char *name, uint32_t version, const void *table);

/* What the plugin registered: a service's table, or NULL; its identity kinds; its policies; its
 * routes, the newest first, NULL beyond the last. */
const sluice_route *test_route(struct test_host *host, uint32_t i);
const void *test_offered(struct test_host *host, const char *name, uint32_t version);
uint32_t test_provides(struct test_host *host);
bool test_has_policy(struct test_host *host, const char *name);

/* ---- Time --------------------------------------------------------------------------------- */

#define TEST_EPOCH_MS INT64_C(1767225600000) /* realtime at first: 2026-01-01T00:00:00Z */

/* Lets time go by: timers, sleeps and deadlines run in their order, each at its own moment. */
void test_advance(struct test_host *host, int64_t ms);

/* Sets the realtime clock; the monotonic one goes on as it was. */
void test_set_time(struct test_host *host, int64_t realtime_ms);

/* ---- Subscriptions ------------------------------------------------------------------------ */

/* A message on a channel, a change of a key (NULL: any of them), with the prefix in their names. */
void test_message(struct test_host *host, const char *channel, const char *payload);
void test_changed(struct test_host *host, const char *key);

/* What sluice_tracked_until says from now on: in `for_ms`, or, for 0, that nothing is known; so it
 * is at first. */
void test_tracked(struct test_host *host, int64_t for_ms);

/* Subscriptions are lost (channels are told trouble, tracks a nil), or in place again (both a
 * nil). Nothing is known then until test_tracked. */
void test_subscriptions(struct test_host *host, bool in_place);

/* ---- Requests ----------------------------------------------------------------------------- */

/* `target` is path and query as on the wire. */
struct test_answer *test_request(struct test_host *host, const char *method, const char *target,
                                 sluice_bytes body);

/* The client goes. As in the gateway that ends a request only while it waits with
 * SLUICE_END_ON_HANGUP; otherwise the request goes on, for nobody. */
void test_hang_up(struct test_answer *answer);

/* The worker drains: every waiting request is answered with 503 at once. */
void test_drain(struct test_host *host);

/* ---- Questions ---------------------------------------------------------------------------- */

/* Arguments are typed as in sluice_ask and compared as the bytes that Redis would get. */
void test_expect_ask(struct test_host *host, const sluice_arg *argv, uint32_t argc,
                     uint64_t stride);
void test_expect_ask_all(struct test_host *host, const sluice_command *commands, uint32_t count,
                         uint64_t stride);
/* `script` is the name given to sluice_add_script. */
void test_expect_run(struct test_host *host, const char *script, uint32_t keys,
                     const sluice_arg *argv, uint32_t argc, uint64_t stride);

/* An expected argument that matches whatever is asked: hashes, random ids. */
sluice_arg test_any(void);

/* The i-th argument of the newest question (0 is the command, or a script's first key); of a
 * pipeline: of its first command. NULL beyond the end. */
const char *test_asked(struct test_host *host, uint32_t i);

/* ---- Replies ------------------------------------------------------------------------------ */

void test_reply_nil(struct test_host *host);
void test_reply_int(struct test_host *host, int64_t value);
void test_reply_text(struct test_host *host, const char *text);
void test_reply_bytes(struct test_host *host, sluice_bytes bytes);
void test_reply_status(struct test_host *host, const char *text); /* "OK" */
void test_reply_error(struct test_host *host, const char *text);  /* "WRONGTYPE ..." */
void test_reply_array(struct test_host *host, const sluice_arg *items, uint32_t count,
                      uint64_t stride);

/* Redis is away: there is no answer. */
void test_reply_trouble(struct test_host *host);

/* The answer is late: the plugin sees a time-out now, and what the next reply_*() gives reaches
 * nobody but the undo step. */
void test_reply_late(struct test_host *host);

/* Instead of expectations: called with each question that none stands for, in words; gives its reply
 * with test_reply_...(), or leaves it open. `script` is a script's text, NULL for a command. What is
 * left open is replied to later, the oldest first. */
typedef void test_question_handler(struct test_host *host, const char *question, const char *script,
                                   void *state);
void test_on_question(struct test_host *host, test_question_handler *handler, void *state);

/* Elements for reply_array besides texts and numbers. */
sluice_arg test_nil(void);
sluice_arg test_empty_array(struct test_host *host);
sluice_arg test_array_of(struct test_host *host, const sluice_arg *items, uint32_t count,
                         uint64_t stride);
#define test_array(host, ...) test_array_of((host), SLUICE_ARGS(__VA_ARGS__))

/* ---- Looking at the results --------------------------------------------------------------- */

const char *test_answer_header(const struct test_answer *answer, const char *name);

/* A value of the JSON body: of strings the text, of anything else its JSON; NULL when absent.
 * `where` is a member's name, or a JSON Pointer (RFC 6901): "/data/0/userId". */
const char *test_json(struct test_answer *answer, const char *where);

void test_assert_status(struct test_answer *answer, uint32_t status);
void test_assert_json(struct test_answer *answer, const char *where, sluice_arg expected);
void test_assert_body(struct test_answer *answer, const char *expected);
void test_assert_header(struct test_answer *answer, const char *name, const char *expected);
void test_assert_waiting(struct test_answer *answer);
void test_assert_gone(struct test_answer *answer);
/* A message of that level that contains `part` was logged since the host was made. */
void test_assert_logged(struct test_host *host, uint32_t level, const char *part);
void test_assert_not_logged(struct test_host *host, const char *part);

/* ---- Failing ------------------------------------------------------------------------------ */

/* Called instead of failing the cmocka test; must not return. NULL: cmocka again. For other test
 * frameworks, and for tests of the test host. */
typedef void test_failure_handler(const char *file, int line, const char *message);
void test_on_failure(test_failure_handler *handler);

/* Note where the test is; return their first argument. */
struct test_host *test_here(struct test_host *host, const char *file, int line);
struct test_answer *test_answer_here(struct test_answer *answer, const char *file, int line);

static inline sluice_bytes test_bytes(const char *text)
{
    return sluice_bytes_of(text, text ? strlen(text) : 0);
}

/* ---- Jobs --------------------------------------------------------------------------------- */

/* What a job handler did. Lives until test_host_free; texts are "" where there is none. */
struct test_outcome {
    sluice_outcome how;
    const char *result; /* JSON text */
    const char *why;    /* it failed */
    int64_t after_ms;   /* of sluice_job_retry_after; -1: by its backoff */
    int64_t progress;   /* the last; -1: none */
    const char *log;    /* its lines, each with its end */
};

/* Runs the plugin's handler of this type. Replies to what it asks Redis come before. */
struct test_outcome *test_job(struct test_host *host, const char *type, const char *payload_json);
void test_job_attempt(struct test_host *host, int64_t attempt);     /* 1 at first */
void test_job_cancelled(struct test_host *host, bool is_cancelled); /* false at first */

/* ---- Short names -------------------------------------------------------------------------- */

#ifndef SLUICE_TEST_LONG_NAMES

#define TEST_HERE(host) test_here((host), __FILE__, __LINE__)
#define TEST_ANSWER_HERE(answer) test_answer_here((answer), __FILE__, __LINE__)

/* request(host, "POST", "/scores?x=1", "{...}"); a NULL body is none. */
#define request(host, method, target, body)                                                        \
    test_request(TEST_HERE(host), (method), (target), test_bytes(body))
#define request_bytes(host, method, target, bytes)                                                 \
    test_request(TEST_HERE(host), (method), (target), (bytes))

/* expect_ask(host, "SET", "key", test_any(), "PX", 1000);
 * expect_run(host, "take", 1, "ratelimit:acme", 20);
 * expect_ask_all(host, SLUICE_COMMAND("GET", "a"), SLUICE_COMMAND("GET", "b")); */
#define expect_ask(host, ...) test_expect_ask(TEST_HERE(host), SLUICE_ARGS(__VA_ARGS__))
#define expect_run(host, script, keys, ...)                                                        \
    test_expect_run(TEST_HERE(host), (script), (keys), SLUICE_ARGS(__VA_ARGS__))
#define expect_ask_all(host, ...) test_expect_ask_all(TEST_HERE(host), SLUICE_COMMANDS(__VA_ARGS__))

/* reply_array(host, 1, "two", test_nil(), test_array(host, "nested")); */
#define reply_nil(host) test_reply_nil(TEST_HERE(host))
#define reply_int(host, value) test_reply_int(TEST_HERE(host), (value))
#define reply_text(host, text) test_reply_text(TEST_HERE(host), (text))
#define reply_bytes(host, bytes) test_reply_bytes(TEST_HERE(host), (bytes))
#define reply_status(host, text) test_reply_status(TEST_HERE(host), (text))
#define reply_error(host, text) test_reply_error(TEST_HERE(host), (text))
#define reply_trouble(host) test_reply_trouble(TEST_HERE(host))
#define reply_late(host) test_reply_late(TEST_HERE(host))
#define reply_array(host, ...) test_reply_array(TEST_HERE(host), SLUICE_ARGS(__VA_ARGS__))
#define reply_empty_array(host) test_reply_array(TEST_HERE(host), NULL, 0, sizeof(sluice_arg))

/* assert_json(answer, "success", true); assert_json(answer, "/data/0/score", 12.5); */
#define assert_status(answer, status) test_assert_status(TEST_ANSWER_HERE(answer), (status))
#define assert_json(answer, where, value)                                                          \
    test_assert_json(TEST_ANSWER_HERE(answer), (where), SLUICE_ARG_OF(value))
#define assert_no_json(answer, where)                                                              \
    test_assert_json(TEST_ANSWER_HERE(answer), (where), test_nil())
#define assert_body(answer, text) test_assert_body(TEST_ANSWER_HERE(answer), (text))
/* A NULL value: the header is not there. */
#define assert_header(answer, name, value)                                                         \
    test_assert_header(TEST_ANSWER_HERE(answer), (name), (value))
#define assert_waiting(answer) test_assert_waiting(TEST_ANSWER_HERE(answer))
#define assert_gone(answer) test_assert_gone(TEST_ANSWER_HERE(answer))
#define assert_logged(host, level, part) test_assert_logged(TEST_HERE(host), (level), (part))
#define assert_not_logged(host, part) test_assert_not_logged(TEST_HERE(host), (part))

#endif
#endif
