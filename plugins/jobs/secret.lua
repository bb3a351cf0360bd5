-- Gives a client another secret to sign webhooks with; the one before it signs for a while longer.
--
-- KEYS[1]  client:<id>:webhook, a hash: secret; previous, until when it signs as well in ms
-- KEYS[2]  client:<id>:meta, which is there as long as the client is
-- ARGV[1]  the secret
-- ARGV[2]  for how long the one before signs, in ms
--
-- Returns 'absent' when there is no such client, else when the one before ends in ms, 0 for none.

if redis.call('EXISTS', KEYS[2]) == 0 then
    return 'absent'
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local previous = redis.call('HGET', KEYS[1], 'secret')
local ends = '0'
if previous and tonumber(ARGV[2]) > 0 then
    ends = string.format('%d', now + ARGV[2])
end
redis.call('HSET', KEYS[1], 'secret', ARGV[1], 'previous', previous or '', 'until', ends)
return ends
