-- Ends the run of a job that did not complete.
--
-- KEYS, ARGV[1..3]  see common.lua
-- ARGV[4]     id
-- ARGV[5]     epoch
-- ARGV[6]     failure, crash: tried again while the budget lasts; dead: for good; cancelled: as it was
--             asked to; free: it was not run, or not by its own fault, which costs nothing
-- ARGV[7]     why, as text
-- ARGV[8]     when to try again, in ms from now; 0: at once
-- ARGV[9]     how often a job may crash
--
-- Returns the state that it has now; 'lost' where the lease was no longer the caller's and nothing
-- was done.

-- @include common.lua

local id, epoch, kind, why, delay = ARGV[4], ARGV[5], ARGV[6], ARGV[7], tonumber(ARGV[8])
local key = key_of(id)

if not take_lease(id, epoch) then
    return 'lost'
end
local attempt, failures, crashes, retries, priority, cancelling, errors, retention =
    unpack(redis.call('HMGET', key, 'attempt', 'failures', 'crashes', 'retries', 'priority',
        'cancelling', 'errors', 'retention'))
if not attempt then
    return 'lost' -- it was forgotten while it ran
end
failures, crashes = failures or 0, crashes or 0

local function again()
    if delay > 0 then
        local at = whole(now + delay)
        local first = redis.call('ZRANGE', delayed, 0, 0, 'WITHSCORES')
        redis.call('HSET', key, 'state', 'retrying', 'runat', at)
        redis.call('ZADD', delayed, at, id)
        if not first[2] or now + delay < tonumber(first[2]) then
            put_marker()
        end
        return 'retrying'
    end
    redis.call('HSET', key, 'state', 'queued')
    make_ready(id, tonumber(priority), kind == 'free')
    put_marker()
    return 'queued'
end

if kind == 'cancelled' or (cancelling and kind ~= 'dead') then
    call_off(id, tonumber(retention))
    return 'cancelled'
end
if kind == 'free' then
    delay = 0
    redis.call('HSET', key, 'attempt', attempt - 1)
    return again()
end
redis.call('HSET', key, 'error', why, 'errors', with_error(errors, attempt, kind, why))
redis.call('HINCRBY', meta, 'failed', 1)
local is_spent = kind == 'dead'
if kind == 'failure' then
    redis.call('HSET', key, 'failures', failures + 1)
    is_spent = failures + 1 > tonumber(retries)
elseif kind == 'crash' then
    redis.call('HSET', key, 'crashes', crashes + 1)
    is_spent = crashes + 1 > tonumber(ARGV[9])
end
if is_spent then
    bury(id)
    return 'dead'
end
return again()
