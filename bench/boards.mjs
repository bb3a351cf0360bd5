// Measures how reads of a leaderboard grow with the board: 1,000 members beside 1,000,000.
//
//   node bench/boards.mjs [--members 1000000] [--seconds 3] [--rounds 5] [--connections 1]
//                         [--smoke] [--sluice build/bin/sluice] [--out docs/benchmarks.md]
//
// Both boards are filled over HTTP, a thousand scores a call, and then read in turns: small large
// small large ..., so that a slow minute of the machine is everybody's. Ratios are taken within each
// round; medians with minimum and maximum are told. At the end the large board is deleted in the
// middle of a round on the small one. Everything is bounded and ends what it started.
//
// SPDX-License-Identifier: MIT
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { parse } from './options.mjs';
import { freePort, spread, start, stopAll, until } from './processes.mjs';
import { publish } from './report.mjs';

const options = parse({
  members: '1000000', seconds: '3', rounds: '5', connections: '1', sluice: 'build/bin/sluice',
  out: undefined,
}, { members: '2000', seconds: '1', rounds: '1' });
const work = fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-boards-'));
const socket = path.join(work, 'redis.sock');
const ADMIN = 'bench-admin-token-0123456789abcdef';
const SMALL = 1000;
const BATCH = 1000;

function redis(...words) {
  return spawnSync('redis-cli', ['-s', socket, ...words]).stdout.toString();
}

// What Redis says of a command since its counters were set back: calls, and microseconds of its own.
function spent(command) {
  const found = new RegExp(`cmdstat_${command}:calls=(\\d+),usec=(\\d+)`)
    .exec(redis('INFO', 'commandstats'));
  return { calls: Number(found[1]), us: Number(found[2]) };
}

async function startRedis() {
  start('redis-server', ['--port', '0', '--unixsocket', socket, '--save', '', '--appendonly', 'no']);
  await until('redis-server', () => fs.existsSync(socket));
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
plugins: [apikey, leaderboard]
`);
  const child = start(options.sluice, ['run', '-c', config]);
  await until('sluice', () => child.log.includes('"ready: '));
}

// ---- Boards ------------------------------------------------------------------------------------

async function ask(url, method, target, credentials, body) {
  const answer = await fetch(url + target, {
    method,
    headers: { ...credentials, 'content-type': 'application/json' },
    body: body && JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${method} ${target}: ${answer.status} ${await answer.text()}`);
  return answer.status === 204 ? null : answer.json();
}

const admin = { authorization: `Bearer ${ADMIN}` };

// Scores are spread as a multiplication spreads numbers: users' ranks have nothing to do with names.
async function fill(url, key, board, members) {
  await ask(url, 'PUT', `/v1/leaderboards/${board}`, admin, {});
  const begin = Date.now();
  for (let first = 0; first < members; first += BATCH) {
    const entries = Array.from({ length: Math.min(BATCH, members - first) },
      (_, i) => ({ userId: `user${first + i}`, score: ((first + i) * 7919) % 1000003 }));
    const { results } = await ask(url, 'POST', `/v1/leaderboards/${board}/scores`, key, { entries });
    if (results.some((result) => result.error)) throw new Error('a score was refused');
  }
  return Math.round(members / ((Date.now() - begin) / 1000));
}

// ---- Measuring ---------------------------------------------------------------------------------

const workloads = [
  { name: 'rank of one user', path: (board) => `/v1/leaderboards/${board}/entries/user%d` },
  { name: 'around, 5 on each side', path: (board) => `/v1/leaderboards/${board}/around/user%d` },
  { name: 'top 100', path: (board) => `/v1/leaderboards/${board}/top?limit=100` },
];

// Each request is about another user, drawn in the same order for every run.
function wrkScript(key, target, members) {
  const file = path.join(work, 'wrk.lua');
  fs.writeFileSync(file, `
local headers = {["x-api-key"] = "${key['x-api-key']}"}
math.randomseed(20261123)
request = function()
  return wrk.format("GET", string.format("${target}", math.random(0, ${members - 1})), headers)
end
done = function(summary, latency)
  local errors = summary.errors
  io.write(string.format("RESULT %d %d %d %d\\n", latency:percentile(50), latency:percentile(99),
    latency.max, errors.status + errors.connect + errors.read + errors.timeout))
end
`);
  return file;
}

