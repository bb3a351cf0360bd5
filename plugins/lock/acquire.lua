-- Takes a lock, or a place in its queue.
--
-- KEYS     see common.lua
-- ARGV[1]  lockId
-- ARGV[2]  ticket: who asks this time, so that only what this call brought can be taken back
-- ARGV[3]  ttl in ms
-- ARGV[4]  owner, or ""
-- ARGV[5]  1: to wait in the queue; 0: not to, and a place that this ticket has there is given up
-- ARGV[6]  the channel on which a waiter is called
-- ARGV[7]  how long, in ms, its worker counts as living from now on
-- ARGV[8]  the most that may wait
--
-- Returns {"granted", lockId, fence, expires at (ms), owner}
--         {"kept", ...}: the same, for a lockId that has the lock by another ticket; nothing is
--         prolonged, and the lock is this ticket's from now on
--         {"queued", lockId, ms until the lock can be another's}
--         {"held", ...}, {"full", ...}: the same, without a place in the queue

-- @include common.lua

local id, ticket, ttl, owner = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]
local wants_place, channel = ARGV[5] == '1', ARGV[6]
local lives, most = tonumber(ARGV[7]), tonumber(ARGV[8])
local FENCE_KEPT_MS = 86400000
if not ttl or ttl < 1 or not lives or not most or not string.find(id .. ticket, '^%S+$') then
    return redis.error_reply('ERR acquire needs an id, a ticket and a ttl of at least 1')
end

local function grant()
    local last = tonumber(redis.call('GET', KEYS[2]) or 0)
    local fence = whole(math.max(last + 1, now_us))
    remove(id)
    redis.call('SET', KEYS[2], fence, 'PX', whole(ttl + FENCE_KEPT_MS))
    redis.call('SET', KEYS[1], table.concat({'held', fence, id, ticket, owner}, ' '), 'PX',
        whole(ttl))
    return {'granted', id, fence, expires_at(), owner}
end

-- Those whose gateways have died since they came keep nobody out.
local function is_full()
    if redis.call('LLEN', KEYS[3]) < most then
        return false
    end
    local waiting, dead = redis.call('HGETALL', KEYS[4]), {}
    for i = 1, #waiting, 2 do
        local field, value = waiting[i], waiting[i + 1]
        if string.sub(field, 1, 1) == ':' and tonumber(value) <= now_ms then
            dead[string.sub(field, 2)] = true
        end
    end
    for i = 1, #waiting, 2 do
        local where = string.match(waiting[i + 1], '^%S+ (%S+)$')
        if where and dead[where] then
            remove(waiting[i])
        end
    end
    return redis.call('LLEN', KEYS[3]) >= most
end

local function enqueue()
    if not entry_of(id) then
        if is_full() then
            return 'full'
        end
        redis.call('RPUSH', KEYS[3], id)
    end
    redis.call('HSET', KEYS[4], id, ticket .. ' ' .. channel, ':' .. channel,
        whole(now_ms + lives))
    keep_queue()
    return 'queued'
end

local has = holder()
if has and has.state == 'held' and has.id == id then
    remove(id)
    redis.call('SET', KEYS[1],
        table.concat({'held', has.fence, id, ticket, has.owner}, ' '), 'KEEPTTL')
    local status = has.ticket == ticket and 'granted' or 'kept'
    return {status, id, has.fence, expires_at(), has.owner}
end
if not has then
    has = next_living()
    if has and has.id ~= id then
        call_in(has)
    end
end
if not has or has.id == id then
    return grant()
end

local status = 'held'
if wants_place then
    status = enqueue()
elseif entry_of(id) == ticket then
    remove(id)
end
return {status, id, left()}
