-- Judges everybody who waits in one call: reads every bucket, takes from them in order, writes back
-- those that changed, once.
--
-- KEYS[i]  the i-th bucket
-- ARGV[1]  a JSON array of four flat arrays of integers:
--          policies  algorithm, capacity, amount, per (ms), shadow (0 or 1); the next policy's ...
--          buckets   the policy of each bucket, from 1
--          runs      count, buckets, then bucket, cost for each of them; the next run's ...
--                    A run is so many requests in a row that all want the same: each takes its
--                    cost from all of its buckets or, where one of them can't give it, from none.
--                    Shadow buckets give what they can and keep nobody away. A cost of 0 looks, a
--                    negative one gives back.
--          returns   bucket, most, owed ...: after an outage, tokens that a bucket can't have more
--                    than, and those that were spent without it
-- ARGV[2]  the time in ms; only tests give one, otherwise it is Redis's own
--
-- Returns a flat array: the time in ms; then for each bucket as it was before the first run: level,
-- at minus the time, and for a sliding window also previous. The caller counts on from there, with
-- the same integers.
--
-- A bucket, by algorithm; what is not there or can't be read is full:
--   0 token bucket    "level at"            level in tokens x per, at the time at
--   1 fixed window    "level at"            level tokens were taken in the window that began at
--   2 sliding window  "level previous at"   the same, and in the window before
--   3 GCRA            "tat part"            the time at which it is full, and amount-ths of a ms
-- All are exact: configure keeps capacity x per within 2^53.

local TOKEN_BUCKET, FIXED_WINDOW, SLIDING_WINDOW, GCRA = 0, 1, 2, 3
local floor, ceil, min, max = math.floor, math.ceil, math.min, math.max
local match, format = string.match, string.format

local call = cjson.decode(ARGV[1])
local policies, policy_of, runs, returns = call[1], call[2], call[3], call[4]
local now
if ARGV[2] then
    now = tonumber(ARGV[2])
else
    local time = redis.call('TIME')
    now = time[1] * 1000 + floor(time[2] / 1000)
end

-- The bucket as it is now.
local function read(policy, value)
    local p = (policy - 1) * 5
    local algorithm, capacity, amount, per =
        policies[p + 1], policies[p + 2], policies[p + 3], policies[p + 4]
    local full, level, at, previous = capacity * per, nil, now, 0
    if algorithm == TOKEN_BUCKET then
        local s, t = match(value or '', '^(%d+) (%d+)$')
        level, at = min(full, tonumber(s) or full), tonumber(t) or now
        if at <= now then
            local passed = now - at
            level = passed >= ceil((full - level) / amount) and full or level + passed * amount
            at = now
        elseif at - now > ceil(full / amount) then
            at = now
        end
    elseif algorithm == GCRA then
        local tat, part = match(value or '', '^(%d+) (%d+)$')
        local debt = tat and (tat - now) * amount + part or 0
        level = full - max(0, min(full, debt))
    else
        local window = now - now % per
        local used, before, t = match(value or '', '^(%d+) ?(%d*) (%d+)$')
        level, previous, at = tonumber(used) or 0, tonumber(before) or 0, tonumber(t) or window
        if at == window - per then
            level, previous, at = 0, level, window
        elseif at < window or at - window > per then
            level, previous, at = 0, 0, window
        end
    end
    return {algorithm = algorithm, capacity = capacity, amount = amount, per = per,
        shadow = policies[p + 5] == 1, level = level, previous = previous, at = at,
        changed = false}
end

-- How many tokens there are, scaled so that it is exact; and how much one is.
local function room(bucket)
    local per = bucket.per
    if bucket.algorithm == FIXED_WINDOW then
        return bucket.capacity - bucket.level, 1
    elseif bucket.algorithm == SLIDING_WINDOW then
        local left = bucket.at + per - max(now, bucket.at)
        return (bucket.capacity - bucket.level) * per - bucket.previous * left, per
    end
    return bucket.level, per
end

local function afford(bucket, cost)
    local there, unit = room(bucket)
    return max(0, floor(there / (cost * unit)))
end

local function spend(bucket, tokens)
    if tokens == 0 then
        return
    end
    bucket.changed = true
    if bucket.algorithm == FIXED_WINDOW or bucket.algorithm == SLIDING_WINDOW then
        bucket.level = max(0, bucket.level + tokens)
    else
        bucket.level = min(bucket.capacity * bucket.per, bucket.level - tokens * bucket.per)
    end
end

-- Every key ends when its bucket is full again. A test's clock does not move Redis's: there they
-- stay.
local function write(key, bucket)
    local level, at, per = bucket.level, bucket.at, bucket.per
    local value, full_in
    if bucket.algorithm == FIXED_WINDOW then
        value, full_in = format('%d %d', level, at), at + per - now
    elseif bucket.algorithm == SLIDING_WINDOW then
        value = format('%d %d %d', level, bucket.previous, at)
        full_in = at + 2 * per - now
    else
        local debt = bucket.capacity * per - level
        full_in = ceil(debt / bucket.amount) + at - now
        if bucket.algorithm == GCRA then
            local ms = floor(debt / bucket.amount)
            value = format('%d %d', now + ms, debt - ms * bucket.amount)
        else
            value = format('%d %d', level, at)
        end
    end
    full_in = max(1, full_in)
    if ARGV[2] then
        full_in = full_in + 3600000
    end
    redis.call('SET', key, value, 'PX', format('%d', full_in))
end

local buckets, values = {}, redis.call('MGET', unpack(KEYS))
for i = 1, #KEYS do
    buckets[i] = read(policy_of[i], values[i])
end

for r = 1, #returns, 3 do
    local bucket = buckets[returns[r]]
    local there = afford(bucket, 1)
    spend(bucket, min(there, max(0, there - returns[r + 1]) + returns[r + 2]))
end

local seen = {now}
for _, bucket in ipairs(buckets) do
    seen[#seen + 1] = bucket.level
    seen[#seen + 1] = bucket.at - now
    if bucket.algorithm == SLIDING_WINDOW then
        seen[#seen + 1] = bucket.previous
    end
end

local r = 1
while runs[r] do
    local allowed, last = runs[r], r + 2 * runs[r + 1]
    for b = r + 2, last, 2 do
        local bucket, cost = buckets[runs[b]], runs[b + 1]
        if cost > 0 and not bucket.shadow then
            allowed = min(allowed, afford(bucket, cost))
        end
    end
    for b = r + 2, last, 2 do
        local bucket, cost = buckets[runs[b]], runs[b + 1]
        local taken = allowed
        if cost > 0 and bucket.shadow then
            taken = min(allowed, afford(bucket, cost))
        end
        spend(bucket, taken * cost)
    end
    r = last + 2
end

for i, bucket in ipairs(buckets) do
    if bucket.changed then
        write(KEYS[i], bucket)
    end
end
return seen
