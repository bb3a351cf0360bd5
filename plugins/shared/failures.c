/* Failed attempts: a token bucket per address, in the memory of one worker.
 *
 *   address -> 64 bits -> a set of four places -> its bucket, or the fullest one anew
 *
 * A bucket is one number, as in the generic cell rate algorithm (ITU-T I.371): the time at which it
 * is full again. Times are in ms x refill.amount, so that a token costs exactly refill.per_ms and
 * nothing is rounded.
 *
 * SPDX-License-Identifier: MIT */
#include "failures.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#define SETS 1024u
#define PLACES 4u

struct place {
    uint64_t address;
    int64_t full_at; /* 0: never used, which is a full bucket */
};

struct failures {
    int64_t capacity; /* in the unit of times: tokens x per_ms */
    sluice_rate refill;
    uint64_t seed;
    struct place places[SETS][PLACES];
};

struct failures *failures_new(int64_t capacity, sluice_rate refill, uint64_t seed)
{
    struct failures *failures = calloc(1, sizeof *failures);
    if (!failures)
        return NULL;
    failures->capacity = capacity * refill.per_ms;
    failures->refill = refill;
    failures->seed = seed;
    return failures;
}

void failures_free(struct failures *failures)
{
    free(failures);
}

static uint64_t big_endian(const uint8_t *bytes, size_t len)
{
    uint64_t number = 0;
    for (size_t i = 0; i < len; i++)
        number = number << 8 | bytes[i];
    return number;
}

/* An IPv6 /64 is its upper half. An IPv4 address, v4-mapped or not, is put where no global IPv6
 * prefix is; what is no IP address (a unix socket) shares one bucket. */
static uint64_t address_bits(const char *address)
{
    const uint64_t ipv4 = 0x0000ffff00000000;
    struct in_addr four;
    struct in6_addr six;
    if (inet_pton(AF_INET, address, &four) == 1)
        return ipv4 | ntohl(four.s_addr);
    if (inet_pton(AF_INET6, address, &six) != 1)
        return 0;
    if (IN6_IS_ADDR_V4MAPPED(&six))
        return ipv4 | big_endian(six.s6_addr + 12, 4);
    return big_endian(six.s6_addr, 8);
}

/* The finaliser of MurmurHash3, seeded. */
static uint32_t set_of(const struct failures *failures, uint64_t address)
{
    uint64_t mixed = address ^ failures->seed;
    mixed = (mixed ^ mixed >> 33) * 0xff51afd7ed558ccd;
    mixed = (mixed ^ mixed >> 33) * 0xc4ceb9fe1a85ec53;
    return (uint32_t)((mixed ^ mixed >> 33) % SETS);
}

static struct place *find(struct failures *failures, uint64_t address)
{
    struct place *set = failures->places[set_of(failures, address)];
    struct place *fullest = set;
    for (size_t i = 0; i < PLACES; i++) {
        if (set[i].full_at && set[i].address == address)
            return &set[i];
        if (set[i].full_at < fullest->full_at)
            fullest = &set[i];
    }
    fullest->address = address;
    fullest->full_at = 0;
    return fullest;
}

int64_t failures_spend(struct failures *failures, const char *address, int64_t now_ms)
{
    struct place *place = find(failures, address_bits(address));
    int64_t amount = failures->refill.amount;
    int64_t now = now_ms * amount;
    int64_t full_at = (place->full_at > now ? place->full_at : now) + failures->refill.per_ms;
    int64_t short_of = full_at - now - failures->capacity;
    if (short_of > 0)
        return (short_of + amount - 1) / amount;
    place->full_at = full_at;
    return 0;
}
