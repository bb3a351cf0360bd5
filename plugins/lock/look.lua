-- Tells who holds a lock, without its lockId: that is the right to release it.
--
-- KEYS     see common.lua
--
-- Returns {fence, expires at (ms), owner, how many wait}, or nil when nobody holds it.

-- @include common.lua

local has = holder()
if not has or has.state ~= 'held' then
    return false
end
return {has.fence, expires_at(), has.owner, redis.call('LLEN', KEYS[3])}
