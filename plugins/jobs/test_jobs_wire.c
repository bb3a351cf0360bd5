/* What the jobs process and its executors say to each other: there and back, and torn on the way.
 *
 * SPDX-License-Identifier: MIT */
#include "wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sluice/args.h>

static struct wire wire;

static int tear_down(void **state)
{
    (void)state;
    wire_release(&wire);
    return 0;
}

static sluice_bytes text_of(const char *text)
{
    return sluice_bytes_of(text, strlen(text));
}

static sluice_bytes message(void)
{
    return sluice_bytes_of(wire.data, wire.len);
}

static void assert_text(sluice_bytes text, const char *expected)
{
    assert_int_equal(text.len, strlen(expected));
    assert_string_equal((const char *)text.data, expected);
}

/* ---- There and back ----------------------------------------------------------------------- */

static void what_is_written_is_read(void **state)
{
    struct wire_reader reader;
    (void)state;
    wire_begin(&wire, WIRE_RUN);
    wire_int(&wire, INT64_MIN);
    wire_text(&wire, text_of("a text"));
    wire_text(&wire, text_of(""));
    wire_int(&wire, INT64_MAX);
    assert_int_equal(wire_open(&reader, message()), WIRE_RUN);
    assert_true(wire_take_int(&reader) == INT64_MIN);
    assert_text(wire_take_text(&reader), "a text");
    assert_text(wire_take_text(&reader), "");
    assert_true(wire_take_int(&reader) == INT64_MAX);
    assert_false(reader.broken);
    assert_ptr_equal(reader.at, reader.end);
}

static void a_text_may_have_any_bytes(void **state)
{
    struct wire_reader reader;
    (void)state;
    wire_begin(&wire, WIRE_LOG);
    wire_text(&wire, sluice_bytes_of("a\0b\n", 4));
    (void)wire_open(&reader, message());
    sluice_bytes text = wire_take_text(&reader);
    assert_int_equal(text.len, 4);
    assert_memory_equal(text.data, "a\0b\n", 5); /* and the NUL behind it */
}

static void a_message_may_be_large_and_is_forgotten_by_the_next(void **state)
{
    const size_t len = 300000;
    struct wire_reader reader;
    char *large = malloc(len);
    (void)state;
    assert_non_null(large);
    memset(large, 'x', len);
    wire_begin(&wire, WIRE_RUN);
    wire_text(&wire, text_of("id"));
    wire_text(&wire, sluice_bytes_of(large, len));
    (void)wire_open(&reader, message());
    assert_text(wire_take_text(&reader), "id");
    sluice_bytes text = wire_take_text(&reader);
    assert_int_equal(text.len, len);
    assert_memory_equal(text.data, large, len);
    free(large);
    wire_begin(&wire, WIRE_CANCEL);
    assert_int_equal(wire_open(&reader, message()), WIRE_CANCEL);
    assert_ptr_equal(reader.at, reader.end);
}

static const struct wire_outcome outcomes[] = {
    {.how = SLUICE_JOB_DONE, .after_ms = -1, .why = {"", 0}, .result = {"{\"ok\":1}", 8}},
    {.how = SLUICE_JOB_RETRY, .after_ms = 5000, .why = {"busy", 4}, .result = {"", 0}},
    {.how = SLUICE_JOB_DEAD, .why = {"no such user", 12}, .result = {"", 0}, .leaves = true},
};

static void outcomes_come_as_they_were(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof outcomes / sizeof outcomes[0]; i++) {
        struct wire_reader reader;
        struct wire_outcome outcome;
        wire_write_outcome(&wire, "01ABC.jobs", &outcomes[i]);
        assert_int_equal(wire_open(&reader, message()), WIRE_OUTCOME);
        assert_text(wire_take_text(&reader), "01ABC.jobs");
        assert_true(wire_take_outcome(&reader, &outcome));
        assert_int_equal(outcome.how, outcomes[i].how);
        assert_int_equal(outcome.after_ms, outcomes[i].after_ms);
        assert_text(outcome.why, (const char *)outcomes[i].why.data);
        assert_text(outcome.result, (const char *)outcomes[i].result.data);
        assert_int_equal(outcome.leaves, outcomes[i].leaves);
    }
}

