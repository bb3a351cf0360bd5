/* A plugin that does everything once, right and wrong, for the test host's own tests.
 *
 *   GET  /rank/{userId}   rank -> ranked            a command
 *   GET  /page            page -> paged             a pipeline
 *   GET  /take            take -> taken | give_back a script with undo
 *   GET  /nap, /park      nap -> woke, park -> woken
 *   POST /echo            echo                      body, query, header, cookie
 *   GET  /clients/{id}    whoami                    identity
 *   GET  /wrong/{how}     wrong                     each mistake a step can make
 *
 * SPDX-License-Identifier: MIT */
#include "sample.h"

#include <stddef.h>

static sluice_step rank, ranked, page, paged, take, taken, nap, woke, park, woken, echo, whoami,
    wrong, never, keyed, gate, open_gate, stamp, stamped, note;
static sluice_worker_step give_back, given_back, tick, ticked;

static sluice_verdict rank(sluice_request *req, void *self, const sluice_reply *none)
{
    struct config *config = self;
    (void)none;
    return sluice_ask(req, ranked, self, "ZREVRANK", sluice_key(req, "board:", config->board),
                      sluice_path(req, "userId"));
}

static sluice_verdict ranked(sluice_request *req, void *self, const sluice_reply *rank)
{
    (void)self;
    if (sluice_is_nil(rank))
        return sluice_problem(req, 404, "not_ranked", "this user has no score");
    return sluice_json(req, 200, "success", true, "rank", sluice_int(rank) + 1);
}

static sluice_verdict page(sluice_request *req, void *self, const sluice_reply *none)
{
    (void)none;
    return sluice_ask_all(req, paged, self, SLUICE_COMMAND("ZCARD", "z"),
                          SLUICE_COMMAND("ZRANGE", "z", 0, 9));
}

static sluice_verdict paged(sluice_request *req, void *self, const sluice_reply *both)
{
    (void)self;
    sluice_list *list = sluice_list_new(req);
    const sluice_reply *names = sluice_at(both, 1);
    for (uint64_t i = 0; i < sluice_length(names); i++)
        sluice_push(req, list, sluice_object(req, "name", sluice_at(names, i)));
    return sluice_json(req, 200, "total", sluice_int(sluice_at(both, 0)), "data", list);
}

static sluice_verdict take(sluice_request *req, void *self, const sluice_reply *none)
{
    struct config *config = self;
    (void)none;
    unsigned char id[4];
    sluice_random(sluice_worker_of(req), id, sizeof id);
    char *hex = sluice_alloc(req, 9);
    (void)snprintf(hex, 9, "%02x%02x%02x%02x", id[0], id[1], id[2], id[3]);
    sluice_wait wait = SLUICE_THEN(taken, hex);
    wait.undo = give_back;
    wait.flags = SLUICE_END_ON_HANGUP | SLUICE_TAKE_TROUBLE;
    return sluice_run_as(req, wait, config->take, 1, "lock", hex, 250);
}

static sluice_verdict taken(sluice_request *req, void *hex, const sluice_reply *reply)
{
    if (sluice_is_trouble(reply))
        return sluice_json(req, 202, "why", sluice_text(reply));
    return sluice_json(req, 201, "id", (const char *)hex, "fence", reply);
}

static void give_back(sluice_worker *worker, void *hex, const sluice_reply *reply)
{
    (void)reply;
    sluice_worker_ask(worker, given_back, NULL, "DEL", "lock", (const char *)hex);
}

static void given_back(sluice_worker *worker, void *state, const sluice_reply *reply)
{
    (void)state;
    sluice_log(worker, SLUICE_LOG_INFO, "given back: %lld", (long long)sluice_int(reply));
}

static sluice_verdict nap(sluice_request *req, void *self, const sluice_reply *none)
{
    (void)none;
    return sluice_sleep(req, woke, self, 1500);
}

static sluice_verdict woke(sluice_request *req, void *self, const sluice_reply *none)
{
    (void)self;
    sluice_worker *worker = sluice_worker_of(req);
    return sluice_json(req, 200, "nil", sluice_is_nil(none), "now", sluice_realtime(worker));
}

