/* A redis-server of a test program's own, for suites of scripts: on a unix socket in a folder of its
 * own, keeping nothing, gone when the program ends.
 *
 *   cmocka_run_group_tests(tests, start_server, stop_server)
 *   cmocka_unit_test_setup(test, flush)          begins with nothing in it
 *   number(ask("ZCARD %s", key))
 *
 * SPDX-License-Identifier: MIT */
#ifndef TEST_REDIS_H
#define TEST_REDIS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <hiredis/hiredis.h>

#define WAIT_MS 10000 /* for what happens by itself */

extern redisContext *redis; /* between start_server and stop_server */

int start_server(void **state);
int stop_server(void **state);
int flush(void **state);

/* Another connection; NULL when there is none within WAIT_MS. The caller frees it. */
redisContext *connect_again(void);

/* The reply to a command as redisCommand takes it; the caller frees it. */
redisReply *ask(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same of a script, loaded as often as it is needed: behind it how many keys, keys, arguments. */
redisReply *run_script(const char *script, int argc, const char *const *argv);

/* A reply as a number, -1 for a nil, 0 for OK; frees it. An error fails the test. */
long long number(redisReply *reply);

void pause_1_ms(void);

#endif
