-- Reads a run of entries.
--
-- ARGV[3]  "" for positions, or the user id around whom to read
-- ARGV[4]  the first position, from 0; or how many entries on each side of the user
-- ARGV[5]  the last position; not used around a user
--
-- Returns {members of the board, then user id, score, subscore code, rank; again and again}, or nil
-- where the user has no score.

-- @include common.lua

local first, last = tonumber(ARGV[4]), tonumber(ARGV[5])
if ARGV[3] ~= '' then
    local member = member_of(ARGV[3])
    local at = member and index_of(member)
    if not at then
        return false
    end
    first, last = math.max(0, at - tonumber(ARGV[4])), at + tonumber(ARGV[4])
end

local rows = range(first, last, 'WITHSCORES')
local answer = {redis.call('ZCARD', zset)}
local rank, group
for i = 1, #rows, 2 do
    local member, score = rows[i], rows[i + 1]
    local its_group = group_of(member, score)
    if not rank then
        rank = rank_of(member, score)
    elseif ties == 'n' then
        rank = its_group == group and rank or rank + 1
    elseif ties ~= 'c' or its_group ~= group then
        rank = first + (i + 1) / 2
    end
    group = its_group
    for _, value in ipairs({user_of(member), score, subscore_of(member), rank}) do
        answer[#answer + 1] = value
    end
end
return answer
