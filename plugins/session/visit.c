/* What is known of a session, and of the one that a request came with.
 *
 * SPDX-License-Identifier: MIT */
#include "visit.h"

#include <string.h>

static const char *text_at(sluice_request *req, const sluice_reply *reply, uint64_t i)
{
    return sluice_copy(req, sluice_text_bytes(sluice_at(reply, i)));
}

void record_read(sluice_request *req, const sluice_reply *reply, struct record *ret_record)
{
    const sluice_reply *data = sluice_at(reply, 6);
    uint64_t count = sluice_length(data) / 2;
    struct member *members = sluice_alloc(req, (count + 1) * sizeof *members);
    for (uint64_t i = 0; i < count; i++) {
        members[i].name = text_at(req, data, 2 * i);
        members[i].json = text_at(req, data, 2 * i + 1);
    }
    *ret_record = (struct record){
        .space = text_at(req, reply, 0),
        .user = text_at(req, reply, 1),
        .id = text_at(req, reply, 2),
        .created = sluice_int(sluice_at(reply, 3)),
        .ends = sluice_int(sluice_at(reply, 4)),
        .version = text_at(req, reply, 5),
        .members = members,
        .count = count,
    };
}

const char *record_member(const struct record *record, const char *name)
{
    for (uint64_t i = 0; i < record->count; i++)
        if (strcmp(record->members[i].name, name) == 0)
            return record->members[i].json;
    return NULL;
}

/* Requests lie at least a cache line apart. */
static size_t chain_of(const sluice_request *req)
{
    uintptr_t bits = (uintptr_t)req >> 6;
    return (bits ^ bits >> 8 ^ bits >> 16) % VISIT_CHAINS;
}

static void detach(void *what)
{
    const struct visit *visit = what;
    struct visit **at = &visit->visits->chains[chain_of(visit->req)];
    while (*at != visit)
        at = &(*at)->next;
    *at = visit->next;
}

void visits_attach(struct visits *visits, sluice_request *req, struct visit *visit)
{
    struct visit **chain = &visits->chains[chain_of(req)];
    visit->req = req;
    visit->visits = visits;
    visit->next = *chain;
    *chain = visit;
    sluice_defer(req, detach, visit);
}

struct visit *visits_find(const struct visits *visits, const sluice_request *req)
{
    struct visit *visit = visits->chains[chain_of(req)];
    while (visit && visit->req != req)
        visit = visit->next;
    return visit;
}
