-- Adds lines to the log of a job that runs; the last hundred are kept.
--
-- KEYS, ARGV[1..3]  see common.lua
-- ARGV[4]     id
-- ARGV[5]     epoch
-- ARGV...     lines
--
-- Returns 1, or 0 where the lease was no longer the caller's and nothing was done.

-- @include common.lua

local LINES_MAX = 100
local log = key_of(ARGV[4]) .. ':log'

if not redis.call('ZSCORE', leases, ARGV[4] .. ':' .. ARGV[5]) then
    return 0
end
for i = 6, #ARGV do
    redis.call('RPUSH', log, now_text .. ' ' .. ARGV[i])
end
redis.call('HSET', key_of(ARGV[4]), 'logged', 1)
redis.call('LTRIM', log, -LINES_MAX, -1)
return 1
