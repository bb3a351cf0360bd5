/* An executor of webhooks: many deliveries at a time, with libcurl's multi interface.
 *
 *   RUN -> secret, signature -> POST ... -> 2xx done, 410 dead, else again -> OUTCOME
 *
 * A delivery goes only where its address may be: that is judged when curl opens a socket, so that no
 * name, and no change of what a name means, leads around it. Redirects are not followed, and no proxy
 * of the environment is used.
 *
 * SPDX-License-Identifier: MIT */
#include "courier.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <curl/curl.h>

#include <sluice/process.h>

#include "jobs.h"
#include "webhook.h"
#include "wire.h"

#define LOOK_MS 1000
#define CONNECT_MS 10000L
#define ANSWER_KEPT 65536
#define RETRY_AFTER_MAX_S 86400
#define ASK_MS 1000
#define REASON_SIZE 256
#define HEADER_SIZE 1200

struct courier {
    sluice_executor *executor;
    const struct jobs *jobs;
    CURLM *multi;
    struct delivery *first;
    struct wire wire;
};

struct delivery {
    struct delivery *next, **from;
    struct courier *courier;
    char *id;
    struct webhook webhook;
    CURL *easy;
    struct curl_slist *headers;
    char *answer; /* the first ANSWER_KEPT bytes */
    size_t answer_len;
    bool is_full, is_refused; /* there was more; an address was not allowed */
    char error[CURL_ERROR_SIZE];
};

/* ---- Outcomes ------------------------------------------------------------------------------- */

static void tell(struct courier *courier, const char *id, sluice_outcome how, int64_t after_ms,
                 const char *why, const char *result)
{
    const struct wire_outcome outcome = {
        .how = how,
        .after_ms = after_ms,
        .why = sluice_bytes_of(why, strlen(why)),
        .result = sluice_bytes_of(result, strlen(result)),
    };
    wire_write_outcome(&courier->wire, id, &outcome);
    (void)courier->executor->api->send(courier->executor, courier->wire.data, courier->wire.len);
}

static void release(struct delivery *delivery)
{
    *delivery->from = delivery->next;
    if (delivery->next)
        delivery->next->from = delivery->from;
    if (delivery->easy) {
        (void)curl_multi_remove_handle(delivery->courier->multi, delivery->easy);
        curl_easy_cleanup(delivery->easy);
    }
    curl_slist_free_all(delivery->headers);
    webhook_release(&delivery->webhook);
    free(delivery->answer);
    free(delivery->id);
    free(delivery);
}

static void end(struct delivery *delivery, sluice_outcome how, int64_t after_ms, const char *why)
{
    tell(delivery->courier, delivery->id, how, after_ms, why, "");
    release(delivery);
}

/* ---- Sending -------------------------------------------------------------------------------- */

static curl_socket_t open_socket(void *state, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct delivery *delivery = state;
    const struct jobs *jobs = delivery->courier->jobs;
    (void)purpose;
    if (webhook_address_in(&address->addr, jobs->webhooks_refused) &&
        !webhook_address_in(&address->addr, jobs->webhooks_allowed)) {
        delivery->is_refused = true;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static size_t keep(char *data, size_t one, size_t len, void *state)
{
    struct delivery *delivery = state;
    size_t room = ANSWER_KEPT - delivery->answer_len;
    (void)one;
    if (len > room) {
        delivery->is_full = true;
        return 0; /* more is not read */
    }
    char *grown = realloc(delivery->answer, delivery->answer_len + len);
    if (!grown)
        return 0;
    memcpy(grown + delivery->answer_len, data, len);
    delivery->answer = grown;
    delivery->answer_len += len;
    return len;
}

static bool add_header(struct delivery *delivery, const char *name, const char *value)
{
    char line[HEADER_SIZE];
    int len = snprintf(line, sizeof line, *value ? "%s: %s" : "%s;", name, value);
    struct curl_slist *longer =
        len < (int)sizeof line ? curl_slist_append(delivery->headers, line) : NULL;
    if (longer)
        delivery->headers = longer;
    return longer != NULL;
}

static bool has_header(const struct delivery *delivery, const char *name)
{
    const char *each;
    json_t *value;
    json_object_foreach((json_t *)delivery->webhook.headers, each, value)
    {
        if (strcasecmp(each, name) == 0)
            return true;
    }
    return false;
}

/* `secrets` are one, or two while a rotation's grace lasts: both sign. */
static bool sign(struct delivery *delivery, const char *const secrets[2])
{
    char all[2 * WEBHOOK_SIGNATURE_SIZE] = "", time[24];
    const struct webhook *webhook = &delivery->webhook;
    sluice_executor *executor = delivery->courier->executor;
    int64_t now = executor->api->realtime(executor) / 1000;
    for (int i = 0; i < 2 && secrets[i]; i++) {
        char *to = all + strlen(all);
        if (i)
            *to++ = ' ';
        if (!webhook_sign(secrets[i], delivery->id, now, webhook->body, webhook->body_len, to))
            return false;
    }
    (void)snprintf(time, sizeof time, "%lld", (long long)now);
    return add_header(delivery, "webhook-id", delivery->id) &&
           add_header(delivery, "webhook-timestamp", time) &&
           add_header(delivery, "webhook-signature", all);
}

static bool add_headers(struct delivery *delivery)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)delivery->webhook.headers, name, value)
    {
        if (!add_header(delivery, name, json_string_value(value)))
            return false;
    }
    if (!has_header(delivery, "content-type") &&
        !add_header(delivery, "Content-Type", "application/json"))
        return false;
    struct curl_slist *longer = curl_slist_append(delivery->headers, "Expect:");
    if (longer)
        delivery->headers = longer;
    return longer != NULL;
}

