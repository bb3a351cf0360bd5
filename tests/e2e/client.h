/* HTTP for tests: whole requests over libcurl, bytes over a socket, load from threads.
 *
 * SPDX-License-Identifier: MIT */
#ifndef E2E_CLIENT_H
#define E2E_CLIENT_H

#include <jansson.h>

#include "gateway.h"

#define HTTP_PATIENCE_S 15L

/* ---- Requests ----------------------------------------------------------------------------- */

/* Lives until its test ends. */
struct answer {
    long status; /* 0: there was none */
    char *head;  /* status line and headers as sent; of the last one, after a 100 */
    char *body;
    size_t body_len;
    json_t *json; /* NULL: the body is none */
    struct answer *next;
};

/* `headers` are lines joined by \n, or NULL; a body is sent as application/json unless they say
 * otherwise, NULL is none. Every call has a connection of its own. */
struct answer *http(struct world *world, const char *method, const char *path, const char *headers,
                    const char *body);
struct answer *get(struct world *world, const char *path, const char *headers);

/* "authorization: Bearer <admin token>", "x-api-key: <key>": valid until the test ends. */
const char *as_admin(struct world *world);
const char *with_key(struct world *world, const char *key);

/* A header's value, NULL when it is not there; valid until the next call. */
const char *header_of(const struct answer *answer, const char *name);
/* A text member of the body; fails the test when there is none. */
const char *text_of(const struct answer *answer, const char *member);
long long number_of(const struct answer *answer, const char *member);

/* Status, and for problems everything that all of them have. */
void assert_answer(const struct answer *answer, long status, const char *file, int line);
void assert_refused(const struct answer *answer, long status, const char *code, const char *file,
                    int line);
void assert_header_is(const struct answer *answer, const char *name, const char *value,
                      const char *file, int line);
#define assert_header(answer, name, value)                                                         \
    assert_header_is((answer), (name), (value), __FILE__, __LINE__)
#define assert_status(answer, status) assert_answer((answer), (status), __FILE__, __LINE__)
#define assert_problem(answer, status, code)                                                       \
    assert_refused((answer), (status), (code), __FILE__, __LINE__)

struct answer *answer_new(struct world *world); /* an empty one */
void answers_free(struct world *world);

/* ---- Bytes -------------------------------------------------------------------------------- */

/* A connection to the gateway. */
int wire_open(const struct world *world);
void wire_send(int wire, const char *bytes);
/* False when the other side has closed. */
bool wire_try_send(int wire, const char *bytes, size_t len);
/* Reads the next answer with its body, and nothing of what follows it; NULL when the connection
 * ends first. */
struct answer *wire_answer(struct world *world, int wire);
/* True when the other side closes within PATIENCE_MS, whatever it sends before. */
bool wire_ends(int wire);
void wire_close(int wire);

/* Sends `request` over a connection of its own and reads one answer; fails when there is none. */
struct answer *wire_ask(struct world *world, const char *request);

/* ---- Load --------------------------------------------------------------------------------- */

#define LOAD_THREADS 4
#define LOAD_STATUSES 600

struct load;

struct load_result {
    unsigned long done, failed;            /* answers; connections that broke */
    unsigned long statuses[LOAD_STATUSES]; /* how many of each */
    char first_failure[256];
};

/* GETs `path` from LOAD_THREADS threads, each over connections that it keeps, until it is stopped. */
struct load *load_start(const struct world *world, const char *path, const char *headers);
unsigned long load_done(const struct load *load);
unsigned long load_count(const struct load *load, long status);
struct load_result load_stop(struct load *load);

#endif
