// Who is measured: one Redis, and beside it Sluice and its peers, that do the same work.
//
//   const site = await open('build/bin/sluice');   a folder, a Redis, and what is in it
//   for (const peer of await begin(site)) ...      {name, title, child, port, credentials}
//
// SPDX-License-Identifier: MIT
import { spawnSync } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { freePort, start, stopAll, until } from './processes.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const ADMIN = 'bench-admin-token-0123456789abcdef';
const MEMBERS = 1000;
const SESSION = { userId: 'user500', email: 'user500@example.com', name: 'User 500' };

export const CLIENTS = 1000;

// ---- Redis and its data ------------------------------------------------------------------------

export function redis(site, ...commands) {
  const input = commands.map((words) => words.join(' ')).join('\n');
  return spawnSync('redis-cli', ['-s', site.socket], { input, maxBuffer: 1 << 28 }).stdout.toString();
}

const hashOf = (algorithm, text) => crypto.createHash(algorithm).update(text).digest('hex');

const peerKey = (i) => `peer-key-${i}`;
const PEER_SESSION = 'peer-session';

// nginx's Lua module has no SHA-256.
function peersData() {
  const commands = [];
  for (const algorithm of ['sha256', 'sha1']) {
    for (let i = 0; i < CLIENTS; i++) {
      commands.push(['SET', `apiKey:${hashOf(algorithm, peerKey(i))}`, `peer${i}`]);
    }
    const fields = Object.entries({ ...SESSION, createdAt: new Date().toISOString() }).flat();
    commands.push(['HSET', `peer:session:${hashOf(algorithm, PEER_SESSION)}`,
      ...fields.map((field) => JSON.stringify(field))]);
  }
  return commands;
}

// What enqueued jobs left: nobody works on them.
const FORGET_JOBS = `
  for _, pattern in ipairs({'job:*', 'peer:job:*'}) do
    local cursor = '0'
    repeat
      local found = redis.call('SCAN', cursor, 'MATCH', pattern, 'COUNT', 1000)
      cursor = found[1]
      if #found[2] > 0 then redis.call('UNLINK', unpack(found[2])) end
    until cursor == '0'
  end
  redis.call('UNLINK', 'queue:jobs', 'peer:queue')`;

export function forgetJobs(site) {
  spawnSync('redis-cli', ['-s', site.socket, 'EVAL', FORGET_JOBS, '0']);
}

export async function open(sluice) {
  const work = fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-bench-'));
  const site = { work, sluice, socket: path.join(work, 'redis.sock') };
  site.store = start('redis-server', ['--port', '0', '--unixsocket', site.socket, '--save', '',
    '--appendonly', 'no', '--maxmemory-policy', 'noeviction']);
  await until('redis-server', () => redis(site, ['PING']).startsWith('PONG'));
  const scores = Array.from({ length: MEMBERS },
    (_, i) => ['ZADD', 'leaderboard:zset', i, `user${i}`]);
  redis(site, ...scores, ...peersData());
  return site;
}

export async function close(site) {
  await stopAll();
  fs.rmSync(site.work, { recursive: true, force: true });
}

// ---- Sluice ------------------------------------------------------------------------------------

async function post(port, target, headers, body) {
  const answer = await fetch(`http://127.0.0.1:${port}${target}`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`POST ${target}: ${answer.status} ${await answer.text()}`);
  return answer.json();
}

const admin = { authorization: `Bearer ${ADMIN}` };

async function clientKeys(port, count) {
  const keys = [];
  for (let i = 0; i < count; i++) {
    const client = { id: `client${i}`, name: `Client ${i}` };
    keys.push((await post(port, '/clients/createClient', admin, client)).apiKey);
  }
  return keys;
}

async function sluiceCredentials(port) {
  const keys = await clientKeys(port, CLIENTS);
  const { sessionId } = await post(port, '/session/create', { 'x-api-key': keys[0] }, SESSION);
  await post(port, '/v1/queues/jobs/pause', admin, {});
  return { 'x-api-key': keys, 'x-session-id': [sessionId] };
}

const ON_RANK = `
  - apikey
  - ratelimit: { policies: { default: { algorithm: token-bucket, capacity: 1000000000, refill: 1000000/s } } }
  - leaderboard`;
const NOT_ON_RANK = `
  - session
  - jobs: { executors: 1, webhooks: { enabled: false } }`;

