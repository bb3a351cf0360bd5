/* errands: job handlers, one for each way in which a job can end.
 *
 *   greet   {"name": text}                    succeeds with a result
 *   flaky   {"failures": n}                   fails n times, then succeeds
 *   nap     {"ms": n, "stubborn": bool}       sleeps; a stubborn one does not let itself be ended
 *   crash   {"litter": bool}                  crashes, at will with a child process left behind
 *   hog     {}                                allocates until it can't
 *   note    {"text": text, "ms": n}           appends "<id> <attempt> <text>" to the file `notes`,
 *                                             then sleeps
 *
 *   plugins:
 *     - jobs
 *     - path: /path/to/errands.so
 *       config: { notes: /var/log/errands.txt }
 *
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>
#include <sluice/job.h>

#define HOG_AT_ONCE ((size_t)16 << 20)

struct errands {
    const char *notes; /* NULL: nowhere */
};

/* The payload; NULL when it is no JSON object. The caller releases it. */
static json_t *payload_of(sluice_job *job)
{
    sluice_bytes payload = sluice_job_payload(job);
    json_t *json = json_loadb(payload.data, payload.len, 0, NULL);
    if (json_is_object(json))
        return json;
    json_decref(json);
    return NULL;
}

static json_int_t number_of(sluice_job *job, const char *name)
{
    json_t *payload = payload_of(job);
    json_int_t number = json_integer_value(json_object_get(payload, name));
    json_decref(payload);
    return number;
}

static bool flag_of(sluice_job *job, const char *name)
{
    json_t *payload = payload_of(job);
    bool flag = json_is_true(json_object_get(payload, name));
    json_decref(payload);
    return flag;
}

static sluice_outcome greet(sluice_job *job, void *self)
{
    char greeting[128];
    json_t *payload = payload_of(job);
    const char *name = json_string_value(json_object_get(payload, "name"));
    (void)self;
    (void)snprintf(greeting, sizeof greeting, "hello %.100s", name ? name : "you");
    json_decref(payload);
    sluice_job_progress(job, 100);
    sluice_job_log(job, "said it");
    return sluice_job_done(job, "greeting", (const char *)greeting);
}

static sluice_outcome flaky(sluice_job *job, void *self)
{
    int64_t attempt = sluice_job_number(job, SLUICE_JOB_ATTEMPT);
    (void)self;
    if (attempt <= number_of(job, "failures"))
        return sluice_job_retry(job, "not yet");
    return sluice_job_done(job, "attempt", attempt);
}

static void sleep_ms(long ms)
{
    struct timespec left = {ms / 1000, ms % 1000 * 1000000};
    while (nanosleep(&left, &left) < 0 && errno == EINTR)
        continue;
}

static sluice_outcome nap(sluice_job *job, void *self)
{
    json_int_t ms = number_of(job, "ms");
    bool stubborn = flag_of(job, "stubborn");
    (void)self;
    if (stubborn)
        (void)signal(SIGTERM, SIG_IGN);
    for (; ms > 0; ms -= 10) {
        sleep_ms(ms < 10 ? ms : 10);
        if (!stubborn && sluice_job_cancelled(job))
            return sluice_job_retry(job, "woken up");
    }
    return sluice_job_done_json(job, "");
}

/* The child keeps the executor's socket open, as one would that was forgotten. */
static sluice_outcome crash(sluice_job *job, void *self)
{
    (void)self;
    if (flag_of(job, "litter") && fork() == 0)
        for (;;)
            (void)pause();
    abort();
}

static sluice_outcome hog(sluice_job *job, void *self)
{
    (void)self;
    for (;;) {
        char *more = malloc(HOG_AT_ONCE);
        if (!more)
            return sluice_job_dead(job, "there is no more memory");
        memset(more, 1, HOG_AT_ONCE); /* taken for good: that is the point */
    }
}

static sluice_outcome note(sluice_job *job, void *self)
{
    const struct errands *errands = self;
    char line[256];
    json_t *payload = payload_of(job);
    const char *text = json_string_value(json_object_get(payload, "text"));
    json_int_t ms = json_integer_value(json_object_get(payload, "ms"));
    int len = snprintf(line, sizeof line, "%s %lld %.100s\n", sluice_job_id(job),
                       (long long)sluice_job_number(job, SLUICE_JOB_ATTEMPT), text ? text : "");
    json_decref(payload);
    if (!errands->notes)
        return sluice_job_dead(job, "errands.notes is not configured");
    int fd = open(errands->notes, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    bool written = fd >= 0 && write(fd, line, (size_t)len) == len; /* one write is one line */
    if (fd >= 0)
        (void)close(fd);
    sleep_ms(ms);
    return written ? sluice_job_done_json(job, "") : sluice_job_retry(job, strerror(errno));
}

static const sluice_job_handler handlers[] = {
    {.type = "greet", SLUICE_RUN(greet)},
    {.type = "flaky", SLUICE_RUN(flaky), .backoff = "fixed 50ms"},
    {.type = "nap", SLUICE_RUN(nap)},
    {.type = "crash", SLUICE_RUN(crash), .backoff = "fixed 10ms"},
    {.type = "hog", SLUICE_RUN(hog)},
    {.type = "note", SLUICE_RUN(note), .backoff = "fixed 10ms"},
};

static int32_t configure(sluice_host *host, void *self)
{
    (void)self;
    sluice_job_handlers(host, handlers);
    return 0;
}

static const sluice_option options[] = {
    {.name = "notes",
     .type = SLUICE_TEXT,
     .offset = offsetof(struct errands, notes),
     .help = "the file that jobs of type note append to"},
};

const sluice_descriptor *sluice_plugin(void)
{
    static const sluice_descriptor descriptor = {
        .size = sizeof descriptor,
        .abi_major = SLUICE_ABI_MAJOR,
        .abi_minor = SLUICE_ABI_MINOR,
        .name = "errands",
        .version = "1.0.0",
        .summary = "job handlers for every way in which a job can end",
        .self_size = sizeof(struct errands),
        .options = options,
        .option_count = sizeof options / sizeof options[0],
        .option_stride = sizeof options[0],
        .configure = configure,
    };
    return &descriptor;
}
