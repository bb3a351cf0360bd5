// Processes that a benchmark starts: waited for, measured, and ended whatever happens.
//
// SPDX-License-Identifier: MIT
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';

const started = [];

// Its output gathers in `log`.
export function start(command, args, extra = {}) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...extra });
  child.log = '';
  child.stdout.on('data', (data) => { child.log += data; });
  child.stderr.on('data', (data) => { child.log += data; });
  child.on('error', (error) => { child.log += error; });
  started.push(child);
  return child;
}

export async function until(what, condition, patience = 20000) {
  const giveUp = Date.now() + patience;
  while (Date.now() < giveUp) {
    if (await condition()) return;
    if (started.some((child) => child.exitCode)) break; /* one has failed */
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const logs = started.map((child) => child.log.slice(-2000)).join('\n');
  throw new Error(`${what} did not come up\n${logs}`);
}

async function stop(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const forced = setTimeout(() => child.kill('SIGKILL'), 10000);
  await gone;
  clearTimeout(forced);
}

// Ends one before its time.
export async function end(child) {
  started.splice(started.indexOf(child), 1);
  await stop(child);
}

export async function stopAll() {
  for (const child of started.reverse()) await stop(child);
}

// One that nobody listens on now: benchmarks run beside each other, and beside tests.
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = net.createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

function descendants(pid) {
  const children = fs.readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return [pid, ...children.split(' ').filter(Boolean).flatMap((child) => descendants(child))];
}

const TICK = 1e6 / Number(spawnSync('getconf', ['CLK_TCK']).stdout.toString());

// CPU microseconds and resident KiB of a process and its children.
export function usage(pid) {
  let cpu = 0;
  let memory = 0;
  for (const each of descendants(pid)) {
    const stat = fs.readFileSync(`/proc/${each}/stat`, 'utf8').replace(/^.*\) /, '').split(' ');
    cpu += (Number(stat[11]) + Number(stat[12])) * TICK;
    memory += Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${each}/status`, 'utf8'))?.[1] || 0);
  }
  return { cpu, memory };
}

// Median (least to most).
export function spread(values, digits) {
  const sorted = values.toSorted((a, b) => a - b);
  const [median, min, max] = [sorted[Math.floor(sorted.length / 2)], sorted[0], sorted.at(-1)]
    .map((value) => value.toFixed(digits));
  return `${median} (${min} to ${max})`;
}
