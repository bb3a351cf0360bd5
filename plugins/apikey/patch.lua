-- Changes a client, and with it the entries of all its keys: that is what every gateway that holds
-- one of them in memory is told of.
--
-- KEYS[1]  client:<id>:meta
-- KEYS[2]  client:<id>:apiKeys
-- KEYS[3]  space:<space to move to>, or ''
-- KEYS[4]  client:<space to move to>:meta, or ''
-- KEYS[5]  apiKey:<sha256> of whoever asks, or ''
-- ARGV[1]  what stands before the hash in a key's name: redis.prefix and "apiKey:"
-- ARGV[2]  the client's id
-- ARGV[3]  the scopes of whoever asks, for who has no key
-- ARGV[4]  {name?, disabled?, grants?, space?, policy?}; policy null: the default
--
-- Returns what client_fields gives, or, with nothing written, a word: client_not_found,
-- invalid_api_key, space_taken, beyond_your_key. About names of keys see make.lua.
--
-- Grants that are taken away leave the keys' scopes for good: granting them again gives them to
-- new keys only.

-- @include common.lua

local ask = cjson.decode(ARGV[4])

if redis.call('EXISTS', KEYS[1]) == 0 then
    return 'client_not_found'
end
local maker = maker_of(KEYS[5], ARGV[3])
if not maker then
    return 'invalid_api_key'
end
local old_grants, old_space = unpack(redis.call('HMGET', KEYS[1], 'grants', 'space'))
old_grants, old_space = old_grants or '', old_space or ARGV[2]
if ask.space and ask.space ~= old_space and KEYS[4] ~= KEYS[1]
    and redis.call('HGET', KEYS[4], 'origin') == 'self' then
    return 'space_taken'
end
for scope in (ask.grants or ''):gmatch('%S+') do
    if not covered(scope, old_grants) and not covered(scope, maker.scopes) then
        return 'beyond_your_key'
    end
end
local living = keys_of(KEYS[2], ARGV[1])

for _, field in ipairs({'name', 'grants', 'space'}) do
    if ask[field] then
        redis.call('HSET', KEYS[1], field, ask[field])
    end
end
if ask.space then
    redis.call('SADD', KEYS[3], ARGV[2])
end
if ask.disabled ~= nil then
    redis.call('HSET', KEYS[1], 'disabled', ask.disabled and '1' or '0')
end
if ask.policy == cjson.null then
    redis.call('HDEL', KEYS[1], 'policy')
elseif ask.policy then
    redis.call('HSET', KEYS[1], 'policy', ask.policy)
end

for _, key in ipairs(living) do
    local entry = key.entry
    entry.seq = key.seq
    if ask.grants then
        entry.scopes = within(entry.scopes or '', ask.grants)
    end
    stamp(entry, ARGV[2], KEYS[1])
    redis.call('SET', key.name, cjson.encode(entry), 'KEEPTTL')
end
return client_fields(KEYS[1])
