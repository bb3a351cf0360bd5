/* probe: what end-to-end tests need of a gateway and no shipped plugin has.
 *
 *   GET  /probe/hello          the configured greeting
 *   GET  /probe/echo/{text}    the parameter, ?q=, the header x-echo
 *   POST /probe/body           how long the body is (at most 1000 bytes)
 *   POST /probe/admin          the same, for the admin
 *   GET  /probe/count          Redis: INCR probe:count
 *   GET  /probe/sleep/{ms}     answers after a while
 *   GET  /probe/hold/{ms}      holds the loop for a while, as no plugin should
 *   GET  /probe/crash          crashes
 *   GET  /probe/park           waits until its client goes
 *   GET  /probe/waiting        how many sleep and park in this worker, and how many parks ended
 *
 * SPDX-License-Identifier: MIT */
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <time.h>

#include <sluice/plugin.h>

#define PARK_MS 60000
#define MS_MAX 10000

struct probe {
    const char *greeting;
    int64_t level;
    bool crashes_early;
    int64_t asleep, parked, ended; /* of this worker */
};

static sluice_step hello, echo, body, count, counted, wait, waited, hold, crash, park, left,
    waiting;

static sluice_verdict hello(sluice_request *req, void *self, const sluice_reply *none)
{
    const struct probe *probe = self;
    (void)none;
    return sluice_json(req, 200, "greeting", probe->greeting);
}

static sluice_verdict echo(sluice_request *req, void *self, const sluice_reply *none)
{
    (void)self, (void)none;
    return sluice_json(req, 200, "text", sluice_path(req, "text"), "q", sluice_query(req, "q"),
                       "header", sluice_header(req, "x-echo"));
}

static sluice_verdict body(sluice_request *req, void *self, const sluice_reply *none)
{
    (void)self, (void)none;
    return sluice_json(req, 200, "length", sluice_body(req).len);
}

/* ---- Redis -------------------------------------------------------------------------------- */

static sluice_verdict count(sluice_request *req, void *self, const sluice_reply *none)
{
    (void)none;
    return sluice_ask(req, counted, self, "INCR", sluice_key(req, "probe:count"));
}

static sluice_verdict counted(sluice_request *req, void *self, const sluice_reply *reply)
{
    (void)self;
    return sluice_json(req, 200, "count", sluice_int(reply));
}

/* ---- Waiting ------------------------------------------------------------------------------ */

static int64_t milliseconds(sluice_request *req)
{
    long long ms = strtoll(sluice_path(req, "ms"), NULL, 10);
    return ms < 0 ? 0 : ms > MS_MAX ? MS_MAX : ms;
}

static void awake(void *what)
{
    struct probe *probe = what;
    probe->asleep--;
}

static sluice_verdict wait(sluice_request *req, void *self, const sluice_reply *none)
{
    struct probe *probe = self;
    (void)none;
    probe->asleep++;
    sluice_defer(req, awake, probe);
    return sluice_sleep(req, waited, self, milliseconds(req));
}

static sluice_verdict waited(sluice_request *req, void *self, const sluice_reply *reply)
{
    (void)self, (void)reply;
    return sluice_json(req, 200, "waited", milliseconds(req));
}

static sluice_verdict hold(sluice_request *req, void *self, const sluice_reply *none)
{
    (void)self, (void)none;
    int64_t ms = milliseconds(req);
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
    return sluice_json(req, 200, "held", ms);
}

static sluice_verdict crash(sluice_request *req, void *self, const sluice_reply *none)
{
    (void)req, (void)self, (void)none;
    (void)raise(SIGSEGV);
    return SLUICE_DONE;
}

/* ---- Parking ------------------------------------------------------------------------------ */

static void ended(void *what)
{
    struct probe *probe = what;
    probe->parked--;
    probe->ended++;
}

static sluice_verdict park(sluice_request *req, void *self, const sluice_reply *none)
{
    struct probe *probe = self;
    sluice_token token;
    sluice_wait until = SLUICE_THEN(left, self);
    (void)none;
    until.flags = SLUICE_END_ON_HANGUP;
    until.timeout_ms = PARK_MS;
    probe->parked++;
    sluice_defer(req, ended, probe);
    return sluice_park(req, until, &token);
}

static sluice_verdict left(sluice_request *req, void *self, const sluice_reply *reply)
{
    (void)self, (void)reply;
    return sluice_json(req, 200, "left", true);
}

static sluice_verdict waiting(sluice_request *req, void *self, const sluice_reply *none)
{
    const struct probe *probe = self;
    (void)none;
    return sluice_json(req, 200, "asleep", probe->asleep, "parked", probe->parked, "ended",
                       probe->ended);
}

/* ---- Registration ------------------------------------------------------------------------- */

static const sluice_route routes[] = {
    {"GET", "/probe/hello", SLUICE_STEP(hello), "none", "none", 0, 0, 0},
    {"GET", "/probe/echo/{text}", SLUICE_STEP(echo), "none", "none", 0, 0, 0},
    {"POST", "/probe/body", SLUICE_STEP(body), "none", "none", 1000, 0, 0},
    {"POST", "/probe/admin", SLUICE_STEP(body), "admin", "none", 1000, 0, 0},
    {"GET", "/probe/count", SLUICE_STEP(count), "none", "none", 0, 0, 0},
    {"GET", "/probe/sleep/{ms}", SLUICE_STEP(wait), "none", "none", 0, 0, 0},
    {"GET", "/probe/hold/{ms}", SLUICE_STEP(hold), "none", "none", 0, 0, 0},
    {"GET", "/probe/crash", SLUICE_STEP(crash), "none", "none", 0, 0, 0},
    {"GET", "/probe/park", SLUICE_STEP(park), "none", "none", 0, 0, 0},
    {"GET", "/probe/waiting", SLUICE_STEP(waiting), "none", "none", 0, 0, 0},
};

static const sluice_option options[] = {
    {.name = "greeting",
     .type = SLUICE_TEXT,
     .offset = offsetof(struct probe, greeting),
     .fallback = "hello",
     .help = "what /probe/hello says"},
    {.name = "level",
     .type = SLUICE_INT,
     .offset = offsetof(struct probe, level),
     .fallback = "1",
     .min = 1,
     .max = 9,
     .help = "a number to get wrong"},
    {.name = "crashes_early",
     .type = SLUICE_BOOL,
     .offset = offsetof(struct probe, crashes_early),
     .help = "crash while it is configured"},
};

static int32_t configure(sluice_host *host, void *self)
{
    const struct probe *probe = self;
    if (probe->crashes_early)
        (void)raise(SIGSEGV);
    sluice_routes(host, routes);
    return 0;
}

const sluice_descriptor *sluice_plugin(void)
{
    static const sluice_descriptor descriptor = {
        .size = sizeof(sluice_descriptor),
        .abi_major = SLUICE_ABI_MAJOR,
        .abi_minor = SLUICE_ABI_MINOR,
        .name = "probe",
        .version = "1.0.0",
        .summary = "what end-to-end tests need",
        .self_size = sizeof(struct probe),
        .options = options,
        .option_count = sizeof options / sizeof options[0],
        .option_stride = sizeof options[0],
        .configure = configure,
    };
    return &descriptor;
}
