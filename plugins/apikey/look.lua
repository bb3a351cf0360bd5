-- A key as it is now.
--
-- KEYS[1]  apiKey:<sha256>
--
-- Returns {entry as it is stored, end in ms or ''}, or nil.

-- @include common.lua

local entry = redis.call('GET', KEYS[1])
if not entry then
    return false
end
local ends = end_of(KEYS[1])
return {entry, ends and whole(ends) or ''}
