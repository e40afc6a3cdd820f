/** What things are called on the page. Knows no element and no state. */

/** In the order of the lanes and buttons: the most capable first. */
export const transports = [
  { name: 'websocket', label: 'WebSocket' },
  { name: 'http-stream', label: 'HTTP stream' },
  { name: 'eventsource', label: 'EventSource' },
  { name: 'iframe', label: 'iframe' },
  { name: 'long-poll', label: 'Long poll' },
  { name: 'poll', label: 'Poll' },
];

export const stateWords = {
  idle: 'Idle',
  connecting: 'Connecting',
  open: 'Open',
  reconnecting: 'Reconnecting',
  offline: 'Offline',
  suspended: 'Suspended',
  closed: 'Closed',
};

/** The buttons that hurt. `held`: it stays until pressed again. */
export const faults = [
  { name: 'cut', label: 'Cut the connection', effect: 'resets every socket' },
  { name: 'block-websocket', label: 'Block WebSocket', effect: 'upgrades get a 403', held: true },
  { name: 'buffer-streams', label: 'Buffer streams', effect: 'bodies wait for their end', held: true },
  { name: 'drop-silently', label: 'Drop everything', effect: 'silently, both ways', held: true },
  { name: 'add-latency', label: 'Add 200 ms', effect: '100 ms each way', held: true },
  { name: 'restart-hub', label: 'Restart the hub', effect: 'it forgets all it knew' },
  { name: 'heal', label: 'Heal everything', effect: 'no fault remains' },
];

const verbs = {
  attempt: 'tried',
  opened: 'opened',
  hello: 'hello: proven',
  promoted: 'carries the session',
  released: 'released',
  closed: 'ended',
  refused: 'did not get through',
  retry: 'waits',
  dropped: 'dropped',
  wake: 'woke',
  state: 'state',
  gap: 'gap',
  error: 'error',
  action: 'you',
};

/** The client's short reasons as sentences; any other stands as it is. */
const sentences = {
  'asked for': 'You asked for it',
  'best of those listed': 'The best of all, and it got through',
  'worked here before': 'It worked here before',
  'it worked a moment ago': 'It worked a moment ago, so it was tried first',
};

export function sentenceOf(reason) {
  return sentences[reason] ?? reason;
}

export function labelOf(transport) {
  return transports.find(({ name }) => name === transport)?.label ?? String(transport ?? '');
}

export function faultLabel(name) {
  return faults.find((fault) => fault.name === name)?.label ?? String(name);
}

export function verbOf(type) {
  return verbs[type] ?? String(type);
}

/** Why, as a phrase: what a trace event, a status or an error has to say for itself. */
export function reasonOf({ reason, detail }) {
  return [reason, detail].filter(isTold).map(phrase).join(' · ');
}

function isTold(value) {
  return value !== undefined && value !== null && value !== '';
}

function phrase(value) {
  if (value instanceof Error) return messageOf(value);
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** An error's sentence without the code and the link that follow it. */
export function messageOf(error) {
  const text = typeof error?.message === 'string' ? error.message : String(error);
  return text.replace(/ \[[A-Z_]+\] \S+$/, '');
}

export function timeOf(at) {
  const date = new Date(at);
  const two = (value) => String(value).padStart(2, '0');
  return {
    seconds: `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`,
    tenths: `.${Math.floor(date.getMilliseconds() / 100)}`,
    millis: `.${String(date.getMilliseconds()).padStart(3, '0')}`,
  };
}

export function durationOf(ms) {
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))} ms`;
  return ms < 60_000 ? `${(ms / 1_000).toFixed(1)} s` : `${Math.floor(ms / 60_000)} min`;
}
