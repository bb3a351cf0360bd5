-- Looks sessions up, and renews them: both in one call. A renewal is written at the first use and
-- then at most once per tenth of the idle lifetime, so most uses of a session only read.
--
-- KEYS[i]  session:<sha256 of its id>
-- ARGV[1]  idle lifetime, ms
-- ARGV[2]  absolute lifetime, ms
-- ARGV[3]  what stands before a user's index: redis.prefix and "user:"
-- ARGV...  of each session four: sha256 of the id, in hex; 1: with its data; address of whoever
--          uses it ('': a client did in the user's name, which is not noted); his device
--
-- Returns for each what describe gives, nil: there is no such session, or it is over by these
-- lifetimes; or the error by which Redis refused to write.
--
-- The index's name is made here, from what the session holds: only the id is known before. This is
-- the standalone form; on a Cluster the index would be written by a call of its own.

-- @include common.lua

local idle, absolute, now = tonumber(ARGV[1]), tonumber(ARGV[2]), now_ms()

local function touch(key, hash, with_data, address, device)
    local session = read(key, with_data)
    if not session then
        return false
    end
    local index = ARGV[3] .. session.space .. ':' .. session.user
    local created, seen = tonumber(session.created), tonumber(session.seen)
    if now >= ends_at(created, seen, idle, absolute) then
        destroy(key, index, hash)
        return false
    end
    local by_user = address ~= ''
    if (by_user and session.used == '0') or now - seen >= idle / 10 then
        session.seen = whole(now)
        redis.call('HSET', key, 'seen', session.seen)
        if by_user then
            redis.call('HSET', key, 'used', '1', 'address', address, 'device', device)
        end
        keep_until(key, index, hash, ends_at(created, now, idle, absolute))
    end
    return describe(session, idle, absolute)
end

-- A write that Redis refuses, being full, fails its own session and not those beside it.
local function by_itself(...)
    local done, answer = pcall(touch, ...)
    if done then
        return answer
    elseif answer:find('^%u+ ') then -- an error of Redis begins with its code
        return {err = answer}
    end
    error(answer, 0)
end

local found = {}
for i, key in ipairs(KEYS) do
    local at = 4 * i
    found[i] = by_itself(key, ARGV[at], ARGV[at + 1] == '1', ARGV[at + 2], ARGV[at + 3])
end
return found
