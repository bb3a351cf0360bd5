-- Takes dead jobs out of the dead-letter queue, the oldest first.
--
-- KEYS, ARGV[1..3]  see common.lua
-- ARGV[4]     requeue: they run again, with budgets as at first; purge: they are forgotten
-- ARGV[5]     how many at most, of all; ignored when ids follow
-- ARGV...     the ids of those that are meant
--
-- Returns how many there were.

-- @include common.lua

local forget = ARGV[4] == 'purge'
local ids = {}

if #ARGV > 5 then
    for i = 6, #ARGV do
        if redis.call('LREM', dead_list, 1, ARGV[i]) == 1 then
            table.insert(ids, ARGV[i])
        end
    end
else
    ids = redis.call('RPOP', dead_list, ARGV[5]) or {}
end
for _, id in ipairs(ids) do
    if forget then
        redis.call('UNLINK', key_of(id), key_of(id) .. ':log')
    elseif redis.call('EXISTS', key_of(id)) == 1 then
        revive(id)
    end
end
if #ids > 0 and not forget then
    put_marker()
end
return #ids
