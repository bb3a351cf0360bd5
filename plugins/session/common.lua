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

-- Its digits; %d cuts off what is behind the point, and is half as much work as %.0f.
local function whole(number)
    return string.format('%d', number)
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

-- A session in one read: its fixed fields by name, and `data` as {name, text, ...}, which is empty
-- unless asked for. False when there is none.
local function read(key, with_data)
    local session, data = {}, {}
    if with_data then
        local fields = redis.call('HGETALL', key)
        for i = 1, #fields, 2 do
            local name, value = fields[i], fields[i + 1]
            if name:sub(2, 2) ~= ':' then
                session[name] = value
            elseif value ~= '' then
                data[#data + 1] = name:sub(3)
                data[#data + 1] = value
            end
        end
    else
        session.space, session.user, session.id, session.created, session.seen, session.used,
            session.version = unpack(redis.call('HMGET', key, 'space', 'user', 'id', 'created',
            'seen', 'used', 'version'))
    end
    session.data = data
    return session.created and session or false
end

-- {space, user, id, created, ends, version, data}
local function describe(session, idle, absolute)
    return {session.space, session.user, session.id, session.created,
        whole(ends_at(tonumber(session.created), tonumber(session.seen), idle, absolute)),
        session.version, session.data}
end

-- The same of a key; false when the session is gone: keep_until ends one whose time ran out while
-- its script ran.
local function describe_key(key, idle, absolute, with_data)
    local session = read(key, with_data)
    return session and describe(session, idle, absolute)
end
