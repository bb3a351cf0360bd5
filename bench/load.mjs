// Load on one server, by wrk: requests of one kind, over connections that are kept.
//
//   const {rate, p50, p99, cpu, store, memory} = load(site, peer, workload, seconds);
//
// A workload: {path, method?, body?, connections?, header? (whose credentials), clients? (how many)}
//
// SPDX-License-Identifier: MIT
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

import { usage } from './processes.mjs';

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

// Requests a second, latencies in us, CPU us a request of server and Redis, resident KiB.
export function load(site, peer, workload, seconds) {
  const script = wrkScript(site, peer, workload);
  const before = usage(peer.child.pid);
  const storeBefore = usage(site.store.pid);
  const run = spawnSync('wrk', ['-t1', `-c${workload.connections ?? 64}`, `-d${seconds}s`,
    '--timeout', '10s', '--latency', '-s', script, `http://127.0.0.1:${peer.port}${workload.path}`]);
  const found = /RESULT (\d+) (\d+) (\d+) (\d+) (\d+)/.exec(run.stdout.toString());
  if (!found) throw new Error(`wrk said nothing of ${peer.name}: ${run.stdout}${run.stderr}`);
  const [requests, duration, p50, p99, errors] = found.slice(1).map(Number);
  if (errors) throw new Error(`${peer.name}, ${workload.path}: ${errors} errors`);
  const after = usage(peer.child.pid);
  return {
    rate: requests / (duration / 1e6), p50, p99,
    cpu: (after.cpu - before.cpu) / requests,
    store: (usage(site.store.pid).cpu - storeBefore.cpu) / requests,
    memory: after.memory,
  };
}
