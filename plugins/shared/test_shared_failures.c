/* The failure buckets: counting, refilling, telling addresses apart, staying bounded.
 *
 * SPDX-License-Identifier: MIT */
#include "failures.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#define NOW 1000000

static struct failures *made(int64_t capacity, int64_t amount, int64_t per_ms)
{
    struct failures *failures = failures_new(capacity, (sluice_rate){amount, per_ms}, 42);
    assert_non_null(failures);
    return failures;
}

static void an_address_may_fail_as_often_as_the_bucket_holds(void **state)
{
    struct failures *failures = made(3, 1, 1000);
    (void)state;
    for (int i = 0; i < 3; i++)
        assert_int_equal(failures_spend(failures, "192.0.2.1", NOW), 0);
    assert_int_equal(failures_spend(failures, "192.0.2.1", NOW), 1000);
    assert_int_equal(failures_spend(failures, "192.0.2.2", NOW), 0);
    failures_free(failures);
}

static void a_refused_attempt_costs_nothing(void **state)
{
    struct failures *failures = made(1, 1, 1000);
    (void)state;
    assert_int_equal(failures_spend(failures, "192.0.2.1", NOW), 0);
    assert_int_equal(failures_spend(failures, "192.0.2.1", NOW + 400), 600);
    assert_int_equal(failures_spend(failures, "192.0.2.1", NOW + 999), 1);
    assert_int_equal(failures_spend(failures, "192.0.2.1", NOW + 1000), 0);
    failures_free(failures);
}

static void a_bucket_is_never_fuller_than_full(void **state)
{
    struct failures *failures = made(2, 1, 1000);
    (void)state;
    assert_int_equal(failures_spend(failures, "192.0.2.1", NOW), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(failures_spend(failures, "192.0.2.1", NOW + 3600000), 0);
    assert_int_equal(failures_spend(failures, "192.0.2.1", NOW + 3600000), 1000);
    failures_free(failures);
}

static void rates_that_do_not_divide_are_exact(void **state)
{
    struct failures *failures = made(1, 3, 1000); /* one each 333 1/3 ms */
    (void)state;
    assert_int_equal(failures_spend(failures, "192.0.2.1", NOW), 0);
    assert_int_equal(failures_spend(failures, "192.0.2.1", NOW), 334);
    assert_int_equal(failures_spend(failures, "192.0.2.1", NOW + 333), 1);
    assert_int_equal(failures_spend(failures, "192.0.2.1", NOW + 334), 0);
    failures_free(failures);
}

static void ipv6_addresses_share_a_bucket_per_64(void **state)
{
    struct failures *failures = made(1, 1, 1000);
    (void)state;
    assert_int_equal(failures_spend(failures, "2001:db8:0:1::1", NOW), 0);
    assert_int_equal(failures_spend(failures, "2001:db8:0:1:ffff::2", NOW), 1000);
    assert_int_equal(failures_spend(failures, "2001:db8:0:2::1", NOW), 0);
    failures_free(failures);
}

static void mapped_ipv4_addresses_are_ipv4_addresses(void **state)
{
    struct failures *failures = made(1, 1, 1000);
    (void)state;
    assert_int_equal(failures_spend(failures, "::ffff:192.0.2.1", NOW), 0);
    assert_int_equal(failures_spend(failures, "192.0.2.1", NOW), 1000);
    assert_int_equal(failures_spend(failures, "::ffff:192.0.2.2", NOW), 0);
    assert_int_equal(failures_spend(failures, "unix", NOW), 0);
    failures_free(failures);
}

static void a_flood_of_addresses_does_not_forget_who_failed_most(void **state)
{
    struct failures *failures = made(20, 1, 1000);
    char address[32];
    (void)state;
    for (int i = 0; i < 20; i++)
        assert_int_equal(failures_spend(failures, "192.0.2.1", NOW), 0);
    for (int i = 0; i < 100000; i++) {
        (void)snprintf(address, sizeof address, "10.%d.%d.%d", i >> 16, i >> 8 & 255, i & 255);
        assert_int_equal(failures_spend(failures, address, NOW), 0);
    }
    assert_int_equal(failures_spend(failures, "192.0.2.1", NOW), 1000);
    failures_free(failures);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_may_fail_as_often_as_the_bucket_holds),
        cmocka_unit_test(a_refused_attempt_costs_nothing),
        cmocka_unit_test(a_bucket_is_never_fuller_than_full),
        cmocka_unit_test(rates_that_do_not_divide_are_exact),
        cmocka_unit_test(ipv6_addresses_share_a_bucket_per_64),
        cmocka_unit_test(mapped_ipv4_addresses_are_ipv4_addresses),
        cmocka_unit_test(a_flood_of_addresses_does_not_forget_who_failed_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