static sluice_verdict park(sluice_request *req, void *self, const sluice_reply *none)
{
    struct config *config = self;
    (void)none;
    sluice_wait wait = SLUICE_THEN(woken, self);
    wait.timeout_ms = 5000;
    return sluice_park(req, wait, &config->parked);
}

static sluice_verdict woken(sluice_request *req, void *self, const sluice_reply *with)
{
    (void)self;
    return sluice_json(req, 200, "first", sluice_at(with, 0), "second", sluice_at(with, 1));
}

static void count_end(void *what)
{
    ((struct config *)what)->ended++;
}

static sluice_verdict echo(sluice_request *req, void *self, const sluice_reply *none)
{
    (void)none;
    sluice_defer(req, count_end, self);
    sluice_set_header(req, "Bad Name", "x");
    return sluice_json(req, 200, "body", sluice_body(req), "q", sluice_query(req, "q"), "h",
                       sluice_header(req, "x-h"), "c", sluice_cookie(req, "c"), "route",
                       sluice_route_pattern(req), "address", sluice_address(req), "id",
                       sluice_request_id(req), "limit", sluice_limit(req), "method",
                       sluice_method(req));
}

static sluice_verdict whoami(sluice_request *req, void *self, const sluice_reply *none)
{
    struct config *config = self;
    (void)none;
    const sluice_identity *who = sluice_who(req);
    return sluice_json(req, 200, "client", who->client, "user", who->user, "greeting",
                       config->greeter ? config->greeter->greet() : NULL);
}

static sluice_verdict never(sluice_request *req, void *self, const sluice_reply *none)
{
    (void)self;
    (void)none;
    return sluice_respond_empty(req, 204);
}

static sluice_verdict wrong(sluice_request *req, void *self, const sluice_reply *none)
{
    const char *how = sluice_path(req, "how");
    sluice_token token;
    (void)none;
    if (strcmp(how, "wait") == 0)
        return SLUICE_WAIT;
    if (strcmp(how, "next") == 0)
        return SLUICE_NEXT;
    if (strcmp(how, "done") == 0)
        return SLUICE_DONE;
    if (strcmp(how, "verdict") == 0)
        return 99;
    if (strcmp(how, "deadline") == 0)
        return sluice_park(req, SLUICE_THEN(never, self), &token);
    if (strcmp(how, "then") == 0)
        return sluice_sleep(req, NULL, self, 1);
    sluice_verdict verdict = sluice_sleep(req, never, self, 1);
    if (strcmp(how, "twice") == 0)
        return sluice_sleep(req, never, self, 1);
    (void)verdict;
    return sluice_respond_empty(req, 204);
}

/* Authenticates: the key "good" is the client ann. */
static sluice_verdict keyed(sluice_request *req, void *self, const sluice_reply *none)
{
    (void)self;
    (void)none;
    const char *key = sluice_header(req, "X-Key");
    const sluice_identity ann = {.size = sizeof ann,
                                 .kinds = SLUICE_IDENTITY_CLIENT,
                                 .client = "ann",
                                 .space = "ann",
                                 .scopes = ""};
    if (key && strcmp(key, "good") == 0)
        sluice_identify(req, &ann);
    else if (key)
        sluice_unidentified(req, "bad_key", "this key is not known");
    return SLUICE_NEXT;
}

/* Before: may ask, and goes on where Redis is away. */
static sluice_verdict gate(sluice_request *req, void *self, const sluice_reply *none)
{
    (void)none;
    if (sluice_body(req).len)
        return sluice_problem(req, 500, "early", "a before hook saw the body");
    if (!sluice_header(req, "X-Gate"))
        return SLUICE_NEXT;
    return sluice_ask(req, open_gate, self, "GET", "gate");
}

static sluice_verdict open_gate(sluice_request *req, void *self, const sluice_reply *reply)
{
    (void)self;
    if (sluice_is_nil(reply))
        return SLUICE_NEXT;
    return sluice_problem_with(req, 429, "closed", "the gate is closed", "retryAfter", 7);
}

static sluice_verdict stamp(sluice_request *req, void *self, const sluice_reply *none)
{
    (void)self;
    (void)none;
    sluice_set_header(req, "X-First", sluice_answer_header(req, "X-Second") ? "late" : "early");
    return SLUICE_NEXT;
}

