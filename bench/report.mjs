// What a run has shown, as a Markdown table and an SVG chart.
//
// SPDX-License-Identifier: MIT
import fs from 'node:fs';
import os from 'node:os';

const sorted = (numbers) => [...numbers].sort((a, b) => a - b);
const median = (numbers) => {
  const all = sorted(numbers);
  return (all[Math.floor((all.length - 1) / 2)] + all[Math.ceil((all.length - 1) / 2)]) / 2;
};

const of = (rounds, name) => rounds.map((round) => round[name]);
const whole = (number) => Math.round(number).toLocaleString('en-US');

function spread(rounds, name) {
  const all = sorted(of(rounds, name));
  return `${whole(median(all))} (${whole(all[0])} to ${whole(all[all.length - 1])})`;
}

// Ratios within a round, so that both sides had the same machine.
function ratio(ours, theirs) {
  return median(ours.map((round, i) => round.rate / theirs[i].rate)).toFixed(1);
}

function machine() {
  const model = /model name\s*:\s*(.*)/.exec(fs.readFileSync('/proc/cpuinfo', 'utf8'))?.[1];
  return `${os.cpus().length} cores (${model || os.arch()}), ` +
    `${Math.round(os.totalmem() / 2 ** 30)} GiB, Linux ${os.release()}, Node ${process.version}`;
}

export function table(results) {
  const lines = [`Machine: ${machine()}. Medians, with minimum and maximum of the rounds.`, ''];
  for (const [workload, peers] of Object.entries(results)) {
    lines.push(`**${workload}**`, '',
      '| server | requests/s | Sluice is | p50 us | p99 us | server CPU us/request | Redis CPU us/request | memory MiB |',
      '|---|---|---|---|---|---|---|---|');
    for (const [title, rounds] of Object.entries(peers)) {
      lines.push(`| ${title} | ${spread(rounds, 'rate')} | ` +
        `${title !== 'Sluice' && peers.Sluice ? `${ratio(peers.Sluice, rounds)} x` : ''} | ` +
        `${whole(median(of(rounds, 'p50')))} | ${whole(median(of(rounds, 'p99')))} | ` +
        `${median(of(rounds, 'cpu')).toFixed(1)} | ${median(of(rounds, 'store')).toFixed(1)} | ` +
        `${whole(median(of(rounds, 'memory')) / 1024)} |`);
    }
    lines.push('');
  }
  return `${lines.join('\n')}\n`;
}

const escape = (text) => text.replace(/&/g, '&amp;').replace(/</g, '&lt;');

export function chart(results) {
  const bar = 18;
  const rows = [];
  let y = 24;
  const most = Math.max(...Object.values(results).flatMap((peers) =>
    Object.values(peers).map((rounds) => median(of(rounds, 'rate')))));
  for (const [workload, peers] of Object.entries(results)) {
    rows.push(`<text x="8" y="${y}" font-weight="bold">${escape(workload)}</text>`);
    y += 8;
    for (const [title, rounds] of Object.entries(peers)) {
      const rate = median(of(rounds, 'rate'));
      const width = Math.max(1, (rate / most) * 420);
      const fill = title === 'Sluice' ? '#0b6e4f' : '#9aa5b1';
      rows.push(`<text x="180" y="${y + 13}" text-anchor="end">${escape(title)}</text>`,
        `<rect x="188" y="${y}" width="${width.toFixed(1)}" height="${bar - 4}" fill="${fill}"/>`,
        `<text x="${(194 + width).toFixed(1)}" y="${y + 12}">${whole(rate)}/s</text>`);
      y += bar;
    }
    y += 24;
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" width="720" height="${y}" ` +
    `font-family="sans-serif" font-size="12">\n<rect width="100%" height="100%" fill="white"/>\n` +
    `${rows.join('\n')}\n</svg>\n`;
}

// Puts a text into a document, in place of the one from the run before: between `<!-- begin NAME -->`
// and `<!-- end NAME -->`.
export function publish(file, name, text) {
  const document = fs.readFileSync(file, 'utf8');
  const [begin, end] = [`<!-- begin ${name} -->\n`, `<!-- end ${name} -->`];
  const [before, rest] = document.split(begin);
  const after = rest?.split(end)[1];
  if (after === undefined) throw new Error(`${file} has no place for ${name}`);
  fs.writeFileSync(file, `${before}${begin}${text}${end}${after}`);
}
