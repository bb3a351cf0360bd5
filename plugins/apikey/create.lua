-- Makes a client with its first key, unless its id is taken.
--
-- KEYS[1]  client:<id>:meta
-- KEYS[2]  client:<id>:apiKeys
-- KEYS[3]  apiKey:<sha256>
-- ARGV[1]  the client's id, which is its space as well
-- ARGV[2]  SHA-256 of the key, in hex
-- ARGV[3]  the client's name
-- ARGV[4]  who made it: "admin", or "self" when registration is open
--
-- Returns 1, or 0 when the id is taken; nothing is written then.

local id, hash, name, origin = ARGV[1], ARGV[2], ARGV[3], ARGV[4]

if redis.call('EXISTS', KEYS[1], KEYS[2]) > 0 then
    return 0
end

local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
local entry = {client = id, space = id, scopes = '', line = '', seq = 1, createdAt = now}

redis.call('HSET', KEYS[1], 'name', name, 'createdAt', now, 'space', id, 'origin', origin,
    'seq', '1')
redis.call('ZADD', KEYS[2], '1', hash)
redis.call('SET', KEYS[3], cjson.encode(entry))
return 1
