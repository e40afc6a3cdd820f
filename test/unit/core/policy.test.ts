/** Which transport comes next, as tables of facts and decisions: no session, no network, no time but what a row says. */
import { describe, expect, it } from 'vitest';
import * as policy from '../../../src/core/policy.ts';
import { longPoll, poll, stream, websocket } from './harness.ts';

const eventSource: policy.Kind = { ...stream, transport: 'eventsource' };
const all = [websocket, stream, eventSource, longPoll, poll] as const;

/** What is known of a network at `now`. Everything is optional: nothing is known by default. */
interface Facts {
  readonly kinds?: readonly policy.Kind[];
  /** Kinds that cannot run here and now. */
  readonly missing?: readonly string[];
  readonly preferred?: string;
  readonly remembered?: string;
  /** Until when transports stand back, each for a failure. */
  readonly out?: Readonly<Record<string, number>>;
  /** The transport that has died young three times, just now. */
  readonly flaps?: string;
  readonly now?: number;
}

function rulesOf({ kinds = all, missing = [], preferred, remembered, out = {}, flaps }: Facts) {
  const rules = policy.createPolicy(kinds);
  for (const kind of rules.kinds) kind.isAvailable = !missing.includes(kind.transport);
  rules.preferred = policy.kindOf(rules, preferred);
  rules.remembered = policy.kindOf(rules, remembered);
  for (const [transport, until] of Object.entries(out)) {
    Object.assign(wayOf(rules, transport), { failures: 1, outUntil: until });
  }
  for (let i = 0; i < 3; i++) if (flaps !== undefined) policy.noteDeath(rules, wayOf(rules, flaps), 0);
  return rules;
}

function wayOf(rules: policy.PolicyState, transport: string): policy.Way {
  const way = policy.kindOf(rules, transport);
  if (!way) throw new Error(`${transport} is not listed`);
  return way;
}

const namesOf = (ways: readonly policy.Way[]): string => ways.map(({ transport }) => transport).join(' ');

describe('the order of transports', () => {
  it.each<[string, Facts, string]>([
    ['as listed while nothing is known', {}, 'websocket http-stream eventsource long-poll poll'],
    ['only what can run', { missing: ['websocket', 'poll'] }, 'http-stream eventsource long-poll'],
    ['none if none can run', { kinds: [websocket], missing: ['websocket'] }, ''],
    [
      'what worked here before is first',
      { remembered: 'long-poll' },
      'long-poll websocket http-stream eventsource poll',
    ],
    [
      'what is asked for is before that',
      { preferred: 'poll', remembered: 'long-poll' },
      'poll long-poll websocket http-stream eventsource',
    ],
    ['what is remembered and cannot run is left out', { remembered: 'jsonp', kinds: [poll] }, 'poll'],
    [
      'what did not get through is last, the soonest forgiven first',
      { out: { websocket: 9_000, 'http-stream': 7_000 }, now: 6_000 },
      'eventsource long-poll poll http-stream websocket',
    ],
    [
      'what worked before and does not now is among the last, too',
      { remembered: 'websocket', out: { websocket: 9_000 }, now: 6_000, kinds: [websocket, poll] },
      'poll websocket',
    ],
    [
      'it is back in its place when its time is over',
      { out: { websocket: 6_000 }, now: 6_000, kinds: [websocket, poll] },
      'websocket poll',
    ],
    [
      'what is asked for is first even so',
      { preferred: 'websocket', out: { websocket: 9_000 }, flaps: 'websocket', kinds: [websocket, poll] },
      'websocket poll',
    ],
    [
      'what keeps dying young is behind the others',
      { flaps: 'websocket', kinds: [websocket, poll] },
      'poll websocket',
    ],
    [
      'what keeps dying young is before those that stand back for longer',
      { flaps: 'websocket', out: { poll: 9_000 }, kinds: [websocket, poll] },
      'websocket poll',
    ],
  ])('%s', (_, facts, order) => {
    expect(namesOf(policy.ranking(rulesOf(facts), facts.now ?? 0))).toBe(order);
  });

  it('holds nothing that is remembered without being listed', () => {
    const rules = rulesOf({ kinds: [websocket] });
    policy.recall(rules, { transport: 'jsonp', rttMs: undefined, heartbeatMs: undefined, out: {} }, 0);
    expect(namesOf(policy.ranking(rules, 0))).toBe('websocket');
  });

  it.each<[string, Facts, string]>([
    ['http-stream', {}, 'best of those that may work'],
    ['websocket', {}, 'best of those listed'],
    ['http-stream', { missing: ['websocket'] }, 'best of those listed'],
    ['http-stream', { remembered: 'http-stream' }, 'worked here before'],
    ['http-stream', { remembered: 'http-stream', preferred: 'http-stream' }, 'asked for'],
  ])('has a reason: %s with %j is the %s', (transport, facts, reason) => {
    const rules = rulesOf(facts);
    expect(policy.reasonFor(rules, wayOf(rules, transport))).toBe(reason);
  });
});

