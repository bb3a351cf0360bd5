/* The handlers, run without a queue.
 *
 * SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sluice_test.h>

const sluice_descriptor *sluice_plugin(void);

static int set_up(void **state)
{
    *state = test_host_new(sluice_plugin(), "notes: /tmp/errands-test-notes\n");
    return 0;
}

static int tear_down(void **state)
{
    test_host_free(*state);
    return 0;
}

static void a_greeting_is_the_result(void **state)
{
    struct test_outcome *outcome = test_job(*state, "greet", "{\"name\":\"Ann\"}");
    assert_int_equal(outcome->how, SLUICE_JOB_DONE);
    assert_string_equal(outcome->result, "{\"greeting\":\"hello Ann\"}");
    assert_int_equal(outcome->progress, 100);
    assert_string_equal(outcome->log, "said it\n");
}

static void a_flaky_one_succeeds_in_the_end(void **state)
{
    struct test_outcome *outcome = test_job(*state, "flaky", "{\"failures\":1}");
    assert_int_equal(outcome->how, SLUICE_JOB_RETRY);
    assert_string_equal(outcome->why, "not yet");
    test_job_attempt(*state, 2);
    outcome = test_job(*state, "flaky", "{\"failures\":1}");
    assert_int_equal(outcome->how, SLUICE_JOB_DONE);
    assert_string_equal(outcome->result, "{\"attempt\":2}");
}

static void a_nap_ends_when_it_is_cancelled(void **state)
{
    test_job_cancelled(*state, true);
    struct test_outcome *outcome = test_job(*state, "nap", "{\"ms\":60000}");
    assert_int_equal(outcome->how, SLUICE_JOB_RETRY);
    assert_string_equal(outcome->why, "woken up");
}

static void a_note_is_one_line(void **state)
{
    char line[64] = "";
    (void)unlink("/tmp/errands-test-notes");
    struct test_outcome *outcome = test_job(*state, "note", "{\"text\":\"milk\"}");
    assert_int_equal(outcome->how, SLUICE_JOB_DONE);
    FILE *notes = fopen("/tmp/errands-test-notes", "r");
    assert_non_null(notes);
    assert_non_null(fgets(line, sizeof line, notes));
    (void)fclose(notes);
    (void)unlink("/tmp/errands-test-notes");
    assert_string_equal(line, "job-1 1 milk\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_greeting_is_the_result),
        TEST(a_flaky_one_succeeds_in_the_end),
        TEST(a_nap_ends_when_it_is_cancelled),
        TEST(a_note_is_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
