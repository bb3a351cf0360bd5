// bee-queue, as the benchmark of jobs drives it: worker and producer are processes of their own.
//
//   node bee.js worker                 runs jobs; says "ready"
//   node bee.js fill COUNT             fills the queue, while no worker runs
//   node bee.js drained COUNT BEFORE   from the first to the last of them that ends: DRAINED <seconds>
//   node bee.js pickup COUNT DELAY_MS  one job after the other: PICKUP <us> <us> ...
//
// SPDX-License-Identifier: MIT
import Queue from 'bee-queue';

const [role, count, delay] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4] || 0)];
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const worker = role === 'worker';
const queue = new Queue('bench', {
  redis: { path: process.env.REDIS },
  isWorker: worker, getEvents: !worker, sendEvents: worker, storeJobs: role === 'pickup',
  removeOnSuccess: false, activateDelayedJobs: true,
});
await queue.ready();

if (worker) {
  queue.process(100, async (job) => (job.data.noop
    ? { ok: 1 } : { us: Number(process.hrtime.bigint() - BigInt(job.data.at)) / 1000 }));
  console.log('ready');
} else if (role === 'fill') {
  for (let i = 0; i < count; i += 1000) {
    await queue.saveAll(Array.from({ length: 1000 }, () => queue.createJob({ noop: true })));
  }
  console.log('filled');
} else if (role === 'drained') {
  const before = Number(process.argv[4]);
  console.log('waits');
  while ((await queue.checkHealth()).succeeded === before) await pause(2);
  const begin = performance.now();
  while ((await queue.checkHealth()).succeeded - before < count) await pause(20);
  console.log(`DRAINED ${(performance.now() - begin) / 1000}`);
} else if (role === 'health') {
  console.log(`SUCCEEDED ${(await queue.checkHealth()).succeeded}`);
} else {
  const found = [];
  for (let i = 0; i < count; i++) {
    const job = queue.createJob({ at: String(process.hrtime.bigint()) });
    if (delay) job.delayUntil(Date.now() + delay);
    const ended = new Promise((resolve) => job.once('succeeded', resolve));
    await job.save();
    found.push((await ended).us - delay * 1000);
    await pause(10);
  }
  console.log(`PICKUP ${found.join(' ')}`);
}
if (!worker) await queue.close();
