// The classic work on Fastify + ioredis, as good as one can make it: key and limiter in one
// pipelined trip (both are sent before either is awaited), one connection with auto-pipelining,
// answers serialised by schema.
//
//   PORT=3002 REDIS=/path/redis.sock node server.js
//
// SPDX-License-Identifier: MIT
'use strict';

const crypto = require('crypto');
const fastify = require('fastify');
const Redis = require('ioredis');

const redis = new Redis({
  path: process.env.REDIS || '/tmp/redis.sock',
  enableAutoPipelining: true,
});

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

const app = fastify({ logger: false, keepAliveTimeout: 65000 });

const hash = (text) => crypto.createHash('sha256').update(text).digest('hex');

function limited(reply, [allowed, remaining]) {
  reply.header('X-RateLimit-Limit', CAPACITY).header('X-RateLimit-Remaining', remaining);
  return !allowed;
}

async function authenticate(req, reply) {
  const key = req.headers['x-api-key'];
  if (!key) return reply.code(401).send({ success: false, message: 'API key missing' });
  const digest = hash(key);
  const [client, taken] = await Promise.all([
    redis.get(`apiKey:${digest}`),
    redis.takeToken(`bucket:${digest}`, CAPACITY, RATE, 3600),
  ]);
  if (!client) return reply.code(401).send({ success: false, message: 'Invalid API key' });
  if (limited(reply, taken)) {
    return reply.code(429).send({ success: false, message: 'Too many requests' });
  }
  req.client = client;
}

async function openSession(req, reply) {
  const id = req.headers['x-session-id'];
  if (!id) return reply.code(401).send({ success: false, message: 'Session missing' });
  const digest = hash(id);
  const [session, , taken] = await Promise.all([
    redis.hgetall(`peer:session:${digest}`),
    redis.expire(`peer:session:${digest}`, 3600),
    redis.takeToken(`bucket:${digest}`, CAPACITY, RATE, 3600),
  ]);
  if (!session.userId) {
    return reply.code(401).send({ success: false, message: 'No such session' });
  }
  if (limited(reply, taken)) {
    return reply.code(429).send({ success: false, message: 'Too many requests' });
  }
  req.session = session;
}

const rankSchema = {
  response: {
    200: {
      type: 'object',
      properties: { success: { type: 'boolean' }, UserRank: { type: 'integer' } },
    },
  },
};

app.get('/leaderboard/rank/:userId', { schema: rankSchema, onRequest: authenticate }, async (req, reply) => {
  const rank = await redis.zrevrank('leaderboard:zset', req.params.userId);
  if (rank === null) return reply.code(404).send({ success: false, message: 'not ranked' });
  return { success: true, UserRank: rank + 1 };
});

app.get('/leaderboard/top', { onRequest: authenticate }, async () => {
  const flat = await redis.zrevrange('leaderboard:zset', 0, 9, 'WITHSCORES');
  const topScores = [];
  for (let i = 0; i < flat.length; i += 2) {
    topScores.push({ userId: flat[i], score: Number(flat[i + 1]) });
  }
  return { success: true, topScores };
});

app.post('/leaderboard/score', { onRequest: authenticate }, async (req, reply) => {
  const { userId, score } = req.body;
  if (typeof userId !== 'string' || typeof score !== 'number') {
    return reply.code(422).send({ success: false, message: 'userId and score are needed' });
  }
  await redis.zadd('leaderboard:zset', score, userId);
  return { success: true, message: 'Score submitted', newScore: score };
});

const text = { type: 'string' };
const sessionSchema = {
  response: {
    200: {
      type: 'object',
      properties: {
        success: { type: 'boolean' },
        session: {
          type: 'object',
          properties: { userId: text, email: text, name: text, createdAt: text },
        },
      },
    },
  },
};

app.get('/session/get', { schema: sessionSchema, onRequest: openSession },
  async (req) => ({ success: true, session: req.session }));

app.post('/jobs/create', { onRequest: authenticate }, async (req, reply) => {
  if (!req.body || typeof req.body !== 'object' || Array.isArray(req.body)) {
    return reply.code(422).send({ success: false, message: 'an object is needed' });
  }
  const jobId = crypto.randomUUID();
  await Promise.all([
    redis.hset(`peer:job:${jobId}`, 'payload', JSON.stringify(req.body), 'status', 'queued',
      'client', req.client, 'retries', 0, 'createdAt', Date.now()),
    redis.lpush('peer:queue', jobId),
  ]);
  return { success: true, message: 'Job created', jobId };
});

app.listen({ port: Number(process.env.PORT || 3002), host: '127.0.0.1', backlog: 4096 })
  .then(() => console.log('ready'));
