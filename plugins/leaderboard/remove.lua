-- Takes a user off the board.
--
-- ARGV[3]  the user id
--
-- Returns 1, or 0 where the user had no score.

-- @include common.lua

local member = member_of(ARGV[3])
local score = member and redis.call('ZSCORE', zset, member)
if not score then
    return 0
end
leave_group(member, score)
redis.call('ZREM', zset, member)
redis.call('HDEL', users, ARGV[3])
return 1
