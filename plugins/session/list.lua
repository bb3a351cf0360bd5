-- A page of a user's sessions, those that end first at first. Dead ones that the index still holds
-- leave it here, so no page shows one.
--
-- KEYS[1]  user:<space>:<user>
-- ARGV[1]  what stands before the hash in a session's name: redis.prefix and "session:"
-- ARGV[2]  the end, in ms since 1970, from which on to list
-- ARGV[3]  how many of those with exactly that end to leave out
-- ARGV[4]  how many to list
-- ARGV[5]  sha256 of the id of the session that asks, or ''
-- ARGV[6]  idle lifetime, ms
-- ARGV[7]  absolute lifetime, ms
--
-- Returns {{end, current: 1 or 0, address, device, created, seen} ...}; one more than asked for
-- says that there are more.

-- @include common.lua

local index, idle, absolute = KEYS[1], tonumber(ARGV[6]), tonumber(ARGV[7])
local now = now_ms()

-- One session's row, or nil when it is dead.
local function row_of(hash, ends)
    local key = ARGV[1] .. hash
    local address, device, created, seen =
        unpack(redis.call('HMGET', key, 'address', 'device', 'created', 'seen'))
    if not created or now >= ends_at(tonumber(created), tonumber(seen), idle, absolute) then
        destroy(key, index, hash)
        return nil
    end
    return {ends, hash == ARGV[5] and '1' or '0', address, device, created, seen}
end

redis.call('ZREMRANGEBYSCORE', index, '-inf', whole(now))
while true do
    local rows, dead = {}, false
    local found = redis.call('ZRANGEBYSCORE', index, ARGV[2], '+inf', 'WITHSCORES', 'LIMIT',
        ARGV[3], tonumber(ARGV[4]) + 1)
    for i = 1, #found, 2 do
        local row = row_of(found[i], found[i + 1])
        dead = dead or not row
        table.insert(rows, row)
    end
    if not dead then
        return rows
    end
end
