-- Looks users up.
--
-- ARGV[3..]  user ids
--
-- Returns {members of the board, then for each user {score, subscore code, rank, how many rank
-- strictly below} or nil}.

-- @include common.lua

local found = {redis.call('ZCARD', zset)}
for i = 3, #ARGV do
    local member = member_of(ARGV[i])
    local score = member and redis.call('ZSCORE', zset, member)
    found[i - 1] = score and
        {score, subscore_of(member), rank_of(member, score), count_below(member, score)}
end
return found
