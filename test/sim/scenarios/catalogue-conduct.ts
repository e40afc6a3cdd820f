/** F13 to F24: who may do what, what is not in the log, and what must come to an end. `catalogue.ts` says what the fields mean. */
import type { Schedule } from './catalogue.ts';

export const conductSchedules: readonly Schedule[] = [
  {
    id: 'F13a',
    rules: ['D13'],
    schedule: 'an ephemeral message on two connections of an overlap',
    tests: [
      'scenarios/topics: an ephemeral message that two connections carry comes once',
      'scenarios/topics: nor twice when the connection that brought it gives way to one that brings it again',
    ],
  },
  {
    id: 'F13b',
    rules: ['D13'],
    schedule: 'a sender resumes from before its own message',
    tests: ['scenarios/topics: a sender gets neither its own message nor, when it resumes, the memory of it'],
  },
  {
    id: 'F13c',
    rules: ['D13'],
    schedule: 'a direct message in a reconnect',
    tests: [
      'scenarios/topics: what is told to one client alone outlives its connections, and nobody else gets it',
    ],
  },
  {
    id: 'F14',
    rules: ['D14'],
    schedule: 'somebody reads the client’s id in a log and sends in its name',
    tests: [
      'scenarios/identity: the key is in no URL, and without it nobody sends in a client’s name',
      'scenarios/identity: a client whose id somebody else has taken becomes another',
    ],
  },
  {
    id: 'F14 identity',
    rules: ['D14'],
    schedule: 'words of one user are queued when another signs in',
    tests: ['scenarios/identity: what was queued by one identity does not go out as another'],
  },
  {
    id: 'F15',
    rules: ['D15'],
    schedule: 'a proxy rewrites Host; a foreign page posts with the victim’s cookie',
    tests: [
      'scenarios/identity: a forged POST applies nothing: it knows neither key nor nonce',
      'server/refusals: is refused by status before anything acts, and the reason names both values',
      'server/refusals: is what a request with cookies and without any may be',
      'server/refusals: is none if it is listed, or named by a trusted proxy',
      'server/refusals: is told of X-Forwarded-Host without trustProxy',
    ],
  },
  {
    id: 'F16',
    rules: ['D16'],
    schedule: 'a member of an hour opens with a cursor of yesterday',
    tests: [
      'server/hub: can hold back what was before, whatever cursor is claimed, and that is no gap (F16)',
    ],
  },
  {
    id: 'F17a',
    rules: ['D17'],
    schedule: 'one of many topics is denied',
    tests: ['scenarios/identity: one topic that is denied costs the others nothing'],
  },
  {
    id: 'F17b',
    rules: ['D17'],
    schedule: 'the application’s check fails',
    tests: ['scenarios/identity: a check that fails is no refusal: that topic is asked for again'],
  },
  {
    id: 'F17c',
    rules: ['D17'],
    schedule: 'the application’s check takes seconds',
    tests: ['scenarios/identity: a slow check proves the transport: no other is tried, and it is asked once'],
  },
  {
    id: 'F17d',
    rules: ['D17'],
    schedule: 'a refused token on a transport that shows no status',
    tests: [
      'scenarios/identity: a token that is refused is asked for anew in band, and the transport is not blamed',
    ],
  },
  {
    id: 'F17e',
    rules: ['D17'],
    schedule: 'a token expires in the middle of a one-way stream',
    tests: [
      'scenarios/identity: a token is renewed by a new connection before it runs out, and nothing is missed',
    ],
  },
  {
    id: 'F17f',
    rules: ['D17'],
    schedule: 'a topic is revoked, messages pass, it is granted again',
    tests: [
      'scenarios/identity: what was published while a topic was revoked is a gap, and is never shown',
      'scenarios/identity: a topic that is revoked for good ends, the others go on',
    ],
  },
  {
    id: 'F17g',
    rules: ['D17'],
    schedule: 'polls ask for permission at every message',
    tests: ['scenarios/identity: polls do not ask again for every message'],
  },
  {
    id: 'F18',
    rules: ['D18'],
    schedule: 'a ticket is used twice, by another client, or after its time',
    tests: [
      'server/hub: serve in either order, and the half that waits is told to',
      'server/hub: are bound to their client, and die of age',
      'server/hub: that have served are not served again, whichever half is repeated, in whichever order, and when',
      'server/broker: is not served by the next what the former hub has served, whichever half is repeated',
    ],
  },
  {
    id: 'F18 hubs',
    rules: ['D18'],
    schedule: 'the two halves of a ticket reach two hubs',
    later: 'with the first shared broker',
  },
  {
    id: 'F19',
    rules: ['D19'],
    schedule: 'many clients push an honest one out of the hub’s memory; replays crowd out live messages',
    tests: [
      'server/hub: at the cap of records new clients are refused, and nobody is forgotten',
      'server/peer: costs the others nothing: the rest waits for the next turn',
      'server/sends: more than the window is refused as busy and claims nothing',
      'server/hub: of topics, connections and names have a code each',
    ],
  },
  {
    id: 'F20',
    rules: ['D20'],
    schedule: 'topics change faster than a connection opens',
    tests: [
      'scenarios/opens: a component tree that subscribes a topic every 50 ms is served while it goes on',
      'scenarios/opens: a candidate whose list is stale is promoted, then one more opens',
    ],
  },
  {
    id: 'F20 request',
    rules: ['D20'],
    schedule: 'a late answer to an earlier subscribe of the same topic',
    tests: ['scenarios/opens: a late answer to an earlier subscribe does not confirm a later subscription'],
  },
  {
    id: 'F21',
    rules: ['D21'],
    schedule: 'a browser lets the second request wait for the end of the first',
    tests: [
      'scenarios/opens: no two requests have the same URL',
      'scenarios/opens: where a second stream waits for the end of the first, the first is ended for it',
    ],
  },
  {
    id: 'F22 down',
    rules: ['D22'],
    schedule: 'a frame that a proxy kills, or that cannot be read',
    tests: [
      'scenarios/poison: a message that one transport’s proxy kills comes by the next, and nothing is skipped',
      'core/schedules: a frame that cannot be read ends its connection, and it is asked for again',
    ],
  },
  {
    id: 'F22 everywhere',
    rules: ['D22'],
    schedule: 'a message that every transport’s proxy kills is asked for alone, then told as a gap',
    tests: [
      'scenarios/poison: a message that every proxy kills is told as a gap, and all others come: $transports',
      'scenarios/poison: a message that one way out of six lets through is not passed over',
      'scenarios/poison: a message that was killed now and then is not passed over',
      'scenarios/poison: a connection that is cut with nothing to bring passes nothing over',
      'core/schedules: then it is asked for alone, on one way after another, and after seven times more passed over',
    ],
  },
  {
    id: 'F22 up',
    rules: ['D22'],
    schedule: 'a send above a limit closes whatever carries it',
    tests: [
      'scenarios/poison: a send that is larger than the hub says it takes is told so, and those behind it go on',
      'scenarios/poison: a send that a proxy answers by closing three times is given up, and those behind it go on',
    ],
  },
  {
    id: 'F23',
    rules: ['D23'],
    schedule: 'where the answers to POSTs come, and how topics change on one-way transports',
    tests: ['scenarios/sends: acks come in the answer of the POST itself, and a topic change is an open'],
  },
  {
    id: 'F24',
    rules: ['D24'],
    schedule: 'a hub goes away while a handler runs',
    tests: [
      'scenarios/drain: the ack of a handler that runs while the hub drains still comes',
      'scenarios/drain: a send that a draining hub does not take is refused, and goes to the one that comes or is told',
      'scenarios/drain: clients come back spread over the time that the hub gives, all of them',
    ],
  },
  {
    id: 'F24 presence',
    rules: ['D24'],
    schedule: 'lists of clients flap between polls, and count twice in an overlap',
    tests: [
      'server/hub: is by client: two connections are one, a poll lingers, a released one does not',
      'server/hub: does not flap between polls',
    ],
  },
];
