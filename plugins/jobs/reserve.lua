-- Hands out jobs, each with a lease; before that, takes back what is due and what was lost, and, at
-- the caller's wish, ends of jobs that it had before.
--
-- KEYS, ARGV[1..3]  see common.lua
-- ARGV[4]     how many jobs at most
-- ARGV[5]     how long a lease lasts, ms
-- ARGV[6]     how often a job's lease may run out before it is dead
-- ARGV[7]     '' for this gateway's own handlers; of a remote worker the secret of its leases
-- ARGV[8]     who asks: a client's id, '' for an admin and for this gateway
-- ARGV[9]     1 for a client that made itself, else 0
-- ARGV...     completions: see complete_all
--
-- Returns {now, when the next delayed job is due or -1, when the next lease ends or -1, how many are
-- ready still, 1 when the queue is paused else 0, jobs, completions}: times in ms; for each job {id,
-- epoch, type, payload, space, client, attempt, backoff, timeout, retention, created, logged}; for each completion 1, or 0 where the lease was no longer the caller's. Returns 'forbidden'
-- to a client that may not work on this queue.

-- @include common.lua

local PROMOTED_MAX = 100
local RECLAIMED_MAX = 50
local LOOKED_AT_MAX = 200

local most, lease, secret = tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[7]
local paused, workers = unpack(redis.call('HMGET', meta, 'paused', 'workers'))

local function promote()
    local due = redis.call('ZRANGEBYSCORE', delayed, '-inf', now_text, 'LIMIT', 0, PROMOTED_MAX)
    for _, id in ipairs(due) do
        local state, priority = unpack(redis.call('HMGET', key_of(id), 'state', 'priority'))
        redis.call('ZREM', delayed, id)
        if state == 'delayed' or state == 'retrying' then
            redis.call('HSET', key_of(id), 'state', 'queued')
            make_ready(id, tonumber(priority), false)
        end
    end
end

-- Nobody renewed the lease: whoever had the job has died, or is cut off.
local function reclaim_one(member)
    local id, epoch = string.match(member, '^([^:]+):(%d+)')
    redis.call('ZREM', leases, member)
    local state, current, lost, priority, cancelling, errors, attempt, retention = unpack(redis.call(
        'HMGET', key_of(id), 'state', 'epoch', 'lost', 'priority', 'cancelling', 'errors', 'attempt',
        'retention'))
    if state ~= 'active' or current ~= epoch then
        return
    end
    lost = lost or 0
    redis.call('HSET', key_of(id), 'lost', lost + 1, 'error', 'its worker was lost', 'errors',
        with_error(errors, attempt, 'lost', 'its worker was lost'))
    if cancelling then
        call_off(id, tonumber(retention))
    elseif lost + 1 > tonumber(ARGV[6]) then
        bury(id)
    else
        redis.call('HSET', key_of(id), 'state', 'queued')
        make_ready(id, tonumber(priority), true)
    end
end

local function reclaim()
    local ended = redis.call('ZRANGEBYSCORE', leases, '-inf', now_text, 'LIMIT', 0, RECLAIMED_MAX)
    for _, member in ipairs(ended) do
        reclaim_one(member)
    end
end

-- Up to `count` ids in the order in which they are to run.
local function pop(count)
    local ids = {}
    if redis.call('ZCARD', prio) > 0 then
        ids = redis.call('ZRANGEBYSCORE', prio, '-inf', '(0', 'LIMIT', 0, count)
        if #ids > 0 then
            redis.call('ZREM', prio, unpack(ids))
        end
    end
    if #ids < count then
        for _, id in ipairs(redis.call('RPOP', ready, count - #ids) or {}) do
            table.insert(ids, id)
        end
    end
    if #ids < count then
        local rest = redis.call('ZPOPMIN', prio, count - #ids)
        for i = 1, #rest, 2 do
            table.insert(ids, rest[i])
        end
    end
    return ids
end

local taken = {} -- score, member, ...

-- nil for a job that was cancelled or deleted while it waited.
local function hand_out(id, ends)
    local key = key_of(id)
    local job = redis.call('HMGET', key, 'state', 'epoch', 'type', 'payload', 'space', 'client',
        'attempt', 'backoff', 'timeout', 'retention', 'created', 'logged')
    if job[1] ~= 'queued' then
        return nil
    end
    local epoch, attempt = whole((job[2] or 0) + 1), whole((job[7] or 0) + 1)
    redis.call('HSET', key, 'state', 'active', 'epoch', epoch, 'attempt', attempt, 'started',
        now_text)
    table.insert(taken, ends)
    table.insert(taken, id .. ':' .. epoch .. (secret ~= '' and ':' .. secret or ''))
    job[1], job[2], job[7] = id, epoch, attempt
    return job
end

local function take()
    local jobs, looked_at, ends = {}, 0, whole(now + lease)
    while #jobs < most and looked_at < LOOKED_AT_MAX do
        local ids = pop(most - #jobs)
        for _, id in ipairs(ids) do
            table.insert(jobs, hand_out(id, ends))
        end
        if #ids == 0 then
            break
        end
        looked_at = looked_at + #ids
    end
    if #taken > 0 then
        redis.call('ZADD', leases, unpack(taken))
    end
    return jobs
end

local function first_of(zset)
    return redis.call('ZRANGE', zset, 0, 0, 'WITHSCORES')[2] or '-1'
end

if not is_named(workers, ARGV[8], ARGV[9] == '1') then
    return 'forbidden'
end
local completions = complete_all(10)
promote()
reclaim()
local is_paused = paused == '1'
local jobs = is_paused and {} or take()
local left = count_ready()
if secret ~= '' and #jobs == 0 then
    redis.call('HSET', meta, 'polled', now_text)
end
if left > 0 and not is_paused then -- also behind nothing but cancelled ones
    put_marker()
end
return {now_text, first_of(delayed), first_of(leases), left, is_paused and 1 or 0, jobs, completions}