// A gateway of that name, with the plugins that YAML text lists; others may share its Redis.
async function gateway(site, port, name, plugins) {
  const config = path.join(site.work, `${name}.yaml`);
  fs.writeFileSync(config, `
listen: 127.0.0.1:${port}
workers: 1
data_dir: ${site.work}/${name}
admin: { token: ${ADMIN} }
log: { access: false }
http: { connections: 20000 }
redis: { url: "unix://${site.socket}" }
plugins:${plugins}
`);
  const child = start(site.sluice, ['run', '-c', config]);
  await until(name, () => child.log.includes('"ready: '));
  return child;
}

async function startSluice(site, port) {
  const child = await gateway(site, port, 'sluice', ON_RANK + NOT_ON_RANK);
  return { child, credentials: await sluiceCredentials(port) };
}

// ---- Its peers ---------------------------------------------------------------------------------

function peerCredentials() {
  const keys = Array.from({ length: CLIENTS }, (_, i) => peerKey(i));
  return { 'x-api-key': keys, 'x-session-id': [PEER_SESSION] };
}

function node(name) {
  return async (site, port) => {
    const child = start('node', ['server.js'], {
      cwd: path.join(here, 'peers', name),
      env: { ...process.env, NODE_ENV: 'production', PORT: String(port), REDIS: site.socket },
    });
    await until(name, () => child.log.includes('ready'));
    return { child, credentials: peerCredentials() };
  };
}

async function answers(port) {
  try {
    return (await fetch(`http://127.0.0.1:${port}/none`)).status === 404;
  } catch {
    return false;
  }
}

async function startNginx(site, port) {
  const folder = path.join(here, 'peers', 'nginx');
  const file = path.join(site.work, 'nginx.conf');
  const text = fs.readFileSync(path.join(folder, 'nginx.conf.in'), 'utf8')
    .replaceAll('@WORK@', site.work).replaceAll('@PEER@', folder)
    .replaceAll('@PORT@', String(port)).replaceAll('@REDIS@', site.socket);
  fs.writeFileSync(file, text);
  const child = start('nginx', ['-p', site.work, '-c', file]);
  await until('nginx', () => answers(port));
  return { child, credentials: peerCredentials() };
}

async function startBare(site, port) {
  const program = path.join(site.work, 'bare');
  const built = spawnSync('gcc', ['-O2', path.join(here, 'peers/bare/bare.c'), '-o', program,
    '-lmicrohttpd']);
  if (built.status !== 0) throw new Error(built.stderr.toString());
  const child = start(program, [String(port)]);
  await until('bare', () => child.log.includes('ready'));
  return { child, credentials: peerCredentials() };
}

export const servers = [
  { name: 'sluice', title: 'Sluice', start: startSluice },
  { name: 'express', title: 'Express + ioredis', start: node('express') },
  { name: 'fastify', title: 'Fastify + ioredis', start: node('fastify') },
  { name: 'nginx', title: 'nginx + Lua', start: startNginx },
  { name: 'bare', title: 'bare libmicrohttpd', start: startBare },
];

// Those that `only` names, or all, running.
export async function begin(site, only) {
  const running = [];
  for (const server of servers) {
    if (only && !only.split(',').includes(server.name)) continue;
    const port = await freePort();
    running.push({ ...server, port, ...await server.start(site, port) });
  }
  return running;
}

// One after the other, each served by a generation of its own.
async function reload(child, times) {
  for (let generation = 2; generation <= times + 1; generation++) {
    child.kill('SIGHUP');
    await until('a reload', () => child.log.includes(`"ready: generation ${generation} serves`));
  }
}

// Sluice three times: with what a rank read needs, with more, and with more of a past.
export async function beginVariants(site, reloads) {
  const variants = [
    { name: 'needed', title: 'the plugins on the route', plugins: ON_RANK },
    { name: 'more', title: 'three more that are not on it',
      plugins: `${ON_RANK}${NOT_ON_RANK}\n  - lock` },
    { name: 'reloaded', title: `the first, reloaded ${reloads} times`, plugins: ON_RANK },
  ];
  let credentials;
  for (const variant of variants) {
    variant.port = await freePort();
    variant.child = await gateway(site, variant.port, variant.name, variant.plugins);
    credentials ??= { 'x-api-key': await clientKeys(variant.port, 1) };
    variant.credentials = credentials;
  }
  await reload(variants.at(-1).child, reloads);
  return variants;
}
