-- What the scripts of a queue share.
--
-- KEYS[1]  queue:jobs, or queue:<q>:ready: a list; the oldest is at its right end
-- KEYS[2]  ...:prio, a zset: ids by priority x 2^41 + sequence; negative ones come before the list
-- KEYS[3]  ...:delayed, a zset: ids by when they are due, server time in ms
-- KEYS[4]  ...:lease, a zset: <id>:<epoch>, a remote worker's <id>:<epoch>:<secret>, by when the lease
--          ends; who removes a member owns the end
-- KEYS[5]  queue:dead, or queue:<q>:dead: a list; the newest is at its left end
-- KEYS[6]  ...:wake, a zset: its one member w wakes a loop
-- KEYS[7]  ...:meta, a hash: enqueued, completed, failed, dead, cancelled; paused, limit, writers,
--          workers; seq; polled, when a remote worker last waited
-- KEYS[8]  queues, a zset: the names of all queues
-- ARGV[1]  what stands before an id in a job's name: redis.prefix and "job:"
-- ARGV[2]  the channel on which remote workers' polls are woken: redis.prefix and "jobs:wake"
-- ARGV[3]  the queue's name
--
-- job:<id>, a hash: queue, type, payload, digest, space, client; state; epoch, attempt, failures,
-- crashes, lost; priority, retries, backoff, timeout, retention; created, runat, started, finished;
-- result, progress, error, errors, cancelling, logged. `errors` has a line for each of the last ten that went
-- wrong: attempt, time, kind, and the reason as a JSON string. job:<id>:log, a list: its log.
--
-- The names of the jobs are made here, from the ids that the queue holds: this is the standalone
-- form. Nothing rolls back: everything is judged before the first write.

local ready, prio, delayed, leases = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local dead_list, wake, meta = KEYS[5], KEYS[6], KEYS[7]
local job_prefix, wake_channel, queue_name = ARGV[1], ARGV[2], ARGV[3]

local PRIORITY_STEP = 2199023255552 -- 2^41
local DEAD_MAX = 10000
local ERRORS_MAX = 10
local POLL_MAX_MS = 60000 -- longer than any poll lasts

-- Its digits; %d cuts off what is behind the point, and is half as much work as %.0f.
local function whole(number)
    return string.format('%d', number)
end

local function now_ms()
    local time = redis.call('TIME')
    return time[1] * 1000 + math.floor(time[2] / 1000)
end

local now = now_ms()
local now_text = whole(now)

local function key_of(id)
    return job_prefix .. id
end

local function count_ready()
    return redis.call('LLEN', ready) + redis.call('ZCARD', prio)
end

-- Whoever leaves work behind leaves this behind, too.
local function put_marker()
    redis.call('ZADD', wake, 0, 'w')
    local polled = redis.call('HGET', meta, 'polled')
    if polled and now - polled < POLL_MAX_MS then
        redis.call('PUBLISH', wake_channel, queue_name)
    end
end

-- Whether one of the lists of a queue names this client. Without a list it is everybody whom an
-- admin made a client.
local function is_named(list, client, is_self_made)
    if client == '' then
        return true
    end
    if not list or list == '*' then
        return not is_self_made
    end
    return string.find(' ' .. list .. ' ', ' ' .. client .. ' ', 1, true) ~= nil
end

-- Puts an id where reserve finds it: in front of its equals, or behind them.
local function make_ready(id, priority, in_front)
    if priority == 0 then
        redis.call(in_front and 'RPUSH' or 'LPUSH', ready, id)
    else
        local sequence = in_front and 0 or redis.call('HINCRBY', meta, 'seq', 1)
        redis.call('ZADD', prio, whole(priority * PRIORITY_STEP + sequence), id)
    end
end

-- Finished jobs are kept for their retention; one of 0 is not kept at all.
local function expire(id, retention, has_log)
    if retention > 0 then
        redis.call('PEXPIRE', key_of(id), whole(retention))
        if has_log then
            redis.call('PEXPIRE', key_of(id) .. ':log', whole(retention))
        end
    else
        redis.call('UNLINK', key_of(id), key_of(id) .. ':log')
    end
end

local function with_error(errors, attempt, kind, reason)
    local lines = (errors or '') .. string.format('%s %s %s %s\n', attempt, now_text, kind,
        cjson.encode(reason))
    local _, count = string.gsub(lines, '\n', '')
    for _ = ERRORS_MAX + 1, count do
        lines = string.gsub(lines, '^[^\n]*\n', '', 1)
    end
    return lines
end

-- A job goes to the dead-letter queue; who falls off its end is forgotten.
local function bury(id)
    redis.call('HSET', key_of(id), 'state', 'dead', 'finished', now_text)
    redis.call('HINCRBY', meta, 'dead', 1)
    if redis.call('LPUSH', dead_list, id) > DEAD_MAX then
        local oldest = redis.call('RPOP', dead_list)
        redis.call('UNLINK', key_of(oldest), key_of(oldest) .. ':log')
    end
end

-- A dead job starts over.
local function revive(id)
    redis.call('HSET', key_of(id), 'state', 'queued', 'failures', 0, 'crashes', 0, 'lost', 0, 'runat',
        now_text)
    redis.call('HDEL', key_of(id), 'finished', 'cancelling')
    make_ready(id, tonumber(redis.call('HGET', key_of(id), 'priority')), false)
end

local function call_off(id, retention)
    redis.call('HSET', key_of(id), 'state', 'cancelled', 'finished', now_text)
    redis.call('HINCRBY', meta, 'cancelled', 1)
    expire(id, retention, true)
end

-- True when the lease was still there: its end is the caller's now. To a remote worker's epoch
-- belongs what only it knows: <epoch>:<secret>.
local function take_lease(id, epoch)
    return redis.call('ZREM', leases, id .. ':' .. epoch) == 1
end

-- Completes jobs, five arguments each, from ARGV[first] on: id, epoch, result, retention in ms ('': as
-- the job says), and 1 where the job may have a log, else 0. Gives for each 1, or 0 where the lease was
-- no longer the caller's. Few calls for many jobs: this is what a busy queue does all day.
local COMPLETION = 5

local function complete_all(first)
    local members, mine, results = {}, {}, {}
    for i = first, #ARGV, COMPLETION do
        table.insert(members, ARGV[i] .. ':' .. ARGV[i + 1])
    end
    if #members == 0 then
        return results
    end
    local leased = redis.call('ZMSCORE', leases, unpack(members))
    for n, member in ipairs(members) do
        local i = first + (n - 1) * COMPLETION
        results[n] = leased[n] and 1 or 0
        if leased[n] then
            local id, retention = ARGV[i], ARGV[i + 3]
            table.insert(mine, member)
            redis.call('HSET', key_of(id), 'state', 'completed', 'finished', now_text, 'result',
                ARGV[i + 2])
            if retention == '' then
                retention = redis.call('HGET', key_of(id), 'retention') or 0
            end
            expire(id, tonumber(retention), ARGV[i + 4] == '1')
        end
    end
    if #mine > 0 then
        redis.call('ZREM', leases, unpack(mine))
        redis.call('HINCRBY', meta, 'completed', #mine)
    end
    return results
end
