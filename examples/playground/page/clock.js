/** The big clock: it moves only when a message comes, and says so when none does. */
import { durationOf, timeOf } from './words.js';

const staleAfterMs = 1_500;
const checkMs = 250;

export function createClock() {
  const clock = document.getElementById('clock');
  const time = document.getElementById('time');
  const tenth = document.getElementById('tenth');
  const age = document.getElementById('age');
  const usualText = age.textContent;
  let toldAt;

  setInterval(() => {
    if (toldAt === undefined) return;
    const ageMs = Date.now() - toldAt;
    const isStale = ageMs > staleAfterMs;
    clock.dataset.stale = String(isStale);
    age.textContent = isStale ? `Stands still: the last message is ${durationOf(ageMs)} old` : usualText;
  }, checkMs);

  return {
    show(data) {
      const parts = timeOf(data.time);
      toldAt = data.time;
      time.textContent = parts.seconds;
      tenth.textContent = parts.tenths;
      clock.dataset.n = String(data.n);
    },
  };
}
