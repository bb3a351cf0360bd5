-- How full queues are.
--
-- KEYS[1]  queues, a zset: the names of all queues
-- ARGV[1]  redis.prefix
-- ARGV[2]  the default queue's name
-- ARGV[3]  behind which name to go on, '' for the first; ignored when names follow
-- ARGV[4]  how many at most
-- ARGV...  names: these and no others
--
-- Returns for each {name, 1 when it was ever used else 0, ready, delayed, leased, dead, created of the
-- oldest ready one or '', enqueued, completed, failed, cancelled, paused, limit, writers, workers},
-- and now in ms as the last. The names of its keys are made here: this is the standalone form.

local prefix, default = ARGV[1], ARGV[2]

local function count(name)
    local base = prefix .. (name == default and 'queue:jobs' or 'queue:' .. name)
    local ready = name == default and base or base .. ':ready'
    local dead = name == default and prefix .. 'queue:dead' or base .. ':dead'
    local oldest = redis.call('LINDEX', ready, -1)
    local counts = {name, redis.call('ZSCORE', KEYS[1], name) and 1 or 0,
        redis.call('LLEN', ready) + redis.call('ZCARD', base .. ':prio'),
        redis.call('ZCARD', base .. ':delayed'), redis.call('ZCARD', base .. ':lease'),
        redis.call('LLEN', dead),
        oldest and redis.call('HGET', prefix .. 'job:' .. oldest, 'created') or ''}
    local meta = redis.call('HMGET', base .. ':meta', 'enqueued', 'completed', 'failed', 'cancelled',
        'paused', 'limit', 'writers', 'workers')
    for i = 1, 8 do
        table.insert(counts, meta[i] or '')
    end
    return counts
end

local names = {}
if #ARGV > 4 then
    for i = 5, #ARGV do
        table.insert(names, ARGV[i])
    end
else
    names = redis.call('ZRANGEBYLEX', KEYS[1], ARGV[3] == '' and '-' or '(' .. ARGV[3], '+', 'LIMIT', 0,
        ARGV[4])
end
local results = {}
for _, name in ipairs(names) do
    table.insert(results, count(name))
end
local time = redis.call('TIME')
table.insert(results, string.format('%d', time[1] * 1000 + math.floor(time[2] / 1000)))
return results
