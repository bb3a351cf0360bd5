-- Stores a board's definition, if nobody stored another one meanwhile.
--
-- KEYS[1]  board:<b>
-- KEYS[2]  boards
-- ARGV[1]  the name
-- ARGV[2]  the definition that was read before; empty: there was none
-- ARGV[3]  the new definition
-- ARGV[4]  how many boards there may be
--
-- Returns the status "stored"; "changed" where the stored definition is not the one that was read,
-- or "full", and then nothing was done.

local before = redis.call('GET', KEYS[1]) or ''
if before ~= ARGV[2] then
    return redis.status_reply('changed')
end
if before == '' and redis.call('ZCARD', KEYS[2]) >= tonumber(ARGV[4]) then
    return redis.status_reply('full')
end
redis.call('SET', KEYS[1], ARGV[3])
redis.call('ZADD', KEYS[2], 0, ARGV[1])
return redis.status_reply('stored')
