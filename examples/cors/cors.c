/* cors: lets browsers on other origins call the gateway (the CORS protocol of the Fetch standard,
 * https://fetch.spec.whatwg.org/#http-cors-protocol).
 *
 *   preflight (OPTIONS + Access-Control-Request-Method) --before--> 204 with what is allowed
 *   any other request with an Origin                    --after---> its answer with the headers
 *
 * The headers are added after the fact so that refusals have them too: a page should be able to
 * read why it got a 401, 404 or 429. A request without an Origin, or from one that is not listed,
 * is served as ever; it is the browser that keeps the answer from the page.
 *
 *   cmake -B build -DCMAKE_PREFIX_PATH=/where/sluice/is && cmake --build build
 *
 *   plugins:
 *     - path: build/cors.so
 *       config: { origins: [https://app.example.org] }
 *
 * SPDX-License-Identifier: MIT */
#include <stddef.h>
#include <string.h>

#include <sluice/plugin.h>

struct cors {
    sluice_texts origins;
    const char *methods, *headers, *expose;
    bool credentials;
    int64_t max_age; /* ms */
};

static sluice_step preflight, decorate;

/* Origins are compared as they are serialised: scheme, host and port, in lower case. */
static bool is_allowed(const struct cors *cors, const char *origin)
{
    for (uint64_t i = 0; i < cors->origins.count; i++)
        if (strcmp(cors->origins.items[i], "*") == 0 || strcmp(cors->origins.items[i], origin) == 0)
            return true;
    return false;
}

/* "*" may not be answered where cookies are allowed: then the origin itself is named. */
static const char *named_origin(const struct cors *cors, const char *origin)
{
    bool any = cors->origins.count == 1 && strcmp(cors->origins.items[0], "*") == 0;
    return any && !cors->credentials ? "*" : origin;
}

/* A cache must not give one origin's answer to another. */
static void vary(sluice_request *req)
{
    const char *already = sluice_answer_header(req, "Vary");
    sluice_set_header(req, "Vary", already ? sluice_printf(req, "%s, Origin", already) : "Origin");
}

static sluice_verdict preflight(sluice_request *req, void *self, const sluice_reply *none)
{
    const struct cors *cors = self;
    const char *origin = sluice_header(req, "Origin");
    (void)none;
    if (!origin || strcmp(sluice_method(req), "OPTIONS") != 0 ||
        !sluice_header(req, "Access-Control-Request-Method") || !is_allowed(cors, origin))
        return SLUICE_NEXT;
    sluice_set_header(req, "Access-Control-Allow-Methods", cors->methods);
    sluice_set_header(req, "Access-Control-Allow-Headers", cors->headers);
    sluice_set_header(req, "Access-Control-Max-Age",
                      sluice_printf(req, "%lld", (long long)(cors->max_age / 1000)));
    return sluice_respond_empty(req, 204);
}

static sluice_verdict decorate(sluice_request *req, void *self, const sluice_reply *none)
{
    const struct cors *cors = self;
    const char *origin = sluice_header(req, "Origin");
    (void)none;
    vary(req);
    if (!origin || !is_allowed(cors, origin))
        return SLUICE_NEXT;
    sluice_set_header(req, "Access-Control-Allow-Origin", named_origin(cors, origin));
    if (cors->credentials)
        sluice_set_header(req, "Access-Control-Allow-Credentials", "true");
    if (cors->expose)
        sluice_set_header(req, "Access-Control-Expose-Headers", cors->expose);
    return SLUICE_NEXT;
}

static const sluice_option options[] = {
    {.name = "origins",
     .type = SLUICE_TEXTS,
     .flags = SLUICE_REQUIRED,
     .offset = offsetof(struct cors, origins),
     .help = "origins that may call, like https://app.example.org; \"*\" for all"},
    {.name = "methods",
     .type = SLUICE_TEXT,
     .offset = offsetof(struct cors, methods),
     .fallback = "GET, HEAD, POST, PUT, PATCH, DELETE",
     .help = "methods that a preflight allows"},
    {.name = "headers",
     .type = SLUICE_TEXT,
     .offset = offsetof(struct cors, headers),
     .fallback = "authorization, content-type, x-api-key, x-session-id",
     .help = "request headers that a preflight allows"},
    {.name = "expose",
     .type = SLUICE_TEXT,
     .offset = offsetof(struct cors, expose),
     .fallback = "x-request-id, retry-after, ratelimit, ratelimit-policy",
     .help = "answer headers that a page may read"},
    {.name = "credentials",
     .type = SLUICE_BOOL,
     .offset = offsetof(struct cors, credentials),
     .fallback = "false",
     .help = "allow cookies; needs origins that are listed by name"},
    {.name = "max_age",
     .type = SLUICE_DURATION,
     .offset = offsetof(struct cors, max_age),
     .fallback = "10m",
     .max = 86400000,
     .help = "how long a browser may remember a preflight"},
};

static const sluice_hook hooks[] = {
    {SLUICE_BEFORE, 0, SLUICE_STEP(preflight)},
    {SLUICE_AFTER, 0, SLUICE_STEP(decorate)},
};

static int32_t configure(sluice_host *host, void *self)
{
    const struct cors *cors = self;
    if (cors->credentials && is_allowed(cors, "*")) {
        sluice_refuse(host, "credentials",
                      "cookies from every origin would let any page act for its visitor; list "
                      "the origins by name");
        return -1;
    }
    sluice_hooks(host, hooks);
    return 0;
}

static const sluice_descriptor descriptor = {
    .size = sizeof descriptor,
    .abi_major = SLUICE_ABI_MAJOR,
    .abi_minor = SLUICE_ABI_MINOR,
    .name = "cors",
    .version = "1.0.0",
    .summary = "lets browsers on other origins call the gateway",
    .self_size = sizeof(struct cors),
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .option_stride = sizeof options[0],
    .configure = configure,
};

const sluice_descriptor *sluice_plugin(void)
{
    return &descriptor;
}
