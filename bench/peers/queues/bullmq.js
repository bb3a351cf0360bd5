// BullMQ, as the benchmark of jobs drives it: worker and producer are processes of their own.
//
//   node bullmq.js worker                 runs jobs; says "ready"
//   node bullmq.js drain COUNT            fills a paused queue, opens it: DRAINED <seconds>
//   node bullmq.js pickup COUNT DELAY_MS  one job after the other: PICKUP <us> <us> ...
//
// SPDX-License-Identifier: MIT
import { Queue, QueueEvents, Worker } from 'bullmq';

const connection = { path: process.env.REDIS, maxRetriesPerRequest: null };
const KEPT = { age: 86400 };
const [role, count, delay] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4] || 0)];
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function work() {
  const run = async (job) => (job.name === 'noop'
    ? { ok: 1 } : { us: Number(process.hrtime.bigint() - BigInt(job.data)) / 1000 });
  const worker = new Worker('bench', run, { connection, concurrency: 100 });
  await worker.waitUntilReady();
  console.log('ready');
}

async function drain(queue) {
  const before = await queue.getJobCountByTypes('completed');
  await queue.pause();
  for (let i = 0; i < count; i += 1000) {
    await queue.addBulk(Array.from({ length: 1000 }, () => (
      { name: 'noop', data: {}, opts: { removeOnComplete: KEPT } })));
  }
  const begin = performance.now();
  await queue.resume();
  while (await queue.getJobCountByTypes('completed') - before < count) await pause(20);
  console.log(`DRAINED ${(performance.now() - begin) / 1000}`);
}

async function pickup(queue) {
  const events = new QueueEvents('bench', { connection });
  await events.waitUntilReady();
  const found = [];
  for (let i = 0; i < count; i++) {
    const now = process.hrtime.bigint();
    const job = await queue.add('pickup', String(now), { delay, removeOnComplete: KEPT });
    found.push((await job.waitUntilFinished(events)).us - delay * 1000);
    await pause(10);
  }
  console.log(`PICKUP ${found.join(' ')}`);
  await events.close();
}

if (role === 'worker') {
  await work();
} else {
  const queue = new Queue('bench', { connection });
  await (role === 'drain' ? drain(queue) : pickup(queue));
  await queue.close();
}
