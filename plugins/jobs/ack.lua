-- Completes jobs.
--
-- KEYS, ARGV[1..3]  see common.lua
-- ARGV...     each as four: id, epoch, result, retention in ms
--
-- Returns for each 1, or 0 where the lease was no longer the caller's and nothing was done.

-- @include common.lua

local results = {}
for i = 4, #ARGV, 4 do
    table.insert(results, complete(ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]))
end
return results