describe('for a purpose', () => {
  it.each<[string, Facts, string | undefined, string | undefined]>([
    ['the best of each', {}, 'long-poll', 'websocket'],
    ['not what cannot run', { missing: ['long-poll', 'websocket'] }, 'poll', undefined],
    ['none of its kind is none', { kinds: [stream] }, undefined, undefined],
    [
      'one that stands back is safe enough, but not fresh',
      { kinds: [websocket, poll], out: { websocket: 9, poll: 9 } },
      'poll',
      undefined,
    ],
    ['the next one if the best stands back', { out: { 'long-poll': 9, websocket: 9 } }, 'poll', undefined],
    [
      'one whose time is over is taken',
      { kinds: [websocket], out: { websocket: 5 }, now: 5 },
      undefined,
      'websocket',
    ],
  ])('the safest and the freshest: %s', (_, facts, safest, freshest) => {
    const rules = rulesOf(facts);
    const now = facts.now ?? 0;
    const found = [policy.safest(rules, now), policy.freshest(rules, now)];
    expect(found.map((way) => way?.transport)).toEqual([safest, freshest]);
  });

  it.each<[string, string, Facts, string, number | undefined]>([
    ['any listed before', 'long-poll', {}, 'websocket http-stream eventsource', 100],
    ['none of the best', 'websocket', {}, '', undefined],
    ['only what can run', 'long-poll', { missing: ['http-stream', 'eventsource'] }, 'websocket', 100],
    ['the one asked for and none else', 'long-poll', { preferred: 'poll' }, 'poll', 100],
    ['none of the one asked for', 'poll', { preferred: 'poll' }, '', undefined],
    [
      'any, if the one asked for cannot run',
      'http-stream',
      { preferred: 'poll', missing: ['poll'] },
      'websocket',
      100,
    ],
    [
      'when the soonest is forgiven',
      'eventsource',
      { out: { websocket: 900, 'http-stream': 400 } },
      'websocket http-stream',
      400,
    ],
    [
      'now, if one is forgiven',
      'eventsource',
      { out: { websocket: 900, 'http-stream': 50 } },
      'websocket http-stream',
      100,
    ],
  ])('a better one: %s', (_, transport, facts, better, at) => {
    const rules = rulesOf(facts);
    const way = wayOf(rules, transport);
    expect(namesOf(policy.betterThan(rules, way))).toBe(better);
    expect(policy.upgradeAt(rules, way, 100)).toBe(at);
  });
});

describe('how long a hello may take', () => {
  it.each<[string, { rttMs?: number; estimatedRttMs?: number }, number, boolean, number]>([
    ['three hundred milliseconds for a round trip while nothing is known', {}, 2, false, 1_000],
    ['what the platform takes it for', { estimatedRttMs: 40 }, 2, false, 220],
    ['what was measured, whatever the platform says', { rttMs: 100, estimatedRttMs: 40 }, 2, false, 400],
    ['no round trip at all is one', { rttMs: 0, estimatedRttMs: 40 }, 2, false, 100],
    ['more round trips take longer', { rttMs: 100 }, 4, false, 700],
    ['a second at least for what worked here', { rttMs: 100 }, 2, true, 1_000],
    ['more than that where it is far', { rttMs: 800 }, 2, true, 2_500],
    ['half a minute at most', { rttMs: 1_000_000 }, 2, false, 30_000],
    ['half a minute at most for what worked here', { rttMs: 1_000_000 }, 2, true, 30_000],
  ])('%s', (_, known, roundTrips, isKnown, ms) => {
    const rules = Object.assign(rulesOf({}), known);
    expect(policy.staggerMs(rules, { ...websocket, roundTrips }, isKnown)).toBe(ms);
  });

  it('a new measurement counts for a quarter', () => {
    const rules = rulesOf({});
    policy.learnRtt(rules, 100);
    expect(rules.rttMs).toBe(100);
    policy.learnRtt(rules, 200);
    expect(rules.rttMs).toBe(125);
  });
});

