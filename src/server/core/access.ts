/**
 * Who may do what: asks the application by the host's callbacks, and reuses its answers until they expire (rule D17).
 * An answer that could not be had is not a refusal.
 */
import type { AuthorizeAnswer, Grant } from './grant.ts';
import type { AuthAnswer, AuthorizeRequest, ClientRecord, Hub, Meta } from './types.ts';

const grantsMax = 4;
const topicsPerGrant = 4_096;

/** All that `authenticate` may have judged by: with cookies the token alone does not say who it is. */
function credentialOf(meta: Meta, token: string | undefined): string {
  const { cookie, authorization } = meta.headers;
  return JSON.stringify([token ?? null, cookie ?? null, authorization ?? null]);
}

function createGrant(hub: Hub, answer: AuthAnswer & { type: 'ok' }): Grant {
  const now = hub.host.now();
  const expiresAt = answer.expiresInMs === undefined ? undefined : now + answer.expiresInMs;
  const until = expiresAt ?? now + hub.config.authCacheMs;
  return { identity: answer.identity, expiresAt, until, topics: new Map() };
}

function keepGrant(record: ClientRecord, credential: string, grant: Grant): void {
  record.grants.delete(credential);
  record.grants.set(credential, grant);
  const oldest = record.grants.keys().next();
  if (record.grants.size > grantsMax && !oldest.done) record.grants.delete(oldest.value);
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
  const credential = credentialOf(meta, token);
  const known = record?.grants.get(credential);
  if (known && known.until > hub.host.now()) return done(known);
  const conclude = (answer: AuthAnswer): Admission => {
    if (answer.type !== 'ok') return answer;
    const grant = createGrant(hub, answer);
    if (record) keepGrant(record, credential, grant);
    return grant;
  };
  const ask = hub.host.authenticate;
  if (!ask) return done(conclude({ type: 'ok', identity: undefined, expiresInMs: undefined }));
  const settle = (answer: AuthAnswer): void => {
    const cached = answer.type === 'ok' ? record?.grants.get(credential) : undefined;
    done(cached && cached.until > hub.host.now() ? cached : conclude(answer));
  };
  const waiting = record?.asking.get(credential);
  if (waiting) {
    waiting.push(settle);
    return;
  }
  const all = [settle];
  record?.asking.set(credential, all);
  ask({ ...meta, token, client: record?.id }, (answer) => {
    record?.asking.delete(credential);
    for (const each of all) each(answer);
  });
}

function keepDecision(hub: Hub, grant: Grant, name: string, answer: AuthorizeAnswer): void {
  if (answer.type === 'failed') return;
  if (grant.topics.size >= topicsPerGrant) grant.topics.clear();
  grant.topics.set(name, { answer, until: hub.host.now() + hub.config.authCacheMs });
}

export function authorize(
  hub: Hub,
  grant: Grant,
  request: AuthorizeRequest,
  done: (answer: AuthorizeAnswer) => void,
): void {
  const ask = hub.host.authorize;
  if (!ask) return done({ type: 'ok' });
  const name = `${request.action} ${request.topic}`;
  const known = grant.topics.get(name);
  if (known && known.until > hub.host.now()) return done(known.answer);
  ask(request, (answer) => {
    keepDecision(hub, grant, name, answer);
    done(answer);
  });
}

/** Forgets what was decided about a topic, so that it is asked anew. */
export function forgetDecision(record: ClientRecord, topic: string): void {
  for (const grant of record.grants.values()) {
    grant.topics.delete(`subscribe ${topic}`);
    grant.topics.delete(`send ${topic}`);
  }
}
