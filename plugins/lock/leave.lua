-- Gives up what a lockId has: the lock, the claim to it, its place in the queue. A release, a client
-- that hung up while it waited and a grant that came too late are all this script.
--
-- KEYS     see common.lua
-- ARGV[1]  lockId
-- ARGV[2]  the ticket of the acquire whose outcome is given up; "" for a release, whatever the ticket
-- ARGV[3]  1: the lock itself, too; 0: only a claim and a place in the queue
--
-- Returns 1 when the lock was held and is no more, else 0.

-- @include common.lua

local id, ticket, lock_too = ARGV[1], ARGV[2], ARGV[3] == '1'
local released = 0

local has = holder()
if has and has.id == id and (ticket == '' or ticket == has.ticket) and
        (lock_too or has.state == 'claim') then
    redis.call('DEL', KEYS[1])
    released = has.state == 'held' and 1 or 0
    has = nil
end
if ticket ~= '' and entry_of(id) == ticket then
    remove(id)
end
if not has then
    pass_on()
end
return released
