/**
 * The strands: a lane for each transport, a bar for each connection from its attempt to its end, marks where something
 * happened to it, and one lane for what concerns no connection. One tab stop; the arrow keys go through the marks.
 */
import { labelOf, reasonOf, timeOf, transports, verbOf } from './words.js';

const sessionLane = 'session';
/** What has left the sheet for so long is taken away. */
const marginMs = 5_000;
/** The phase in which a connection goes on after an event; the others end it, or change nothing. */
const phaseAfter = { attempt: 'candidate', promoted: 'active', released: 'draining' };
const enders = new Set(['closed', 'dropped']);

export function createLanes(scale, { tip, onRead }) {
  const root = document.getElementById('lanes');
  const strips = new Map();
  const bars = new Set();
  const marks = [];
  /** By connection: whether it has been proven, and the bar that still grows. */
  const connections = new Map();
  let focused;

  for (const { name, label } of [...transports, { name: sessionLane, label: 'Session' }]) {
    const lane = document.createElement('div');
    lane.className = 'lane';
    lane.dataset.transport = name;
    const title = document.createElement('span');
    title.className = 'title';
    const latency = document.createElement('span');
    latency.dataset.latency = name;
    title.append(label, latency);
    const window = document.createElement('div');
    window.className = 'window';
    const strip = document.createElement('div');
    strip.className = 'strip';
    window.append(strip);
    lane.append(title, window);
    root.append(lane);
    strips.set(name, strip);
  }

  root.addEventListener('keydown', moveFocus);
  root.addEventListener('focusin', ({ target }) => {
    if (!target.matches('.mark')) return;
    onRead(true);
    focused = target;
    tip.show(target);
  });
  root.addEventListener('focusout', leave);
  root.addEventListener('pointerover', ({ target }) => {
    if (!target.matches('.mark')) return;
    onRead(true);
    tip.show(target);
  });
  root.addEventListener('pointerout', ({ target }) => {
    if (target.matches('.mark') && !root.contains(document.activeElement)) leave();
  });

  function leave() {
    onRead(false);
    tip.hide();
  }

  function moveFocus(event) {
    if (event.key === 'Escape') return leave();
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const shown = marks.map(({ element }) => element);
    if (step === undefined || shown.length === 0) return;
    event.preventDefault();
    const index = shown.indexOf(focused) + step;
    shown[Math.min(shown.length - 1, Math.max(0, index))].focus({ preventScroll: true });
  }

  const leftOf = (at) => (at - scale.origin) * scale.pxPerMs;

  function placeBar({ element, from, to }) {
    element.style.left = `${leftOf(from)}px`;
    element.style.width = `${Math.max(1, leftOf(to ?? scale.now) - leftOf(from))}px`;
  }

  function addBar(lane, phase, from) {
    const element = document.createElement('span');
    element.className = 'bar';
    element.dataset.phase = phase;
    strips.get(lane).append(element);
    const bar = { element, from, to: undefined };
    bars.add(bar);
    placeBar(bar);
    return bar;
  }

  function addMark(lane, event) {
    const element = document.createElement('button');
    element.type = 'button';
    element.className = 'mark';
    element.dataset.type = event.type;
    element.tabIndex = -1;
    const time = timeOf(event.at);
    element.setAttribute('aria-label', noteOf(event, time));
    strips.get(lane).append(element);
    const mark = { element, at: event.at };
    element.style.left = `${leftOf(event.at)}px`;
    marks.push(mark);
    giveTabStop();
  }

  /** The newest mark is where the tab key enters, unless one has the focus. */
  function giveTabStop() {
    const stop = root.contains(document.activeElement) ? focused : marks.at(-1)?.element;
    for (const { element } of marks) element.tabIndex = element === stop ? 0 : -1;
  }

  /** What an event is to the eye: an end before any hello is a failure, any other end is in order. */
  function typeOf(event) {
    const known = connections.get(event.connection);
    if (event.type === 'hello' && known) known.isProven = true;
    return event.type === 'closed' && known && !known.isProven ? 'refused' : event.type;
  }

  function followConnection(event) {
    const { connection, type, at, transport } = event;
    const lane = strips.has(transport) ? transport : sessionLane;
    const known = connections.get(connection);
    const phase = phaseAfter[type];
    if (!phase && !enders.has(type)) return;
    if (known) {
      known.bar.to = at;
      placeBar(known.bar);
    }
    if (phase)
      connections.set(connection, { isProven: known?.isProven ?? false, bar: addBar(lane, phase, at) });
    else connections.delete(connection);
  }

  function prune() {
    const oldest = scale.now - scale.spanMs - marginMs;
    for (const bar of bars) {
      if (bar.to === undefined || bar.to > oldest) continue;
      bar.element.remove();
      bars.delete(bar);
    }
    while (marks.length > 0 && marks[0].at < oldest) {
      const { element } = marks.shift();
      if (element === focused) focused = undefined;
      element.remove();
    }
  }

  return {
    add(event) {
      const type = typeOf(event);
      if (event.connection !== undefined) followConnection(event);
      addMark(strips.has(event.transport) ? event.transport : sessionLane, { ...event, type });
    },
    resize() {
      bars.forEach(placeBar);
      for (const { element, at } of marks) element.style.left = `${leftOf(at)}px`;
    },
    frame() {
      const offset = scale.width - leftOf(scale.now);
      for (const strip of strips.values()) strip.style.transform = `translateX(${offset}px)`;
      for (const bar of bars) if (bar.to === undefined) placeBar(bar);
      prune();
    },
  };
}

function noteOf(event, time) {
  const who = event.transport
    ? `${labelOf(event.transport)}${event.connection === undefined ? '' : ` ${event.connection}`}`
    : '';
  const what = [who, verbOf(event.type)].filter(Boolean).join(': ');
  return [what, reasonOf(event), time.seconds + time.millis].filter(Boolean).join('\n');
}
