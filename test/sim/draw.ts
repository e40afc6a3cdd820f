/**
 * Each seed's own world (some faults are off, others wild: A. Groce and others, "Swarm
 * Testing", 2012). Short and dense; one in sixty is long, so that what takes its time is met as well.
 */
import type { TransportName } from '../../src/adapters/adapter.ts';
import type { Signal } from '../../src/core/model.ts';
import { drawLife, drawUnopened } from './draw-life.ts';
import {
  allTransports,
  type Balance,
  type ClientPlan,
  type HubPlan,
  type Plan,
  type Step,
  type Strike,
  type StrikeName,
} from './plan.ts';
import { createRandom, type Random, seedOf } from './random.ts';

/** What every draw of a step needs to know of its world. */
interface Frame {
  readonly dice: Random;
  readonly clients: readonly ClientPlan[];
  readonly topics: readonly string[];
  readonly hubs: number;
  readonly endMs: number;
}

/** A page that is put away, and what it is told then, is drawn more often: it is the rarest of states. */
const signals: readonly Signal[] = [
  'suspended',
  'suspended',
  'suspended',
  'visible',
  'hidden',
  'suspended',
  'resumed',
  'prerendering',
  'activated',
  'online',
  'offline',
  'network-changed',
];

function some<T>(dice: Random, list: readonly T[], share: number): T[] {
  return list.filter(() => dice.chance(share));
}

/** How long a bad time lasts: mostly short against the world, sometimes beyond its end. */
function spell({ dice, endMs }: Frame): number {
  return Math.round(dice.random() * dice.random() * endMs) + 50;
}

/** The strike that may have this name, but for who and when. */
type Drawn<K, S = Strike> = S extends { readonly what: infer W }
  ? K extends W
    ? Omit<S, 'at' | 'client' | 'what'>
    : never
  : never;

const strikes: { readonly [K in StrikeName]: (frame: Frame) => Drawn<K> } = {
  abort: ({ dice }) => ({ back: dice.between(0, 3) }),
  prefer: ({ dice }) => ({ transport: dice.chance(0.2) ? null : dice.pick(allTransports) }),
  close: () => ({}),
  open: () => ({}),
  glance: () => ({}),
  signal: ({ dice }) => ({ signal: dice.pick(signals) }),
  sleep: ({ dice }) => ({ ms: dice.pick([300, 2_500, 15_000, 60_000]) }),
  freeze: ({ dice }) => ({ ms: dice.pick([300, 2_500, 15_000, 60_000]) }),
  offline: (frame) => ({ ms: spell(frame) }),
  throttle: (frame) => ({ lateMs: frame.dice.pick([1_000, 1_000, 60_000]), ms: spell(frame) }),
  jump: ({ dice }) => ({ byMs: dice.pick([-3_600_000, -5_000, -500, 500, 5_000, 3_600_000]) }),
  cut: ({ dice }) => ({ share: dice.pick([0.5, 1, 1]) }),
  silence: ({ dice }) => ({ way: dice.pick(['up', 'down', 'both'] as const), share: dice.pick([0.5, 1]) }),
  stall: (frame) => ({ ms: spell(frame) }),
  down: (frame) => ({ ms: spell(frame) }),
  dead: (frame) => ({ ms: spell(frame) }),
  buffer: (frame) => ({ ms: spell(frame) }),
  portal: (frame) => ({ ms: spell(frame) }),
  slow: (frame) => ({
    latencyMs: frame.dice.pick([100, 500, 2_000]),
    jitterMs: frame.dice.pick([0, 300]),
    ms: spell(frame),
  }),
  refuse: (frame) => ({ transports: some(frame.dice, allTransports, 0.5), ms: spell(frame) }),
  mute: (frame) => ({ transports: some(frame.dice, allTransports, 0.5), ms: spell(frame) }),
  flush: (frame) => ({
    everyMs: frame.dice.pick([100, 1_000, 5_000]),
    bytes: frame.dice.pick([200, 4_096]),
    ms: spell(frame),
  }),
  double: (frame) => ({ probability: frame.dice.pick([0.2, 0.7]), ms: spell(frame) + 1_000 }),
  'lose-answers': (frame) => ({ probability: frame.dice.pick([0.2, 0.7]), ms: spell(frame) }),
  late: (frame) => ({ probability: frame.dice.pick([0.2, 0.7]), ms: spell(frame) + 500 }),
  'idle-cut': (frame) => ({ afterMs: frame.dice.pick([150, 600, 5_000, 30_000]), ms: spell(frame) + 500 }),
  'age-cut': (frame) => ({ afterMs: frame.dice.pick([150, 600, 5_000, 30_000]), ms: spell(frame) + 500 }),
  restart: ({ dice, hubs }) => ({ hub: dice.between(0, hubs - 1), downMs: dice.pick([0, 50, 1_000, 4_000]) }),
  drain: ({ dice, hubs }) => ({
    hub: dice.between(0, hubs - 1),
    drainMs: dice.pick([0, 100, 1_000, 5_000]),
    downMs: dice.pick([0, 0, 500]),
  }),
  'cut-all': () => ({}),
  revoke: ({ dice, topics }) => ({ topic: dice.pick(topics) }),
  'restart-with-log': ({ dice, hubs }) => ({
    hub: dice.between(0, hubs - 1),
    downMs: dice.pick([0, 50, 1_000, 4_000]),
  }),
  'drain-with-log': ({ dice, hubs }) => ({
    hub: dice.between(0, hubs - 1),
    drainMs: dice.pick([0, 100, 1_000]),
    downMs: dice.pick([0, 0, 500]),
  }),
};

