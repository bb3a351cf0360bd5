-- Makes one more key for a client, no stronger than the client's grants and than whoever asks.
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
-- ARGV[6]  {line, name?, scopes?, cidrs?, expiresAt?, ttlMs?}; what is left out is all that may be given
--
-- Returns {id of the key, entry, end in ms or ''}, or, with nothing written, a word:
-- client_not_found, invalid_api_key, scope_not_granted, beyond_your_key, too_many_keys.
--
-- The names of the client's other keys are made here, from the index: they can't be known before
-- the script runs. An API key is looked up by its hash alone, so its entry can't share a hash slot
-- with its client: on a Cluster the entries would have to be written by commands of their own,
-- after a script on meta and index. This is the standalone form.

-- @include common.lua

local ask = cjson.decode(ARGV[6])

local grants, last = unpack(redis.call('HMGET', KEYS[1], 'grants', 'seq'))
if redis.call('EXISTS', KEYS[1]) == 0 then
    return 'client_not_found'
end
local maker = maker_of(KEYS[5], ARGV[5])
if not maker then
    return 'invalid_api_key'
end
grants = grants or ''

local scopes = ask.scopes
if not scopes then
    scopes = within(grants, maker.scopes)
    for scope in maker.scopes:gmatch('[^%s*]+') do
        if covered(scope, grants) and not covered(scope, scopes) then
            scopes = scopes == '' and scope or scopes .. ' ' .. scope
        end
    end
end
if not all_within(scopes, grants) then
    return 'scope_not_granted'
end
local cidrs = ask.cidrs or maker.cidrs
local ends = ask.expiresAt or (ask.ttlMs and now_ms() + ask.ttlMs) or maker.ends
if not all_within(scopes, maker.scopes) or not all_networks_within(cidrs, maker.cidrs)
    or (maker.ends and ends > maker.ends) then
    return 'beyond_your_key'
end
local living, expired = keys_of(KEYS[2], ARGV[1])
if #living >= tonumber(ARGV[4]) then
    return 'too_many_keys'
end

local newest = living[1] and living[1].seq or 0
local seq = math.max(tonumber(last or 0), newest) + 1
local made = {scopes = scopes, line = ask.line, name = ask.name, seq = seq,
    cidrs = cidrs ~= '' and cidrs or nil, expiresAt = ends and whole(ends),
    createdAt = whole(now_ms())}
stamp(made, ARGV[2], KEYS[1])
local entry = cjson.encode(made)
redis.call('HSET', KEYS[1], 'seq', whole(seq))
redis.call('ZADD', KEYS[2], whole(seq), ARGV[3])
redis.call('SET', KEYS[4], entry)
if ends then
    redis.call('PEXPIREAT', KEYS[4], whole(ends))
end
forget_all(KEYS[2], KEYS[3], expired)
return {whole(seq), entry, ends and whole(ends) or ''}
