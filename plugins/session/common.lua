-- What the scripts of session share.
--
-- session:<sha256 of the id>, a hash:
--   space, user, id      whose session it is; its public id
--   created, seen        ms since 1970; `seen` is its last recorded use
--   used                 1 once it was used by whoever has the id, else 0
--   address, device      of whoever used it last; at first, of whoever made it
--   version              counts the changes of its data
--   bytes                what its data takes of the limit
--   k:<name>, s:<name>   a member of its data, as JSON text: written with a key, by the session
--                        alone. k:<name> may be empty: a key took the member away, and keeps it
-- user:<space>:<user>, a zset: the sha256 of each session by when it ends, in ms since 1970.
--
-- JSON is never read here: cjson would turn large integers into doubles and [] into {}.

local FIXED = 10 -- fields besides the data

local function whole(number)
    return string.format('%.0f', number)
end

local function now_ms()
    local time = redis.call('TIME')
    return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function ends_at(created, seen, idle, absolute)
    return math.min(seen + idle, created + absolute)
end

-- Lets a session and its place in the index end at that time, and the index with its last session.
local function keep_until(key, index, hash, ends)
    redis.call('PEXPIREAT', key, whole(ends))
    redis.call('ZADD', index, whole(ends), hash)
    local last = redis.call('ZREVRANGE', index, 0, 0, 'WITHSCORES')
    redis.call('PEXPIREAT', index, whole(tonumber(last[2])))
end

local function destroy(key, index, hash)
    redis.call('ZREM', index, hash)
    return redis.call('UNLINK', key)
end

-- What a member takes of the limit: about its length in the JSON text of all data.
local function size_of(name, text)
    return #name + #text + 4
end

-- {space, user, id, created, ends, version, {name, text, ...}}; false when the session is gone:
-- keep_until ends one whose time ran out while its script ran.
local function describe(key, idle, absolute, with_data)
    local row = redis.call('HMGET', key, 'space', 'user', 'id', 'created', 'seen', 'version')
    if not row[4] then
        return false
    end
    row[5] = whole(ends_at(tonumber(row[4]), tonumber(row[5]), idle, absolute))
    row[7] = {}
    local fields = with_data and redis.call('HGETALL', key) or {}
    for i = 1, #fields, 2 do
        if fields[i]:sub(2, 2) == ':' and fields[i + 1] ~= '' then
            table.insert(row[7], fields[i]:sub(3))
            table.insert(row[7], fields[i + 1])
        end
    end
    return row
end
