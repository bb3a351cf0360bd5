-- What the scripts of a lock share.
--
-- KEYS[1]  lock:<space>:<r>, which ends with the lease:
--            "held <fence> <lockId> <ticket> <owner>"   somebody's; the ticket is of their last acquire
--            "claim 0 <lockId> <ticket> "               a waiter's whose turn it is, for CLAIM_MS
-- KEYS[2]  ...:fence  the last fence that was handed out
-- KEYS[3]  ...:q      the lockIds that wait, first come first
-- KEYS[4]  ...:w      <lockId> -> "<ticket> <channel>" of each that waits;
--                     :<channel> -> until when (ms) the worker that listens there is known to live
--
-- A lockId and a ticket hold no space, a lockId no colon. Times are Redis's own.

local CLAIM_MS, QUEUE_KEPT_MS = 1000, 60000

local time = redis.call('TIME')
local now_us = time[1] * 1000000 + time[2]
local now_ms = math.floor(now_us / 1000)

-- Its digits; %d cuts off what is behind the point, and is half as much work as %.0f.
local function whole(number)
    return string.format('%d', number)
end

-- Who has the lock, or nil.
local function holder()
    local value = redis.call('GET', KEYS[1])
    local state, fence, id, ticket, owner =
        string.match(value or '', '^(%l+) (%d+) (%S+) (%S+) (.*)$')
    return state and {state = state, fence = fence, id = id, ticket = ticket, owner = owner}
end

-- Milliseconds until it can be another's.
local function left()
    return redis.call('PTTL', KEYS[1])
end

local function expires_at()
    return whole(now_ms + left())
end

-- Ticket and channel of a lockId that waits; nil when it does not.
local function entry_of(id)
    return string.match(redis.call('HGET', KEYS[4], id) or '', '^(%S+) (%S+)$')
end

local function is_alive(channel)
    return tonumber(redis.call('HGET', KEYS[4], ':' .. channel) or 0) > now_ms
end

-- With the last one that waits nothing of the queue is left.
local function tidy()
    if redis.call('EXISTS', KEYS[3]) == 0 then
        redis.call('DEL', KEYS[4])
    end
end

local function remove(id)
    if redis.call('HDEL', KEYS[4], id) == 1 then
        redis.call('LREM', KEYS[3], 1, id)
        tidy()
    end
end

-- Takes the first living waiter out of the queue, with all before it that have died.
local function next_living()
    local id = redis.call('LPOP', KEYS[3])
    while id do
        local ticket, channel = entry_of(id)
        local alive = ticket and is_alive(channel)
        redis.call('HDEL', KEYS[4], id)
        if alive then
            tidy()
            return {state = 'claim', id = id, ticket = ticket, channel = channel}
        end
        id = redis.call('LPOP', KEYS[3])
    end
    tidy()
end

-- The free lock is this waiter's for as long as it takes to come and get it.
local function call_in(waiter)
    redis.call('SET', KEYS[1], 'claim 0 ' .. waiter.id .. ' ' .. waiter.ticket .. ' ', 'PX',
        CLAIM_MS)
    redis.call('PUBLISH', waiter.channel, waiter.ticket .. ' ' .. KEYS[1])
end

-- To be called by whoever finds or leaves the lock free.
local function pass_on()
    local waiter = next_living()
    if waiter then
        call_in(waiter)
    end
end

local function keep_queue()
    redis.call('PEXPIRE', KEYS[3], QUEUE_KEPT_MS)
    redis.call('PEXPIRE', KEYS[4], QUEUE_KEPT_MS)
end

