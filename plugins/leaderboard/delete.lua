-- Deletes a board with all its periods, or nothing: no later board of this name finds old entries.
--
-- KEYS[1]   board:<b>
-- KEYS[2]   boards
-- KEYS[3]   leaderboard:<b>:periods
-- KEYS[4..] the data keys of all its periods
-- ARGV[1]   the id that the caller's copy of the definition has
-- ARGV[2]   the name
-- ARGV[3]   how many periods the caller knows
--
-- Returns 1; or the status "gone" where there is no such board, "stale" where it is another by now
-- or has another period: then nothing was done. UNLINK frees large sets in a thread of Redis's own.

local definition = redis.call('GET', KEYS[1])
if not definition then
    return redis.status_reply('gone')
end
if not string.find(definition, '"id":"' .. ARGV[1] .. '"', 1, true) or
    redis.call('ZCARD', KEYS[3]) ~= tonumber(ARGV[3]) then
    return redis.status_reply('stale')
end
redis.call('DEL', KEYS[1])
redis.call('ZREM', KEYS[2], ARGV[2])
for i = 3, #KEYS do
    redis.call('UNLINK', KEYS[i])
end
return 1
