-- Changes a queue: what is given, and nothing else.
--
-- KEYS, ARGV[1..3]  see common.lua
-- ARGV...     pairs of a field of meta and its value, '' to take it away
--
-- A queue that is paused hands out nothing; what is out goes on.

-- @include common.lua

for i = 4, #ARGV, 2 do
    if ARGV[i + 1] == '' then
        redis.call('HDEL', meta, ARGV[i])
    else
        redis.call('HSET', meta, ARGV[i], ARGV[i + 1])
    end
end
redis.call('ZADD', KEYS[8], 0, queue_name)
if redis.call('HGET', meta, 'paused') ~= '1' and
    (count_ready() > 0 or redis.call('ZCARD', delayed) > 0) then
    put_marker()
end
return 'changed'
