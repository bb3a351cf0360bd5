/* Webhooks end to end: a real gateway, and a receiver that answers as its path says.
 *
 * SPDX-License-Identifier: MIT */
#include "test_jobs.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <strings.h>
#include <sys/socket.h>

#include "webhook.h"

#define QUICK "{ executors: 1, retries: 2, backoff: fixed 20ms, timeout: 2s"
#define CONFIG CONFIG_JOBS(CONFIG_STORE, QUICK ", webhooks: { allow: [127.0.0.0/8] } }")
#define CONFIG_STRICT CONFIG_JOBS(CONFIG_STORE, QUICK " }")
#define SEEN_MAX 256
#define REQUEST_SIZE 4096

/* ---- The receiver --------------------------------------------------------------------------- */

static struct receiver {
    int socket;
    unsigned port;
    pthread_t thread;
    pthread_mutex_t lock;
    char seen[SEEN_MAX][REQUEST_SIZE]; /* whole requests, as they came */
    unsigned count;
} receiver = {.lock = PTHREAD_MUTEX_INITIALIZER};

static size_t body_length(const char *request)
{
    const char *length = strcasestr(request, "\r\ncontent-length:");
    return length ? strtoul(length + 17, NULL, 10) : 0;
}

static bool is_whole(const char *request)
{
    const char *body = strstr(request, "\r\n\r\n");
    return body && strlen(body + 4) >= body_length(request);
}

static const char *answer_to(const char *request, unsigned times)
{
    if (strstr(request, "POST /gone"))
        return "HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n";
    if (strstr(request, "POST /redirect"))
        return "HTTP/1.1 302 Found\r\nLocation: /ok\r\nContent-Length: 0\r\n";
    if (strstr(request, "POST /later") && times == 1)
        return "HTTP/1.1 503 Busy\r\nRetry-After: 1\r\nContent-Length: 0\r\n";
    if (strstr(request, "POST /flaky") && times == 1)
        return "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n";
    return "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n";
}

static unsigned times_seen(const char *path)
{
    unsigned times = 0;
    pthread_mutex_lock(&receiver.lock);
    for (unsigned i = 0; i < receiver.count; i++)
        times += strstr(receiver.seen[i], path) != NULL;
    pthread_mutex_unlock(&receiver.lock);
    return times;
}

static void serve(int fd)
{
    char request[REQUEST_SIZE] = "", path[64] = "";
    size_t len = 0;
    ssize_t got;
    while (!is_whole(request) && len < sizeof request - 1 &&
           (got = recv(fd, request + len, sizeof request - 1 - len, 0)) > 0)
        len += (size_t)got;
    (void)sscanf(request, "%*s %63s", path);
    pthread_mutex_lock(&receiver.lock);
    if (receiver.count < SEEN_MAX)
        (void)snprintf(receiver.seen[receiver.count++], REQUEST_SIZE, "%s", request);
    pthread_mutex_unlock(&receiver.lock);
    const char *head = answer_to(request, times_seen(path));
    (void)send(fd, head, strlen(head), MSG_NOSIGNAL);
    (void)send(fd, "Connection: close\r\n\r\n", 21, MSG_NOSIGNAL);
    if (strstr(head, "200"))
        (void)send(fd, "thanks", 6, MSG_NOSIGNAL);
    close(fd);
}

static void *receive(void *none)
{
    (void)none;
    for (;;) {
        int fd = accept(receiver.socket, NULL, NULL);
        if (fd < 0)
            return NULL;
        serve(fd);
    }
}

static void receiver_start(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    receiver.socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    receiver.count = 0;
    assert_int_equal(bind(receiver.socket, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(receiver.socket, 200), 0);
    assert_int_equal(getsockname(receiver.socket, (struct sockaddr *)&address, &size), 0);
    receiver.port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&receiver.thread, NULL, receive, NULL), 0);
}

