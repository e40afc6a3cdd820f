// What was measured on: machine, versions, and how much of its processors others had meanwhile.

import { readFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem, type } from 'node:os';

function versionOf(name) {
  const file = new URL(`../node_modules/${name}/package.json`, import.meta.url);
  return JSON.parse(readFileSync(file, 'utf8')).version;
}

export function versionsOf(packages) {
  const own = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version;
  const others = [...new Set(packages)].sort().map((name) => [name, versionOf(name)]);
  return Object.fromEntries([['holdfast', own], ['node', process.versions.node], ...others]);
}

function cpuTimes() {
  const times = cpus().map((cpu) => cpu.times);
  const idle = times.reduce((sum, each) => sum + each.idle, 0);
  const all = times.reduce((sum, each) => sum + Object.values(each).reduce((a, b) => a + b, 0), 0);
  return { busyMs: all - idle, allMs: all };
}

/** Called at the start; what it returns, at the end with the processor time of the bench's own processes. */
export function watchMachine() {
  const before = cpuTimes();
  const loadAtStart = loadavg()[0];
  const startedAt = performance.now();
  return (ownUs) => {
    const after = cpuTimes();
    const { user, system } = process.cpuUsage();
    const ownMs = (ownUs + user + system) / 1e3;
    const othersMs = Math.max(0, after.busyMs - before.busyMs - ownMs);
    return {
      cpu: cpus()[0]?.model ?? 'unknown',
      processors: cpus().length,
      memoryGiB: Math.round(totalmem() / 2 ** 30),
      system: `${type()} ${release()}`,
      loadAtStart,
      loadAtEnd: loadavg()[0],
      others: othersMs / (after.allMs - before.allMs),
      minutes: (performance.now() - startedAt) / 60_000,
    };
  };
}
