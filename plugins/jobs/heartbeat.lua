-- Renews leases, and notes how far their jobs are.
--
-- KEYS, ARGV[1..3]  see common.lua
-- ARGV...     each as four: id, epoch, how long from now the lease is to last in ms, progress ('' for
--             nothing new)
--
-- Returns of those for which there is something to say: id, epoch, and 'cancelling' where the job is
-- to end, which the lease was renewed for, or 'lost' where the lease was no longer the caller's and
-- nothing was done. No lease is renewed past the time that its job may take.

-- @include common.lua

local END_MS = 10000 -- what it takes to end a job that does not end by itself

local function renew(id, epoch, lease, progress)
    local member = id .. ':' .. epoch
    if not redis.call('ZSCORE', leases, member) then
        return 'lost'
    end
    local started, timeout, cancelling =
        unpack(redis.call('HMGET', key_of(id), 'started', 'timeout', 'cancelling'))
    if not started then
        redis.call('ZREM', leases, member)
        return 'lost'
    end
    redis.call('ZADD', leases, whole(math.min(now + lease, started + timeout + END_MS)), member)
    if progress ~= '' then
        redis.call('HSET', key_of(id), 'progress', progress)
    end
    return cancelling and 'cancelling' or nil
end

local news = {}
for i = 4, #ARGV, 4 do
    local word = renew(ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 2]), ARGV[i + 3])
    if word then
        table.insert(news, ARGV[i])
        table.insert(news, ARGV[i + 1])
        table.insert(news, word)
    end
end
return news
