-- Gives a client a new key in one of its lines, and the line's older keys an end.
--
-- KEYS[1]  client:<id>:meta
-- KEYS[2]  client:<id>:apiKeys
-- KEYS[3]  client:<id>:used
-- KEYS[4]  apiKey:<sha256> of the new key
-- KEYS[5]  apiKey:<sha256> of whoever asks, or ''
-- ARGV[1]  what stands before the hash in such a name: redis.prefix and "apiKey:"
-- ARGV[2]  the client's id
-- ARGV[3]  SHA-256 of the new key, in hex
-- ARGV[4]  how many keys a client may have
-- ARGV[5]  the scopes of whoever asks, for who has no key
-- ARGV[6]  the id of the key to rotate, or '' for the newest of the classic line
-- ARGV[7]  grace in ms: how long an older key still works; 0: not at all
-- ARGV[8]  retention: keys that the line keeps, the new one included; at least 1
--
-- Returns {id of the new key, entry, end in ms or '', ids of those that were revoked ...}, or, with
-- nothing written, a word: client_not_found, key_not_found, invalid_api_key, beyond_your_key,
-- too_many_keys. About names of keys see make.lua.
--
-- The new key has the scopes, the networks and the own end of the key that is rotated; an end that
-- came from a grace is not its own.

-- @include common.lua

local keys_max, id = tonumber(ARGV[4]), ARGV[6]
local grace, retention = tonumber(ARGV[7]), tonumber(ARGV[8])
if not grace or grace < 0 or not retention or retention < 1 then
    return redis.error_reply('ERR rotate needs a grace of 0 or more and a retention of 1 or more')
end

if redis.call('EXISTS', KEYS[1]) == 0 then
    return 'client_not_found'
end
local maker = maker_of(KEYS[5], ARGV[5])
if not maker then
    return 'invalid_api_key'
end

local living, expired = keys_of(KEYS[2], ARGV[1])
local source
for _, key in ipairs(living) do
    if id == '' and key.entry.line == '' or id == whole(key.seq) then
        source = source or key.entry
    end
end
if not source and id ~= '' then
    return 'key_not_found'
end
source = source or {line = '', scopes = ''}
local own_end = tonumber(source.expiresAt)
if not all_within(source.scopes or '', maker.scopes)
    or not all_networks_within(source.cidrs or '', maker.cidrs)
    or (maker.own_end and (not own_end or own_end > maker.own_end)) then
    return 'beyond_your_key'
end

-- Newest first: the first of the line stay as long as retention and grace let them.
local staying, revoked = {}, {}
for _, key in ipairs(living) do
    if key.entry.line == source.line then
        local stays = grace > 0 and #staying + 1 < retention
        table.insert(stays and staying or revoked, key)
    end
end
if #living - #revoked + 1 > keys_max then
    return 'too_many_keys'
end

-- Never below what the index has: an imported client has no counter.
local newest = living[1] and living[1].seq or 0
local seq = math.max(tonumber(redis.call('HGET', KEYS[1], 'seq') or 0), newest) + 1
local made = source
made.scopes = made.scopes or ''
made.seq = seq
made.createdAt = whole(now_ms())
stamp(made, ARGV[2], KEYS[1])
local entry = cjson.encode(made)

local answer = {whole(seq), entry, own_end and whole(own_end) or ''}
redis.call('HSET', KEYS[1], 'seq', answer[1])
redis.call('ZADD', KEYS[2], answer[1], ARGV[3])
redis.call('SET', KEYS[4], entry)
if own_end then
    redis.call('PEXPIREAT', KEYS[4], whole(own_end))
end
for _, key in ipairs(staying) do
    local left = redis.call('PTTL', key.name)
    if left < 0 or left > grace then
        redis.call('PEXPIRE', key.name, whole(grace))
    end
end
for _, key in ipairs(revoked) do
    redis.call('DEL', key.name)
    forget(KEYS[2], KEYS[3], key)
    table.insert(answer, whole(key.seq))
end
forget_all(KEYS[2], KEYS[3], expired)
return answer