/* ---- Torn --------------------------------------------------------------------------------- */

/* On the heap with nothing behind it, where AddressSanitizer sees who reads too far. */
static char *torn(size_t len)
{
    char *copy = malloc(len ? len : 1);
    assert_non_null(copy);
    memcpy(copy, wire.data, len);
    return copy;
}

static void an_outcome_torn_anywhere_is_none(void **state)
{
    (void)state;
    wire_write_outcome(&wire, "01ABC.jobs", &outcomes[1]);
    for (size_t len = 0; len < wire.len; len++) {
        struct wire_outcome outcome = {.after_ms = 77};
        struct wire_reader reader;
        char *copy = torn(len);
        (void)wire_open(&reader, sluice_bytes_of(copy, len));
        (void)wire_take_text(&reader);
        assert_false(wire_take_outcome(&reader, &outcome));
        assert_true(reader.broken);
        assert_int_equal(outcome.after_ms, 77);
        free(copy);
    }
}

static void behind_a_tear_everything_is_empty(void **state)
{
    struct wire_reader reader;
    (void)state;
    wire_begin(&wire, WIRE_PROGRESS);
    wire_text(&wire, text_of("torn"));
    wire_int(&wire, 7);
    char *copy = torn(wire.len - 10); /* within the text */
    assert_int_equal(wire_open(&reader, sluice_bytes_of(copy, wire.len - 10)), WIRE_PROGRESS);
    assert_text(wire_take_text(&reader), "");
    assert_true(reader.broken);
    assert_int_equal(wire_take_int(&reader), 0);
    assert_text(wire_take_text(&reader), "");
    free(copy);
}

static void an_empty_message_is_of_no_kind(void **state)
{
    struct wire_reader reader;
    (void)state;
    assert_int_equal(wire_open(&reader, sluice_bytes_of("", 0)), 0);
    assert_true(reader.broken);
}

static void a_length_beyond_the_message_is_a_tear(void **state)
{
    static const int64_t lengths[] = {4, 1000, INT64_MAX - 1, INT64_MAX};
    (void)state;
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        struct wire_reader reader;
        wire_begin(&wire, WIRE_LOG);
        wire_int(&wire, lengths[i]);
        wire.len += 4; /* three bytes and a NUL, in what it has reserved */
        memcpy(wire.data + wire.len - 4, "abc", 4);
        (void)wire_open(&reader, message());
        assert_text(wire_take_text(&reader), "");
        assert_true(reader.broken);
    }
}

static void a_length_below_nothing_is_no_text(void **state)
{
    static const int64_t lengths[] = {-1, INT64_MIN};
    (void)state;
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        struct wire_reader reader;
        wire_begin(&wire, WIRE_LOG);
        wire_int(&wire, lengths[i]);
        (void)wire_open(&reader, message());
        assert_text(wire_take_text(&reader), "");
    }
}

static void an_end_that_is_no_outcome_is_refused(void **state)
{
    static const int64_t words[] = {SLUICE_JOB_DONE - 1, SLUICE_JOB_DEAD + 1, INT64_MAX, INT64_MIN};
    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        struct wire_outcome outcome = outcomes[0];
        struct wire_reader reader;
        outcome.how = words[i];
        wire_write_outcome(&wire, "id", &outcome);
        (void)wire_open(&reader, message());
        (void)wire_take_text(&reader);
        assert_false(wire_take_outcome(&reader, &outcome));
    }
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_written_is_read),
        TEST(a_text_may_have_any_bytes),
        TEST(a_message_may_be_large_and_is_forgotten_by_the_next),
        TEST(outcomes_come_as_they_were),
        TEST(an_outcome_torn_anywhere_is_none),
        TEST(behind_a_tear_everything_is_empty),
        TEST(an_empty_message_is_of_no_kind),
        TEST(a_length_beyond_the_message_is_a_tear),
        TEST(a_length_below_nothing_is_no_text),
        TEST(an_end_that_is_no_outcome_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