const strikeNames = Object.keys(strikes) as StrikeName[];

const ofHubs: readonly StrikeName[] = ['restart', 'restart-with-log', 'drain', 'drain-with-log', 'cut-all'];

/** What follows a strike as its other half, after a while. */
function halfOf(frame: Frame, step: Step): Step | undefined {
  const at = step.at + spell(frame);
  if (step.what === 'close') return { ...step, what: 'open', at };
  if (step.what === 'glance') return { at, what: 'signal', client: step.client, signal: 'resumed' };
  if (step.what === 'signal' && step.signal === 'suspended') return { ...step, signal: 'resumed', at };
  if (step.what === 'signal' && step.signal === 'prerendering') return { ...step, signal: 'activated', at };
  return undefined;
}

function drawStrikes(frame: Frame): Step[] {
  const { dice, clients, endMs } = frame;
  const steps: Step[] = [];
  const wild = dice.pick([0.08, 0.15, 0.3]);
  for (const what of strikeNames) {
    if (what === 'open' || !dice.chance(what === 'signal' ? 2 * wild : wild)) continue;
    const times = dice.between(1, what === 'signal' ? 9 : 4);
    for (let i = 0; i < times; i++) {
      // Some come soon after another, so that what they do meets.
      const near = steps.length > 0 && dice.chance(0.3) ? dice.pick(steps).at + dice.between(0, 300) : endMs;
      const at = near < endMs ? near : Math.round(dice.random() * endMs);
      const who = ofHubs.includes(what) ? {} : { client: dice.between(0, clients.length - 1) };
      const step = { at, what, ...who, ...strikes[what](frame) } as Step;
      steps.push(step);
      const other = halfOf(frame, step);
      if (other) steps.push(other);
    }
  }
  return steps;
}

/** Times at which something is done: spread evenly, or in bursts. */
function times(frame: Frame, count: number): number[] {
  const { dice, endMs } = frame;
  const isBurst = dice.chance(0.3);
  const centres = [dice.random(), dice.random()];
  return Array.from({ length: count }, () => {
    const where = isBurst ? dice.pick(centres) + dice.random() * 0.02 : dice.random();
    return Math.min(endMs, Math.round(where * endMs));
  });
}

function drawActs(frame: Frame): Step[] {
  const { dice, clients, topics, hubs } = frame;
  const steps: Step[] = [];
  const count = dice.pick([1, 1, 1, 5]);
  for (const at of times(frame, dice.pick([6, 15, 40]))) {
    const hub = dice.between(0, hubs - 1);
    const topic = dice.pick(topics);
    if (dice.chance(0.08)) steps.push({ at, what: 'ephemeral', topic, hub });
    else {
      const except = dice.chance(0.1) ? { except: dice.between(0, clients.length - 1) } : {};
      steps.push({ at, what: 'publish', topic, hub, count, ...except });
    }
  }
  for (let client = 0; client < clients.length; client++) {
    for (const topic of topics) {
      if (dice.chance(0.75))
        steps.push({ at: 0, what: 'subscribe', client, topic, last: dice.pick([0, 0, 3]) });
    }
    // Whoever waits so long is to get an answer.
    const timeouts = dice.pick([[600_000], [60_000], [150, 1_000, 600_000]]);
    for (const at of times(frame, dice.pick([0, 4, 12, 25]))) {
      if (dice.chance(0.08)) steps.push({ at, what: 'volatile', client });
      else
        steps.push({ at, what: 'send', client, timeoutMs: dice.pick(timeouts), count: dice.pick([1, 1, 4]) });
    }
    for (const at of times(frame, dice.pick([0, 0, 3, 8])))
      steps.push(drawTopicChange(dice, at, client, dice.pick(topics)));
  }
  return steps;
}

