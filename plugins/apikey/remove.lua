-- Deletes a client and revokes all its keys.
--
-- KEYS[1]  client:<id>:meta
-- KEYS[2]  client:<id>:apiKeys
-- KEYS[3]  client:<id>:used
-- KEYS[4]  clients
-- ARGV[1]  what stands before the hash in a key's name: redis.prefix and "apiKey:"
-- ARGV[2]  the client's id
--
-- Returns 1, or the word client_not_found. About names of keys see make.lua.
--
-- It stays among those who lived in its space: what it left there must not fall to whoever
-- registers under its name next.

-- @include common.lua

if redis.call('EXISTS', KEYS[1], KEYS[2]) == 0 then
    return 'client_not_found'
end
for _, hash in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do
    redis.call('DEL', ARGV[1] .. hash)
end
redis.call('DEL', KEYS[1], KEYS[2], KEYS[3])
redis.call('ZREM', KEYS[4], ARGV[2])
return 1
