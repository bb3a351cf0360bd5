-- Says that the worker which listens on a channel is alive, for all of its waiters, and passes the
-- lock on if it is free: how a queue moves on when a holder has died.
--
-- KEYS     see common.lua
-- ARGV[1]  the channel
-- ARGV[2]  how long, in ms, its worker counts as living from now on
--
-- Returns {ms until the lock can be another's, how many wait}. Nobody waits: the queue was lost, and
-- who thinks to be in it should ask again.

-- @include common.lua

local channel, lives = ARGV[1], tonumber(ARGV[2])
if not lives then
    return redis.error_reply('ERR tend needs to know for how long')
end
if redis.call('EXISTS', KEYS[3]) == 0 then
    return {left(), 0}
end
redis.call('HSET', KEYS[4], ':' .. channel, whole(now_ms + lives))
keep_queue()
local waiting = redis.call('LLEN', KEYS[3])
if not holder() then
    pass_on()
end
return {left(), waiting}