function drawTopicChange(dice: Random, at: number, client: number, topic: string): Step {
  if (dice.chance(0.45)) return { at, what: 'unsubscribe', client, topic };
  if (dice.chance(0.3)) return { at, what: 'resume', client, topic, back: dice.between(0, 10) };
  return { at, what: 'subscribe', client, topic, last: dice.pick([0, 1, 5]) };
}

/** Some kinds never get through, as behind a bad proxy; one that does without streaming always remains. */
function drawBlocked(
  dice: Random,
  transports: readonly TransportName[],
): Pick<ClientPlan, 'refused' | 'mute' | 'buffered'> {
  const isSafe = transports.includes('long-poll') || transports.includes('poll');
  if (!isSafe || !dice.chance(0.2)) return { refused: [], mute: [], buffered: false };
  const streams = allTransports.filter((one) => one !== 'long-poll' && one !== 'poll');
  return { refused: some(dice, streams, 0.3), mute: some(dice, streams, 0.2), buffered: dice.chance(0.3) };
}

function drawClient(dice: Random): ClientPlan {
  const chosen = allTransports.filter(() => dice.chance(0.5));
  const transports = chosen.length > 0 ? chosen : [dice.pick(allTransports)];
  const latencyMs = dice.pick([1, 10, 40, 150]);
  return {
    transports,
    eager: dice.chance(0.5),
    lazy: dice.chance(0.3),
    outboxSends: dice.pick([3, 1_000, 1_000]),
    latencyMs,
    jitterMs: dice.pick([0, latencyMs / 2, latencyMs * 2]),
    ...drawBlocked(dice, transports),
  };
}

function drawHub(dice: Random): HubPlan {
  const isTight = dice.chance(0.25);
  return {
    partitions: dice.chance(0.3) ? dice.between(2, 4) : 1,
    messagesKept: dice.chance(0.3) ? dice.between(0, 12) : 10_000,
    keptMs: dice.chance(0.15) ? dice.pick([300, 2_000]) : 3_600_000,
    heartbeatMs: dice.pick([400, 1_500, 10_000]),
    holdMs: dice.pick([500, 3_000, 25_000]),
    keepMs: dice.pick([600, 5_000, 120_000]),
    lingerMs: dice.pick([500, 15_000]),
    window: dice.pick([4, 256]),
    sendsPerSecond: dice.chance(0.15) ? 10 : 100_000,
    bufferBytes: isTight ? dice.between(300, 3_000) : 1024 * 1024,
    chunkBytes: isTight ? dice.between(100, 1_000) : 256 * 1024,
    replayBytesPerSecond: isTight && dice.chance(0.5) ? dice.pick([500, 3_000]) : 64 * 1024 * 1024,
    socketBytes: isTight || dice.chance(0.1) ? dice.between(200, 3_000) : null,
    // Handlers of one client run one after another, so they must keep up with what is sent.
    handlerMs: dice.pick([0, 0, 20, 200]),
  };
}

/** The world of a seed. */
export function drawPlan(seed: number): Plan {
  const dice = createRandom(seedOf(seed, 'plan'));
  const isLong = dice.chance(1 / 60);
  const endMs = isLong ? dice.between(20, 60) * 1_000 : dice.between(400, 5_000);
  const clients = Array.from({ length: dice.pick([1, 1, 1, 2, 2, 3]) }, () => drawClient(dice));
  const topics = ['a', 'b', 'c', 'd'].slice(0, dice.between(1, 4));
  const hubs = dice.chance(0.12) ? 2 : 1;
  const balances: readonly Balance[] = hubs === 1 ? ['first'] : ['any', 'by-kind'];
  const frame: Frame = { dice, clients, topics, hubs, endMs };
  const life = dice.chance(0.5) ? drawLife(dice, clients.length, endMs) : [];
  const steps = [...drawUnopened(dice, clients, endMs), ...drawActs(frame), ...drawStrikes(frame), ...life];
  steps.sort((a, b) => a.at - b.at);
  return { seed, clients, hub: drawHub(dice), hubs, balance: dice.pick(balances), healAt: endMs, steps };
}
