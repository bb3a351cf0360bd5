/* Job handlers and processes in tests: what was registered, and a job for a handler to run.
 *
 * SPDX-License-Identifier: MIT */
#include "host.h"

#include "json_write.h"

/* ---- Registering -------------------------------------------------------------------------- */

struct test_handlers {
    const sluice_job_handler *rows;
    uint32_t count, stride;
    struct test_handlers *next;
};

void host_job_handlers(sluice_host *abi, const sluice_job_handler *rows, uint32_t count,
                       uint32_t stride)
{
    struct test_host *host = (struct test_host *)(void *)abi;
    struct test_handlers *made = arena_new(&host->arena, struct test_handlers);
    *made = (struct test_handlers){rows, count, stride, host->handlers};
    host->handlers = made;
}

static const sluice_job_handler *handler_at(const struct test_host *host, uint32_t i)
{
    for (const struct test_handlers *each = host->handlers; each; each = each->next) {
        if (i < each->count)
            return (const void *)((const char *)each->rows + (size_t)each->stride * i);
        i -= each->count;
    }
    return NULL;
}

const sluice_job_handler *worker_job_handler(sluice_worker *abi, uint32_t i)
{
    return handler_at(worker_host(abi), i);
}

/* ---- A job -------------------------------------------------------------------------------- */

struct test_job {
    sluice_job abi; /* first */
    sluice_executor executor;
    struct test_host *host;
    const char *type, *payload;
    struct test_outcome *outcome;
};

static struct test_job *job_of(sluice_job *abi)
{
    return (struct test_job *)(void *)abi;
}

static struct test_job *job_of_executor(sluice_executor *abi)
{
    return (struct test_job *)(void *)((char *)abi - offsetof(struct test_job, executor));
}

static const char *text(sluice_job *abi, uint32_t what)
{
    static const char *const texts[] = {"job-1", NULL, "jobs", "acme", "acme"};
    if (what == SLUICE_JOB_TYPE)
        return job_of(abi)->type;
    return what < sizeof texts / sizeof texts[0] ? texts[what] : "";
}

static int64_t number(sluice_job *abi, uint32_t what)
{
    const struct test_host *host = job_of(abi)->host;
    if (what == SLUICE_JOB_ATTEMPT || what == SLUICE_JOB_FENCE)
        return host->job_attempt;
    if (what == SLUICE_JOB_LEFT)
        return 30000;
    return what == SLUICE_JOB_CREATED ? host->now_ms + host->realtime_shift : 0;
}

static sluice_bytes payload(sluice_job *abi)
{
    const char *json = job_of(abi)->payload;
    return (sluice_bytes){json, strlen(json)};
}

static sluice_executor *executor(sluice_job *abi)
{
    return &job_of(abi)->executor;
}

static void progress(sluice_job *abi, int64_t percent)
{
    job_of(abi)->outcome->progress = percent;
}

static void log_line(sluice_job *abi, const char *line)
{
    struct test_job *job = job_of(abi);
    const char *before = job->outcome->log;
    job->outcome->log = arena_printf(&job->host->arena, "%s%s\n", before, line);
}

static bool cancelled(sluice_job *abi)
{
    return job_of(abi)->host->job_cancelled;
}

static sluice_outcome done(sluice_job *abi, sluice_bytes result)
{
    struct test_job *job = job_of(abi);
    job->outcome->result = arena_copy(&job->host->arena, result.data, result.len);
    return SLUICE_JOB_DONE;
}

static sluice_outcome retry(sluice_job *abi, int64_t after_ms, const char *why)
{
    struct test_job *job = job_of(abi);
    job->outcome->why = arena_copy_text(&job->host->arena, why);
    job->outcome->after_ms = after_ms;
    return SLUICE_JOB_RETRY;
}

static sluice_outcome dead(sluice_job *abi, const char *why)
{
    struct test_job *job = job_of(abi);
    job->outcome->why = arena_copy_text(&job->host->arena, why);
    return SLUICE_JOB_DEAD;
}

static const sluice_job_api job_api = {
    .size = sizeof job_api,
    .text = text,
    .number = number,
    .payload = payload,
    .executor = executor,
    .progress = progress,
    .log = log_line,
    .cancelled = cancelled,
    .done = done,
    .retry = retry,
    .dead = dead,
};

/* ---- The executor that it runs in ----------------------------------------------------------- */

