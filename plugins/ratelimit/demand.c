/* Which buckets a request takes from, and their names in Redis.
 *
 *   route's limit, client's policy -> names -> policies -> whose bucket -> demands
 *
 * SPDX-License-Identifier: MIT */
#include "demand.h"

#include <arpa/inet.h>
#include <string.h>

/* ---- Subjects ----------------------------------------------------------------------------- */

/* Colons part keys and braces choose their place in a Cluster; % makes it reversible. */
static const char *escape(sluice_request *req, const char *text)
{
    static const char hex[] = "0123456789ABCDEF";
    char *escaped = sluice_alloc(req, 3 * strlen(text) + 1), *to = escaped;
    for (; *text; text++) {
        unsigned char byte = (unsigned char)*text;
        if (byte > ' ' && byte != 0x7f && !strchr(":{}%", byte)) {
            *to++ = *text;
            continue;
        }
        *to++ = '%';
        *to++ = hex[byte >> 4];
        *to++ = hex[byte & 15];
    }
    return escaped;
}

/* An IPv6 host is given a /64, so that is who asks. Colons become dashes, which no address has. */
static const char *network(sluice_request *req, const char *address)
{
    struct in6_addr six;
    if (inet_pton(AF_INET6, address, &six) != 1 || IN6_IS_ADDR_V4MAPPED(&six))
        return address;
    const uint8_t *byte = six.s6_addr;
    return sluice_printf(req, "%02x%02x-%02x%02x-%02x%02x-%02x%02x", byte[0], byte[1], byte[2],
                         byte[3], byte[4], byte[5], byte[6], byte[7]);
}

const char *const demand_kinds[] = {"check", "client", "key", "user", "address", "route", NULL};

bool demand_has_space(enum kind kind)
{
    return kind != KIND_ADDRESS && kind != KIND_ROUTE;
}

const char *demand_key(sluice_request *req, const struct policy *policy, enum kind kind,
                       const char *space, const char *subject)
{
    if (kind == KIND_CLIENT && policy->algorithm == FIXED_WINDOW)
        return sluice_key(req, "ratelimit:", subject, ":", policy->name);
    const char *of = kind == KIND_ADDRESS ? network(req, subject) : subject;
    const char *owner = demand_has_space(kind) ? space : "";
    const char *last = escape(req, of);
    if (kind != KIND_CLIENT)
        last = sluice_printf(req, "%s/%s", demand_kinds[kind], last);
    return sluice_key(req, "ratelimit:", policy->name, ":", owner, ":", last);
}

/* HEAD is answered by GET's route and takes from its bucket. */
static const char *route_of(sluice_request *req)
{
    const char *method = sluice_method(req);
    return sluice_printf(req, "%s%s", strcmp(method, "HEAD") == 0 ? "GET" : method,
                         sluice_route_pattern(req));
}

static const char *key_of(sluice_request *req, const struct policy *policy)
{
    const sluice_identity *who = sluice_who(req);
    if (policy->per == PER_ROUTE)
        return demand_key(req, policy, KIND_ROUTE, "", route_of(req));
    if (policy->per == PER_ADDRESS || !who || (!who->client && !who->user))
        return demand_key(req, policy, KIND_ADDRESS, "", sluice_address(req));
    const char *space = who->space ? who->space : "";
    if (!who->client)
        return demand_key(req, policy, KIND_USER, space, who->user);
    if (policy->per == PER_KEY && who->key)
        return demand_key(req, policy, KIND_KEY, space,
                          sluice_printf(req, "%s/%s", who->client, who->key));
    return demand_key(req, policy, KIND_CLIENT, space, who->client);
}

/* ---- Policies ----------------------------------------------------------------------------- */

/* The names of a route's limit, joined by '+'; "" is the client's own policy, or the default. */
static const char *names_for(sluice_request *req, const sluice_map *policies)
{
    const sluice_identity *who = sluice_who(req);
    const char *limit = sluice_limit(req);
    if (limit && *limit)
        return limit;
    if (who && who->policy && policy_find(policies, who->policy, strlen(who->policy)))
        return who->policy;
    return POLICY_DEFAULT;
}

static bool is_limited(sluice_request *req)
{
    const sluice_identity *who = sluice_who(req);
    const char *limit = sluice_limit(req);
    if (!*sluice_route_pattern(req) || (limit && strcmp(limit, "none") == 0))
        return false;
    return !who || !(who->kinds & SLUICE_IDENTITY_ADMIN);
}

static bool has(const struct demand *demands, uint32_t count, const struct policy *policy)
{
    for (uint32_t i = 0; i < count; i++)
        if (demands[i].policy == policy)
            return true;
    return false;
}

static uint32_t count_names(const char *names)
{
    uint32_t count = 1;
    for (; *names; names++)
        count += *names == '+';
    return count;
}

struct demand *demand_of(sluice_request *req, const sluice_map *policies, uint32_t *ret_count,
                         const char **ret_unknown)
{
    uint32_t count = 0;
    const char *name = is_limited(req) ? names_for(req, policies) : "";
    struct demand *demands = sluice_alloc(req, count_names(name) * sizeof *demands);
    while (*name) {
        size_t len = strcspn(name, "+");
        struct policy *policy = policy_find(policies, name, len);
        if (!policy) {
            *ret_unknown = sluice_copy(req, sluice_bytes_of(name, len));
            return NULL;
        }
        if (!has(demands, count, policy))
            demands[count++] =
                (struct demand){.policy = policy, .key = key_of(req, policy), .cost = policy->cost};
        name += len + (name[len] == '+');
    }
    *ret_count = count;
    return demands;
}
