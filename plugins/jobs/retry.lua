-- Runs a job now that waits for later, or that is dead: the dead one with budgets as at first.
--
-- KEYS, ARGV[1..3]  see common.lua
-- ARGV[4]     id
-- ARGV[5]     the space that it must be in; '' for any
--
-- Returns 'absent', 'queued', or the state in which there is nothing to retry.

-- @include common.lua

local id = ARGV[4]
local state, space = unpack(redis.call('HMGET', key_of(id), 'state', 'space'))
if not state or (ARGV[5] ~= '' and space ~= ARGV[5]) then
    return 'absent'
end
if state == 'dead' then
    redis.call('LREM', dead_list, 1, id) -- its length is bounded
    revive(id)
elseif state == 'delayed' or state == 'retrying' then
    redis.call('ZREM', delayed, id)
    redis.call('HSET', key_of(id), 'state', 'queued', 'runat', now_text)
    make_ready(id, tonumber(redis.call('HGET', key_of(id), 'priority')), false)
else
    return state
end
put_marker()
return 'queued'
