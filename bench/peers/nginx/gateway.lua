-- The classic work in nginx: hash the key, GET the client, token bucket, then the command.
--
-- SPDX-License-Identifier: MIT

local redis = require "nginx.redis"
local cjson = require "cjson.safe"

local M = {}

local CAPACITY, RATE = "1000000000", "1000000"

local take = [[
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local capacity, rate = tonumber(ARGV[1]), tonumber(ARGV[2])
local bucket = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens = tonumber(bucket[1]) or capacity
local at = tonumber(bucket[2]) or now
tokens = math.min(capacity, tokens + (now - at) * rate / 1000)
local allowed = 0
if tokens >= 1 then
  tokens = tokens - 1
  allowed = 1
end
redis.call('HSET', KEYS[1], 'tokens', tokens, 'at', now)
redis.call('EXPIRE', KEYS[1], ARGV[3])
return {allowed, math.floor(tokens)}]]
local sha

local function hex(bytes)
    return (bytes:gsub(".", function(c) return string.format("%02x", c:byte()) end))
end

-- Debian's Lua module has no SHA-256; SHA-1 costs about as much.
local function hash(key)
    return hex(ngx.sha1_bin(key))
end

local function refuse(status, message)
    ngx.status = status
    ngx.say('{"success":false,"message":"' .. message .. '"}')
    return ngx.exit(status)
end

local function open(path)
    local connection = redis:new()
    local ok = connection:connect("unix:" .. path)
    if not ok then
        return refuse(503, "no store")
    end
    if not sha then
        sha = connection:script("load", take)
    end
    return connection
end

local function limit(connection, subject)
    local left = connection:evalsha(sha, 1, "bucket:" .. subject, CAPACITY, RATE, "3600")
    if not left or left[1] == 0 then
        return refuse(429, "Too many requests")
    end
    ngx.header["X-RateLimit-Limit"] = CAPACITY
    ngx.header["X-RateLimit-Remaining"] = left[2]
end

local function begin(path)
    local key = ngx.req.get_headers()["x-api-key"]
    if not key then
        return refuse(401, "API key missing")
    end
    local connection = open(path)
    local client = connection:get("apiKey:" .. hash(key))
    if client == ngx.null then
        return refuse(401, "Invalid API key")
    end
    limit(connection, client)
    return connection, client
end

local function finish(connection, body)
    connection:set_keepalive(60000, 100)
    ngx.header["Content-Length"] = #body
    ngx.print(body)
end

function M.rank(user, path)
    local connection = begin(path)
    local rank = connection:zrevrank("leaderboard:zset", user)
    if rank == ngx.null then
        return refuse(404, "not ranked")
    end
    finish(connection, '{"success":true,"UserRank":' .. (rank + 1) .. "}")
end

function M.top(path)
    local connection = begin(path)
    local flat = connection:zrevrange("leaderboard:zset", 0, 9, "WITHSCORES")
    local rows = {}
    for i = 1, #flat, 2 do
        rows[#rows + 1] = '{"userId":"' .. flat[i] .. '","score":' .. flat[i + 1] .. "}"
    end
    finish(connection, '{"success":true,"topScores":[' .. table.concat(rows, ",") .. "]}")
end

function M.score(path)
    local connection = begin(path)
    ngx.req.read_body()
    local body = cjson.decode(ngx.req.get_body_data() or "")
    if type(body) ~= "table" or type(body.userId) ~= "string" or type(body.score) ~= "number" then
        return refuse(422, "userId and score are needed")
    end
    connection:zadd("leaderboard:zset", body.score, body.userId)
    finish(connection, '{"success":true,"message":"Score submitted","newScore":' .. body.score .. "}")
end

function M.session(path)
    local id = ngx.req.get_headers()["x-session-id"]
    if not id then
        return refuse(401, "Session missing")
    end
    local connection, key = open(path), "peer:session:" .. hash(id)
    connection:init_pipeline()
    connection:hmget(key, "userId", "email", "name", "createdAt")
    connection:expire(key, "3600")
    local session = connection:commit_pipeline()[1]
    if session[1] == ngx.null then
        return refuse(401, "No such session")
    end
    limit(connection, session[1])
    finish(connection, cjson.encode({success = true, session = {
        userId = session[1], email = session[2], name = session[3], createdAt = session[4]}}))
end

function M.enqueue(path)
    local connection, client = begin(path)
    ngx.req.read_body()
    local body = ngx.req.get_body_data()
    if type(cjson.decode(body or "")) ~= "table" then
        return refuse(422, "an object is needed")
    end
    local id = ngx.var.request_id
    connection:init_pipeline()
    connection:multi()
    connection:hset("peer:job:" .. id, "payload", body, "status", "queued", "client", client,
        "retries", 0, "createdAt", ngx.now() * 1000)
    connection:lpush("peer:queue", id)
    connection:exec()
    connection:commit_pipeline()
    finish(connection, '{"success":true,"message":"Job created","jobId":"' .. id .. '"}')
end

return M
