/** Five clocks: one for each kind of server, and one that takes whichever is left. */
import { createClient } from 'holdfast';
import { plain } from 'holdfast/protocols/plain';
import { createCard } from './card.js';
import { servers } from './servers.js';

const beadsKept = 60;
/** Of a stream that was cut in an iframe a page is told nothing: it is given up after so long without a word. */
const silenceMs = 3_000;

const urlOf = (name) => servers[name].url;

function clientOf(endpoints, options) {
  const [url] = Object.values(endpoints);
  // A server that is switched on again is to be found while somebody looks.
  return createClient(url, { endpoints, memory: false, backoff: { capMs: 5_000 }, protocol: plain(options) });
}

/** Counts what a numbered clock must not do. */
function createCounter(find) {
  let last;
  const counts = { missed: 0, repeated: 0 };
  return (id) => {
    if (last !== undefined && id > last + 1) counts.missed += id - last - 1;
    if (last !== undefined && id <= last) counts.repeated++;
    last = Math.max(id, last ?? id);
    find('[data-count="last"]').textContent = String(id);
    for (const name in counts) find(`[data-count="${name}"]`).textContent = String(counts[name]);
  };
}

function showEventSource() {
  const client = clientOf({ eventsource: urlOf('eventsource') });
  const find = createCard('eventsource', client);
  const count = createCounter(find);
  client.subscribe('time', ({ data }) => {
    find('[data-value]').textContent = data.time;
    count(data.id);
  });
  client.subscribe('quarter', ({ data }) => {
    find('[data-quarter]').textContent = data;
  });
}

function showIframe() {
  const client = clientOf({ iframe: urlOf('iframe') }, { callbacks: ['setTime'], silenceMs });
  const find = createCard('iframe', client);
  client.subscribe('setTime', ({ data }) => {
    find('[data-value]').textContent = data;
  });
}

function showLongPoll() {
  const client = clientOf({ 'long-poll': urlOf('long-poll') }, { id: 'id' });
  const find = createCard('long-poll', client);
  const count = createCounter(find);
  client.subscribe('message', ({ data }) => {
    find('[data-value]').textContent = data.time;
    count(data.id);
  });
}

function showPoll() {
  const client = clientOf({ poll: urlOf('poll') }, { pollMs: 500 });
  const find = createCard('poll', client);
  client.subscribe('message', ({ data }) => {
    find('[data-value]').textContent = data.time;
  });
}

/** All four under one topic: what they say differs, and the options say how. */
function showAny() {
  const endpoints = {
    eventsource: urlOf('eventsource'),
    iframe: urlOf('iframe'),
    'long-poll': urlOf('long-poll'),
    poll: urlOf('poll'),
  };
  const options = {
    events: ['time'],
    callbacks: ['setTime'],
    topic: () => 'clock',
    parse: ({ transport, text }) => (transport === 'iframe' ? { time: text } : JSON.parse(text)),
    id: 'id',
    pollMs: 500,
    silenceMs,
  };
  const client = clientOf(endpoints, options);
  const find = createCard('any', client);
  const beads = find('.beads');
  client.subscribe('clock', ({ data }) => {
    find('[data-value]').textContent = data.time;
    const bead = document.createElement('li');
    bead.dataset.transport = client.status.transport ?? '';
    beads.append(bead);
    if (beads.children.length > beadsKept) beads.firstChild.remove();
  });
  client.on('status', ({ transport }) => {
    for (const item of document.querySelectorAll('[data-endpoint]')) {
      item.toggleAttribute('data-used', item.dataset.endpoint === transport);
    }
  });
}

showAny();
showEventSource();
showIframe();
showLongPoll();
showPoll();
