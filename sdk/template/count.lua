-- Counts one greeting.
--
--   KEYS[1]  myplugin:<who>
--   ARGV[1]  how long the count is kept from now on, in milliseconds
--
-- Gives the count. A script runs whole or not at all, and nothing else runs meanwhile.

local times = redis.call('INCR', KEYS[1])
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return times
