-- Stores the answer of the request that holds the claim.
--
--   KEYS[1]  idempotency:<hash>
--   ARGV[1]  owner
--   ARGV[2]  how long the answer is kept, in milliseconds
--   ARGV[3]  status
--   ARGV[4]  body
--   ARGV[5...]  name and value of each header
--
-- Gives 1, or 0 where the claim ran out and is another's, or nobody's.

if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then
    return 0
end
redis.call('HSET', KEYS[1], 'status', ARGV[3], 'body', ARGV[4])
for i = 5, #ARGV, 2 do
    redis.call('HSET', KEYS[1], 'header:' .. ARGV[i], ARGV[i + 1])
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
