-- Revokes one key of a client.
--
-- KEYS[1]  client:<id>:meta
-- KEYS[2]  client:<id>:apiKeys
-- KEYS[3]  client:<id>:used
-- ARGV[1]  what stands before the hash in a key's name: redis.prefix and "apiKey:"
-- ARGV[2]  the id of the key
--
-- Returns 1, or a word: client_not_found, key_not_found. About names of keys see make.lua.

-- @include common.lua

if redis.call('EXISTS', KEYS[1]) == 0 then
    return 'client_not_found'
end
local found = 0
for _, hash in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], ARGV[2], ARGV[2])) do
    found = found + redis.call('DEL', ARGV[1] .. hash)
    forget(KEYS[2], KEYS[3], {hash = hash, seq = ARGV[2]})
end
return found > 0 and 1 or 'key_not_found'
