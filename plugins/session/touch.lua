-- Looks a session up, and renews it: both in one call. A renewal is written at the first use and
-- then at most once per tenth of the idle lifetime, so most uses of a session only read.
--
-- KEYS[1]  session:<sha256 of its id>
-- ARGV[1]  sha256 of the id, in hex
-- ARGV[2]  idle lifetime, ms
-- ARGV[3]  absolute lifetime, ms
-- ARGV[4]  what stands before a user's index: redis.prefix and "user:"
-- ARGV[5]  1: with its data
-- ARGV[6]  address of whoever uses it; '': a client did in the user's name, which is not noted
-- ARGV[7]  his device
--
-- Returns what describe gives, or nil: there is no such session, or it is over by these lifetimes.
--
-- The index's name is made here, from what the session holds: only the id is known before. This is
-- the standalone form; on a Cluster the index would be written by a call of its own.

-- @include common.lua

local key = KEYS[1]
local idle, absolute = tonumber(ARGV[2]), tonumber(ARGV[3])

local session = read(key, ARGV[5] == '1')
if not session then
    return false
end
local index = ARGV[4] .. session.space .. ':' .. session.user
local created, seen, now = tonumber(session.created), tonumber(session.seen), now_ms()
if now >= ends_at(created, seen, idle, absolute) then
    destroy(key, index, ARGV[1])
    return false
end

local by_user = ARGV[6] ~= ''
if (by_user and session.used == '0') or now - seen >= idle / 10 then
    session.seen = whole(now)
    redis.call('HSET', key, 'seen', session.seen)
    if by_user then
        redis.call('HSET', key, 'used', '1', 'address', ARGV[6], 'device', ARGV[7])
    end
    keep_until(key, index, ARGV[1], ends_at(created, now, idle, absolute))
end
return describe(session, idle, absolute)
