-- Notes that a key was used, unless it is gone since.
--
-- KEYS[1]  apiKey:<sha256>
-- KEYS[2]  client:<id>:used
-- ARGV[1]  the id of the key
--
-- Returns 1, or 0 with nothing written: there is no such key any more, or another worker noted it
-- within this minute.

-- @include common.lua

local now, last = now_ms(), tonumber(redis.call('HGET', KEYS[2], ARGV[1]) or 0)
if redis.call('EXISTS', KEYS[1]) == 0 or now - last < 60000 then
    return 0
end
redis.call('HSET', KEYS[2], ARGV[1], whole(now))
return 1