describe('what is held against a transport', () => {
  it('is more each time, up to five minutes', () => {
    const rules = rulesOf({});
    const way = wayOf(rules, 'websocket');
    const waits = Array.from({ length: 12 }, () => {
      policy.blame(rules, way, 1_000);
      return way.outUntil - 1_000;
    });
    expect(waits.slice(0, 6)).toEqual([10_000, 20_000, 40_000, 80_000, 160_000, 300_000]);
    expect(waits.slice(-1)).toEqual([300_000]);
  });

  it.each<[string, boolean, string]>([
    ['websocket', false, 'websocket'],
    ['http-stream', false, 'http-stream'],
    ['http-stream', true, 'http-stream eventsource'],
    ['eventsource', true, 'http-stream eventsource'],
    ['websocket', true, 'websocket'],
    ['long-poll', true, 'long-poll'],
  ])('%s (let through and brought nothing: %s) falls upon: %s', (transport, isLate, blamed) => {
    const rules = rulesOf({});
    policy.blame(rules, wayOf(rules, transport), 0, isLate);
    expect(namesOf(rules.kinds.filter(({ failures }) => failures === 1))).toBe(blamed);
  });

  it('is nothing where the server only asked for time: it stands back until then, and no shorter than before', () => {
    const rules = rulesOf({});
    const way = wayOf(rules, 'websocket');
    policy.standBack(way, 5_000);
    policy.standBack(way, 3_000);
    expect(way).toMatchObject({ failures: 0, youngDeaths: 0, outUntil: 5_000 });
  });
});

/** One line of what happened: a death after so many milliseconds, something that got through, or nothing that did. */
type Event = readonly ['dies', string, number] | readonly ['wins', string] | readonly ['nothing wins'];

const young = ['dies', 'websocket', 1_000] as const;
const old = ['dies', 'websocket', policy.youngMs] as const;
const nothing = ['nothing wins'] as const;
const other = ['wins', 'poll'] as const;
const same = ['wins', 'websocket'] as const;

describe('a transport whose connections die young', () => {
  it.each<[string, readonly Event[], boolean, number]>([
    ['once and twice is no reason', [young, young], false, 0],
    ['three times in a row is behind the others for the next open', [young, young, young], true, 0],
    ['not after half a minute', [old, old, old], false, 0],
    ['just below half a minute', [young, young, ['dies', 'websocket', policy.youngMs - 1]], true, 0],
    ['is blamed if another gets through then', [young, young, young, other], false, 1],
    ['is not if another had got through before', [young, young, other], false, 0],
    ['is not if it gets through again itself', [young, young, young, same], false, 0],
    ['is not if nothing else gets through either', [young, young, young, nothing, other], false, 0],
    ['and needs but one more then', [young, young, young, nothing, other, young, other], false, 1],
    ['one that lasted makes good', [young, young, old, young], false, 0],
    ['is blamed again for one more', [young, young, young, other, young, other], false, 2],
    ['is forgiven all when one lasts', [young, young, young, other, old], false, 0],
    [
      'the death of another transport says nothing of it',
      [young, young, ['dies', 'http-stream', 0], ['dies', 'http-stream', 0], other],
      false,
      0,
    ],
    ['nobody has died: nothing to excuse, nothing to judge', [nothing, other], false, 0],
  ])('%s', (_, events, flaps, failures) => {
    const rules = rulesOf({});
    for (const [what, transport = '', uptimeMs = 0] of events) {
      if (what === 'dies') policy.noteDeath(rules, wayOf(rules, transport), uptimeMs);
      else if (what === 'wins') policy.judgeDeath(rules, wayOf(rules, transport), 0);
      else policy.excuseDeath(rules);
    }
    const way = wayOf(rules, 'websocket');
    expect(policy.isFlapping(rules, way)).toBe(flaps);
    expect(way.failures).toBe(failures);
  });
});

