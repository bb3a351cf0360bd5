// What connections cost that are kept and do nothing: each has had one answer, and stays.
//
//   node bench/idle.mjs [--connections 10000] [--seconds 4] [--only sluice,nginx] [--smoke]
//                       [--sluice build/bin/sluice] [--out docs/benchmarks.md]
//
// Of each server in turn: its memory before and with them, and rank reads a second over 64 more
// connections, before and with them. Memory is resident, of the server's processes: what the kernel
// keeps for a socket is the same for all. Bounded; ends what it started.
//
// SPDX-License-Identifier: MIT
import net from 'node:net';

import { load } from './load.mjs';
import { parse } from './options.mjs';
import { usage } from './processes.mjs';
import { publish } from './report.mjs';
import { begin, close, open } from './servers.mjs';

const options = parse({
  seconds: '4', connections: '10000', only: undefined, sluice: 'build/bin/sluice', out: undefined,
}, { seconds: '1', connections: '100' });
const AT_ONCE = 200;
const rank = { path: '/leaderboard/rank/user500' };

function oneAnswer(peer) {
  const key = peer.credentials['x-api-key'][0];
  return new Promise((resolve, reject) => {
    const wire = net.connect(peer.port, '127.0.0.1');
    let text = '';
    wire.setEncoding('latin1').on('data', (data) => {
      text += data;
      if (!text.includes('UserRank')) return;
      if (/^HTTP\/1.1 200 /.test(text)) resolve(wire);
      else reject(new Error(`${peer.name} answered ${text.slice(0, 100)}`));
    }).on('error', reject);
    wire.write(`GET ${rank.path} HTTP/1.1\r\nHost: bench\r\nx-api-key: ${key}\r\n\r\n`);
  });
}

async function openAll(peer, count) {
  const wires = [];
  while (wires.length < count) {
    const some = Array.from({ length: Math.min(AT_ONCE, count - wires.length) },
      () => oneAnswer(peer));
    wires.push(...await Promise.all(some));
  }
  return wires;
}

async function measure(site, peer) {
  const count = Number(options.connections);
  const alone = load(site, peer, rank, options.seconds);
  const before = usage(peer.child.pid).memory;
  const wires = await openAll(peer, count);
  const memory = usage(peer.child.pid).memory;
  const beside = load(site, peer, rank, options.seconds);
  await new Promise((resolve) => setImmediate(resolve)); /* what was closed is known now */
  const lost = wires.filter((wire) => wire.closed).length;
  wires.forEach((wire) => wire.destroy());
  if (lost) throw new Error(`${peer.name} closed ${lost} of ${count} connections`);
  return { each: (memory - before) / count, memory, alone: alone.rate, beside: beside.rate };
}

const whole = (number) => Math.round(number).toLocaleString('en-US');

const row = (peer, found) => `| ${peer.title} | ${found.each.toFixed(1)} | `
  + `${whole(found.memory / 1024)} | ${whole(found.alone)} | ${whole(found.beside)} | `
  + `${Math.round((100 * found.beside) / found.alone)} % |`;

const site = await open(options.sluice);
try {
  const lines = [`| server | KiB for each of ${whole(options.connections)} idle connections | `
    + 'memory with them, MiB | rank reads/s before | with them | |', '|---|---|---|---|---|---|'];
  for (const peer of await begin(site, options.only)) {
    lines.push(row(peer, await measure(site, peer)));
    console.error(lines.at(-1));
  }
  const text = `${lines.join('\n')}\n`;
  console.log(text);
  if (options.out) publish(options.out, 'idle', text);
} finally {
  await close(site);
}
