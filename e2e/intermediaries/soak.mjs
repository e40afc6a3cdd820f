// Real clients with default options, one through every product in every engine named for it, all at the same time.

import { setTimeout as sleep } from 'node:timers/promises';
import { holdsWithin } from './until.mjs';

const firstMessageTimeoutMs = 10_000;
const sendEveryMs = 3_000;
const endTimeoutMs = 15_000;

/** Opens a client and waits for its first message, so that no other is opened meanwhile. */
async function openRun(place, stand, engine, topic) {
  const name = `${stand.setting.name}/${engine}/${topic}`;
  const given = { name, url: stand.url, topic };
  await place.call('open', topic === 'steady' ? { ...given, sendEveryMs } : given);
  const look = () => place.call('look', name);
  await holdsWithin(firstMessageTimeoutMs, async () => (await look()).received > 0);
  return { name, stand, engine, topic, place, look, hop: await place.call('hop') };
}

/** A steady client in every engine, and in the first of them one that hears hardly anything. */
export async function openRuns(engines, stands) {
  const runs = [];
  const failures = [];
  for (const stand of stands) {
    const [first] = stand.setting.engines;
    for (const engine of stand.setting.engines) {
      try {
        const place = await engines[engine].place(stand);
        runs.push(await openRun(place, stand, engine, 'steady'));
        if (engine === first) runs.push(await openRun(place, stand, engine, 'quiet'));
      } catch (error) {
        failures.push({ name: `${stand.setting.name}/${engine}: opens`, wrong: [error.message] });
      }
    }
  }
  return { runs, failures };
}

/** Lets them run, then waits until everybody has everything; what each has recorded. */
export async function soak(runs, upstream, seconds) {
  await sleep(seconds * 1000);
  for (const { place, name } of runs) await place.call('stopSending', name);
  const published = { steady: upstream.stopPublishing('steady'), quiet: upstream.stopPublishing('quiet') };
  for (const run of runs) {
    run.published = published[run.topic];
    await holdsWithin(endTimeoutMs, async () => {
      const { last, sends, answered } = await run.look();
      return last === run.published && answered === sends;
    });
    run.record = await run.look();
    run.applied = upstream.applied[run.name] ?? [];
  }
  for (const { place, name } of runs) await place.call('close', name);
  return runs;
}