describe('cuts after idling', () => {
  it.each<[string, readonly number[], number | undefined]>([
    ['one is chance', [20_000], undefined],
    ['two at about the same are a limit, and half of it is asked for', [20_000, 21_000], 10_500],
    ['two that differ are chance', [20_000, 30_000], undefined],
    ['two in a row after one that differs', [50_000, 20_000, 20_000], 10_000],
    ['one between two that differs', [20_000, 50_000, 20_000], undefined],
    ['short ones are no limit', [1_999, 1_999, 1_999], undefined],
    ['short ones between say nothing', [20_000, 100, 20_000], 10_000],
    ['a lower limit asks for more', [20_000, 20_000, 6_000, 6_000], 3_000],
    ['a higher limit asks for no less', [6_000, 6_000, 20_000, 20_000], 3_000],
    ['never more often than once a second', [2_000, 2_000], 1_000],
    ['as long as the tolerance allows', [10_000, 11_500], 5_750],
    ['and no longer', [10_000, 11_501], undefined],
  ])('%s', (_, cuts, heartbeatMs) => {
    const rules = rulesOf({});
    for (const idleMs of cuts) policy.learnIdleCut(rules, idleMs);
    expect(rules.heartbeatMs).toBe(heartbeatMs);
  });
});

describe('what one visit teaches the next', () => {
  const learned = (): policy.PolicyState => {
    const rules = rulesOf({ out: { websocket: 25_000, 'http-stream': 3_000 } });
    policy.standBack(wayOf(rules, 'eventsource'), 90_000);
    policy.learnRtt(rules, 80);
    rules.heartbeatMs = 7_500;
    return rules;
  };
  const knowledgeOf = (rules: policy.PolicyState, winner: string, now: number): policy.Knowledge =>
    policy.knowledge(rules, wayOf(rules, winner), now);
  const note: policy.Knowledge = {
    transport: 'long-poll',
    rttMs: 80,
    heartbeatMs: 7_500,
    out: { websocket: { failures: 1, forMs: 20_000 }, 'http-stream': { failures: 1, forMs: 0 } },
  };

  it('is the winner, the round trip, the wished heartbeat, and who failed and for how long yet', () => {
    expect(knowledgeOf(learned(), 'long-poll', 5_000)).toEqual(note);
    expect(knowledgeOf(rulesOf({}), 'websocket', 0)).toEqual({
      transport: 'websocket',
      rttMs: undefined,
      heartbeatMs: undefined,
      out: {},
    });
  });

  it('puts the next visit where this one was', () => {
    const rules = rulesOf({});
    policy.recall(rules, note, 1_000);
    const way = wayOf(rules, 'websocket');
    expect(namesOf(policy.ranking(rules, 1_000))).toBe('long-poll http-stream eventsource poll websocket');
    expect([rules.rttMs, rules.heartbeatMs, way.outUntil]).toEqual([80, 7_500, 21_000]);
    policy.blame(rules, way, 30_000);
    expect(way.outUntil).toBe(50_000);
  });

  it('holds nothing against whom it does not know, and against nobody for longer than anything stands back', () => {
    const rules = rulesOf({});
    const out = { jsonp: { failures: 3, forMs: 1 }, poll: { failures: 3, forMs: 1e9 } };
    policy.recall(rules, { ...note, out }, 0);
    expect(rules.kinds.map(({ outUntil }) => outUntil)).toEqual([0, 0, 0, 0, 300_000]);
  });

  it('is forgotten with the network', () => {
    const rules = learned();
    rules.remembered = wayOf(rules, 'long-poll');
    rules.estimatedRttMs = 40;
    policy.noteDeath(rules, wayOf(rules, 'poll'), 0);
    policy.learnIdleCut(rules, 20_000);
    policy.forgetNetwork(rules);
    expect(rules).toEqual(rulesOf({}));
  });
});
