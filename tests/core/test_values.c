/* Values as they are written in config.yaml.
 *
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "options.h"
#include "text.h"

#define UNTOUCHED INT64_C(-77)

static int64_t int_of(const char *text)
{
    int64_t value = UNTOUCHED;
    int rc = parse_int(text, &value);
    assert_int_equal(rc, value == UNTOUCHED ? -EINVAL : 0);
    return value;
}

static int64_t duration_of(const char *text)
{
    int64_t value = UNTOUCHED;
    int rc = parse_duration(text, &value);
    assert_int_equal(rc, value == UNTOUCHED ? -EINVAL : 0);
    return value;
}

static int64_t size_of(const char *text)
{
    int64_t value = UNTOUCHED;
    int rc = parse_size(text, &value);
    assert_int_equal(rc, value == UNTOUCHED ? -EINVAL : 0);
    return value;
}

static void assert_rate(const char *text, int64_t amount, int64_t per_ms)
{
    sluice_rate rate = {UNTOUCHED, UNTOUCHED};
    int rc = parse_rate(text, &rate);
    assert_int_equal(rc, amount == UNTOUCHED ? -EINVAL : 0);
    assert_int_equal(rate.amount, amount);
    assert_int_equal(rate.per_ms, per_ms);
}

static void integers_are_decimal_and_whole(void **state)
{
    (void)state;
    assert_int_equal(int_of("0"), 0);
    assert_int_equal(int_of("42"), 42);
    assert_int_equal(int_of("-42"), -42);
    assert_int_equal(int_of("010"), 10);
    static const char *const wrong[] = {"", "-", "+1", " 1", "1 ", "1.0", "1e3", "0x10", "ten"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(int_of(wrong[i]), UNTOUCHED);
}

static void integers_end_at_64_bits(void **state)
{
    (void)state;
    assert_true(int_of("9223372036854775807") == INT64_MAX);
    assert_true(int_of("-9223372036854775808") == INT64_MIN);
    assert_int_equal(int_of("9223372036854775808"), UNTOUCHED);
    assert_int_equal(int_of("-9223372036854775809"), UNTOUCHED);
}

static void durations_have_a_unit(void **state)
{
    (void)state;
    assert_int_equal(duration_of("250ms"), 250);
    assert_int_equal(duration_of("30s"), 30000);
    assert_int_equal(duration_of("5m"), 300000);
    assert_int_equal(duration_of("24h"), 86400000);
    assert_int_equal(duration_of("7d"), 604800000);
    assert_int_equal(duration_of("0"), 0);
    assert_int_equal(duration_of("0s"), 0);
}

static void durations_without_a_right_unit_are_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"", "s", "30", "-1s", "1.5s", "30 s", "30S", "1h30m", "1w"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(duration_of(wrong[i]), UNTOUCHED);
}

static void a_duration_that_overflows_is_refused(void **state)
{
    (void)state;
    assert_int_equal(duration_of("9223372036854775807d"), UNTOUCHED);
    assert_int_equal(duration_of("92233720368547758070ms"), UNTOUCHED);
    assert_true(duration_of("9223372036854775807ms") == INT64_MAX);
}

static void sizes_are_powers_of_1024(void **state)
{
    (void)state;
    assert_int_equal(size_of("512"), 512);
    assert_int_equal(size_of("64k"), 65536);
    assert_int_equal(size_of("1m"), 1048576);
    assert_int_equal(size_of("1g"), 1073741824);
    assert_int_equal(size_of("1G"), 1073741824);
    assert_int_equal(size_of("0"), 0);
    static const char *const wrong[] = {"", "k", "-1", "1kb", "1.5m", "1 k", "1t", "9999999999g"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(size_of(wrong[i]), UNTOUCHED);
}

static void rates_are_an_amount_per_duration(void **state)
{
    (void)state;
    assert_rate("10/s", 10, 1000);
    assert_rate("100/m", 100, 60000);
    assert_rate("3/250ms", 3, 250);
    assert_rate("100/60s", 100, 60000);
    assert_rate("0/s", 0, 1000);
    static const char *const wrong[] = {"",     "10",   "/s",    "10/",   "10/0",  "10/0s",
                                        "-1/s", "10/x", "10 /s", "1.5/s", "10/s/s"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_rate(wrong[i], UNTOUCHED, UNTOUCHED);
}

static void booleans_have_six_words(void **state)
{
    (void)state;
    static const char *const yes[] = {"true", "yes", "on", "True", "ON"};
    static const char *const no[] = {"false", "no", "off", "False", "OFF"};
    for (size_t i = 0; i < 5; i++) {
        bool value = false;
        assert_int_equal(parse_bool(yes[i], &value), 0);
        assert_true(value);
        assert_int_equal(parse_bool(no[i], &value), 0);
        assert_false(value);
    }
    bool value = true;
    assert_int_equal(parse_bool("1", &value), -EINVAL);
    assert_int_equal(parse_bool("", &value), -EINVAL);
    assert_int_equal(parse_bool("truely", &value), -EINVAL);
    assert_true(value);
}

static void values_are_written_back_in_their_largest_unit(void **state)
{
    (void)state;
    struct text text;
    text_init(&text, NULL);
    value_add(&text, SLUICE_DURATION, 604800000);
    text_add(&text, " ");
    value_add(&text, SLUICE_DURATION, 90000);
    text_add(&text, " ");
    value_add(&text, SLUICE_SIZE, 65536);
    text_add(&text, " ");
    value_add(&text, SLUICE_SIZE, 1000);
    text_add(&text, " ");
    value_add(&text, SLUICE_INT, -5);
    text_add(&text, " ");
    value_add(&text, SLUICE_DURATION, 0);
    assert_string_equal(text.data, "7d 90s 64k 1000 -5 0");
    text_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_are_decimal_and_whole),
        cmocka_unit_test(integers_end_at_64_bits),
        cmocka_unit_test(durations_have_a_unit),
        cmocka_unit_test(durations_without_a_right_unit_are_refused),
        cmocka_unit_test(a_duration_that_overflows_is_refused),
        cmocka_unit_test(sizes_are_powers_of_1024),
        cmocka_unit_test(rates_are_an_amount_per_duration),
        cmocka_unit_test(booleans_have_six_words),
        cmocka_unit_test(values_are_written_back_in_their_largest_unit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
