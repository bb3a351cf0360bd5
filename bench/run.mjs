// Measures Sluice beside its peers: one Redis, everybody on loopback, in turns.
//
//   node bench/run.mjs [--seconds 4] [--rounds 3] [--only sluice,express] [--smoke]
//                      [--sluice build/bin/sluice] [--out docs/benchmarks.md]
//
// Every round runs A B C ... for each workload, so that a slow minute of the machine is everybody's;
// figures are medians with minimum and maximum, ratios are taken within each round. Everything is
// bounded and ends what it started. --smoke runs each once for a second and asserts nothing but that
// answers came; it is what the tests do.
//
// SPDX-License-Identifier: MIT
import fs from 'node:fs';
import path from 'node:path';

import { load } from './load.mjs';
import { parse } from './options.mjs';
import { chart, publish, table } from './report.mjs';
import { begin, close, CLIENTS, forgetJobs, open } from './servers.mjs';

const options = parse({
  seconds: '4', rounds: '3', only: undefined, sluice: 'build/bin/sluice', out: undefined,
}, { seconds: '1', rounds: '1' });

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

// results[workload][server's title] = its rounds
function measureAll(site, peers) {
  const results = {};
  for (const workload of workloads) {
    results[workload.name] = {};
    for (let round = 0; round < Number(options.rounds); round++) {
      for (const peer of peers) {
        if (workload.not?.includes(peer.name)) continue;
        const result = load(site, peer, workload, options.seconds);
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
    publish(options.out, 'requests', text);
    fs.writeFileSync(path.join(path.dirname(options.out), 'benchmarks.svg'), chart(results));
  }
} finally {
  await close(site);
}
