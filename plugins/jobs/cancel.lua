-- Cancels a job: at once if it does not run; else its worker is told, and a completion that comes
-- first wins.
--
-- KEYS, ARGV[1..3]  see common.lua
-- ARGV[4]     id
-- ARGV[5]     the space that it must be in; '' for any
-- ARGV[6]     the channel on which those are told that run jobs
--
-- Returns 'absent', 'cancelled', 'cancelling', or 'finished'.

-- @include common.lua

local id = ARGV[4]
local state, space, retention = unpack(redis.call('HMGET', key_of(id), 'state', 'space', 'retention'))
if not state or (ARGV[5] ~= '' and space ~= ARGV[5]) then
    return 'absent'
end
if state == 'active' then
    redis.call('HSET', key_of(id), 'cancelling', 1)
    redis.call('PUBLISH', ARGV[6], id)
    return 'cancelling'
end
-- An id in the ready list stays there, where removing it would take a walk: reserve passes it by.
if state == 'delayed' or state == 'retrying' then
    redis.call('ZREM', delayed, id)
elseif state ~= 'queued' then
    return 'finished'
end
call_off(id, tonumber(retention))
return 'cancelled'
