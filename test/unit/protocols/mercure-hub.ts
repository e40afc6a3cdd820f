/**
 * A hub as the Mercure specification has it, both of its generations: subscribing, publishing, private updates, what it keeps
 * and how it says that it has forgotten. https://github.com/dunglas/mercure, `spec/mercure.md` at v0.19 and at 1.0.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What may read private updates, and what may publish; both may subscribe. */
export const tokens = { reader: 'a-reader', publisher: 'a-publisher' };

const generations = [
  { topic: 'topic', from: 'lastEventID', told: 'Last-Event-ID', cookie: 'mercureAuthorization' },
  {
    topic: 'match',
    from: 'last_event_id',
    told: 'Mercure-Last-Event-ID',
    cookie: '__Secure-mercure_access_token',
  },
] as const;

interface Update {
  readonly topics: readonly string[];
  readonly data: string;
  readonly isPrivate: boolean;
  readonly id: string;
  readonly type: string | undefined;
}

interface Subscriber {
  readonly topics: readonly string[];
  readonly isReader: boolean;
  readonly response: ServerResponse;
}

async function bodyOf(request: IncomingMessage): Promise<URLSearchParams> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return new URLSearchParams(Buffer.concat(parts).toString());
}

function eventOf({ id, type, data }: Update): string {
  const lines = data.split(/\r\n|\r|\n/).map((line) => `data: ${line}\n`);
  return `${type ? `event: ${type}\n` : ''}id: ${id}\n${lines.join('')}\n`;
}

export async function startHub(version: 0 | 1 = 0) {
  const words = generations[version];
  const asked: IncomingMessage[] = [];
  const subscribers = new Set<Subscriber>();
  let history: Update[] = [];
  let published = 0;
  /** Whether anybody may subscribe. */
  let isAnonymous = true;

  const queryOf = (request: IncomingMessage) => new URL(request.url ?? '', 'http://hub').searchParams;

  /** A header counts before the query, the query before a cookie. */
  function tokenOf(request: IncomingMessage): string | undefined {
    const { authorization, cookie = '' } = request.headers;
    const inQuery = version === 0 ? queryOf(request).get('authorization') : null;
    const inCookie = new RegExp(`${words.cookie}=([^;]+)`).exec(cookie)?.[1];
    return authorization?.replace('Bearer ', '') ?? inQuery ?? inCookie;
  }

  function isFor({ topics, isReader }: Subscriber, update: Update): boolean {
    const isWanted = topics.some((topic) => topic === '*' || update.topics.includes(topic));
    return isWanted && (isReader || !update.isPrivate);
  }

  function subscribe(request: IncomingMessage, response: ServerResponse): void {
    const query = queryOf(request);
    const topics = query.getAll(words.topic);
    const isOfOtherGeneration = version === 1 && query.has('topic');
    if (topics.length === 0 || isOfOtherGeneration) return void response.writeHead(400).end();
    const token = tokenOf(request);
    const isKnown = token === undefined ? isAnonymous : Object.values(tokens).includes(token);
    if (!isKnown) return void response.writeHead(401, { 'WWW-Authenticate': 'Bearer' }).end();
    const from = (request.headers['last-event-id'] as string | undefined) ?? query.get(words.from);
    const at = history.findIndex(({ id }) => id === from);
    if (from !== null) response.setHeader(words.told, at < 0 ? 'earliest' : from);
    response.writeHead(200, { 'Content-Type': 'text/event-stream' }).write(':\n');
    const subscriber = { topics, isReader: token === tokens.reader, response };
    // An id that it does not know leads it to all that it has.
    const kept = from === null ? [] : history.slice(at + 1);
    for (const update of kept) if (isFor(subscriber, update)) response.write(eventOf(update));
    subscribers.add(subscriber);
    response.on('close', () => subscribers.delete(subscriber));
  }

  function publish(update: Partial<Update> & Pick<Update, 'topics' | 'data'>): string {
    const id = update.id ?? `urn:uuid:${++published}`;
    const whole: Update = { isPrivate: false, type: undefined, ...update, id };
    history.push(whole);
    for (const one of subscribers) if (isFor(one, whole)) one.response.write(eventOf(whole));
    return id;
  }

  async function take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const form = await bodyOf(request);
    const token = tokenOf(request);
    if (token === undefined) return void response.writeHead(401).end();
    if (token !== tokens.publisher) return void response.writeHead(403).end();
    if (!form.has('topic')) return void response.writeHead(400).end();
    const id = publish({
      topics: form.getAll('topic'),
      data: form.get('data') ?? '',
      isPrivate: form.has('private'),
      type: form.get('type') ?? undefined,
      ...(form.has('id') ? { id: form.get('id') as string } : {}),
    });
    response.writeHead(200, { 'Content-Type': 'text/plain; charset=utf-8' }).end(id);
  }

  const server = createServer((request, response) => {
    asked.push(request);
    if (request.method === 'POST') void take(request, response);
    else subscribe(request, response);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;

  return {
    url: `http://127.0.0.1:${port}/.well-known/mercure`,
    /** Every request, in order. */
    asked,
    queryOf,
    publish,
    subscribers: () => subscribers.size,
    refuseStrangers() {
      isAnonymous = false;
    },
    /** All but the newest so many updates. */
    forget(kept: number) {
      history = kept === 0 ? [] : history.slice(-kept);
    },
    cut() {
      for (const { response } of subscribers) response.destroy();
    },
    async close() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

export type MercureHub = Awaited<ReturnType<typeof startHub>>;
