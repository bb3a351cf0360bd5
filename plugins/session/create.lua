-- Makes a session.
--
-- KEYS[1]  session:<sha256 of its id>
-- KEYS[2]  user:<space>:<user>
-- ARGV[1]  sha256 of the id, in hex
-- ARGV[2]  idle lifetime, ms
-- ARGV[3]  absolute lifetime, ms
-- ARGV[4]  how many sessions a user may have
-- ARGV[5]  how much its data may take, see size_of
-- ARGV[6]  space
-- ARGV[7]  user
-- ARGV[8]  public id
-- ARGV[9]  address of whoever makes it
-- ARGV[10] his device
-- ARGV...  the members of its data, each as name, JSON text; an empty text keeps the name for keys
--
-- Returns {'ok', what describe gives}, or, with nothing written, a word alone: {'id_taken'},
-- {'too_many_sessions'}, {'data_too_large'}.

-- @include common.lua

local key, index = KEYS[1], KEYS[2]
local idle, absolute = tonumber(ARGV[2]), tonumber(ARGV[3])
local now = now_ms()

if redis.call('EXISTS', key) == 1 then
    return {'id_taken'}
end
redis.call('ZREMRANGEBYSCORE', index, '-inf', whole(now))
if redis.call('ZCARD', index) >= tonumber(ARGV[4]) then
    return {'too_many_sessions'}
end
local bytes = 0
for i = 11, #ARGV, 2 do
    bytes = bytes + size_of(ARGV[i], ARGV[i + 1])
end
if bytes > tonumber(ARGV[5]) then
    return {'data_too_large'}
end

redis.call('HSET', key, 'space', ARGV[6], 'user', ARGV[7], 'id', ARGV[8], 'created', whole(now),
    'seen', whole(now), 'used', '0', 'address', ARGV[9], 'device', ARGV[10], 'version', '1',
    'bytes', whole(bytes))
for i = 11, #ARGV, 2 do
    redis.call('HSET', key, 'k:' .. ARGV[i], ARGV[i + 1])
end
keep_until(key, index, ARGV[1], ends_at(now, now, idle, absolute))
return {'ok', describe_key(key, idle, absolute, true)}
