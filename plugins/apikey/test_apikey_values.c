/* Networks and times as text.
 *
 * SPDX-License-Identifier: MIT */
#include "cidr.c"
#include "times.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* ---- Networks ------------------------------------------------------------------------------ */

static void assert_network(const char *text, const char *kept, const char *shown)
{
    char network[CIDR_SIZE], back[CIDR_TEXT_SIZE];
    assert_true(cidr_read(text, network));
    assert_string_equal(network, kept);
    assert_true(cidr_write(network, back));
    assert_string_equal(back, shown);
}

static void a_network_is_kept_in_one_form(void **state)
{
    (void)state;
    assert_network("10.0.0.0/8", "0a000000/8", "10.0.0.0/8");
    assert_network("10.1.2.3/8", "0a000000/8", "10.0.0.0/8");
    assert_network("192.0.2.255/25", "c0000280/25", "192.0.2.128/25");
    assert_network("192.0.2.7", "c0000207/32", "192.0.2.7/32");
    assert_network("0.0.0.0/0", "00000000/0", "0.0.0.0/0");
    assert_network("::/0", "00000000000000000000000000000000/0", "::/0");
    assert_network("2001:DB8::1", "20010db8000000000000000000000001/128", "2001:db8::1/128");
    assert_network("2001:db8:ffff::/33", "20010db8800000000000000000000000/33",
                   "2001:db8:8000::/33");
    assert_network("::ffff:10.1.2.3", "0a010203/32", "10.1.2.3/32");
    assert_network("::ffff:10.1.2.3/104", "0a000000/8", "10.0.0.0/8");
    assert_network("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255/128",
                   "ffffffffffffffffffffffffffffffff/128",
                   "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128");
}

static void what_is_no_network_is_refused(void **state)
{
    const char *wrong[] = {"",
                           "10.0.0.0/",
                           "10.0.0.0/33",
                           "10.0.0.0/-1",
                           "10.0.0.0/08",
                           "10.0.0.0/8 ",
                           " 10.0.0.0/8",
                           "10.0.0/8",
                           "10.0.0.0/8/8",
                           "2001:db8::/129",
                           "2001:db8::/1000",
                           "::1%lo",
                           "localhost",
                           "/8",
                           "1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111/1"};
    char network[CIDR_SIZE];
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(cidr_read(wrong[i], network));
}

static void an_address_is_in_its_networks_only(void **state)
{
    const char *networks = "0a000000/8 c0000280/25 20010db8000000000000000000000000/32";
    (void)state;
    assert_true(cidrs_have(networks, "10.255.255.255"));
    assert_true(cidrs_have(networks, "::ffff:10.0.0.1"));
    assert_true(cidrs_have(networks, "192.0.2.128"));
    assert_true(cidrs_have(networks, "2001:db8:ffff::1"));
    assert_false(cidrs_have(networks, "11.0.0.0"));
    assert_false(cidrs_have(networks, "192.0.2.127"));
    assert_false(cidrs_have(networks, "2001:db9::"));
    assert_false(cidrs_have(networks, "a00::"));
    assert_false(cidrs_have(networks, "unix"));
    assert_false(cidrs_have("", "10.0.0.1"));
    assert_true(cidrs_have("00000000/0", "203.0.113.9"));
    assert_false(cidrs_have("00000000/0", "::1"));
}

static void a_kept_network_that_is_damaged_has_nobody(void **state)
{
    const char *damaged[] = {"0a0000/8",    "0a000000",   "0a000000/", "0a000000/33",
                             "0a000000/8x", "zz000000/0", "/0"};
    char text[CIDR_TEXT_SIZE];
    (void)state;
    for (size_t i = 0; i < sizeof damaged / sizeof damaged[0]; i++) {
        assert_false(cidrs_have(damaged[i], "10.0.0.1"));
        assert_false(cidr_write(damaged[i], text));
    }
}

/* ---- Times --------------------------------------------------------------------------------- */

static void a_time_is_written_in_utc_with_milliseconds(void **state)
{
    char text[TIME_SIZE];
    (void)state;
    time_write(INT64_C(1767225600123), text);
    assert_string_equal(text, "2026-01-01T00:00:00.123Z");
    time_write(0, text);
    assert_string_equal(text, "1970-01-01T00:00:00.000Z");
}

static void assert_time(const char *text, int64_t expected)
{
    int64_t ms = -1;
    assert_true(time_read(text, &ms));
    assert_int_equal(ms, expected);
}

static void a_time_is_read_whatever_its_offset(void **state)
{
    (void)state;
    assert_time("2026-01-01T00:00:00Z", INT64_C(1767225600000));
    assert_time("2026-01-01t00:00:00.1239z", INT64_C(1767225600123));
    assert_time("2026-01-01T01:30:00+01:30", INT64_C(1767225600000));
    assert_time("2025-12-31T19:00:00.5-05:00", INT64_C(1767225600500));
    assert_time("2024-02-29T00:00:00Z", INT64_C(1709164800000));
    assert_time("2016-12-31T23:59:60Z", INT64_C(1483228800000));
}

static void what_is_no_time_is_refused(void **state)
{
    const char *wrong[] = {"",
                           "2026-01-01",
                           "2026-01-01T00:00:00",
                           "2026-13-01T00:00:00Z",
                           "2026-02-29T00:00:00Z",
                           "2026-04-31T00:00:00Z",
                           "2026-01-01T24:00:00Z",
                           "2026-01-01T00:60:00Z",
                           "2026-01-01T00:00:00.Z",
                           "2026-01-01T00:00:00Z ",
                           "2026-01-01T00:00:00+1:00",
                           "2026-01-01T00:00:00+24:00",
                           "26-01-01T00:00:00Z",
                           "1767225600"};
    int64_t ms = -1;
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(time_read(wrong[i], &ms));
    assert_int_equal(ms, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_network_is_kept_in_one_form),
        cmocka_unit_test(what_is_no_network_is_refused),
        cmocka_unit_test(an_address_is_in_its_networks_only),
        cmocka_unit_test(a_kept_network_that_is_damaged_has_nobody),
        cmocka_unit_test(a_time_is_written_in_utc_with_milliseconds),
        cmocka_unit_test(a_time_is_read_whatever_its_offset),
        cmocka_unit_test(what_is_no_time_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
