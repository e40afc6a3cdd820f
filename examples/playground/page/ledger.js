/**
 * Counts what came, and what should have come. The clock's messages are numbered without holes, so a number that is
 * left out was lost (unless a gap said so first), and one that comes again was repeated. Both must stay 0.
 */

export function createLedger() {
  const counts = new Map();
  const places = new Map();
  for (const place of document.querySelectorAll('[data-count]')) places.set(place.dataset.count, place);
  let expected;

  function set(name, value) {
    counts.set(name, value);
    const place = places.get(name);
    if (!place) return;
    place.textContent = value.toLocaleString('en');
    place.dataset.value = String(value);
  }

  function add(name, by) {
    set(name, (counts.get(name) ?? 0) + by);
  }

  return {
    set,
    add,
    countTick({ data, gap }) {
      add('messages', 1);
      const missing = expected === undefined ? 0 : data.n - expected;
      if (missing < 0) add('duplicates', 1);
      else if (missing > 0) add(gap ? 'told' : 'holes', missing);
      if (missing >= 0) expected = data.n + 1;
    },
  };
}
