/* A storm: everything that a job passes through is killed, again and again, while jobs run.
 *
 * Each job appends a line to a ledger and then takes a few milliseconds. A seeded storm sends KILL,
 * SEGV, ABRT and STOP to executors, and KILL to the jobs process, http workers, the master and Redis.
 * When it is over:
 *
 *   - every job that was answered for is completed or dead
 *   - each was completed once, and ran no more often than its record explains
 *   - lists, leases and hashes agree: nothing is left over
 *   - the queue never stood still with work ready
 *   - no process is left
 *
 *   SLUICE_STORM_JOBS=20000 SLUICE_STORM_SEED=7 test_jobs_storm
 *
 * SPDX-License-Identifier: MIT */
#include "test_jobs.h"

#include <sys/wait.h>

#define BATCH 50
#define JOBS_DEFAULT 1500
#define JOB_MS 10
#define STRIKE_EVERY_MS 40
#define MASTER_EVERY 40 /* strikes: one of so many is for the master */
#define REDIS_EVERY 15  /* and for Redis */
#define STANDSTILL_MS 20000
#define CONFIG                                                                                     \
    CONFIG_JOBS("redis: { fsync: always }\n",                                                      \
                "{ executors: 4, timeout: 1s, lease: 2s, retries: 20, crashes: 20, lost: 20, "     \
                "backoff: fixed 5ms, retention: 1h }")                                             \
    "    config: { notes: \"${E2E_NOTES}\" }\n"

struct storm {
    struct world *world;
    char key[256];
    uint64_t seed;
    unsigned jobs, strikes;
    char **ids; /* of those that were answered for */
    unsigned count;
    unsigned masters, stores, executors, others;
    char notes[128];
};

/* ---- Chance -------------------------------------------------------------------------------- */