static void receiver_stop(void)
{
    (void)shutdown(receiver.socket, SHUT_RDWR);
    assert_int_equal(pthread_join(receiver.thread, NULL), 0);
    close(receiver.socket);
}

/* Of the i-th request; valid until the next call. */
static const char *header_at(unsigned i, const char *name)
{
    static char value[1024];
    char line[128];
    (void)snprintf(line, sizeof line, "\r\n%s: ", name);
    const char *at = strcasestr(receiver.seen[i], line);
    assert_non_null(at);
    at += strlen(line);
    (void)snprintf(value, sizeof value, "%.*s", (int)strcspn(at, "\r"), at);
    return value;
}

/* ---- Webhooks ------------------------------------------------------------------------------- */

static const char *start(struct world *world)
{
    receiver_start();
    store_start(world);
    gateway_start(world);
    return make_client(world, "acme");
}

static const char *make_secret(struct world *world, const char *key)
{
    struct answer *made = post(world, "/v1/clients/acme/webhook-secret", key, NULL);
    assert_status(made, 201);
    return text_of(made, "secret");
}

static const char *deliver(struct world *world, const char *key, const char *path)
{
    char body[512];
    (void)snprintf(body, sizeof body,
                   "{\"type\":\"webhook\",\"queue\":\"webhooks\",\"payload\":{\"url\":"
                   "\"http://127.0.0.1:%u%s\",\"body\":{\"a\":1},\"headers\":{\"X-Kind\":\"k\"}}}",
                   receiver.port, path);
    return enqueue(world, key, body);
}

static void assert_signed(unsigned i, const char *secret, const char *id)
{
    char signature[WEBHOOK_SIGNATURE_SIZE];
    const char *body = strstr(receiver.seen[i], "\r\n\r\n") + 4;
    int64_t time = strtoll(header_at(i, "webhook-timestamp"), NULL, 10);
    assert_true(webhook_sign(secret, id, time, body, strlen(body), signature));
    assert_string_equal(header_at(i, "webhook-id"), id);
    assert_non_null(strstr(header_at(i, "webhook-signature"), signature));
}

static void a_webhook_is_delivered_and_signed(struct world *world)
{
    const char *key = start(world);
    const char *secret = make_secret(world, key);
    const char *id = deliver(world, key, "/ok");
    struct answer *done = until(world, key, id, "completed");
    json_t *result = json_object_get(done->json, "result");
    assert_int_equal(json_integer_value(json_object_get(result, "status")), 200);
    assert_string_equal(text_in(result, "body"), "thanks");
    assert_signed(0, secret, id);
    assert_string_equal(header_at(0, "x-kind"), "k");
    assert_string_equal(header_at(0, "content-type"), "application/json");
    receiver_stop();
}

static void after_a_rotation_both_secrets_sign(struct world *world)
{
    const char *key = start(world);
    const char *old = make_secret(world, key), *new = make_secret(world, key);
    assert_string_not_equal(old, new);
    const char *id = deliver(world, key, "/ok");
    (void)until(world, key, id, "completed");
    assert_signed(0, old, id);
    assert_signed(0, new, id);
    receiver_stop();
}

static void what_fails_is_tried_again_under_the_same_id(struct world *world)
{
    const char *key = start(world);
    const char *secret = make_secret(world, key);
    const char *id = deliver(world, key, "/flaky");
    (void)until(world, key, id, "completed");
    assert_int_equal(receiver.count, 2);
    assert_signed(0, secret, id);
    assert_signed(1, secret, id);
    receiver_stop();
}

static void retry_after_is_honoured(struct world *world)
{
    const char *key = start(world);
    (void)make_secret(world, key);
    const char *id = deliver(world, key, "/later");
    wait_until(world, is_in_state(world, key, id, "retrying"));
    struct answer *waits = job(world, key, id);
    json_t *failure = failure_of(waits, 0);
    char at[32], due[32]; /* one second apart, to the millisecond of the two scripts' clock */
    (void)snprintf(at, sizeof at, "%s", text_in(failure, "at"));
    (void)snprintf(due, sizeof due, "%s", text_of(waits, "runAt"));
    assert_string_equal(strrchr(at, '.'), strrchr(due, '.'));
    assert_string_not_equal(at, due);
    (void)until(world, key, id, "completed");
    receiver_stop();
}

