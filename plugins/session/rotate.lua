-- Gives a session a new id; the old one dies with it.
--
-- KEYS[1]  session:<sha256 of the old id>
-- KEYS[2]  session:<sha256 of the new id>
-- KEYS[3]  user:<space>:<user>
-- ARGV[1]  sha256 of the old id, in hex
-- ARGV[2]  sha256 of the new id
-- ARGV[3]  idle lifetime, ms
-- ARGV[4]  absolute lifetime, ms
--
-- Returns nil when there is no such session or it is over; {'ok', what describe gives}; or
-- {'id_taken'}.

-- @include common.lua

local idle, absolute = tonumber(ARGV[3]), tonumber(ARGV[4])

local created, seen = unpack(redis.call('HMGET', KEYS[1], 'created', 'seen'))
if not created then
    return false
end
local ends = ends_at(tonumber(created), tonumber(seen), idle, absolute)
if now_ms() >= ends then
    destroy(KEYS[1], KEYS[3], ARGV[1])
    return false
end
if redis.call('EXISTS', KEYS[2]) == 1 then
    return {'id_taken'}
end
redis.call('RENAME', KEYS[1], KEYS[2])
redis.call('ZREM', KEYS[3], ARGV[1])
keep_until(KEYS[2], KEYS[3], ARGV[2], ends)
local session = describe_key(KEYS[2], idle, absolute, true)
return session and {'ok', session}