static bool send_it(struct delivery *delivery, int64_t timeout_ms)
{
    CURL *easy = delivery->easy = curl_easy_init();
    if (!easy)
        return false;
    curl_easy_setopt(easy, CURLOPT_PRIVATE, delivery);
    curl_easy_setopt(easy, CURLOPT_URL, delivery->webhook.url);
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)delivery->webhook.body_len);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, delivery->webhook.body);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, delivery->headers);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "Sluice");
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, delivery);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, keep);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, delivery);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, delivery->error);
    return curl_multi_add_handle(delivery->courier->multi, easy) == CURLM_OK;
}

/* ---- Beginning ------------------------------------------------------------------------------ */

/* What is asked for of a job: see slots.c for its order. */
static void begin(struct delivery *delivery, struct wire_reader *reader)
{
    sluice_executor *executor = delivery->courier->executor;
    char key[SLUICE_NAME_MAX + 512];
    (void)wire_take_text(reader); /* type */
    (void)wire_take_text(reader); /* queue */
    (void)wire_take_text(reader); /* space */
    const char *client = wire_take_text(reader).data;
    sluice_bytes payload = wire_take_text(reader);
    (void)wire_take_int(reader); /* attempt */
    (void)wire_take_int(reader); /* epoch */
    (void)wire_take_int(reader); /* created */
    int64_t timeout = wire_take_int(reader);
    if (reader->broken || !webhook_read(payload.data, payload.len, &delivery->webhook)) {
        end(delivery, SLUICE_JOB_DEAD, -1, "its payload is no webhook");
        return;
    }
    (void)snprintf(key, sizeof key, "%sclient:%s:webhook", executor->api->prefix(executor), client);
    const sluice_reply *kept = sluice_executor_ask(executor, ASK_MS, "HMGET", (const char *)key,
                                                   "secret", "previous", "until");
    bool rotated = sluice_int(sluice_at(kept, 2)) > executor->api->realtime(executor);
    const char *const secrets[2] = {
        sluice_text(sluice_at(kept, 0)),
        rotated ? sluice_text(sluice_at(kept, 1)) : NULL,
    };
    if (sluice_type(kept) != SLUICE_REPLY_ARRAY)
        end(delivery, SLUICE_JOB_RETRY, -1, "its secret can't be read: Redis does not answer");
    else if (!*secrets[0])
        end(delivery, SLUICE_JOB_DEAD, -1,
            "the client has no secret to sign with; POST /v1/clients/<id>/webhook-secret makes "
            "one");
    else if (!sign(delivery, secrets) || !add_headers(delivery) || !send_it(delivery, timeout))
        end(delivery, SLUICE_JOB_RETRY, -1, "it could not be prepared: out of memory");
}

static void take_run(struct courier *courier, const char *id, struct wire_reader *reader)
{
    struct delivery *delivery = calloc(1, sizeof *delivery);
    if (!delivery || !(delivery->id = strdup(id))) {
        free(delivery);
        tell(courier, id, SLUICE_JOB_RETRY, -1, "it could not be prepared: out of memory", "");
        return;
    }
    delivery->courier = courier;
    delivery->from = &courier->first;
    delivery->next = courier->first;
    if (delivery->next) /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): what was freed has left */
        delivery->next->from = &delivery->next;
    courier->first = delivery;
    begin(delivery, reader);
}

static void take_cancel(struct courier *courier, const char *id)
{
    struct delivery *delivery = courier->first;
    while (delivery && strcmp(delivery->id, id) != 0)
        delivery = delivery->next;
    if (delivery)
        end(delivery, SLUICE_JOB_RETRY, -1, "it took too long");
}