function wrkArguments(url, script) {
  return ['-t1', `-c${options.connections}`, `-d${options.seconds}s`, '--latency', '-s', script, url];
}

function summary(output) {
  const found = /RESULT (\d+) (\d+) (\d+) (\d+)/.exec(output);
  if (!found) throw new Error(`wrk said nothing: ${output}`);
  const [p50, p99, max, errors] = found.slice(1).map(Number);
  if (errors) throw new Error(`${errors} errors`);
  return { p50, p99, max };
}

function measure(url, script) {
  redis('CONFIG', 'RESETSTAT');
  const figures = summary(spawnSync('wrk', wrkArguments(url, script)).stdout.toString());
  const { calls, us } = spent('evalsha');
  return { ...figures, redis: us / calls };
}

async function measureDuring(url, script, act) {
  const child = start('wrk', wrkArguments(url, script));
  const gone = new Promise((resolve) => child.once('close', resolve));
  await new Promise((resolve) => setTimeout(resolve, Number(options.seconds) * 500));
  await act();
  await gone;
  return summary(child.log);
}

// ---- Telling -----------------------------------------------------------------------------------

function row(name, rounds) {
  const of = (size, figure) => rounds.map((round) => round[size][figure]);
  const ratio = (figure) => rounds.map((round) => round.large[figure] / round.small[figure]);
  return `| ${name} | ${spread(of('small', 'p99'), 0)} | ${spread(of('large', 'p99'), 0)} | `
    + `${spread(ratio('p50'), 2)} | ${spread(ratio('p99'), 2)} | `
    + `${spread(of('small', 'redis'), 1)} | ${spread(of('large', 'redis'), 1)} |`;
}

function measureInTurns(url, key, workload) {
  const rounds = [];
  for (let i = 0; i < Number(options.rounds); i++) {
    rounds.push({
      small: measure(url, wrkScript(key, workload.path('small'), SMALL)),
      large: measure(url, wrkScript(key, workload.path('large'), Number(options.members))),
    });
  }
  return rounds;
}

async function measureDeletion(url, key) {
  const script = wrkScript(key, workloads[0].path('small'), SMALL);
  const before = measure(url, script);
  redis('CONFIG', 'RESETSTAT');
  const during = await measureDuring(url, script,
    () => ask(url, 'DELETE', '/v1/leaderboards/large', admin));
  return `Deleting the large board held Redis for ${spent('unlink').us} us. Rank on the small one, in `
    + `us: p99 ${before.p99} before, ${during.p99} during; slowest ${before.max} before, `
    + `${during.max} during.`;
}

async function main() {
  const large = options.members;
  const url = `http://127.0.0.1:${await freePort()}`;
  await startRedis();
  await startSluice(new URL(url).port);
  await ask(url, 'POST', '/v1/clients', admin, { id: 'bench', name: 'Bench' });
  const made = await ask(url, 'POST', '/v1/clients/bench/keys', admin, {});
  const key = { 'x-api-key': made.key };
  await fill(url, key, 'small', SMALL);
  const rate = await fill(url, key, 'large', Number(large));
  const lines = [`${large} scores, ${BATCH} a call: ${rate}/s`, '',
    `| us, median (min to max) of ${options.rounds} | p99, ${SMALL} members | p99, ${large} members | `
      + `growth of p50 | growth of p99 | Redis's part, ${SMALL} | Redis's part, ${large} |`,
    '|---|---|---|---|---|---|---|'];
  for (const workload of workloads) {
    lines.push(row(workload.name, measureInTurns(url, key, workload)));
  }
  lines.push('', await measureDeletion(url, key), '');
  const text = lines.join('\n');
  console.log(text);
  if (options.out) publish(options.out, 'boards', text);
}

try {
  await main();
} finally {
  await stopAll();
  fs.rmSync(work, { recursive: true, force: true });
}
