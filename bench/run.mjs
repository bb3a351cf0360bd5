// Measures Sluice beside its peers: one Redis, everybody on loopback, in turns.
//
//   node bench/run.mjs [--seconds 4] [--rounds 3] [--only sluice,express] [--smoke]
//                      [--sluice build/bin/sluice] [--out docs]
//
// Every round runs A B C ... for each workload, so that a slow minute of the machine is everybody's;
// figures are medians with minimum and maximum, ratios are taken within each round. Everything is
// bounded and ends what it started. --smoke runs each once for half a second and asserts nothing
// but that answers came; it is what the tests do.
//
// SPDX-License-Identifier: MIT
import { spawnSync } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { freePort, start, stopAll, until, usage } from './processes.mjs';
import { chart, table } from './report.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const options = parseOptions(process.argv.slice(2));
const work = fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-bench-'));
const socket = path.join(work, 'redis.sock');
const CLIENTS = 1000;
const ADMIN = 'bench-admin-token-0123456789abcdef';

function parseOptions(words) {
  const found = { seconds: '4', rounds: '3', sluice: 'build/bin/sluice', connections: '64' };
  for (let i = 0; i < words.length; i++) {
    const name = words[i].replace(/^--/, '');
    if (name === 'smoke') found.smoke = true;
    else found[name] = words[++i];
  }
  if (found.smoke) Object.assign(found, { seconds: '1', rounds: '1' });
  return found;
}

// ---- Redis and its data ------------------------------------------------------------------------

function redis(...args) {
  const input = args.map((words) => words.join(' ')).join('\n');
  return spawnSync('redis-cli', ['-s', socket], { input, maxBuffer: 1 << 28 }).stdout.toString();
}

async function startRedis() {
  const child = start('redis-server', ['--port', '0', '--unixsocket', socket, '--save', '',
    '--appendonly', 'no', '--maxmemory-policy', 'noeviction']);
  await until('redis-server', () => redis(['PING']).startsWith('PONG'));
  const scores = [];
  for (let i = 0; i < 1000; i++) scores.push(['ZADD', 'leaderboard:zset', i, `user${i}`]);
  redis(...scores);
  return child;
}

const peerKey = (i) => `peer-key-${i}`;

function writePeerKeys() {
  const commands = [];
  for (let i = 0; i < CLIENTS; i++) {
    for (const algorithm of ['sha256', 'sha1']) {
      const hash = crypto.createHash(algorithm).update(peerKey(i)).digest('hex');
      commands.push(['SET', `apiKey:${hash}`, `peer${i}`]);
    }
  }
  redis(...commands);
}

// ---- Who is measured ---------------------------------------------------------------------------

async function makeClients(url) {
  const keys = [];
  for (let i = 0; i < CLIENTS; i++) {
    const answer = await fetch(`${url}/clients/createClient`, {
      method: 'POST',
      headers: { authorization: `Bearer ${ADMIN}`, 'content-type': 'application/json' },
      body: JSON.stringify({ id: `client${i}`, name: `Client ${i}` }),
    });
    if (!answer.ok) throw new Error(`no client: ${answer.status} ${await answer.text()}`);
    keys.push((await answer.json()).apiKey);
  }
  return keys;
}

async function startSluice(port) {
  const config = path.join(work, 'config.yaml');
  fs.writeFileSync(config, `
listen: 127.0.0.1:${port}
workers: 1
data_dir: ${work}/data
admin: { token: ${ADMIN} }
log: { access: false }
redis: { url: "unix://${socket}" }
plugins:
  - apikey
  - ratelimit: { policies: { default: { algorithm: token-bucket, capacity: 1000000000, refill: 1000000/s } } }
  - leaderboard
`);
  const child = start(options.sluice, ['run', '-c', config]);
  await until('sluice', () => child.log.includes('"ready: '));
  return { child, keys: await makeClients(`http://127.0.0.1:${port}`) };
}

function nodePeer(name) {
  return async (port) => {
    const folder = path.join(here, 'peers', name);
    const child = start('node', ['server.js'], {
      cwd: folder,
      env: { ...process.env, NODE_ENV: 'production', PORT: String(port), REDIS: socket },
    });
    await until(name, () => child.log.includes('ready'));
    return { child };
  };
}

async function startNginx(port) {
  const folder = path.join(here, 'peers', 'nginx');
  const file = path.join(work, 'nginx.conf');
  const text = fs.readFileSync(path.join(folder, 'nginx.conf.in'), 'utf8')
    .replaceAll('@WORK@', work).replaceAll('@PEER@', folder)
    .replaceAll('@PORT@', String(port)).replaceAll('@REDIS@', socket);
  fs.writeFileSync(file, text);
  const child = start('nginx', ['-p', work, '-c', file]);
  await until('nginx', async () => {
    try {
      return (await fetch(`http://127.0.0.1:${port}/none`)).status === 404;
    } catch {
      return false;
    }
  });
  return { child };
}

