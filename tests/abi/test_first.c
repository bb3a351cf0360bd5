/* A plugin built against the first ABI's headers runs in the gateway of today.
 *
 * SPDX-License-Identifier: MIT */
#include <client.h>

#define CONFIG                                                                                     \
    CONFIG_HEAD "workers: 1\n" CONFIG_STORE "plugins:\n  - path: " FIRST_PLUGIN                    \
                "\n    config: { most: 5 }\n"

static void a_plugin_of_the_first_abi_goes_on_working(struct world *world)
{
    store_start(world);
    gateway_start(world);
    assert_status(get(world, "/first/ann", NULL), 200);
    struct answer *greeted = get(world, "/first/ann?x=1", NULL);
    assert_string_equal(text_of(greeted, "greeting"), "hello");
    assert_int_equal(number_of(greeted, "times"), 2);
    assert_true(json_is_true(json_object_get(greeted->json, "nil")));
    assert_header(greeted, "X-First", "GET /first/ann?x=1");
    struct answer *added = http(world, "POST", "/first", NULL, "{\"by\":5}");
    assert_status(added, 201);
    assert_int_equal(json_integer_value(json_array_get(json_object_get(added->json, "sums"), 0)),
                     5);
    assert_problem(http(world, "POST", "/first", NULL, "{\"by\":6}"), 422, "invalid_body");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        E2E(a_plugin_of_the_first_abi_goes_on_working, CONFIG),
    };
    return cmocka_run_group_tests_name("first ABI", tests, NULL, NULL);
}
