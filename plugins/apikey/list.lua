-- The keys of a client, oldest first.
--
-- KEYS[1]  client:<id>:meta
-- KEYS[2]  client:<id>:apiKeys
-- KEYS[3]  client:<id>:used
-- ARGV[1]  what stands before the hash in a key's name: redis.prefix and "apiKey:"
-- ARGV[2]  the client's id
--
-- Returns {{id, entry, end in ms or '', last use in ms or ''} ...}, or the word client_not_found.
-- About names of keys see make.lua.

-- @include common.lua

if redis.call('EXISTS', KEYS[1]) == 0 then
    return 'client_not_found'
end
local living = keys_of(KEYS[2], ARGV[1])
local rows = {}
for i = #living, 1, -1 do
    local key, entry = living[i], living[i].entry
    entry.seq = key.seq
    stamp(entry, ARGV[2], KEYS[1])
    local ends, used = end_of(key.name), redis.call('HGET', KEYS[3], whole(key.seq))
    table.insert(rows, {whole(key.seq), cjson.encode(entry), ends and whole(ends) or '', used or ''})
end
return rows
