-- Ends some of a user's sessions; called again until none is left.
--
-- KEYS[1]  user:<space>:<user>
-- ARGV[1]  what stands before the hash in a session's name: redis.prefix and "session:"
-- ARGV[2]  sha256 of the id of the session to leave, or ''
-- ARGV[3]  how many to end at most
--
-- Returns how many are left to end.
--
-- The names of the sessions are made here, from the index: see touch.lua.

-- @include common.lua

local index, but, most = KEYS[1], ARGV[2], tonumber(ARGV[3])

local ended = 0
for _, hash in ipairs(redis.call('ZRANGE', index, 0, most)) do
    if hash ~= but and ended < most then
        destroy(ARGV[1] .. hash, index, hash)
        ended = ended + 1
    end
end
local left = redis.call('ZCARD', index)
if but ~= '' and redis.call('ZSCORE', index, but) then
    left = left - 1
end
return left
