-- What the scripts about one period of a board share; it stands before the rest of each.
--
-- KEYS[1]     board:<b>, the board's definition
-- KEYS[2..5]  of one period: its zset, its users, its distinct groups, their counts
-- ARGV[1]     the id that the caller's copy of the definition has
-- ARGV[2]     three letters: order d|a, ties e|c|n|l (earliest, competition, dense, lexical),
--             subscore s|-
--
-- Answers the status "gone" where there is no such board and "stale" where it is another by now:
-- nothing was read or written, and the caller looks the definition up again.
--
-- A member is <subscore code><sequence code><user id>; the codes are there where the board needs
-- them, have a fixed length, and are chosen so that the zset's own order among equal scores is the
-- board's. `users` knows each user's codes. Scores stay what they were submitted as, to the bit.

local definition = redis.call('GET', KEYS[1])
if not definition then
    return redis.status_reply('gone')
end
if not string.find(definition, '"id":"' .. ARGV[1] .. '"', 1, true) then
    return redis.status_reply('stale')
end

local descending = string.sub(ARGV[2], 1, 1) == 'd'
local ties = string.sub(ARGV[2], 2, 2)
local has_subscore = string.sub(ARGV[2], 3, 3) == 's'
local subscore_length = has_subscore and 16 or 0
local codes_length = subscore_length + (ties == 'e' and 14 or 0)

local zset, users, distinct, counts = KEYS[2], KEYS[3], KEYS[4], KEYS[5]

local function member_of(user)
    if codes_length == 0 then
        return user
    end
    local codes = redis.call('HGET', users, user)
    return codes and codes .. user
end

local function user_of(member)
    return string.sub(member, codes_length + 1)
end

local function subscore_of(member)
    return string.sub(member, 1, subscore_length)
end

-- Equal entries are one group: their name sorts as they do. A score is written here by our own
-- format: Redis's differs between its versions.
local function group_of(member, score)
    return subscore_of(member) .. '|' .. string.format('%.17g', score)
end

local function index_of(member)
    return redis.call(descending and 'ZREVRANK' or 'ZRANK', zset, member)
end

local function range(from, to, ...)
    return redis.call(descending and 'ZREVRANGE' or 'ZRANGE', zset, from, to, ...)
end

local function is_better(code, than)
    if descending then
        return code > than
    end
    return code < than
end

-- How many entries are strictly better than this one; with `or_equal`, better or equal. Without a
-- subscore ZCOUNT knows; with one, the run of equal scores is searched by halves.
local function count_better(member, score, or_equal)
    local better = descending and redis.call('ZCOUNT', zset, '(' .. score, '+inf') or
        redis.call('ZCOUNT', zset, '-inf', '(' .. score)
    local equal = redis.call('ZCOUNT', zset, score, score)
    if not has_subscore then
        return or_equal and better + equal or better
    end
    local code = subscore_of(member)
    local low, high = better, better + equal
    while low < high do
        local middle = math.floor((low + high) / 2)
        local other = subscore_of(range(middle, middle)[1])
        if is_better(other, code) or (or_equal and other == code) then
            low = middle + 1
        else
            high = middle
        end
    end
    return low
end

local function rank_of(member, score)
    if ties == 'c' then
        return count_better(member, score, false) + 1
    end
    if ties == 'n' then
        return redis.call(descending and 'ZREVRANK' or 'ZRANK', distinct, group_of(member, score)) + 1
    end
    return index_of(member) + 1
end

-- How many entries rank strictly below.
local function count_below(member, score)
    local total = redis.call('ZCARD', zset)
    if ties == 'c' or ties == 'n' then
        return total - count_better(member, score, true)
    end
    return total - index_of(member) - 1
end

local function leave_group(member, score)
    if ties ~= 'n' then
        return
    end
    local group = group_of(member, score)
    if redis.call('HINCRBY', counts, group, -1) == 0 then
        redis.call('HDEL', counts, group)
        redis.call('ZREM', distinct, group)
    end
end

local function join_group(member, score)
    if ties ~= 'n' then
        return
    end
    local group = group_of(member, score)
    if redis.call('HINCRBY', counts, group, 1) == 1 then
        redis.call('ZADD', distinct, score, group)
    end
end
