-- Takes scores: one entry after the other, each as if it were alone.
--
-- KEYS[6..9]   the next period's zset, users, distinct groups, counts
-- KEYS[10]     leaderboard:<b>:periods
-- ARGV[3]      operator b|l|s|m|x (best, last, sum, min, max)
-- ARGV[4]      when the next period begins, server time in ms; empty: never
-- ARGV[5]      the time in ms, for tests; empty: Redis's own
-- ARGV[6..8]   this period's name, start in ms, and when its keys expire in ms (empty: never)
-- ARGV[9..11]  the same of the next period
-- ARGV[12]     how long names of periods are kept behind a new one's start, in ms
-- ARGV[13..]   user id, score, subscore code; again and again
--
-- Returns for each entry {1, score, rank, old rank or nil, 1 if it was changed else 0}, or
-- {0} where the sum is not finite and nothing was done.
--
-- A key that Redis drops because its last element goes has lost its expiry when it comes back: so
-- what is new is written first, and what is old taken away then.

-- @include common.lua

local operator = ARGV[3]
local name, start, expiry = ARGV[6], ARGV[7], ARGV[8]
local now = tonumber(ARGV[5])
if not now then
    local time = redis.call('TIME')
    now = time[1] * 1000 + math.floor(time[2] / 1000)
end
if ARGV[4] ~= '' and now >= tonumber(ARGV[4]) then
    zset, users, distinct, counts = KEYS[6], KEYS[7], KEYS[8], KEYS[9]
    name, start, expiry = ARGV[9], ARGV[10], ARGV[11]
end
local is_new_period = redis.call('EXISTS', zset) == 0

local function is_better_entry(score, code, than_score, than_code)
    if score ~= than_score then
        return (score > than_score) == descending
    end
    return is_better(code, than_code)
end

-- What the operator makes of an entry that is there: score and subscore code, nil for no change.
local function combine(old, old_code, score, code)
    if operator == 's' then
        return old + score, code
    end
    if operator == 'l' or (operator == 'b' and is_better_entry(score, code, old, old_code)) or
        (operator == 'm' and score < old) or (operator == 'x' and score > old) then
        return score, code
    end
end

-- The sequence number's code: who came first stands first in the board's direction.
local function next_sequence()
    local sequence = redis.call('HINCRBY', users, ' seq', 1)
    return string.format('%014x', descending and 9007199254740991 - sequence or sequence)
end

local function put(user, score, code)
    local codes = code .. (ties == 'e' and next_sequence() or '')
    local member, text = codes .. user, string.format('%.17g', score)
    if codes_length > 0 then
        redis.call('HSET', users, user, codes)
    end
    redis.call('ZADD', zset, text, member)
    join_group(member, text)
    return member, text
end

local function submit(user, score, code)
    local member = member_of(user)
    local old = member and redis.call('ZSCORE', zset, member)
    if not old then
        local made, stored = put(user, score, code)
        return {1, stored, rank_of(made, stored), false, 1}
    end
    local old_rank = rank_of(member, old)
    local new_score, new_code = combine(tonumber(old), subscore_of(member), score, code)
    if new_score and (new_score ~= new_score or math.abs(new_score) == math.huge) then
        return {0}
    end
    if not new_score or (new_score == tonumber(old) and new_code == subscore_of(member)) then
        return {1, old, old_rank, old_rank, 0}
    end
    local made, stored = put(user, new_score, new_code)
    leave_group(member, old)
    if made ~= member then
        redis.call('ZREM', zset, member)
    end
    return {1, stored, rank_of(made, stored), old_rank, 1}
end

local results = {}
for i = 13, #ARGV, 3 do
    local score = tonumber(ARGV[i + 1]) + 0 -- which makes 0 of -0
    results[#results + 1] = submit(ARGV[i], score, ARGV[i + 2])
end

if is_new_period and redis.call('EXISTS', zset) == 1 then
    redis.call('ZADD', KEYS[10], start, name)
    if expiry ~= '' then
        redis.call('ZREMRANGEBYSCORE', KEYS[10], '-inf', string.format('%d', start - ARGV[12]))
        for _, key in ipairs({zset, users, distinct, counts}) do
            redis.call('PEXPIREAT', key, expiry)
        end
    end
end
return results
