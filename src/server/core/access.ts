/**
 * Who may do what: asks the application by the host's callbacks, and reuses its answers until they expire (rule D17).
 * An answer that could not be had is not a refusal.
 */
import { createError } from '../../core/errors.ts';
import { cancelAlarm, setAlarm } from './alarms.ts';
import type { AuthorizeAnswer, Grant } from './grant.ts';
import type { AuthAnswer, AuthorizeRequest, ClientRecord, Hub, Meta, Pending, Question } from './types.ts';

const grantsMax = 4;
const topicsPerGrant = 4_096;
const ok = { type: 'ok' } as const;

/** Of a hub that asks nobody anything: it has no answers to keep. */
const openToAll: Grant = {
  credential: 'none',
  identity: undefined,
  expiresAt: undefined,
  until: Number.POSITIVE_INFINITY,
  topics: undefined,
};

/** All that `authenticate` may have judged by: with cookies the token alone does not say who it is. */
function credentialOf(meta: Meta, token: string | undefined): string {
  const { cookie, authorization } = meta.headers;
  if (token === undefined && cookie === undefined && authorization === undefined) return 'none';
  return JSON.stringify([token ?? null, cookie ?? null, authorization ?? null]);
}

function createGrant(hub: Hub, credential: string, answer: AuthAnswer & { type: 'ok' }): Grant {
  const now = hub.host.now();
  const expiresAt = answer.expiresInMs === undefined ? undefined : now + answer.expiresInMs;
  const until = expiresAt ?? now + hub.config.authCacheMs;
  return { credential, identity: answer.identity, expiresAt, until, topics: undefined };
}

/** Characters of what is kept to know a caller again by; whoever has more is asked about each time. */
const credentialMax = 16 * 1024;

/**
 * Without token, cookie and authorization there is nothing to know a caller again by: `authenticate` may have judged by a header that
 * a proxy sets, or by the address.
 */
function isKnowable({ credential }: Grant): boolean {
  return credential !== 'none' && credential.length <= credentialMax;
}

function keepGrant(record: ClientRecord, grant: Grant): void {
  const others = record.grants.filter(({ credential }) => credential !== grant.credential);
  record.grants = others.slice(1 - grantsMax).concat(grant);
}

function grantFor(record: ClientRecord | undefined, credential: string): Grant | undefined {
  return record?.grants.find((grant) => grant.credential === credential);
}

export type Admission = Grant | Exclude<AuthAnswer, { type: 'ok' }>;

/** Asks once for however many requests of a client bring the same credential at the same time. */
export function authenticate(
  hub: Hub,
  record: ClientRecord | undefined,
  meta: Meta,
  token: string | undefined,
  done: (admission: Admission) => void,
): void {
  const ask = hub.host.authenticate;
  if (!ask && !hub.host.authorize) return done(openToAll);
  const credential = credentialOf(meta, token);
  const known = grantFor(record, credential);
  if (known && known.until > hub.host.now()) return done(known);
  const conclude = (answer: AuthAnswer): Admission => {
    if (answer.type !== 'ok') return answer;
    const grant = createGrant(hub, credential, answer);
    if (record && (!ask || isKnowable(grant))) keepGrant(record, grant);
    return grant;
  };
  if (!ask) return done(conclude({ type: 'ok', identity: undefined, expiresInMs: undefined }));
  const settle = (answer: AuthAnswer): void => {
    const cached = answer.type === 'ok' ? grantFor(record, credential) : undefined;
    done(cached && cached.until > hub.host.now() ? cached : conclude(answer));
  };
  const now = hub.host.now();
  const waiting = record?.asking?.get(credential);
  // Whoever waited for it longer than that has been told so: it may never be answered.
  if (waiting && waiting.until > now) {
    waiting.settle.push(settle);
    return;
  }
  const question: Question = { until: now + hub.config.limits.bodyMs, settle: [settle] };
  if (record) {
    record.asking ??= new Map();
    record.asking.set(credential, question);
  }
  ask({ ...meta, token, client: record?.id }, (answer) => {
    if (record?.asking?.get(credential) === question) record.asking.delete(credential);
    if (record?.asking?.size === 0) record.asking = undefined;
    for (const each of question.settle) each(answer);
  });
}

function keepDecision(hub: Hub, grant: Grant, name: string, answer: AuthorizeAnswer): void {
  if (answer.type === 'failed') return;
  if (!grant.topics || grant.topics.size >= topicsPerGrant) grant.topics = new Map();
  grant.topics.set(name, { answer, until: hub.host.now() + hub.config.authCacheMs });
}

export function authorize(
  hub: Hub,
  grant: Grant,
  request: AuthorizeRequest,
  done: (answer: AuthorizeAnswer) => void,
): void {
  const ask = hub.host.authorize;
  if (!ask) return done(ok);
  const name = `${request.action} ${request.topic}`;
  const known = grant.topics?.get(name);
  if (known && known.until > hub.host.now()) return done(known.answer);
  let isOver = false;
  let pending: Pending | undefined;
  ask(request, (answer) => {
    if (isOver) return;
    isOver = true;
    if (pending) hub.pending.delete(pending);
    cancelAlarm(hub.alarms, pending?.alarm);
    // What was granted before a revocation is no answer to the question after it.
    if (pending?.isRevoked && answer.type === 'ok') return authorize(hub, grant, request, done);
    keepDecision(hub, grant, name, answer);
    done(answer);
  });
  if (isOver) return;
  const { bodyMs } = hub.config.limits;
  // It concerns this topic alone, which is asked for anew: the others do not wait for it.
  const alarm = setAlarm(hub.alarms, hub.host.now() + bodyMs, () => {
    isOver = true;
    if (pending) hub.pending.delete(pending);
    const what = `authorize() took over ${bodyMs} ms.`;
    hub.host.note({ type: 'error', error: createError('INTERNAL', what, { topic: request.topic }) });
    done({ type: 'failed' });
  });
  pending = { request, alarm, isRevoked: false };
  hub.pending.add(pending);
}

/** Forgets what was decided about a topic, so that it is asked anew. */
export function forgetDecision(record: ClientRecord, topic: string): void {
  for (const { topics } of record.grants) {
    topics?.delete(`subscribe ${topic}`);
    topics?.delete(`send ${topic}`);
  }
}
