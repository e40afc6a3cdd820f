/** F14 to F17: who a client is, what it may see, and what becomes of that while it is connected. */
import { describe, expect, test } from 'vitest';
import type { AuthorizeAnswer } from '../../../src/server/core/grant.ts';
import type { AuthAnswer } from '../../../src/server/core/types.ts';
import { createStage } from './stage.ts';

const stranger = 'strangerstrangerstrang';
const nowhere = { write() {}, end() {} };

function batch(client: string, key: string, sends: string): string {
  const head = { type: 'batch', client, key, sends };
  const send = { type: 'send', seq: 1, topic: 'S', data: 'forged' };
  return `${JSON.stringify(head)}\n${JSON.stringify(send)}\n`;
}

describe('F14', () => {
  test('the key is in no URL, and without it nobody sends in a client’s name', () => {
    const stage = createStage();
    const actor = stage.join({ transports: ['http-stream'] });
    actor.client.subscribe('A');
    stage.pass(100);
    const { client, key } = actor.client.session;
    for (const { url } of actor.wires) expect(url).not.toContain(key);
    const nonce = actor.client.session.outbox.nonce;
    stage.hub.post(batch(client, stranger, nonce), '/realtime', nowhere);
    actor.client.send('S', 'mine');
    stage.pass(100);
    expect([stage.applied(), actor.told()]).toEqual([['mine'], ['ready A from 0', 'send 1: "mine"']]);
  });

  test('a client whose id somebody else has taken becomes another', () => {
    const stage = createStage();
    const actor = stage.join();
    stage.pass(1);
    const { client } = actor.client.session;
    const open = { type: 'open', protocol: 'holdfast.v1', client, key: stranger, attempt: 1, topics: [] };
    stage.hub.open('http-stream', JSON.stringify(open), '/realtime', nowhere);
    actor.client.subscribe('A');
    stage.pass(5_000);
    expect(actor.client.session.client).not.toBe(client);
    expect(actor.told()).toEqual(['ready A from 0']);
  });

  test('what was queued by one identity does not go out as another', () => {
    let token = 'anna';
    const authenticate = (request: { token: string | undefined }, done: (answer: AuthAnswer) => void): void =>
      done({ type: 'ok', identity: request.token, expiresInMs: 5_000 });
    const stage = createStage({ hub: { authenticate } });
    const actor = stage.join({ token: () => token });
    actor.client.open();
    stage.pass(500);
    actor.conditions.down = true;
    for (const wire of actor.wires) wire.cut();
    stage.pass(100);
    actor.client.send('S', 'words of anna');
    token = 'bob';
    stage.pass(10_000);
    actor.conditions.down = false;
    stage.pass(30_000);
    actor.client.send('S', 'words of bob');
    stage.pass(1_000);
    expect(stage.applied()).toEqual(['words of bob']);
    expect(actor.told().filter((line) => line.startsWith('send'))).toEqual([
      'send 1: IDENTITY_CHANGED',
      'send 2: "words of bob"',
    ]);
  });
});

describe('F15', () => {
  test('a forged POST applies nothing: it knows neither key nor nonce', () => {
    const stage = createStage();
    const actor = stage.join();
    actor.client.open();
    stage.pass(100);
    const { client, key, outbox } = actor.client.session;
    stage.hub.post(batch(client, stranger, outbox.nonce), '/realtime', nowhere);
    stage.hub.post(batch(client, key, stranger), '/realtime', nowhere);
    stage.hub.post(batch(stranger, stranger, stranger), '/realtime', nowhere);
    stage.pass(100);
    expect(stage.applied()).toEqual([]);
  });
});

