-- Changes members of a session's data, all or none.
--
-- KEYS[1]  session:<sha256 of its id>
-- ARGV[1]  the version it must have; '': any
-- ARGV[2]  1: with a key; 0: by the session alone
-- ARGV[3]  how much the data may take, see size_of
-- ARGV[4]  how many members it may have
-- ARGV[5]  idle lifetime, ms
-- ARGV[6]  absolute lifetime, ms
-- ARGV...  each member as three: name; '' or '=' and the JSON text it must have ('=' alone: none);
--          its new JSON text, '' to take it away
--
-- Returns nil when there is no such session; {'ok', what describe gives}; {'conflict', what describe
-- gives}, when a member is not what it must be; or a word alone: {'version_changed'},
-- {'read_only_field', name}, {'data_too_large'}. Only 'ok' has written.

-- @include common.lua

local key = KEYS[1]
local with_key = ARGV[2] == '1'
local idle, absolute = tonumber(ARGV[5]), tonumber(ARGV[6])

local version, before = unpack(redis.call('HMGET', key, 'version', 'bytes'))
if not version then
    return false
end
if ARGV[1] ~= '' and ARGV[1] ~= version then
    return {'version_changed'}
end

local bytes, members = tonumber(before), redis.call('HLEN', key) - FIXED
local count = members
for i = 7, #ARGV, 3 do
    local name, expected, text = ARGV[i], ARGV[i + 1], ARGV[i + 2]
    local kept, own = unpack(redis.call('HMGET', key, 'k:' .. name, 's:' .. name))
    local old = kept or own
    if kept and not with_key then
        return {'read_only_field', name}
    end
    if expected ~= '' and expected ~= '=' .. (old or '') then
        return {'conflict', describe_key(key, idle, absolute, true)}
    end
    if old then
        bytes, count = bytes - size_of(name, old), count - 1
    end
    if text ~= '' or with_key then
        bytes, count = bytes + size_of(name, text), count + 1
    end
end
if (bytes > tonumber(ARGV[3]) and bytes > tonumber(before))
    or (count > tonumber(ARGV[4]) and count > members) then
    return {'data_too_large'}
end

for i = 7, #ARGV, 3 do
    local name, text = ARGV[i], ARGV[i + 2]
    if with_key then
        redis.call('HDEL', key, 's:' .. name)
        redis.call('HSET', key, 'k:' .. name, text)
    elseif text == '' then
        redis.call('HDEL', key, 's:' .. name)
    else
        redis.call('HSET', key, 's:' .. name, text)
    end
end
if #ARGV > 6 then
    redis.call('HSET', key, 'bytes', whole(bytes))
    redis.call('HINCRBY', key, 'version', 1)
end
return {'ok', describe_key(key, idle, absolute, true)}
