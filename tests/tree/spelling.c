/* Every asking and answering call in the one spelling that C and C++ share; compiled, never run.
 *
 * SPDX-License-Identifier: MIT */
#ifndef SPELLING_C
#define SPELLING_C

#include <sluice/plugin.h>

static sluice_step first, second, third;

static sluice_verdict first(sluice_request *req, void *state, const sluice_reply *none)
{
    const char *name = sluice_path(req, "name");
    char buffer[8] = "x";
    sluice_bytes bytes = sluice_bytes_of(buffer, 1);
    uint64_t big = 1;
    (void)none;
    if (!name)
        return sluice_problem(req, 422, "no_name", "a name is missing");
    return sluice_ask(req, second, state, "SET", sluice_key(req, "k:", name), bytes, -1, 2u, big,
                      1.5, true, buffer);
}

static sluice_verdict second(sluice_request *req, void *state, const sluice_reply *reply)
{
    sluice_wait wait = SLUICE_THEN(third, state);
    wait.flags = SLUICE_TAKE_TROUBLE;
    if (sluice_is_nil(reply))
        return sluice_ask_all(req, third, state, SLUICE_COMMAND("GET", "a"),
                              SLUICE_COMMAND("ZRANGE", "b", 0, -1));
    return sluice_ask_as(req, wait, "GET", sluice_text(reply));
}

static sluice_verdict third(sluice_request *req, void *state, const sluice_reply *reply)
{
    sluice_list *list = sluice_list_new(req);
    (void)state;
    sluice_push(req, list, sluice_int(reply));
    sluice_push(req, list, sluice_object(req, "a", 1, "b", sluice_at(reply, 0)));
    if (sluice_is_trouble(reply))
        return sluice_problem_with(req, 503, "away", "try again", "retryAfter", 1);
    return sluice_json(req, 200, "success", true, "items", list, "number", sluice_number(reply));
}

static const sluice_route routes[] = {
    {"GET", "/spelling/{name}", SLUICE_STEP(first), "client", NULL, 0, SLUICE_CLASSIC, 0},
};

static int32_t configure(sluice_host *host, void *self)
{
    (void)self;
    sluice_routes(host, routes);
    return 0;
}

const sluice_descriptor *sluice_plugin(void)
{
    static const sluice_descriptor descriptor = {sizeof(sluice_descriptor),
                                                 SLUICE_ABI_MAJOR,
                                                 SLUICE_ABI_MINOR,
                                                 "spelling",
                                                 "1",
                                                 "none",
                                                 0,
                                                 NULL,
                                                 0,
                                                 0,
                                                 configure,
                                                 NULL,
                                                 NULL};
    return &descriptor;
}

#endif
