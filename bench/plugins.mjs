// What a plugin costs that is loaded but not on the route, and what reloads leave behind: nothing.
//
//   node bench/plugins.mjs [--seconds 3] [--rounds 9] [--reloads 20] [--smoke]
//                          [--sluice build/bin/sluice] [--out docs/benchmarks.md]
//
// Three gateways on one Redis, measured in turns by rank reads; ratios to the first of them are taken
// within each round. Bounded; ends what it started.
//
// SPDX-License-Identifier: MIT
import { load } from './load.mjs';
import { parse } from './options.mjs';
import { spread } from './processes.mjs';
import { publish } from './report.mjs';
import { beginVariants, close, open } from './servers.mjs';

const options = parse({
  seconds: '3', rounds: '9', reloads: '20', sluice: 'build/bin/sluice', out: undefined,
}, { seconds: '1', rounds: '1', reloads: '2' });
const rank = { path: '/leaderboard/rank/user500' };

function measureInTurns(site, variants) {
  const rounds = new Map(variants.map((variant) => [variant, []]));
  for (let round = 0; round < Number(options.rounds); round++) {
    for (const variant of variants) {
      rounds.get(variant).push(load(site, variant, rank, options.seconds));
    }
  }
  return rounds;
}

function row(variant, rounds, first) {
  const of = (figure) => rounds.map((round) => round[figure]);
  const ratios = rounds.map((round, i) => round.rate / first[i].rate);
  return `| ${variant.title} | ${spread(of('rate'), 0)} | ${spread(ratios, 2)} | `
    + `${spread(of('cpu'), 1)} |`;
}

const site = await open(options.sluice);
try {
  const variants = await beginVariants(site, Number(options.reloads));
  const rounds = measureInTurns(site, variants);
  const text = ['| loaded | rank reads/s | beside the first | server CPU us/request |',
    '|---|---|---|---|',
    ...variants.map((each) => row(each, rounds.get(each), rounds.get(variants[0]))), ''].join('\n');
  console.log(text);
  if (options.out) publish(options.out, 'plugins', text);
} finally {
  await close(site);
}
