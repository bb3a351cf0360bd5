/* HTTP as the gateway speaks it: what it refuses, what it bears, what it says of itself.
 *
 * SPDX-License-Identifier: MIT */
#include "client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONFIG                                                                                     \
    CONFIG_HEAD "workers: 2\n"                                                                     \
                "http: { header_timeout: 1s, body_timeout: 1s }\n" CONFIG_PROBE

#define HOST "Host: gateway\r\n"

/* ---- What the guard refuses --------------------------------------------------------------- */

/* The connection ends with the refusal: what follows may mean something else to us. */
static void assert_guarded(struct world *world, const char *request, long status, const char *code)
{
    int wire = wire_open(world);
    wire_send(wire, request);
    struct answer *answer = wire_answer(world, wire);
    assert_non_null(answer);
    assert_problem(answer, status, code);
    assert_true(wire_ends(wire));
    wire_close(wire);
}

static void a_message_with_two_lengths_is_refused(struct world *world)
{
    gateway_start(world);
    assert_guarded(world,
                   "POST /probe/body HTTP/1.1\r\n" HOST "Content-Length: 1\r\n"
                   "Content-Length: 2\r\n\r\nxx",
                   400, "duplicate_content_length");
    assert_guarded(world,
                   "POST /probe/body HTTP/1.1\r\n" HOST "Content-Length: 3\r\n"
                   "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                   400, "ambiguous_length");
}

static void transfer_codings_but_a_single_chunked_are_refused(struct world *world)
{
    gateway_start(world);
    assert_guarded(world,
                   "POST /probe/body HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n"
                   "0\r\n\r\n",
                   501, "transfer_encoding_not_implemented");
    assert_guarded(world,
                   "POST /probe/body HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n"
                   "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                   501, "transfer_encoding_not_implemented");
    assert_guarded(world,
                   "POST /probe/body HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
                   "0\r\n\r\n",
                   400, "transfer_encoding_on_1_0");
}

static void a_space_before_a_headers_colon_is_refused(struct world *world)
{
    gateway_start(world);
    assert_guarded(world, "GET /probe/hello HTTP/1.1\r\n" HOST "X-Odd : 1\r\n\r\n", 400,
                   "bad_header_name");
}

static void a_request_has_exactly_one_host(struct world *world)
{
    gateway_start(world);
    assert_guarded(world, "GET /probe/hello HTTP/1.1\r\n" HOST "Host: other\r\n\r\n", 400,
                   "duplicate_host");
    int wire = wire_open(world);
    wire_send(wire, "GET /probe/hello HTTP/1.1\r\n\r\n");
    struct answer *answer = wire_answer(world, wire);
    wire_close(wire);
    assert_non_null(answer);
    assert_status(answer, 400);
}

static void trace_is_not_served(struct world *world)
{
    gateway_start(world);
    assert_guarded(world, "TRACE /probe/hello HTTP/1.1\r\n" HOST "X-Secret: s\r\n\r\n", 501,
                   "method_not_implemented");
}

static void headers_beyond_the_pool_are_431(struct world *world)
{
    gateway_start(world);
    char request[12000] = "GET /probe/hello HTTP/1.1\r\n" HOST "X-Long: ";
    size_t len = strlen(request);
    memset(request + len, 'x', 10000);
    memcpy(request + len + 10000, "\r\n\r\n", 5);
    struct answer *answer = wire_ask(world, request);
    assert_status(answer, 431);
    assert_status(get(world, "/probe/hello", NULL), 200);
}

/* ---- Connections -------------------------------------------------------------------------- */

static void pipelined_requests_are_answered_in_order(struct world *world)
{
    gateway_start(world);
    int wire = wire_open(world);
    wire_send(wire, "GET /probe/sleep/30 HTTP/1.1\r\n" HOST "\r\n"
                    "GET /probe/echo/second HTTP/1.1\r\n" HOST "\r\n"
                    "POST /probe/body HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello");
    struct answer *first = wire_answer(world, wire);
    struct answer *second = wire_answer(world, wire);
    struct answer *third = wire_answer(world, wire);
    wire_close(wire);
    assert_non_null(third);
    assert_int_equal(number_of(first, "waited"), 30);
    assert_string_equal(text_of(second, "text"), "second");
    assert_int_equal(number_of(third, "length"), 5);
}

static void a_connection_outlives_a_refusal_with_a_small_body(struct world *world)
{
    gateway_start(world);
    int wire = wire_open(world);
    wire_send(wire, "POST /probe/admin HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello"
                    "GET /probe/hello HTTP/1.1\r\n" HOST "\r\n");
    struct answer *refused = wire_answer(world, wire);
    struct answer *after = wire_answer(world, wire);
    wire_close(wire);
    assert_non_null(after);
    assert_problem(refused, 401, "unauthenticated");
    assert_status(after, 200);
}

static void a_header_that_drips_in_is_cut_at_its_deadline(struct world *world)
{
    static const char dripped[] = "GET /probe/hello HTTP/1.1\r\n" HOST "X-Drip: xxxxxxxxxxxxxxxx";
    gateway_start(world);
    int wire = wire_open(world);
    size_t sent = 0;
    wait_until(world, !wire_try_send(wire, sent < strlen(dripped) ? dripped + sent++ : "x", 1));
    assert_true(wire_ends(wire));
    wire_close(wire);
    assert_status(get(world, "/probe/hello", NULL), 200);
}

static void a_body_that_does_not_come_is_cut_at_its_deadline(struct world *world)
{
    gateway_start(world);
    int wire = wire_open(world);
    wire_send(wire, "POST /probe/body HTTP/1.1\r\n" HOST "Content-Length: 100\r\n\r\nhalf");
    assert_true(wire_ends(wire));
    wire_close(wire);
}

static void an_idle_connection_is_not_cut_by_the_header_deadline(struct world *world)
{
    gateway_start(world);
    int idle = wire_open(world), dripping = wire_open(world);
    wire_send(idle, "GET /probe/hello HTTP/1.1\r\n" HOST "\r\n");
    assert_non_null(wire_answer(world, idle));
    wire_send(dripping, "GET");
    assert_true(wire_ends(dripping)); /* so a header's deadline has gone by */
    wire_send(idle, "GET /probe/hello HTTP/1.1\r\n" HOST "\r\n");
    struct answer *answer = wire_answer(world, idle);
    wire_close(idle);
    wire_close(dripping);
    assert_non_null(answer);
    assert_status(answer, 200);
}

/* ---- Methods and paths -------------------------------------------------------------------- */

static void head_is_get_without_a_body(struct world *world)
{
    gateway_start(world);
    struct answer *answer = http(world, "HEAD", "/probe/hello", NULL, NULL);
    assert_status(answer, 200);
    assert_int_equal(answer->body_len, 0);
    assert_header(answer, "content-length", "20"); /* {"greeting":"hello"} */
}

static void options_lists_what_a_path_takes(struct world *world)
{
    gateway_start(world);
    struct answer *answer = http(world, "OPTIONS", "/probe/body", NULL, NULL);
    assert_status(answer, 204);
    assert_header(answer, "allow", "OPTIONS, POST");
    answer = http(world, "OPTIONS", "/probe/hello", NULL, NULL);
    assert_header(answer, "allow", "GET, HEAD, OPTIONS");
}

static void an_unknown_path_is_404_and_a_wrong_method_405(struct world *world)
{
    gateway_start(world);
    assert_problem(get(world, "/nowhere", NULL), 404, "not_found");
    struct answer *answer = http(world, "DELETE", "/probe/hello", NULL, NULL);
    assert_problem(answer, 405, "method_not_allowed");
    assert_header(answer, "allow", "GET, HEAD, OPTIONS");
}

static void escapes_are_decoded_once(struct world *world)
{
    gateway_start(world);
    struct answer *answer =
        get(world, "/probe/echo/a%2Fb%25%20c?q=x+y%26%c3%a4&q=second", "x-echo: as it is %41");
    assert_status(answer, 200);
    assert_string_equal(text_of(answer, "text"), "a/b% c");
    assert_string_equal(text_of(answer, "q"), "x y&\xc3\xa4");
    assert_string_equal(text_of(answer, "header"), "as it is %41");
}

static void broken_escapes_are_400(struct world *world)
{
    gateway_start(world);
    assert_problem(get(world, "/probe/echo/a%2", NULL), 400, "bad_path");
    assert_problem(get(world, "/probe/echo/a%00b", NULL), 400, "bad_path");
}

/* ---- Bodies ------------------------------------------------------------------------------- */

static void a_body_of_the_greatest_size_is_taken_and_one_more_byte_is_413(struct world *world)
{
    char body[1002];
    gateway_start(world);
    memset(body, 'x', sizeof body);
    body[1000] = '\0';
    assert_int_equal(number_of(http(world, "POST", "/probe/body", NULL, body), "length"), 1000);
    body[1000] = 'x';
    body[1001] = '\0';
    assert_problem(http(world, "POST", "/probe/body", NULL, body), 413, "body_too_large");
}

static void a_body_that_is_too_large_is_refused_before_it_is_sent(struct world *world)
{
    gateway_start(world);
    struct answer *answer =
        wire_ask(world, "POST /probe/body HTTP/1.1\r\n" HOST
                        "Expect: 100-continue\r\nContent-Length: 100000000\r\n\r\n");
    assert_problem(answer, 413, "body_too_large");
}

static void a_body_that_is_welcome_is_asked_for(struct world *world)
{
    gateway_start(world);
    int wire = wire_open(world);
    wire_send(wire, "POST /probe/body HTTP/1.1\r\n" HOST
                    "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    struct answer *go_on = wire_answer(world, wire);
    assert_non_null(go_on);
    assert_status(go_on, 100);
    wire_send(wire, "hello");
    struct answer *answer = wire_answer(world, wire);
    wire_close(wire);
    assert_non_null(answer);
    assert_int_equal(number_of(answer, "length"), 5);
}

static void a_chunked_body_is_taken_and_bounded(struct world *world)
{
    gateway_start(world);
    struct answer *taken =
        wire_ask(world, "POST /probe/body HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
                        "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
    assert_int_equal(number_of(taken, "length"), 5);
    char request[2048] =
        "POST /probe/body HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n4b0\r\n";
    size_t len = strlen(request);
    memset(request + len, 'x', 0x4b0);
    memcpy(request + len + 0x4b0, "\r\n0\r\n\r\n", 8);
    assert_problem(wire_ask(world, request), 413, "body_too_large");
}

/* ---- What the gateway says of itself ------------------------------------------------------ */

static void a_request_id_is_taken_over_when_well_formed_and_made_otherwise(struct world *world)
{
    gateway_start(world);
    struct answer *own = get(world, "/probe/hello", "x-request-id: my-id.1");
    assert_header(own, "x-request-id", "my-id.1");
    struct answer *odd = get(world, "/probe/hello", "x-request-id: {odd}");
    assert_string_not_equal(header_of(odd, "x-request-id"), "{odd}");
    assert_true(strlen(header_of(odd, "x-request-id")) >= 16);
}

/* The access log's line for a request id, parsed. */
static json_t *access_line(struct world *world, const char *id)
{
    char part[128];
    (void)snprintf(part, sizeof part, "\"id\":\"%s\"", id);
    wait_until(world, logged(world, part));
    const char *log = gateway_log(world), *at = strstr(log, part);
    while (at > log && at[-1] != '\n')
        at--;
    json_t *line = json_loadb(at, strcspn(at, "\n"), 0, NULL);
    assert_non_null(line);
    return line;
}

static void the_access_log_says_what_happened_and_no_secret(struct world *world)
{
    gateway_start(world);
    struct answer *asked =
        get(world, "/probe/echo/pathsecret?q=querysecret",
            "x-request-id: logged-1\nauthorization: Bearer headersecret\ncookie: a=cookiesecret");
    assert_status(asked, 200);
    json_t *line = access_line(world, "logged-1");
    assert_string_equal(json_string_value(json_object_get(line, "method")), "GET");
    assert_string_equal(json_string_value(json_object_get(line, "route")), "/probe/echo/{text}");
    assert_string_equal(json_string_value(json_object_get(line, "address")), "127.0.0.1");
    assert_int_equal(json_integer_value(json_object_get(line, "status")), 200);
    assert_int_equal(json_integer_value(json_object_get(line, "bytes")), asked->body_len);
    assert_true(json_is_integer(json_object_get(line, "us")));
    json_decref(line);
    assert_false(logged(world, "secret"));
    assert_false(logged(world, world->token));
}

static void health_is_open_to_all(struct world *world)
{
    gateway_start(world);
    assert_string_equal(text_of(get(world, "/health", NULL), "status"), "ok");
    assert_status(get(world, "/livez", NULL), 200);
    wait_until(world, get(world, "/readyz", NULL)->status == 200);
}

static void a_step_that_holds_the_loop_is_named_in_the_log(struct world *world)
{
    gateway_start(world);
    assert_status(get(world, "/probe/hold/80", NULL), 200);
    wait_until(world, logged(world, "probe: step hold held the loop for"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        E2E(a_message_with_two_lengths_is_refused, CONFIG),
        E2E(transfer_codings_but_a_single_chunked_are_refused, CONFIG),
        E2E(a_space_before_a_headers_colon_is_refused, CONFIG),
        E2E(a_request_has_exactly_one_host, CONFIG),
        E2E(trace_is_not_served, CONFIG),
        E2E(headers_beyond_the_pool_are_431, CONFIG),
        E2E(pipelined_requests_are_answered_in_order, CONFIG),
        E2E(a_connection_outlives_a_refusal_with_a_small_body, CONFIG),
        E2E(a_header_that_drips_in_is_cut_at_its_deadline, CONFIG),
        E2E(a_body_that_does_not_come_is_cut_at_its_deadline, CONFIG),
        E2E(an_idle_connection_is_not_cut_by_the_header_deadline, CONFIG),
        E2E(head_is_get_without_a_body, CONFIG),
        E2E(options_lists_what_a_path_takes, CONFIG),
        E2E(an_unknown_path_is_404_and_a_wrong_method_405, CONFIG),
        E2E(escapes_are_decoded_once, CONFIG),
        E2E(broken_escapes_are_400, CONFIG),
        E2E(a_body_of_the_greatest_size_is_taken_and_one_more_byte_is_413, CONFIG),
        E2E(a_body_that_is_too_large_is_refused_before_it_is_sent, CONFIG),
        E2E(a_body_that_is_welcome_is_asked_for, CONFIG),
        E2E(a_chunked_body_is_taken_and_bounded, CONFIG),
        E2E(a_request_id_is_taken_over_when_well_formed_and_made_otherwise, CONFIG),
        E2E(the_access_log_says_what_happened_and_no_secret, CONFIG),
        E2E(health_is_open_to_all, CONFIG),
        E2E(a_step_that_holds_the_loop_is_named_in_the_log, CONFIG),
    };
    return cmocka_run_group_tests_name("http", tests, NULL, NULL);
}
