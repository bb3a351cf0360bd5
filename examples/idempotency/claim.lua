-- Claims a key for a request, or tells what became of it.
--
--   KEYS[1]  idempotency:<hash>
--   ARGV[1]  fingerprint of the request
--   ARGV[2]  owner, new with every request
--   ARGV[3]  how long the claim lasts, in milliseconds
--
-- Gives {'claimed'}, {'differs'}, {'busy', ms left} or {'replay', status, body, name, value, ...}.

local record = redis.call('HMGET', KEYS[1], 'fingerprint', 'status')
if not record[1] then
    redis.call('HSET', KEYS[1], 'fingerprint', ARGV[1], 'owner', ARGV[2])
    redis.call('PEXPIRE', KEYS[1], ARGV[3])
    return {'claimed'}
end
if record[1] ~= ARGV[1] then
    return {'differs'}
end
if not record[2] then
    return {'busy', redis.call('PTTL', KEYS[1])}
end

local answer = {'replay', record[2], redis.call('HGET', KEYS[1], 'body')}
local fields = redis.call('HGETALL', KEYS[1])
for i = 1, #fields, 2 do
    local name = string.match(fields[i], '^header:(.*)$')
    if name then
        answer[#answer + 1] = name
        answer[#answer + 1] = fields[i + 1]
    end
end
return answer
