/* What the unit tests of named boards share: boards as Redis would have them, and their keys.
 *
 * SPDX-License-Identifier: MIT */
#ifndef TEST_BOARDS_H
#define TEST_BOARDS_H

#include <sluice_test.h>

/* A definition as it is stored; the id tells one from the next. */
#define DEFINITION(id, order, combine, ties, subscore, period, writers)                            \
    "{\"id\":\"" id "\",\"order\":\"" order "\",\"operator\":\"" combine "\",\"ties\":\"" ties     \
    "\",\"subscore\":\"" subscore "\",\"period\":\"" period                                        \
    "\",\"timezone\":\"UTC\",\"retention\":8,\"writers\":\"" writers "\"}"

#define RACE DEFINITION("id-1", "desc", "best", "earliest", "none", "none", "*")
#define RACE_AGAIN DEFINITION("id-2", "desc", "best", "earliest", "none", "none", "*")
#define DAILY DEFINITION("id-1", "asc", "sum", "dense", "none", "daily", "*")
#define TEAM DEFINITION("id-1", "desc", "last", "lexical", "asc", "none", "acme team-2")

#define DATA_KEYS(board, period)                                                                   \
    "leaderboard:" board ":" period, "leaderboard:" board ":" period ":users",                     \
        "leaderboard:" board ":" period ":distinct", "leaderboard:" board ":" period ":counts"
#define READ_KEYS(board, period) "board:" board, DATA_KEYS(board, period)

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

static inline struct test_answer *send_json(struct test_host *host, const char *method,
                                            const char *path, const char *body)
{
    test_header(host, "Content-Type", "application/json");
    return request(host, method, path, body);
}

/* The next request looks the board up and finds this. */
static inline void expect_board(struct test_host *host, const char *key, const char *definition)
{
    expect_ask(host, "GET", key);
    reply_text(host, definition);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
