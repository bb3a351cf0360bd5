-- Gives a client a new key in one of its lines, and the line's older keys an end.
--
-- KEYS[1]  client:<id>:meta
-- KEYS[2]  client:<id>:apiKeys
-- KEYS[3]  apiKey:<sha256> of the new key
-- ARGV[1]  what stands before the hash in such a name: redis.prefix and "apiKey:"
-- ARGV[2]  the client's id
-- ARGV[3]  SHA-256 of the new key, in hex
-- ARGV[4]  the line
-- ARGV[5]  grace in ms: how long an older key still works; 0: not at all
-- ARGV[6]  retention: keys that the line keeps, the new one included; at least 1
--
-- Returns nil when there is no such client, else {sequence number of the new key, those of the keys
-- that were revoked ...}; nothing is written before everything has been read.
--
-- The older keys' names are made here, from the index: they can't be known before the script runs,
-- and to read the index first would mean a second round trip and a retry for every rotation that
-- came between. An API key is looked up by its hash alone, so its entry can't share a hash slot
-- with its client: on a Cluster the entries would have to be written by commands of their own,
-- after a script on meta and index. This is the standalone form.

local prefix, client, hash, line = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local grace, retention = tonumber(ARGV[5]), tonumber(ARGV[6])
if not grace or grace < 0 or not retention or retention < 1 then
    return redis.error_reply('ERR rotate needs a grace of 0 or more and a retention of 1 or more')
end

-- The classic server's entries are the bare id of the client; their line is the classic one.
local function read(name)
    local value = redis.call('GET', name)
    if value and value:sub(1, 1) ~= '{' then
        return {line = ''}
    end
    return value and cjson.decode(value)
end

if redis.call('EXISTS', KEYS[1]) == 0 then
    return false
end
local space = redis.call('HGET', KEYS[1], 'space') or client
local last = tonumber(redis.call('HGET', KEYS[1], 'seq') or 0)

-- Newest first: the line's living keys, and those of any line that have expired.
local index = redis.call('ZREVRANGE', KEYS[2], 0, -1, 'WITHSCORES')
local older, expired, newest = {}, {}, nil
for i = 1, #index, 2 do
    local entry = read(prefix .. index[i])
    if not entry then
        table.insert(expired, index[i])
    elseif entry.line == line then
        newest = newest or entry
        table.insert(older, {hash = index[i], seq = tonumber(index[i + 1])})
    end
end

-- Never below what the index has: an imported client has no counter.
local seq = math.max(last, tonumber(index[2] or 0)) + 1
local time = redis.call('TIME')
local made = newest or {}
made.client = client
made.space = space
made.scopes = made.scopes or ''
made.line = line
made.seq = seq
made.createdAt = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))

local answer = {string.format('%.0f', seq)}
redis.call('HSET', KEYS[1], 'seq', answer[1])
redis.call('ZADD', KEYS[2], answer[1], hash)
redis.call('SET', KEYS[3], cjson.encode(made))
for i, key in ipairs(older) do
    local name = prefix .. key.hash
    local left = redis.call('PTTL', name)
    if i >= retention or grace == 0 then
        redis.call('DEL', name)
        redis.call('ZREM', KEYS[2], key.hash)
        table.insert(answer, string.format('%.0f', key.seq))
    elseif left < 0 or left > grace then
        redis.call('PEXPIRE', name, string.format('%.0f', grace))
    end
end
for _, gone in ipairs(expired) do
    redis.call('ZREM', KEYS[2], gone)
end
return answer
