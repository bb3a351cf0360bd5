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

local algorithm, capacity, amount, per, shadow = {}, {}, {}, {}, {}
local level, previous, at, changed = {}, {}, {}, {}

-- The bucket as it is now.
local function read(i, value)
    local p = (policy_of[i] - 1) * 5
    algorithm[i], capacity[i], amount[i], per[i] =
        policies[p + 1], policies[p + 2], policies[p + 3], policies[p + 4]
    shadow[i] = policies[p + 5] == 1
    local full = capacity[i] * per[i]
    if algorithm[i] == TOKEN_BUCKET then
        local s, t = match(value or '', '^(%d+) (%d+)$')
        s, t = min(full, tonumber(s) or full), tonumber(t) or now
        if t <= now then
            s = now - t >= ceil((full - s) / amount[i]) and full or s + (now - t) * amount[i]
            t = now
        elseif t - now > ceil(full / amount[i]) then
            t = now
        end
        level[i], at[i] = s, t
    elseif algorithm[i] == GCRA then
        local tat, part = match(value or '', '^(%d+) (%d+)$')
        local debt = tat and (tat - now) * amount[i] + part or 0
        level[i], at[i] = full - max(0, min(full, debt)), now
    else
        local window = now - now % per[i]
        local used, before, t = match(value or '', '^(%d+) ?(%d*) (%d+)$')
        used, before, t = tonumber(used) or 0, tonumber(before) or 0, tonumber(t) or window
        if t == window - per[i] then
            used, before, t = 0, used, window
        elseif t < window or t - window > per[i] then
            used, before, t = 0, 0, window
        end
        level[i], previous[i], at[i] = used, before, t
    end
end

-- How many tokens there are, scaled so that it is exact; and how much one is.
local function room(i)
    if algorithm[i] == FIXED_WINDOW then
        return capacity[i] - level[i], 1
    elseif algorithm[i] == SLIDING_WINDOW then
        local left = at[i] + per[i] - max(now, at[i])
        return (capacity[i] - level[i]) * per[i] - previous[i] * left, per[i]
    end
    return level[i], per[i]
end

local function afford(i, cost)
    local there, unit = room(i)
    return max(0, floor(there / (cost * unit)))
end

local function spend(i, tokens)
    if tokens == 0 then
        return
    end
    changed[i] = true
    if algorithm[i] == FIXED_WINDOW or algorithm[i] == SLIDING_WINDOW then
        level[i] = max(0, level[i] + tokens)
    else
        level[i] = min(capacity[i] * per[i], level[i] - tokens * per[i])
    end
end

-- Every key ends when its bucket is full again. A test's clock does not move Redis's: there they
-- stay.
local function write(i)
    local value, full_in
    if algorithm[i] == FIXED_WINDOW then
        value, full_in = format('%.0f %.0f', level[i], at[i]), at[i] + per[i] - now
    elseif algorithm[i] == SLIDING_WINDOW then
        value = format('%.0f %.0f %.0f', level[i], previous[i], at[i])
        full_in = at[i] + 2 * per[i] - now
    else
        local debt = capacity[i] * per[i] - level[i]
        full_in = ceil(debt / amount[i]) + at[i] - now
        if algorithm[i] == GCRA then
            local ms = floor(debt / amount[i])
            value = format('%.0f %.0f', now + ms, debt - ms * amount[i])
        else
            value = format('%.0f %.0f', level[i], at[i])
        end
    end
    full_in = max(1, full_in)
    if ARGV[2] then
        full_in = full_in + 3600000
    end
    redis.call('SET', KEYS[i], value, 'PX', format('%.0f', full_in))
end

local values = redis.call('MGET', unpack(KEYS))
for i = 1, #KEYS do
    read(i, values[i])
end

for r = 1, #returns, 3 do
    local i = returns[r]
    local there = afford(i, 1)
    spend(i, min(there, max(0, there - returns[r + 1]) + returns[r + 2]))
end

local seen = {now}
for i = 1, #KEYS do
    seen[#seen + 1] = level[i]
    seen[#seen + 1] = at[i] - now
    if algorithm[i] == SLIDING_WINDOW then
        seen[#seen + 1] = previous[i]
    end
end

local r = 1
while runs[r] do
    local allowed, last = runs[r], r + 2 * runs[r + 1]
    for b = r + 2, last, 2 do
        local i, cost = runs[b], runs[b + 1]
        if cost > 0 and not shadow[i] then
            allowed = min(allowed, afford(i, cost))
        end
    end
    for b = r + 2, last, 2 do
        local i, cost = runs[b], runs[b + 1]
        local taken = allowed
        if cost > 0 and shadow[i] then
            taken = min(allowed, afford(i, cost))
        end
        spend(i, taken * cost)
    end
    r = last + 2
end

for i = 1, #KEYS do
    if changed[i] then
        write(i)
    end
end
return seen
