// How many round trips pass between `subscribe(topic, { last: 1 })` and the first message: every transport alone, in Node,
// Chromium and Firefox, with and without a token, beside a raw WebSocket as the floor. bench/README.md says the rest.

import { interleave } from './lib/interleave.mjs';
import { cellOf } from './lib/report.mjs';

const roundTripMs = 100;
const limit = 2.2;
const topic = 'prices';
const token = 'a-token';
const makers = {
  websocket: 'webSocket',
  'http-stream': 'httpStream',
  eventsource: 'eventSource',
  'long-poll': 'longPoll',
};
const floor = 'raw WebSocket';

const rows = [undefined, token].flatMap((brought) =>
  [floor, ...Object.keys(makers)].map((transport) => ({
    name: `${transport}${brought ? ', token' : ''}`,
    transport,
    token: brought,
  })),
);

// ---- what is measured: self-contained, because it runs in pages as well --------------------------------------------

/** Milliseconds from `subscribe` to the first message. */
function measureClient({ holdfast }, { url, maker, topic, token }) {
  return new Promise((resolve, reject) => {
    const startedAt = performance.now();
    const client = holdfast.createClient(url, {
      adapters: [holdfast[maker]()],
      memory: false,
      ...(token && { auth: () => token }),
    });
    const fail = (error) => reject(new Error(String(error.message)));
    setTimeout(() => fail(new Error('nothing in time')), 15_000);
    client.on('error', fail);
    const { ready } = client.subscribe(topic, {
      last: 1,
      message: () => {
        const tookMs = performance.now() - startedAt;
        client.close();
        resolve(tookMs);
      },
    });
    ready.then(undefined, fail);
  });
}

/** The same by hand: the open among the subprotocols, and the hello, which brings the retained message. */
function measureFloor({ WebSocket }, { url, topic, token }) {
  return new Promise((resolve, reject) => {
    const startedAt = performance.now();
    const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const random = () => Array.from({ length: 22 }, () => letters[Math.floor(Math.random() * 64)]).join('');
    const client = random();
    const open = {
      type: 'open',
      protocol: 'holdfast.v1',
      client,
      key: random(),
      attempt: 1,
      topics: [{ topic, new: true, last: 1 }],
      token,
    };
    const coded = btoa(JSON.stringify(open)).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
    const socket = new WebSocket(`${url.replace(/^http/, 'ws')}?client=${client}&n=1`, [
      'holdfast.v1',
      `open.${coded}`,
    ]);
    socket.onmessage = ({ data }) => {
      if (!String(data).includes('"last":[')) return;
      resolve(performance.now() - startedAt);
      socket.close();
    };
    socket.onerror = () => reject(new Error('the raw WebSocket failed'));
  });
}

// ---- the run ---------------------------------------------------------------------------------------------------------

/** A proxy for each measurement, on a port of its own: no pool of any client has ever been there. */
async function measure(stage, engine, hub, { transport, token }) {
  const rules = { latencyMs: roundTripMs / 2, chargeHandshake: true };
  const front = await stage.openProxy({ hub, rules });
  const place = await engine.place();
  try {
    const given = { url: front.url, topic, token, maker: makers[transport] };
    return await place.call(transport === floor ? measureFloor : measureClient, given);
  } finally {
    await place.close();
    await stage.closeFront({ id: front.id });
  }
}

export async function measureOpen({ stage, engines, runs }) {
  const hubs = { open: await stage.startHub(), guarded: await stage.startHub({ token }) };
  for (const hub of Object.values(hubs)) await stage.publish({ hub, topic, data: { eur: 1.07 } });
  const jobs = await interleave({
    rows,
    engines,
    runs,
    measure: async (row, engine) => ({
      ms: await measure(stage, engine, row.token ? hubs.guarded : hubs.open, row),
    }),
  });
  return jobs.map(({ row, engine, samples }) =>
    cellOf({
      row: row.name,
      engine: engine.name,
      name: 'first message',
      limit: row.transport === floor ? Number.POSITIVE_INFINITY : limit,
      unit: 'round trips',
      samples: samples.map(({ ms, error }) =>
        error ? { value: Number.POSITIVE_INFINITY, fault: error } : { value: ms / roundTripMs },
      ),
    }),
  );
}
