-- Completes jobs.
--
-- KEYS, ARGV[1..3]  see common.lua
-- ARGV...     completions: see complete_all
--
-- Returns for each 1, or 0 where the lease was no longer the caller's and nothing was done.

-- @include common.lua

return complete_all(4)
