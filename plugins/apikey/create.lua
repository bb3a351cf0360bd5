-- Makes a client, with a first key or without one, unless its id is taken.
--
-- KEYS[1]  client:<id>:meta
-- KEYS[2]  client:<id>:apiKeys
-- KEYS[3]  apiKey:<sha256>, or '' for no key
-- KEYS[4]  clients
-- KEYS[5]  space:<space>
-- KEYS[6]  client:<space>:meta
-- KEYS[7]  apiKey:<sha256> of whoever asks, or ''
-- ARGV[1]  the client's id
-- ARGV[2]  SHA-256 of the key, in hex
-- ARGV[3]  "admin", or "self" when registration is open
-- ARGV[4]  the scopes of whoever asks, for who has no key
-- ARGV[5]  {name, space?, grants?, policy?}
--
-- Returns what client_fields gives, or, with nothing written, a word: client_exists, space_taken,
-- beyond_your_key, invalid_api_key.
--
-- Nobody gets into a space by chance: without a space asked for, the client's own id must not be
-- one that others live or lived in, and one that registers itself must find it untouched. No
-- client is put into the space of one that registered itself.

-- @include common.lua

local id, hash, origin = ARGV[1], ARGV[2], ARGV[3]
local ask = cjson.decode(ARGV[5])
local space = ask.space or id

if redis.call('EXISTS', KEYS[1], KEYS[2]) > 0 then
    return 'client_exists'
end
local others = redis.call('SCARD', KEYS[5])
if origin ~= 'self' then
    others = others - redis.call('SISMEMBER', KEYS[5], id)
end
if not ask.space and others > 0 or redis.call('HGET', KEYS[6], 'origin') == 'self' then
    return 'space_taken'
end
local maker = maker_of(KEYS[7], ARGV[4])
if not maker then
    return 'invalid_api_key'
end
if not all_within(ask.grants or '', maker.scopes) then
    return 'beyond_your_key'
end

local now = whole(now_ms())
redis.call('HSET', KEYS[1], 'name', ask.name, 'createdAt', now, 'space', space, 'origin', origin,
    'grants', ask.grants or '', 'seq', KEYS[3] == '' and '0' or '1')
if ask.policy then
    redis.call('HSET', KEYS[1], 'policy', ask.policy)
end
redis.call('ZADD', KEYS[4], '0', id)
redis.call('SADD', KEYS[5], id)
if KEYS[3] ~= '' then
    local entry = {scopes = '', line = '', seq = 1, createdAt = now}
    stamp(entry, id, KEYS[1])
    redis.call('ZADD', KEYS[2], '1', hash)
    redis.call('SET', KEYS[3], cjson.encode(entry))
end
return client_fields(KEYS[1])
