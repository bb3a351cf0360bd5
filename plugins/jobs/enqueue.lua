-- Takes jobs: one after the other, each as if it were alone.
--
-- KEYS, ARGV[1..3]  see common.lua
-- ARGV[4]     how many jobs may wait, if the queue says nothing else
-- ARGV...     each job as fourteen: id, digest ('' or of what was asked for, under an idempotency
--             key), type, payload, space, client ('' for an admin), 1 for a client that made itself
--             else 0, priority, retries, backoff, timeout in ms, retention in ms, delay in ms ('' for
--             none), time at which to run in ms ('' for none)
--
-- Returns for each 'created'; 'exists', for the same job again; 'differs', for another one under
-- its id; 'full'; or 'forbidden'. Only 'created' has written.

-- @include common.lua

local FIELDS = 14
local own_limit, writers = unpack(redis.call('HMGET', meta, 'limit', 'writers'))
local limit = tonumber(own_limit or ARGV[4])
local waiting = count_ready() + redis.call('ZCARD', delayed)
local created, is_due_sooner, is_ready = 0, false, false
local made_ready = {} -- those without a priority, in their order

-- When a job is to run, and not before now.
local function time_of(i)
    local at = now
    if ARGV[i + 12] ~= '' then
        at = now + tonumber(ARGV[i + 12])
    elseif ARGV[i + 13] ~= '' then
        at = tonumber(ARGV[i + 13])
    end
    return math.max(at, now)
end

-- Without an idempotency key an id is new.
local function refusal(i)
    local id, digest = ARGV[i], ARGV[i + 1]
    if not is_named(writers, ARGV[i + 5], ARGV[i + 6] == '1') then
        return 'forbidden'
    end
    local before = digest ~= '' and redis.call('HGET', key_of(id), 'digest')
    if before then
        return before == digest and 'exists' or 'differs'
    end
    return waiting >= limit and 'full' or nil
end

-- True where nobody waits for an earlier time.
local function delay(id, at)
    local first = redis.call('ZRANGE', delayed, 0, 0, 'WITHSCORES')
    redis.call('ZADD', delayed, whole(at), id)
    return not first[2] or at < tonumber(first[2])
end

local function take(i)
    local id, at = ARGV[i], time_of(i)
    local refused = refusal(i)
    if refused then
        return refused
    end
    local state = at > now and 'delayed' or 'queued'
    -- What is asked for most comes first: a small hash is searched from its begin. What is missing
    -- (epoch, attempt, the counts of what went wrong) is 0.
    redis.call('HSET', key_of(id), 'state', state, 'type', ARGV[i + 2], 'payload', ARGV[i + 3],
        'space', ARGV[i + 4], 'client', ARGV[i + 5], 'backoff', ARGV[i + 9], 'timeout', ARGV[i + 10],
        'retention', ARGV[i + 11], 'created', now_text, 'queue', queue_name, 'priority',
        ARGV[i + 7], 'retries', ARGV[i + 8], 'runat', whole(at))
    if ARGV[i + 1] ~= '' then
        redis.call('HSET', key_of(id), 'digest', ARGV[i + 1])
    end
    if state == 'delayed' then
        is_due_sooner = delay(id, at) or is_due_sooner
    else
        if ARGV[i + 7] == '0' then
            table.insert(made_ready, id)
        else
            make_ready(id, tonumber(ARGV[i + 7]), false)
        end
        is_ready = true
    end
    waiting, created = waiting + 1, created + 1
    return 'created'
end

local results = {}
for i = 5, #ARGV, FIELDS do
    table.insert(results, take(i))
end
if #made_ready > 0 then
    redis.call('LPUSH', ready, unpack(made_ready))
end
if created > 0 then
    redis.call('HINCRBY', meta, 'enqueued', created)
    redis.call('ZADD', KEYS[8], 0, queue_name)
end
if is_ready or is_due_sooner then
    put_marker()
end
return results