static void *alloc(sluice_executor *abi, uint64_t size, uint64_t align)
{
    return arena_alloc(&job_of_executor(abi)->host->arena, size, align);
}

static sluice_arg object(sluice_executor *abi, const sluice_arg *pairs, uint32_t count,
                         uint32_t stride)
{
    struct text json;
    text_init(&json, &job_of_executor(abi)->host->arena);
    json_add_object(&json, pairs, count, stride);
    return (sluice_arg){.type = SLUICE_ARG_JSON, .len = json.len, .u.text = json.data};
}

static sluice_list *list(sluice_executor *abi)
{
    return json_list_new(&job_of_executor(abi)->host->arena);
}

static void push(sluice_executor *abi, sluice_list *to, const sluice_arg *value)
{
    (void)abi;
    json_list_push(to, value);
}

static struct reply *copy(struct arena *arena, const struct reply *from)
{
    struct reply *made = reply_new(arena, from->type);
    made->u = from->u;
    if (from->type == SLUICE_REPLY_ARRAY) {
        made->u.array.items = arena_array(arena, struct reply *, from->u.array.count + 1);
        for (uint64_t i = 0; i < from->u.array.count; i++)
            made->u.array.items[i] = copy(arena, from->u.array.items[i]);
    } else if (from->type != SLUICE_REPLY_NIL && from->type != SLUICE_REPLY_INT) {
        made->u.text.data = arena_copy(arena, from->u.text.data, from->u.text.len);
    }
    return made;
}

static void keep(sluice_worker *worker, void *state, const sluice_reply *reply)
{
    const struct reply *from = (const void *)reply;
    *(const sluice_reply **)state = reply_abi(copy(&worker_host(worker)->arena, from));
}

/* The expected question must have its reply already: a handler waits for nobody. */
static const sluice_reply *ask(sluice_executor *abi, const sluice_arg *argv, uint32_t argc,
                               uint32_t stride, int64_t timeout_ms)
{
    struct test_host *host = job_of_executor(abi)->host;
    const sluice_reply *reply = NULL;
    struct question question = question_of(&host->arena, argv, argc, stride);
    (void)timeout_ms;
    script_ask(host, "a job handler", &question, &(struct asker){.then = keep, .state = &reply});
    host_settle(host);
    if (!reply)
        host_fail(host, "a job handler asked Redis, and the test has no reply for it yet");
    return reply;
}

static const char *prefix(sluice_executor *abi)
{
    (void)abi;
    return "";
}

static int64_t monotonic(sluice_executor *abi)
{
    return job_of_executor(abi)->host->now_ms;
}

static int64_t realtime(sluice_executor *abi)
{
    const struct test_host *host = job_of_executor(abi)->host;
    return host->now_ms + host->realtime_shift;
}

static void random_bytes(sluice_executor *abi, void *ret_bytes, uint64_t len)
{
    sluice_worker *worker = test_worker(job_of_executor(abi)->host);
    worker->api->random(worker, ret_bytes, len);
}

static void log_for(sluice_executor *abi, uint32_t level, const char *message)
{
    host_log(job_of_executor(abi)->host, level, message);
}

static const sluice_executor_api executor_api = {
    .size = sizeof executor_api,
    .alloc = alloc,
    .object = object,
    .list = list,
    .push = push,
    .ask = ask,
    .prefix = prefix,
    .monotonic = monotonic,
    .realtime = realtime,
    .random = random_bytes,
    .log = log_for,
};

struct test_outcome *test_job(struct test_host *host, const char *type, const char *payload_json)
{
    const sluice_job_handler *handler = NULL;
    for (uint32_t i = 0; (handler = handler_at(host, i)) != NULL; i++)
        if (strcmp(handler->type, type) == 0)
            break;
    if (!handler)
        host_fail(host, "the plugin has no handler for jobs of type %s", type);
    struct test_outcome *outcome = arena_new(&host->arena, struct test_outcome);
    struct test_job job = {
        {&job_api}, {&executor_api}, host, type, payload_json, outcome,
    };
    outcome->result = outcome->why = outcome->log = "";
    outcome->after_ms = outcome->progress = -1;
    outcome->how = handler->run(&job.abi, host->self);
    return outcome;
}

void test_job_attempt(struct test_host *host, int64_t attempt)
{
    host->job_attempt = attempt;
}

void test_job_cancelled(struct test_host *host, bool is_cancelled)
{
    host->job_cancelled = is_cancelled;
}