/* splitmix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014) */
static uint64_t draw(struct storm *storm)
{
    uint64_t z = storm->seed += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static unsigned env_number(const char *name, unsigned fallback)
{
    const char *text = getenv(name);
    return text ? (unsigned)strtoul(text, NULL, 10) : fallback;
}

/* ---- Striking ------------------------------------------------------------------------------ */

static bool is_redis(pid_t pid)
{
    char path[64], name[32] = "";
    (void)snprintf(path, sizeof path, "/proc/%d/comm", (int)pid);
    FILE *comm = fopen(path, "re");
    if (comm) {
        if (!fgets(name, sizeof name, comm))
            name[0] = '\0';
        (void)fclose(comm);
    }
    return strncmp(name, "redis-server", 12) == 0;
}

static void strike_master(struct storm *storm)
{
    storm->masters++;
    gateway_signal(storm->world, SIGKILL);
    (void)gateway_wait_end(storm->world);
    gateway_start(storm->world);
}

static void strike_redis(struct storm *storm)
{
    pid_t pids[PROCESSES_MAX];
    size_t count = processes_below(storm->world->gateway, pids);
    for (size_t i = 0; i < count; i++)
        if (is_redis(pids[i])) {
            storm->stores++;
            (void)kill(pids[i], SIGKILL);
        }
}

/* One of those that serve. What can't be stopped for long without harm is killed. */
static void strike_one(struct storm *storm)
{
    static const int signals[] = {SIGKILL, SIGSEGV, SIGABRT, SIGSTOP};
    pid_t pids[PROCESSES_MAX];
    size_t count = gateway_workers(storm->world, pids);
    if (count == 0)
        return;
    pid_t pid = pids[draw(storm) % count];
    if (is_executor(pid)) {
        storm->executors++;
        (void)kill(pid, signals[draw(storm) % 4]);
    } else if (draw(storm) % 4 == 0) { /* each start waits twice as long as the one before */
        storm->others++;
        (void)kill(pid, SIGKILL);
    }
}

static void strike(struct storm *storm)
{
    storm->strikes++;
    if (storm->strikes % MASTER_EVERY == 0)
        strike_master(storm);
    else if (storm->strikes % REDIS_EVERY == 0)
        strike_redis(storm);
    else
        strike_one(storm);
}

/* ---- Enqueuing ----------------------------------------------------------------------------- */

/* True when every job of the batch is there. The key makes it the same jobs each time. */
static bool try_batch(struct storm *storm, const char *headers, const char *body, unsigned count)
{
    struct answer *answer = post(storm->world, "/v1/jobs/batch", headers, body);
    json_t *jobs = json_object_get(answer->json, "jobs");
    if (answer->status != 200 || json_array_size(jobs) != count)
        return false;
    for (unsigned i = 0; i < count; i++)
        if (!json_object_get(json_array_get(jobs, i), "id"))
            return false;
    for (unsigned i = 0; i < count; i++)
        storm->ids[storm->count++] = strdup(text_in(json_array_get(jobs, i), "id"));
    return true;
}

static void enqueue_batch(struct storm *storm, unsigned number, unsigned count)
{
    char headers[512], body[BATCH * 80 + 32];
    size_t len = (size_t)snprintf(body, sizeof body, "{\"jobs\":[");
    for (unsigned i = 0; i < count; i++)
        len += (size_t)snprintf(body + len, sizeof body - len,
                                "%s{\"type\":\"note\",\"payload\":{\"text\":\"x\",\"ms\":%d}}",
                                i ? "," : "", JOB_MS);
    (void)snprintf(body + len, sizeof body - len, "]}");
    (void)snprintf(headers, sizeof headers, "%s\nidempotency-key: batch-%u", storm->key, number);
    wait_until(storm->world, try_batch(storm, headers, body, count));
}

/* ---- Looking ------------------------------------------------------------------------------- */

static redisContext *open_store(struct storm *storm)
{
    char path[108];
    (void)snprintf(path, sizeof path, "%s/data/run/redis.sock", storm->world->folder);
    redisContext *redis = redisConnectUnix(path);
    if (redis && !redis->err)
        return redis;
    if (redis)
        redisFree(redis);
    return NULL;
}

static long long number(redisContext *redis, const char *command)
{
    redisReply *reply = redisCommand(redis, command);
    long long value = -1;
    if (reply && reply->type == REDIS_REPLY_INTEGER)
        value = reply->integer;
    else if (reply && reply->type == REDIS_REPLY_STRING)
        value = strtoll(reply->str, NULL, 10);
    else if (reply && reply->type == REDIS_REPLY_NIL)
        value = 0;
    freeReplyObject(reply);
    return value;
}

/* How many have ended; -1 when Redis is away at this moment. */
static long long ended(struct storm *storm)
{
    redisContext *redis = open_store(storm);
    if (!redis)
        return -1;
    long long completed = number(redis, "HGET queue:jobs:meta completed");
    long long dead = number(redis, "LLEN queue:dead");
    redisFree(redis);
    return completed < 0 || dead < 0 ? -1 : completed + dead;
}

/* Strikes while jobs are left, then lets them end. Fails when nothing moves. */
static void weather(struct storm *storm)
{
    long long before = -1, now;
    int64_t moved = now_ms(), next = 0;
    while ((now = ended(storm)) < (long long)storm->count) {
        if (now > before) {
            before = now;
            moved = now_ms();
        }
        if (now_ms() - moved > STANDSTILL_MS)
            give_up(storm->world, "the queue stands still with work left", __FILE__, __LINE__);
        if (now_ms() >= next && now < (long long)storm->count * 9 / 10) {
            strike(storm);
            next = now_ms() + STRIKE_EVERY_MS;
        }
        short_pause();
    }
}

/* ---- Counting ------------------------------------------------------------------------------ */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* How often each job ran: a line for each in the ledger, which is read line by line. */
static unsigned *count_runs(struct storm *storm)
{
    char line[512];
    unsigned *runs = calloc(storm->count, sizeof *runs);
    FILE *notes = fopen(storm->notes, "re");
    assert_non_null(runs);
    assert_non_null(notes);
    qsort(storm->ids, storm->count, sizeof storm->ids[0], by_text);
    while (fgets(line, sizeof line, notes)) {
        char *id = line;
        line[strcspn(line, " ")] = '\0';
        char **found = bsearch(&id, storm->ids, storm->count, sizeof storm->ids[0], by_text);
        assert_non_null(found);
        runs[found - storm->ids]++;
    }
    (void)fclose(notes);
    return runs;
}

static long long field(const redisReply *row, size_t i)
{
    return row->element[i]->str ? strtoll(row->element[i]->str, NULL, 10) : 0;
}

static void check_job(redisContext *redis, const char *id, unsigned runs, unsigned *ret_completed)
{
    redisReply *row =
        redisCommand(redis, "HMGET job:%s state failures crashes lost attempt epoch", id);
    assert_true(row && row->type == REDIS_REPLY_ARRAY && row->element[0]->str);
    const char *state = row->element[0]->str;
    bool completed = strcmp(state, "completed") == 0;
    long long explained = 1 + field(row, 1) + field(row, 2) + field(row, 3);
    if (!completed && strcmp(state, "dead") != 0)
        fail_msg("job %s is %s", id, state);
    if (runs > explained || (completed && runs == 0))
        fail_msg("job %s ran %u times, and its record explains %lld", id, runs, explained);
    *ret_completed += completed;
    freeReplyObject(row);
}

static void check_all(struct storm *storm)
{
    static const char *const empty[] = {"LLEN queue:jobs", "ZCARD queue:jobs:prio",
                                        "ZCARD queue:jobs:delayed", "ZCARD queue:jobs:lease"};
    unsigned completed = 0;
    unsigned *runs = count_runs(storm);
    redisContext *redis = open_store(storm);
    assert_non_null(redis);
    for (unsigned i = 0; i < storm->count; i++)
        check_job(redis, storm->ids[i], runs[i], &completed);
    assert_int_equal(number(redis, "HGET queue:jobs:meta completed"), completed);
    assert_int_equal(number(redis, "HGET queue:jobs:meta enqueued"), storm->count);
    assert_int_equal(number(redis, "LLEN queue:dead"), storm->count - completed);
    for (size_t i = 0; i < sizeof empty / sizeof empty[0]; i++)
        assert_int_equal(number(redis, empty[i]), 0);
    redisFree(redis);
    free(runs);
}

/* ---- The storm ----------------------------------------------------------------------------- */

static void begin(struct storm *storm, struct world *world)
{
    storm->world = world;
    storm->seed = env_number("SLUICE_STORM_SEED", 1);
    storm->jobs = env_number("SLUICE_STORM_JOBS", JOBS_DEFAULT);
    storm->ids = calloc(storm->jobs, sizeof *storm->ids);
    assert_non_null(storm->ids);
    (void)snprintf(storm->notes, sizeof storm->notes, "%s/notes", world->folder);
    assert_int_equal(setenv("E2E_NOTES", storm->notes, 1), 0);
    /* The signals are ours: no finding of a sanitizer. */
    assert_int_equal(setenv("ASAN_OPTIONS", "handle_segv=0:handle_abort=0", 1), 0);
    gateway_start(world);
    (void)snprintf(storm->key, sizeof storm->key, "%s", make_client(world, "acme"));
}

static void nothing_is_lost_in_a_storm_and_nothing_done_twice_without_cause(struct world *world)
{
    struct storm storm = {0};
    begin(&storm, world);
    for (unsigned i = 0; storm.count < storm.jobs; i++) {
        unsigned left = storm.jobs - storm.count;
        enqueue_batch(&storm, i, left < BATCH ? left : BATCH);
        if (i % 4 == 3)
            strike(&storm);
    }
    weather(&storm);
    wait_until(world, get(world, "/readyz", NULL)->status == 200);
    check_all(&storm);
    print_message(
        "%u jobs, %u strikes: %u executors, %u processes, %u times Redis, %u the master\n",
        storm.count, storm.strikes, storm.executors, storm.others, storm.stores, storm.masters);
    for (unsigned i = 0; i < storm.count; i++)
        free(storm.ids[i]);
    free(storm.ids);
    assert_int_equal(gateway_stop(world), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        E2E(nothing_is_lost_in_a_storm_and_nothing_done_twice_without_cause, CONFIG),
    };
    return cmocka_run_group_tests_name("jobs storm", tests, NULL, NULL);
}
