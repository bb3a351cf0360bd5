/* Networks as text.
 *
 * SPDX-License-Identifier: MIT */
#include "cidr.c"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_network_is_kept_in_one_form),
        cmocka_unit_test(what_is_no_network_is_refused),
        cmocka_unit_test(an_address_is_in_its_networks_only),
        cmocka_unit_test(a_kept_network_that_is_damaged_has_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
