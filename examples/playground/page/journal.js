/** The list of everything that happened, newest first: what the record draws, in words. */
import { faultLabel, labelOf, reasonOf, timeOf, verbOf } from './words.js';

const entriesMax = 300;

export function createJournal() {
  const list = document.getElementById('journal');
  // What scrolls must be reachable by keyboard, also where the browser does not see to it.
  list.tabIndex = 0;

  function add(event) {
    const time = timeOf(event.at);
    const entry = document.createElement('li');
    entry.dataset.type = event.type;
    if (event.transport) entry.dataset.transport = event.transport;
    entry.append(
      part('time', time.seconds + time.millis),
      part('who', event.transport ? labelOf(event.transport) : ''),
      part('what', verbOf(event.type)),
      part('why', reasonOf(event)),
    );
    entry.dataset.at = String(event.at);
    putByTime(entry, event.at);
    while (list.childElementCount > entriesMax) list.lastElementChild.remove();
  }

  /** Newest first. What the server did is heard of a moment later than what followed from it. */
  function putByTime(entry, at) {
    let next = list.firstElementChild;
    while (next && Number(next.dataset.at) > at) next = next.nextElementSibling;
    list.insertBefore(entry, next);
  }

  return {
    add,
    addAction: ({ at, name, on }) =>
      add({ at, type: 'action', reason: on ? faultLabel(name) : `${faultLabel(name)}: off` }),
  };
}

function part(className, text) {
  const element = document.createElement('span');
  element.className = className;
  element.textContent = text;
  return element;
}
