/** How late the messages of each transport usually come: a median, beside the name of its lane. */
import { durationOf } from './words.js';

const kept = 50;
const showMs = 500;

export function createLatency() {
  const recent = new Map();
  const changed = new Set();

  setInterval(() => {
    for (const transport of changed) {
      const place = document.querySelector(`[data-latency="${transport}"]`);
      if (place) place.textContent = durationOf(median(recent.get(transport)));
    }
    changed.clear();
  }, showMs);

  return {
    add({ transport, lateMs, isSend }) {
      if (!transport || isSend) return;
      const list = recent.get(transport) ?? [];
      list.push(Math.max(0, lateMs));
      if (list.length > kept) list.shift();
      recent.set(transport, list);
      changed.add(transport);
    },
  };
}

function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}
