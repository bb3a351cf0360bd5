// Measures Sluice's jobs beside BullMQ and bee-queue: one Redis, one host, in turns.
//
//   node bench/jobs.mjs [--jobs 100000] [--rounds 3] [--samples 300] [--executors 2] [--smoke]
//                       [--only Sluice,BullMQ] [--sluice build/bin/sluice]
//                       [--include core/include] [--out docs/benchmarks.md]
//
//   drain    a queue that is full, and then opened: jobs a second until all have ended, results kept
//   pickup   one job at a time on an idle queue: from before it is enqueued until its handler begins
//   late     the same with a delay of 500 ms, which is taken off again
//
// Each peer has one worker process (Node's with 100 jobs in flight, as their manuals have it; Sluice's
// with its executors), on a Redis that is emptied in between. Medians with minimum and maximum; ratios
// are taken within each round.
//
// SPDX-License-Identifier: MIT
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { end, freePort, spread, start, stopAll, until } from './processes.mjs';
import { parse } from './options.mjs';
import { publish } from './report.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const options = parse({
  jobs: '100000', rounds: '3', samples: '300', executors: '2', sluice: 'build/bin/sluice',
  include: path.join(here, '..', 'core', 'include'), only: undefined, out: undefined,
}, { jobs: '2000', rounds: '1', samples: '5' });
const work = fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-jobs-'));
const socket = path.join(work, 'redis.sock');
const ADMIN = 'bench-admin-token-0123456789abcdef';
const BATCH = 1000;
const DELAY_MS = 500;
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// ---- Redis -------------------------------------------------------------------------------------

async function startRedis() {
  const store = start('redis-server', ['--port', '0', '--unixsocket', socket, '--save', '',
    '--appendonly', 'no', '--maxmemory-policy', 'noeviction']);
  await until('redis-server', () => fs.existsSync(socket));
  return store;
}

function empty() {
  spawnSync('redis-cli', ['-s', socket, 'FLUSHALL']);
}

// ---- Sluice ------------------------------------------------------------------------------------

function buildHandlers() {
  const plugin = path.join(work, 'handlers.so');
  const built = spawnSync('gcc', ['-O2', '-shared', '-fPIC', '-fvisibility=hidden',
    `-I${options.include}`, path.join(here, 'peers/handlers/handlers.c'), '-o', plugin]);
  if (built.status !== 0) throw new Error(built.stderr.toString());
  return plugin;
}

class Sluice {
  title = 'Sluice';

  async begin() {
    const port = await freePort();
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
  - jobs: { executors: ${options.executors}, webhooks: { enabled: false } }
  - path: ${buildHandlers()}
`);
    this.url = `http://127.0.0.1:${port}`;
    this.child = start(options.sluice, ['run', '-c', config]);
    await until('sluice', () => this.child.log.includes('"ready: '));
    this.wire = null;
    const made = await this.ask('POST', '/clients/createClient', { id: 'bench', name: 'Bench' });
    this.key = made.apiKey;
  }