describe('F17', () => {
  type Authorize = (request: { topic: string }, done: (answer: AuthorizeAnswer) => void) => void;

  test('one topic that is denied costs the others nothing', () => {
    const authorize: Authorize = ({ topic }, done) => done({ type: topic === 'B' ? 'denied' : 'ok' });
    const stage = createStage({ hub: { authorize } });
    const actor = stage.join({ transports: ['http-stream'] });
    for (const topic of ['A', 'B', 'C']) actor.client.subscribe(topic);
    stage.pass(100);
    stage.publish('A');
    stage.publish('C');
    stage.pass(5_000);
    expect(actor.told().sort()).toEqual([
      'A 1',
      'B ended: TOPIC_DENIED',
      'C 2',
      'ready A from 0',
      'ready C from 0',
    ]);
    expect(actor.opens()).toHaveLength(1);
  });

  test('a check that fails is no refusal: that topic is asked for again', () => {
    let isDown = true;
    const authorize: Authorize = ({ topic }, done) =>
      done({ type: topic === 'B' && isDown ? 'failed' : 'ok' });
    const stage = createStage({ hub: { authorize } });
    const actor = stage.join({ transports: ['http-stream'] });
    actor.client.subscribe('A');
    actor.client.subscribe('B');
    stage.pass(5_000);
    expect(actor.told()).toEqual(['ready A from 0']);
    isDown = false;
    stage.pass(5_000);
    expect(actor.told()).toEqual(['ready B from 0']);
  });

  test('a slow check proves the transport: no other is tried, and it is asked once', () => {
    let asked = 0;
    const stage = createStage({
      hub: {
        authenticate(_request, done) {
          asked++;
          stage.world.later(5_000, () => done({ type: 'ok', identity: 'anna', expiresInMs: undefined }));
        },
      },
    });
    const actor = stage.join({ transports: ['websocket', 'http-stream', 'long-poll'] });
    actor.client.subscribe('A');
    stage.pass(8_000);
    expect([asked, actor.opens(), actor.told()]).toEqual([1, ['#1 websocket [A+]'], ['ready A from 0']]);
  });

  test('a token that is refused is asked for anew in band, and the transport is not blamed', () => {
    let token = 'old';
    const stage = createStage({
      hub: {
        authenticate: (request, done) =>
          done(
            request.token === 'old'
              ? { type: 'denied', code: 'AUTH_FAILED', message: 'expired' }
              : { type: 'ok', identity: undefined, expiresInMs: undefined },
          ),
      },
    });
    const actor = stage.join({
      transports: ['http-stream', 'long-poll'],
      token() {
        const given = token;
        token = 'new';
        return given;
      },
    });
    actor.client.subscribe('A');
    stage.pass(5_000);
    expect(actor.told()).toEqual(['ready A from 0']);
    expect(actor.active()).toMatch(/http-stream$/);
  });

  test('a token is renewed by a new connection before it runs out, and nothing is missed', () => {
    const stage = createStage({
      hub: { authenticate: (_request, done) => done({ type: 'ok', identity: 'anna', expiresInMs: 5_000 }) },
    });
    let serial = 0;
    const actor = stage.join({ transports: ['http-stream'], token: () => `token ${++serial}` });
    actor.client.subscribe('A');
    stage.pass(500);
    const ids: string[] = [];
    for (let n = 1; n <= 100; n++) {
      stage.publish('A');
      ids.push(`A ${n}`);
      stage.pass(200);
      expect(actor.active()).not.toBe('none');
    }
    expect(actor.told()).toEqual(['ready A from 0', ...ids]);
    expect(serial).toBeGreaterThan(3);
    expect(serial).toBeLessThan(8);
  });

  test('what was published while a topic was revoked is a gap, and is never shown', () => {
    const stage = createStage();
    const actor = stage.join({ transports: ['http-stream'] });
    actor.client.subscribe('A');
    stage.pass(100);
    stage.publish('A');
    stage.pass(100);
    actor.conditions.down = true;
    stage.hub.core.revoke(actor.client.name, 'A');
    stage.publish('A', 'forbidden');
    stage.publish('A', 'forbidden');
    stage.pass(5_000);
    actor.conditions.down = false;
    stage.pass(20_000);
    stage.publish('A');
    stage.pass(100);
    expect(actor.told()).toEqual(['ready A from 0', 'A 1', 'gap A 1-3 revoked', 'A 4 (after a gap)']);
  });

  test('a topic that is revoked for good ends, the others go on', () => {
    const denied = new Set<string>();
    const authorize: Authorize = ({ topic }, done) => done({ type: denied.has(topic) ? 'denied' : 'ok' });
    const stage = createStage({ hub: { authorize } });
    const actor = stage.join();
    actor.client.subscribe('A');
    actor.client.subscribe('B');
    stage.pass(100);
    denied.add('A');
    stage.hub.core.revoke(actor.client.name, 'A');
    stage.publish('A');
    stage.publish('B');
    stage.pass(5_000);
    expect(actor.told()).toEqual(['ready A from 0', 'ready B from 0', 'A ended: TOPIC_DENIED', 'B 2']);
  });

  test('polls do not ask again for every message', () => {
    let asked = 0;
    const authorize: Authorize = (_request, done) => {
      asked++;
      done({ type: 'ok' });
    };
    const stage = createStage({ hub: { authorize } });
    const actor = stage.join({ transports: ['long-poll'] });
    actor.client.subscribe('A');
    for (let n = 0; n < 20; n++) {
      stage.pass(100);
      stage.publish('A');
    }
    stage.pass(100);
    expect([actor.told().length, asked]).toEqual([21, 1]);
  });
});