static void a_receiver_that_is_gone_is_not_asked_again(struct world *world)
{
    const char *key = start(world);
    (void)make_secret(world, key);
    struct answer *dead = until(world, key, deliver(world, key, "/gone"), "dead");
    assert_string_equal(text_of(dead, "error"), "it was answered with 410");
    assert_int_equal(number_of(dead, "attempt"), 1);
    receiver_stop();
}

static void redirects_are_not_followed(struct world *world)
{
    const char *key = start(world);
    (void)make_secret(world, key);
    struct answer *dead = until(world, key, deliver(world, key, "/redirect"), "dead");
    assert_non_null(strstr(text_of(dead, "error"), "redirects are not followed"));
    assert_int_equal(times_seen("POST /ok"), 0);
    receiver_stop();
}

static void many_are_under_way_at_a_time(struct world *world)
{
    enum { COUNT = 100 };
    const char *key = start(world), *ids[COUNT];
    (void)make_secret(world, key);
    for (int i = 0; i < COUNT; i++)
        ids[i] = deliver(world, key, "/ok");
    for (int i = 0; i < COUNT; i++)
        (void)until(world, key, ids[i], "completed");
    assert_int_equal(receiver.count, COUNT);
    receiver_stop();
}

/* By address, by a name that means one, and by IPv4 within IPv6. */
static void private_addresses_are_refused(struct world *world)
{
    static const char *const hosts[] = {"127.0.0.1", "localhost", "[::ffff:127.0.0.1]",
                                        "[::1]",     "0.0.0.0",   "2130706433"};
    const char *key = start(world);
    (void)make_secret(world, key);
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        char body[512];
        (void)snprintf(body, sizeof body,
                       "{\"type\":\"webhook\",\"queue\":\"webhooks\",\"payload\":{\"url\":"
                       "\"http://%s:%u/ok\",\"body\":1}}",
                       hosts[i], receiver.port);
        struct answer *dead = until(world, key, enqueue(world, key, body), "dead");
        assert_non_null(strstr(text_of(dead, "error"), "private or local"));
    }
    assert_int_equal(receiver.count, 0);
    receiver_stop();
}

static void without_a_secret_nothing_is_sent(struct world *world)
{
    const char *key = start(world);
    struct answer *dead = until(world, key, deliver(world, key, "/ok"), "dead");
    assert_non_null(strstr(text_of(dead, "error"), "no secret"));
    assert_int_equal(receiver.count, 0);
    assert_problem(post(world, "/v1/clients/other/webhook-secret", key, NULL), 403, "forbidden");
    assert_problem(post(world, "/v1/clients/none/webhook-secret", as_admin(world), NULL), 404,
                   "client_not_found");
    assert_problem(
        post(world, "/v1/jobs", key,
             "{\"type\":\"webhook\",\"queue\":\"webhooks\",\"payload\":{\"url\":\"x\"}}"),
        422, "invalid_body");
    receiver_stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        E2E(a_webhook_is_delivered_and_signed, CONFIG),
        E2E(after_a_rotation_both_secrets_sign, CONFIG),
        E2E(what_fails_is_tried_again_under_the_same_id, CONFIG),
        E2E(retry_after_is_honoured, CONFIG),
        E2E(a_receiver_that_is_gone_is_not_asked_again, CONFIG),
        E2E(redirects_are_not_followed, CONFIG),
        E2E(many_are_under_way_at_a_time, CONFIG),
        E2E(private_addresses_are_refused, CONFIG_STRICT),
        E2E(without_a_secret_nothing_is_sent, CONFIG),
    };
    return cmocka_run_group_tests_name("webhooks e2e", tests, NULL, NULL);
}
