-- Ends a session.
--
-- KEYS[1]  session:<sha256 of its id>
-- KEYS[2]  user:<space>:<user>
-- ARGV[1]  sha256 of the id, in hex
--
-- Returns 1, or 0 when there was none.

-- @include common.lua

return destroy(KEYS[1], KEYS[2], ARGV[1])
