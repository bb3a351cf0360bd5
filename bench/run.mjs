// Measures Sluice beside its peers: one Redis, everybody on loopback, in turns.
//
//   node bench/run.mjs [--seconds 4] [--rounds 3] [--only sluice,express] [--smoke]
//                      [--sluice build/bin/sluice] [--out docs]
//
// Every round runs A B C ... for each workload, so that a slow minute of the machine is everybody's;
// figures are medians with minimum and maximum, ratios are taken within each round. Everything is
// bounded and ends what it started. --smoke runs each once for a second and asserts nothing but that
// answers came; it is what the tests do.
//
// SPDX-License-Identifier: MIT
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

import { usage } from './processes.mjs';
import { chart, table } from './report.mjs';
import { begin, close, CLIENTS, forgetJobs, open } from './servers.mjs';

const options = parseOptions(process.argv.slice(2));

function parseOptions(words) {
  const found = { seconds: '4', rounds: '3', sluice: 'build/bin/sluice' };
  for (let i = 0; i < words.length; i++) {
    const name = words[i].replace(/^--/, '');
    if (name === 'smoke') found.smoke = true;
    else found[name] = words[++i];
  }
  if (found.smoke) Object.assign(found, { seconds: '1', rounds: '1' });
  return found;
}

// ---- What is measured --------------------------------------------------------------------------

const rank = { path: '/leaderboard/rank/user500' };
const workloads = [
  { name: 'rank, 1 client', ...rank },
  { name: 'rank, 1 client, 256 connections', ...rank, connections: 256 },
  { name: 'rank, 1 client, 1,000 connections', ...rank, connections: 1000 },
  { name: 'rank, 1,000 clients', ...rank, clients: CLIENTS },
  { name: 'top 10', path: '/leaderboard/top', not: ['bare'] },
  { name: 'score write', method: 'POST', path: '/leaderboard/score', not: ['bare'],
    body: '{"userId":"user500","score":500}' },
  { name: 'session read', path: '/session/get', header: 'x-session-id', not: ['bare'] },
  { name: 'enqueue', method: 'POST', path: '/jobs/create', not: ['bare'], after: forgetJobs,
    body: '{"task":"mail","to":"user500","subject":"hello"}' },
];

// wrk's own scripts: each request takes the next key.
function wrkScript(site, peer, workload) {
  const header = workload.header ?? 'x-api-key';
  const keys = peer.credentials[header].slice(0, workload.clients ?? 1);
  const file = path.join(site.work, `${peer.name}.lua`);
  fs.writeFileSync(file, `
local keys = {${keys.map((key) => JSON.stringify(key)).join(',')}}
local requests, at = {}, 0
init = function()
  for i, key in ipairs(keys) do
    local headers = {["${header}"] = key, ["content-type"] = "application/json"}
    requests[i] = wrk.format(${JSON.stringify(workload.method ?? 'GET')},
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

function measure(site, peer, workload) {
  const script = wrkScript(site, peer, workload);
  const before = usage(peer.child.pid);
  const storeBefore = usage(site.store.pid);
  const run = spawnSync('wrk', ['-t1', `-c${workload.connections ?? 64}`, `-d${options.seconds}s`,
    '--latency', '-s', script, `http://127.0.0.1:${peer.port}${workload.path}`]);
  const found = /RESULT (\d+) (\d+) (\d+) (\d+) (\d+)/.exec(run.stdout.toString());
  if (!found) throw new Error(`wrk said nothing of ${peer.name}: ${run.stdout}${run.stderr}`);
  const [requests, duration, p50, p99, errors] = found.slice(1).map(Number);
  if (errors) throw new Error(`${peer.name}, ${workload.name}: ${errors} errors`);
  const after = usage(peer.child.pid);
  return {
    rate: requests / (duration / 1e6), p50, p99,
    cpu: (after.cpu - before.cpu) / requests,
    store: (usage(site.store.pid).cpu - storeBefore.cpu) / requests,
    memory: after.memory,
  };
}

// results[workload][server's title] = its rounds
function measureAll(site, peers) {
  const results = {};
  for (const workload of workloads) {
    results[workload.name] = {};
    for (let round = 0; round < Number(options.rounds); round++) {
      for (const peer of peers) {
        if (workload.not?.includes(peer.name)) continue;
        const result = measure(site, peer, workload);
        workload.after?.(site);
        (results[workload.name][peer.title] ??= []).push(result);
        console.error(`${workload.name}  ${peer.title}  ${result.rate.toFixed(0)}/s`);
      }
    }
  }
  return results;
}

const site = await open(options.sluice);
try {
  const results = measureAll(site, await begin(site, options.only));
  const text = table(results);
  console.log(text);
  if (options.out) {
    fs.writeFileSync(path.join(options.out, 'benchmarks-table.md'), text);
    fs.writeFileSync(path.join(options.out, 'benchmarks.svg'), chart(results));
  }
} finally {
  await close(site);
}
