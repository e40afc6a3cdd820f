/**
 * A client inside a worker of any of the three kinds, driven by words that come as messages: `{ id, word, args }`, and its own address
 * to answer to: the sender, or the port of a shared worker.
 */
import '/dist/holdfast.umd.min.js';
import { createDriver } from './driver.js';

const words = createDriver(self.Holdfast);

/** What no worker has, so that a test sees that it ran without. */
words.lacks = () =>
  ['window', 'document', 'XMLHttpRequest', 'localStorage'].filter(
    (name) => typeof self[name] === 'undefined',
  );

async function answer({ data: { id, word, args } }, port) {
  try {
    port.postMessage({ id, value: await words[word](...args) });
  } catch (error) {
    port.postMessage({ id, error: String(error) });
  }
}

// A dedicated worker is its own port, a service worker answers whoever asks.
self.addEventListener('message', (event) => answer(event, event.source ?? self));
self.addEventListener('connect', ({ ports: [port] }) => {
  port.onmessage = (event) => answer(event, port);
});
self.addEventListener('install', () => self.skipWaiting());
self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()));
