-- Takes back a client that was made a moment ago and whose key nobody received.
--
-- KEYS[1]  client:<id>:meta
-- KEYS[2]  client:<id>:apiKeys
-- KEYS[3]  apiKey:<sha256> of its first key
-- KEYS[4]  clients
-- KEYS[5]  space:<id>
-- ARGV[1]  the client's id
--
-- Returns 1, or 0 when the client has been given another key since, or is gone; nothing is written
-- then. An admin's client may have lived in its space before; one that registered itself has not.

-- @include common.lua

if redis.call('HGET', KEYS[1], 'seq') ~= '1' or redis.call('EXISTS', KEYS[3]) == 0 then
    return 0
end

if redis.call('HGET', KEYS[1], 'origin') == 'self' then
    redis.call('SREM', KEYS[5], ARGV[1])
end
redis.call('ZREM', KEYS[4], ARGV[1])
redis.call('DEL', KEYS[1], KEYS[2], KEYS[3])
return 1
