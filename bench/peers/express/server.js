// The classic work on Express + ioredis: hash the key, GET the client, run the token bucket
// script, then the command. Three Redis trips a request, as a careful Express author would write it:
// NODE_ENV=production, a script loaded once (defineCommand uses EVALSHA), no needless middleware.
//
//   PORT=3001 REDIS=/path/redis.sock node server.js
//
// SPDX-License-Identifier: MIT
'use strict';

const crypto = require('crypto');
const express = require('express');
const Redis = require('ioredis');

const redis = new Redis(process.env.REDIS || '/tmp/redis.sock');

// ARGV: capacity, tokens per second, key lifetime in seconds.
redis.defineCommand('takeToken', {
  numberOfKeys: 1,
  lua: `
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
    return {allowed, math.floor(tokens)}`,
});

const CAPACITY = Number(process.env.TOKEN_BUCKET_CAPACITY || 1e9);
const RATE = Number(process.env.TOKEN_BUCKET_REFILL_RATE || 1e6);

async function authenticate(req, res, next) {
  const key = req.get('x-api-key');
  if (!key) return res.status(401).json({ success: false, message: 'API key missing' });
  const hash = crypto.createHash('sha256').update(key).digest('hex');
  const client = await redis.get(`apiKey:${hash}`);
  if (!client) return res.status(401).json({ success: false, message: 'Invalid API key' });
  req.client = client;
  next();
}

async function limit(req, res, next) {
  const [allowed, remaining] = await redis.takeToken(
    `bucket:${req.client}`, CAPACITY, RATE, 3600);
  res.set('X-RateLimit-Limit', String(CAPACITY));
  res.set('X-RateLimit-Remaining', String(remaining));
  if (!allowed) return res.status(429).json({ success: false, message: 'Too many requests' });
  next();
}

const wrap = (step) => (req, res, next) => step(req, res, next).catch(next);

const app = express();
app.disable('x-powered-by');
app.set('etag', false);
app.get('/leaderboard/rank/:userId', wrap(authenticate), wrap(limit), wrap(async (req, res) => {
  const rank = await redis.zrevrank('leaderboard:zset', req.params.userId);
  if (rank === null) return res.status(404).json({ success: false, message: 'not ranked' });
  res.json({ success: true, UserRank: rank + 1 });
}));

app.get('/leaderboard/top', wrap(authenticate), wrap(limit), wrap(async (req, res) => {
  const flat = await redis.zrevrange('leaderboard:zset', 0, 9, 'WITHSCORES');
  const topScores = [];
  for (let i = 0; i < flat.length; i += 2) {
    topScores.push({ userId: flat[i], score: Number(flat[i + 1]) });
  }
  res.json({ success: true, topScores });
}));
app.post('/leaderboard/score', express.json(), wrap(authenticate), wrap(limit),
  wrap(async (req, res) => {
    const { userId, score } = req.body;
    if (typeof userId !== 'string' || typeof score !== 'number') {
      return res.status(422).json({ success: false, message: 'userId and score are needed' });
    }
    await redis.zadd('leaderboard:zset', score, userId);
    return res.json({ success: true, message: 'Score submitted', newScore: score });
  }));

async function openSession(req, res, next) {
  const id = req.get('x-session-id');
  if (!id) return res.status(401).json({ success: false, message: 'Session missing' });
  const key = `peer:session:${crypto.createHash('sha256').update(id).digest('hex')}`;
  const [[, session]] = await redis.pipeline().hgetall(key).expire(key, 3600).exec();
  if (!session.userId) return res.status(401).json({ success: false, message: 'No such session' });
  req.client = session.userId;
  req.session = session;
  next();
}

app.get('/session/get', wrap(openSession), wrap(limit), (req, res) => {
  const { userId, email, name, createdAt } = req.session;
  res.json({ success: true, session: { userId, email, name, createdAt } });
});

app.post('/jobs/create', express.json(), wrap(authenticate), wrap(limit),
  wrap(async (req, res) => {
    if (!req.body || typeof req.body !== 'object' || Array.isArray(req.body)) {
      return res.status(422).json({ success: false, message: 'an object is needed' });
    }
    const jobId = crypto.randomUUID();
    await redis.multi()
      .hset(`peer:job:${jobId}`, 'payload', JSON.stringify(req.body), 'status', 'queued',
        'client', req.client, 'retries', 0, 'createdAt', Date.now())
      .lpush('peer:queue', jobId)
      .exec();
    return res.json({ success: true, message: 'Job created', jobId });
  }));

// As behind a load balancer: longer than it keeps its connections.
app.listen(Number(process.env.PORT || 3001), '127.0.0.1', 4096, () => console.log('ready'))
  .keepAliveTimeout = 65000;
