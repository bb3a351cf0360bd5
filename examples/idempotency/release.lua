-- Frees a key whose request came to nothing.
--
--   KEYS[1]  idempotency:<hash>
--   ARGV[1]  owner
--
-- Gives 1, or 0 where the claim is another's, or nobody's.

if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then
    return 0
end
return redis.call('DEL', KEYS[1])