async function startBare(port) {
  const program = path.join(work, 'bare');
  const built = spawnSync('gcc', ['-O2', path.join(here, 'peers/bare/bare.c'), '-o', program,
    '-lmicrohttpd']);
  if (built.status !== 0) throw new Error(built.stderr.toString());
  const child = start(program, [String(port)]);
  await until('bare', () => child.log.includes('ready'));
  return { child };
}

const peers = [
  { name: 'sluice', title: 'Sluice', start: startSluice },
  { name: 'express', title: 'Express + ioredis', start: nodePeer('express') },
  { name: 'fastify', title: 'Fastify + ioredis', start: nodePeer('fastify') },
  { name: 'nginx', title: 'nginx + Lua', start: startNginx },
  { name: 'bare', title: 'bare libmicrohttpd', start: startBare },
];

// ---- What is measured --------------------------------------------------------------------------

const workloads = [
  { name: 'rank, 1 client', clients: 1, path: '/leaderboard/rank/user500' },
  { name: 'rank, 1,000 clients', clients: CLIENTS, path: '/leaderboard/rank/user500' },
  { name: 'top 10', clients: 1, path: '/leaderboard/top', not: ['bare'] },
  { name: 'score write', clients: 1, method: 'POST', path: '/leaderboard/score', not: ['bare'],
    body: '{"userId":"user500","score":500}' },
];

// wrk's own scripts: each request takes the next key.
function wrkScript(peer, workload) {
  const keys = Array.from({ length: workload.clients },
    (_, i) => (peer.keys ? peer.keys[i] : peerKey(i)));
  const file = path.join(work, `${peer.name}.lua`);
  fs.writeFileSync(file, `
local keys = {${keys.map((key) => JSON.stringify(key)).join(',')}}
local requests, at = {}, 0
init = function()
  for i, key in ipairs(keys) do
    local headers = {["x-api-key"] = key, ["content-type"] = "application/json"}
    requests[i] = wrk.format(${JSON.stringify(workload.method || 'GET')},
      ${JSON.stringify(workload.path)}, headers, ${workload.body ? JSON.stringify(workload.body) : 'nil'})
  end
end
request = function()
  at = at % #requests + 1
  return requests[at]
end
done = function(summary, latency)
  io.write(string.format("RESULT %d %d %d %d %d\\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99),
    summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout))
end
`);
  return file;
}

function measure(peer, workload, store) {
  const script = wrkScript(peer, workload);
  const before = usage(peer.child.pid);
  const storeBefore = usage(store.pid);
  const run = spawnSync('wrk', ['-t1', `-c${options.connections}`, `-d${options.seconds}s`,
    '--latency', '-s', script, `http://127.0.0.1:${peer.port}${workload.path}`]);
  const found = /RESULT (\d+) (\d+) (\d+) (\d+) (\d+)/.exec(run.stdout.toString());
  if (!found) throw new Error(`wrk said nothing of ${peer.name}: ${run.stdout}${run.stderr}`);
  const [requests, duration, p50, p99, errors] = found.slice(1).map(Number);
  const after = usage(peer.child.pid);
  return {
    rate: requests / (duration / 1e6), p50, p99, errors,
    cpu: (after.cpu - before.cpu) / requests,
    store: (usage(store.pid).cpu - storeBefore.cpu) / requests,
    memory: after.memory,
  };
}

async function main() {
  const chosen = peers.filter((peer) => !options.only || options.only.split(',').includes(peer.name));
  const store = await startRedis();
  writePeerKeys();
  for (const peer of chosen) {
    peer.port = await freePort();
    Object.assign(peer, await peer.start(peer.port));
  }
  const results = {};
  for (const workload of workloads) {
    for (let round = 0; round < Number(options.rounds); round++) {
      for (const peer of chosen) {
        if (workload.not?.includes(peer.name)) continue;
        const result = measure(peer, workload, store);
        if (result.errors) throw new Error(`${peer.name}, ${workload.name}: ${result.errors} errors`);
        ((results[workload.name] ??= {})[peer.title] ??= []).push(result);
        console.error(`${workload.name}  ${peer.title}  ${result.rate.toFixed(0)}/s`);
      }
    }
  }
  const text = table(results);
  console.log(text);
  if (options.out) {
    fs.writeFileSync(path.join(options.out, 'benchmarks-table.md'), text);
    fs.writeFileSync(path.join(options.out, 'benchmarks.svg'), chart(results));
  }
}

try {
  await main();
} finally {
  await stopAll();
  fs.rmSync(work, { recursive: true, force: true });
}