static sluice_verdict stamped(sluice_request *req, void *self, const sluice_reply *none)
{
    (void)self;
    (void)none;
    sluice_set_header(req, "X-Second", "yes");
    return SLUICE_NEXT;
}

static sluice_verdict note(sluice_request *req, void *self, const sluice_reply *none)
{
    (void)self;
    (void)none;
    sluice_log(sluice_worker_of(req), SLUICE_LOG_DEBUG, "sent %u", sluice_answer_status(req));
    return SLUICE_NEXT;
}

static void tick(sluice_worker *worker, void *self, const sluice_reply *none)
{
    (void)none;
    sluice_worker_ask(worker, ticked, self, "INCR", "ticks");
    sluice_timer(worker, 60000, tick, self);
}

static void ticked(sluice_worker *worker, void *self, const sluice_reply *reply)
{
    (void)self;
    if (sluice_is_trouble(reply))
        sluice_log(worker, SLUICE_LOG_WARN, "no tick: %s", sluice_text(reply));
    else
        sluice_log(worker, SLUICE_LOG_INFO, "tick %lld", (long long)sluice_int(reply));
}

static const sluice_route routes[] = {
    {"GET", "/rank/{userId}", SLUICE_STEP(rank), "client", "slow", 0, SLUICE_CLASSIC, 0},
    {"GET", "/page", SLUICE_STEP(page), "none", NULL, 0, 0, 0},
    {"GET", "/take", SLUICE_STEP(take), "none", NULL, 0, 0, 0},
    {"GET", "/nap", SLUICE_STEP(nap), "none", NULL, 0, 0, 0},
    {"GET", "/park", SLUICE_STEP(park), "none", NULL, 0, 0, 0},
    {"POST", "/echo", SLUICE_STEP(echo), "none", "slow", 64, 0, 0},
    {"GET", "/clients/{id}", SLUICE_STEP(whoami), "self,session", NULL, 0, 0, 0},
    {"GET", "/wrong/{how}", SLUICE_STEP(wrong), "none", NULL, 0, 0, 0},
};

static const sluice_hook hooks[] = {
    {SLUICE_AUTHENTICATE, 0, SLUICE_STEP(keyed)},
    {SLUICE_BEFORE, SLUICE_FAIL_OPEN, SLUICE_STEP(gate)},
    {SLUICE_AFTER, 0, SLUICE_STEP(stamp)},
    {SLUICE_AFTER, 0, SLUICE_STEP(stamped)},
    {SLUICE_LOG, 0, SLUICE_STEP(note)},
};

const struct sample_service sample_service = {sizeof sample_service};

static int32_t configure(sluice_host *host, void *self)
{
    struct config *config = self;
    if (config->limit == 13) {
        sluice_refuse(host, "limit", "%d brings bad luck", 13);
        return -1;
    }
    sluice_routes(host, routes);
    sluice_hooks(host, hooks);
    sluice_provide(host, SLUICE_IDENTITY_CLIENT);
    sluice_add_policy(host, "slow");
    sluice_offer(host, "taker", 2, &sample_service);
    config->take = sluice_add_script(host, "take", "return 1");
    return 0;
}

static int32_t start(sluice_worker *worker, void *self)
{
    struct config *config = self;
    config->greeter = sluice_service(worker, "greeter", 1);
    sluice_timer(worker, 60000, tick, self);
    return 0;
}

static const sluice_option options[] = {
    {.name = "board",
     .type = SLUICE_TEXT,
     .offset = offsetof(struct config, board),
     .fallback = "scores",
     .help = "which board"},
    {.name = "limit",
     .type = SLUICE_INT,
     .offset = offsetof(struct config, limit),
     .fallback = "10",
     .min = 1,
     .max = 100,
     .help = "how many"},
};

const sluice_descriptor sample = {
    .size = sizeof sample,
    .abi_major = SLUICE_ABI_MAJOR,
    .abi_minor = SLUICE_ABI_MINOR,
    .name = "sample",
    .version = "1",
    .summary = "does everything once",
    .self_size = sizeof(struct config),
    .options = options,
    .option_count = 2,
    .option_stride = sizeof *options,
    .configure = configure,
    .start = start,
};