/* -1: the process has gone. */
static int32_t take_messages(struct courier *courier)
{
    sluice_executor *executor = courier->executor;
    sluice_bytes message;
    int32_t found;
    while ((found = executor->api->receive(executor, 0, &message)) > 0) {
        struct wire_reader reader;
        enum wire_kind kind = wire_open(&reader, message);
        const char *id = wire_take_text(&reader).data;
        if (kind == WIRE_RUN)
            take_run(courier, id, &reader);
        else if (kind == WIRE_CANCEL)
            take_cancel(courier, id);
        executor->api->forget(executor);
    }
    return found;
}

/* ---- Answers -------------------------------------------------------------------------------- */

/* {status, body}, without the body where it is no text or too long for a result. */
static char *result_of(const struct delivery *delivery, long status)
{
    json_t *result = json_pack("{s:i}", "status", (int)status);
    json_t *body = json_stringn(delivery->answer ? delivery->answer : "", delivery->answer_len);
    if (body)
        (void)json_object_set_new(result, "body", body);
    char *text = json_dumps(result, JSON_COMPACT);
    if (text && strlen(text) > (size_t)delivery->courier->jobs->result_max) {
        free(text);
        (void)json_object_del(result, "body");
        text = json_dumps(result, JSON_COMPACT);
    }
    json_decref(result);
    return text;
}

static void deliver_done(struct delivery *delivery, long status)
{
    char *result = result_of(delivery, status);
    tell(delivery->courier, delivery->id, SLUICE_JOB_DONE, -1, "", result ? result : "");
    free(result);
    release(delivery);
}

/* What RFC 9110 section 10.2.3 has for those who are to come again later; -1: nothing. */
static int64_t retry_after(CURL *easy, long status)
{
    curl_off_t seconds = 0;
    if ((status != 429 && status != 503) ||
        curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &seconds) != CURLE_OK || seconds <= 0)
        return -1;
    return (seconds < RETRY_AFTER_MAX_S ? seconds : RETRY_AFTER_MAX_S) * 1000;
}

static void finish(struct delivery *delivery, CURLcode code)
{
    char why[REASON_SIZE];
    long status = 0;
    (void)curl_easy_getinfo(delivery->easy, CURLINFO_RESPONSE_CODE, &status);
    bool answered = code == CURLE_OK || (delivery->is_full && status >= 200);
    if (answered && status >= 200 && status < 300) {
        deliver_done(delivery, status);
    } else if (answered) {
        (void)snprintf(why, sizeof why, "it was answered with %ld%s", status,
                       status >= 300 && status < 400 ? ", and redirects are not followed" : "");
        end(delivery, status == 410 ? SLUICE_JOB_DEAD : SLUICE_JOB_RETRY,
            retry_after(delivery->easy, status), why);
    } else if (delivery->is_refused) {
        end(delivery, SLUICE_JOB_DEAD, -1,
            "it goes to an address that is private or local; webhooks.allow can allow it");
    } else {
        (void)snprintf(why, sizeof why, "%s",
                       *delivery->error ? delivery->error : curl_easy_strerror(code));
        end(delivery, SLUICE_JOB_RETRY, -1, why);
    }
}

static void take_answers(struct courier *courier)
{
    int left;
    CURLMsg *message;
    while ((message = curl_multi_info_read(courier->multi, &left)) != NULL) {
        struct delivery *delivery = NULL;
        CURLcode code = message->data.result;
        if (message->msg == CURLMSG_DONE &&
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &delivery) == CURLE_OK)
            finish(delivery, code);
    }
}

/* ---- The loop ------------------------------------------------------------------------------- */

static int32_t serve(struct courier *courier)
{
    struct curl_waitfd process = {.fd = courier->executor->api->fd(courier->executor),
                                  .events = CURL_WAIT_POLLIN};
    int running;
    for (;;) {
        if (take_messages(courier) < 0)
            return 0;
        if (curl_multi_perform(courier->multi, &running) != CURLM_OK)
            return 1;
        take_answers(courier);
        if (curl_multi_poll(courier->multi, &process, 1, LOOK_MS, NULL) != CURLM_OK)
            return 1;
    }
}

int32_t courier_execute(sluice_executor *executor, void *self, uint32_t slot)
{
    struct courier courier = {.executor = executor, .jobs = self};
    int32_t status = 1;
    (void)slot;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return 1;
    courier.multi = curl_multi_init();
    if (courier.multi)
        status = serve(&courier);
    while (courier.first)
        release(courier.first);
    (void)curl_multi_cleanup(courier.multi);
    curl_global_cleanup();
    wire_release(&courier.wire);
    return status;
}
