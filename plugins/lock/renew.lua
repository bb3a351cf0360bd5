-- Gives a lease another end.
--
-- KEYS     see common.lua
-- ARGV[1]  lockId
-- ARGV[2]  ttl in ms, from now
--
-- Returns {"renewed", lockId, fence, expires at (ms), owner}, or {"lost", lockId} when the lock is not
-- held with this lockId.

-- @include common.lua

local id, ttl = ARGV[1], tonumber(ARGV[2])
local FENCE_KEPT_MS = 86400000
if not ttl or ttl < 1 then
    return redis.error_reply('ERR renew needs a ttl of at least 1')
end

local has = holder()
if not has or has.state ~= 'held' or has.id ~= id then
    return {'lost', id}
end
redis.call('PEXPIRE', KEYS[1], whole(ttl))
redis.call('SET', KEYS[2], has.fence, 'PX', whole(ttl + FENCE_KEPT_MS))
return {'renewed', id, has.fence, expires_at(), has.owner}