  async ask(method, target, body, key) {
    const credentials = key ? { 'x-api-key': key } : { authorization: `Bearer ${ADMIN}` };
    const answer = await fetch(this.url + target, {
      method,
      headers: { ...credentials, 'content-type': 'application/json' },
      body: body && JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`${method} ${target}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  }

  async drain(count) {
    const { completed } = await this.ask('POST', '/v1/queues/jobs/pause');
    for (let i = 0; i < count; i += BATCH) {
      const jobs = Array.from({ length: BATCH }, () => ({ type: 'noop' }));
      await this.ask('POST', '/v1/jobs/batch', { jobs }, this.key);
    }
    const begin = performance.now();
    await this.ask('POST', '/v1/queues/jobs/resume');
    while ((await this.ask('GET', '/v1/queues/jobs')).completed - completed < count) await pause(20);
    return count / ((performance.now() - begin) / 1000);
  }

  // Over a connection that is kept, without a client library: its work is none of ours.
  async enqueue(delay) {
    const at = Number(process.hrtime.bigint());
    const job = { type: 'pickup', payload: at, ...(delay && { delayMs: delay }) };
    const body = JSON.stringify(job);
    const answered = new Promise((resolve) => this.wire.once('data', resolve));
    this.wire.write('POST /v1/jobs HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n'
      + `x-api-key: ${this.key}\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    return JSON.parse(String(await answered).split('\r\n\r\n')[1]).id;
  }

  async pickup(count, delay) {
    const found = [];
    this.wire ??= net.connect(new URL(this.url).port, '127.0.0.1').setNoDelay();
    for (let i = 0; i < count; i++) {
      const id = await this.enqueue(delay);
      if (delay) await pause(delay);
      for (;;) {
        const { result } = await this.ask('GET', `/v1/jobs/${id}`, null, this.key);
        if (result) {
          found.push(result.us - delay * 1000);
          break;
        }
        await pause(5);
      }
      await pause(10);
    }
    return found;
  }
}

// ---- Peers -------------------------------------------------------------------------------------

class NodeQueue {
  constructor(title, script) {
    this.title = title;
    this.script = script;
  }

  start(...args) {
    return start('node', [this.script, ...args.map(String)], {
      cwd: path.join(here, 'peers', 'queues'),
      env: { ...process.env, NODE_ENV: 'production', REDIS: socket },
    });
  }

  async run(pattern, ...args) {
    const child = this.start(...args);
    await until(`${this.title} ${args[0]}`, () => pattern.test(child.log), 300000);
    return pattern.exec(child.log)[1];
  }

  async begin() {
    this.child = this.start('worker');
    await until(this.title, () => this.child.log.includes('ready'));
  }

  async pickup(count, delay) {
    const found = await this.run(/PICKUP (.*)\n/, 'pickup', count, delay);
    return found.split(' ').map(Number);
  }
}

class BullMQ extends NodeQueue {
  async drain(count) {
    return count / Number(await this.run(/DRAINED (.*)\n/, 'drain', count));
  }
}

// It can't be paused from outside: its worker comes when the queue is full.
class BeeQueue extends NodeQueue {
  async drain(count) {
    const before = await this.run(/SUCCEEDED (.*)\n/, 'health');
    await end(this.child);
    await this.run(/(filled)\n/, 'fill', count);
    const clock = this.start('drained', count, before);
    await until('the clock', () => clock.log.includes('waits'));
    await this.begin();
    await until('its end', () => clock.log.includes('DRAINED'), 300000);
    return count / Number(/DRAINED (.*)\n/.exec(clock.log)[1]);
  }
}

// ---- Measuring ---------------------------------------------------------------------------------

function percentile(values, share) {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

async function measure(peer) {
  empty();
  await peer.begin();
  const samples = Number(options.samples);
  const pickups = await peer.pickup(samples, 0);
  const late = await peer.pickup(Math.ceil(samples / 5), DELAY_MS);
  const rate = await peer.drain(Number(options.jobs));
  peer.wire?.destroy();
  await end(peer.child);
  const figures = { rate, pickup50: percentile(pickups, 0.5), pickup99: percentile(pickups, 0.99),
    late99: percentile(late, 0.99) };
  console.error(peer.title, figures);
  return figures;
}

function row(title, rounds, sluice) {
  const of = (figure) => rounds.map((round) => round[figure]);
  const ratios = rounds.map((round, i) => sluice[i].rate / round.rate);
  return `| ${title} | ${spread(of('rate'), 0)} | ${spread(ratios, 1)} | ${spread(of('pickup50'), 0)} | `
    + `${spread(of('pickup99'), 0)} | ${spread(of('late99'), 0)} |`;
}

async function main() {
  const peers = [new Sluice(), new BullMQ('BullMQ', 'bullmq.js'), new BeeQueue('bee-queue', 'bee.js')]
    .filter((peer) => !options.only || options.only.split(',').includes(peer.title));
  const results = new Map(peers.map((peer) => [peer.title, []]));
  await startRedis();
  for (let round = 0; round < Number(options.rounds); round++) {
    for (const peer of peers) results.get(peer.title).push(await measure(peer));
  }
  const lines = [
    `${os.cpus().length} cores (${os.cpus()[0].model}), ${options.jobs} jobs, ${options.rounds} rounds; `
      + 'median (min to max)', '',
    '| | drained a second | Sluice is so many times as fast | pickup p50, us | pickup p99, us | '
      + 'lateness of 500 ms, p99, us |', '|---|---|---|---|---|---|',
    ...peers.map((peer) => row(peer.title, results.get(peer.title), results.get('Sluice'))), ''];
  console.log(lines.join('\n'));
  if (options.out) publish(options.out, 'jobs', lines.join('\n'));
}

try {
  await main();
} finally {
  await stopAll();
  fs.rmSync(work, { recursive: true, force: true });
}
