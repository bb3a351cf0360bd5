-- What the scripts of apikey share.
--
-- An entry is the JSON object that store.h describes, or the bare id of a client as the classic
-- server wrote it. Scopes and networks are words separated by spaces. '*' as somebody's scopes
-- means all there are: the admin's.

-- Its digits; %d cuts off what is behind the point, and is half as much work as %.0f.
local function whole(number)
    return string.format('%d', number)
end

local function now_ms()
    local time = redis.call('TIME')
    return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- The entry of that name, or nil. A classic one is of the classic line and has no scopes.
local function read(name)
    local value = redis.call('GET', name)
    if not value then
        return nil
    end
    if value:sub(1, 1) ~= '{' then
        return {line = '', scopes = ''}
    end
    return cjson.decode(value)
end

-- When a key ends, in ms since 1970; nil: never. PEXPIRETIME came with Redis 7.
local function end_of(name)
    local at = redis.pcall('PEXPIRETIME', name)
    if type(at) == 'table' then
        local left = redis.call('PTTL', name)
        at = left >= 0 and now_ms() + left or -1
    end
    return at >= 0 and at or nil
end

-- The living keys of a client, newest first, and the hashes in its index that have expired:
-- {{hash =, seq =, name =, entry =} ...}, {{hash =, seq =} ...}.
local function keys_of(index, prefix)
    local living, expired = {}, {}
    local rows = redis.call('ZREVRANGE', index, 0, -1, 'WITHSCORES')
    for i = 1, #rows, 2 do
        local key = {hash = rows[i], seq = tonumber(rows[i + 1]), name = prefix .. rows[i]}
        key.entry = read(key.name)
        table.insert(key.entry and living or expired, key)
    end
    return living, expired
end

local function forget(index, used, key)
    redis.call('ZREM', index, key.hash)
    redis.call('HDEL', used, whole(key.seq))
end

local function forget_all(index, used, keys)
    for _, key in ipairs(keys) do
        forget(index, used, key)
    end
end

-- A scope covers itself, and one that goes on where it names an area and an action: jobs:work
-- covers jobs:work:mail.
local function covers(scope, other)
    return scope == other
        or (scope:find(':', 1, true) ~= nil and other:sub(1, #scope + 1) == scope .. ':')
end

local function covered(scope, scopes)
    if scopes == '*' then
        return true
    end
    for each in scopes:gmatch('%S+') do
        if covers(each, scope) then
            return true
        end
    end
    return false
end

-- Those of `scopes` that `bounds` cover.
local function within(scopes, bounds)
    local kept = {}
    for scope in scopes:gmatch('%S+') do
        if covered(scope, bounds) then
            table.insert(kept, scope)
        end
    end
    return table.concat(kept, ' ')
end

local function all_within(scopes, bounds)
    for scope in scopes:gmatch('%S+') do
        if not covered(scope, bounds) then
            return false
        end
    end
    return true
end

-- Networks are hexadecimal, `0a000000/8`: those of one family have one length.
local function network_within(network, bound)
    local digits, bits = network:match('^(%x+)/(%d+)$')
    local bound_digits, bound_bits = bound:match('^(%x+)/(%d+)$')
    if not digits or not bound_digits or #digits ~= #bound_digits
        or tonumber(bits) < tonumber(bound_bits) then
        return false
    end
    local same, rest = math.floor(bound_bits / 4), bound_bits % 4
    if digits:sub(1, same) ~= bound_digits:sub(1, same) then
        return false
    end
    local unit = 2 ^ (4 - rest)
    local digit = tonumber(digits:sub(same + 1, same + 1), 16) or 0
    local bound_digit = tonumber(bound_digits:sub(same + 1, same + 1), 16) or 0
    return rest == 0 or math.floor(digit / unit) == math.floor(bound_digit / unit)
end

-- '' bounds nothing; '' is within nothing else.
local function all_networks_within(networks, bounds)
    if bounds == '' then
        return true
    end
    for network in networks:gmatch('%S+') do
        local fits = false
        for bound in bounds:gmatch('%S+') do
            fits = fits or network_within(network, bound)
        end
        if not fits then
            return false
        end
    end
    return networks ~= ''
end

-- What whoever asks may give away: scopes, networks, `ends` (with the grace it may be in) and
-- `own_end` (without it). `name` is the entry of his key, '' for who has none. nil when that key
-- has been revoked, or its client disabled, since it was looked at.
local function maker_of(name, scopes)
    if name == '' then
        return {scopes = scopes, cidrs = ''}
    end
    local entry = read(name)
    if not entry or entry.disabled then
        return nil
    end
    return {scopes = entry.scopes or '', cidrs = entry.cidrs or '', ends = end_of(name),
        own_end = tonumber(entry.expiresAt)}
end

-- What every entry of a client takes from the client itself.
local function stamp(entry, client, meta)
    local fields = redis.call('HMGET', meta, 'space', 'policy', 'origin', 'disabled')
    entry.client = client
    entry.space = fields[1] or client
    entry.policy = fields[2] or nil
    entry.origin = fields[3] == 'self' and 'self' or nil
    entry.disabled = fields[4] == '1' or nil
end

-- What the answers about a client are made of.
local function client_fields(meta)
    return redis.call('HMGET', meta, 'name', 'space', 'grants', 'disabled', 'createdAt', 'policy')
end
