/* Load: threads that ask again and again, and count.
 *
 * SPDX-License-Identifier: MIT */
#include "client.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

struct load {
    char url[1024];
    struct curl_slist *headers;
    pthread_t threads[LOAD_THREADS];
    atomic_bool stopping;
    atomic_ulong done, failed;
    atomic_ulong statuses[LOAD_STATUSES];
    pthread_mutex_t lock; /* of the following */
    char first_failure[256];
};

static size_t ignore(char *bytes, size_t size, size_t count, void *data)
{
    (void)bytes, (void)data;
    return size * count;
}

static void note_failure(struct load *load, CURLcode code, const char *details)
{
    load->failed++;
    pthread_mutex_lock(&load->lock);
    if (!load->first_failure[0])
        (void)snprintf(load->first_failure, sizeof load->first_failure, "%s: %s",
                       curl_easy_strerror(code), details);
    pthread_mutex_unlock(&load->lock);
}

static void ask_once(struct load *load, CURL *curl, const char *details)
{
    long status = 0;
    CURLcode code = curl_easy_perform(curl);
    if (code != CURLE_OK) {
        note_failure(load, code, details);
        return;
    }
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    if (status > 0 && status < LOAD_STATUSES)
        load->statuses[status]++;
    load->done++;
}

static void *ask_on(void *data)
{
    struct load *load = data;
    char details[CURL_ERROR_SIZE] = "";
    CURL *curl = curl_easy_init();
    if (!curl)
        return NULL;
    curl_easy_setopt(curl, CURLOPT_URL, load->url);
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, HTTP_PATIENCE_S);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, load->headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, ignore);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, details);
    while (!load->stopping)
        ask_once(load, curl, details);
    curl_easy_cleanup(curl);
    return NULL;
}

struct load *load_start(const struct world *world, const char *path, const char *headers)
{
    struct load *load = calloc(1, sizeof *load);
    assert_non_null(load);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    pthread_mutex_init(&load->lock, NULL);
    (void)snprintf(load->url, sizeof load->url, "http://127.0.0.1:%u%s", world->port, path);
    if (headers)
        load->headers = curl_slist_append(NULL, headers);
    for (size_t i = 0; i < LOAD_THREADS; i++)
        assert_int_equal(pthread_create(&load->threads[i], NULL, ask_on, load), 0);
    return load;
}

unsigned long load_done(const struct load *load)
{
    return load->done;
}

unsigned long load_count(const struct load *load, long status)
{
    return load->statuses[status];
}

struct load_result load_stop(struct load *load)
{
    struct load_result result = {.done = 0};
    load->stopping = true;
    for (size_t i = 0; i < LOAD_THREADS; i++)
        pthread_join(load->threads[i], NULL);
    result.done = load->done;
    result.failed = load->failed;
    for (size_t i = 0; i < LOAD_STATUSES; i++)
        result.statuses[i] = load->statuses[i];
    memcpy(result.first_failure, load->first_failure, sizeof result.first_failure);
    curl_slist_free_all(load->headers);
    pthread_mutex_destroy(&load->lock);
    free(load);
    return result;
}
