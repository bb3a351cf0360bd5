/* The test host's hooks: when they run, what they see, what they leave for each other.
 *
 * SPDX-License-Identifier: MIT */
#include "sluice_test.h"

/* Each notes when it ran in an answer header, with how much of the body it saw. */
static sluice_verdict note(sluice_request *req, const char *when)
{
    const char *before = sluice_answer_header(req, "X-Ran");
    sluice_set_header(req, "X-Ran",
                      sluice_concat(req, before ? before : "", when, sluice_body(req).len, " "));
    return SLUICE_NEXT;
}

static sluice_verdict before(sluice_request *req, void *self, const sluice_reply *none)
{
    (void)self, (void)none;
    return note(req, "before:");
}

static sluice_verdict with_body(sluice_request *req, void *self, const sluice_reply *none)
{
    (void)self, (void)none;
    if (sluice_body(req).len > 5)
        return sluice_problem(req, 422, "long", "more than five bytes");
    sluice_keep(req, (void *)sluice_target(req));
    return note(req, "body:");
}

static sluice_verdict with_body_too(sluice_request *req, void *self, const sluice_reply *none)
{
    (void)self, (void)none;
    return note(req, "second:");
}

static sluice_verdict handle(sluice_request *req, void *self, const sluice_reply *none)
{
    (void)self, (void)none;
    (void)note(req, "handler:");
    return sluice_respond_empty(req, 204);
}

static sluice_verdict afterwards(sluice_request *req, void *self, const sluice_reply *none)
{
    const char *kept = sluice_kept(req);
    (void)self, (void)none;
    sluice_set_header(req, "X-Kept", kept ? kept : "nothing");
    return SLUICE_NEXT;
}

static const sluice_route routes[] = {
    {"POST", "/x", SLUICE_STEP(handle), "none", NULL, 0, 0, 0},
};

static const sluice_hook hooks[] = {
    {SLUICE_AFTER, 0, SLUICE_STEP(afterwards)},
    {SLUICE_BODY, 0, SLUICE_STEP(with_body)},
    {SLUICE_BODY, 0, SLUICE_STEP(with_body_too)},
    {SLUICE_BEFORE, 0, SLUICE_STEP(before)},
};

static int32_t configure(sluice_host *host, void *self)
{
    (void)self;
    sluice_routes(host, routes);
    sluice_hooks(host, hooks);
    return 0;
}

static const sluice_descriptor hooked = {
    .size = sizeof hooked,
    .abi_major = SLUICE_ABI_MAJOR,
    .abi_minor = SLUICE_ABI_MINOR,
    .name = "hooked",
    .version = "1",
    .summary = "notes its hooks",
    .configure = configure,
};

static int set_up(void **state)
{
    *state = test_host_new(&hooked, NULL);
    return 0;
}

static int tear_down(void **state)
{
    test_host_free(*state);
    return 0;
}

static void body_hooks_run_last_before_the_handler_and_see_the_body(void **state)
{
    struct test_answer *answer = request(*state, "POST", "/x?a=b", "five!");
    assert_header(answer, "X-Ran", "before:0 body:5 second:5 handler:5 ");
    assert_header(answer, "X-Kept", "/x?a=b");
}

static void a_body_hook_may_answer_instead_of_the_handler(void **state)
{
    struct test_answer *answer = request(*state, "POST", "/x", "six!!!");
    assert_status(answer, 422);
    assert_header(answer, "X-Ran", "before:0 ");
    assert_header(answer, "X-Kept", "nothing");
}

static void an_unknown_path_meets_no_body_hook(void **state)
{
    struct test_answer *answer = request(*state, "POST", "/nowhere", "x");
    assert_status(answer, 404);
    assert_header(answer, "X-Ran", "before:0 ");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(body_hooks_run_last_before_the_handler_and_see_the_body),
        TEST(a_body_hook_may_answer_instead_of_the_handler),
        TEST(an_unknown_path_meets_no_body_hook),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
