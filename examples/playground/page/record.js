/**
 * The record: a chart recorder for connections. Beads (messages and sends), strands (connections) and flags (what you did)
 * share one scale of time, which moves to the left. Owns that scale and the frames; what is drawn is the parts' affair.
 */
import { createFlags } from './flags.js';
import { createLanes } from './lanes.js';
import { createLatency } from './latency.js';
import { createPlot } from './plot.js';
import { createTip } from './tip.js';

const spanMs = 60_000;
const narrowSpanMs = 30_000;
const narrowPx = 640;
/** How often the record moves for those who would rather not see it glide. */
const calmFrameMs = 1_000;

export function createRecord() {
  const sheet = document.getElementById('sheet');
  const holdButton = document.getElementById('hold');
  const stillness = matchMedia('(prefers-reduced-motion: reduce)');
  const origin = Date.now();
  const scale = { origin, now: origin, spanMs, width: 0, pxPerMs: 0, gutter: 0 };
  let isHeld = false;
  let isRead = false;
  let framedAt = 0;

  const tip = createTip(sheet);
  const parts = [
    createPlot(scale),
    createLanes(scale, { tip, onRead: (value) => (isRead = value) }),
    createFlags(scale),
  ];
  const [plot, lanes, flags] = parts;

  holdButton.addEventListener('click', () => {
    isHeld = !isHeld;
    holdButton.setAttribute('aria-pressed', String(isHeld));
    sheet.dataset.held = String(isHeld);
  });

  new ResizeObserver(() => {
    const gutter = Number.parseFloat(getComputedStyle(sheet).getPropertyValue('--gutter')) || 0;
    scale.gutter = gutter;
    scale.width = sheet.clientWidth - gutter;
    scale.spanMs = sheet.clientWidth < narrowPx ? narrowSpanMs : spanMs;
    scale.pxPerMs = scale.width / scale.spanMs;
    for (const part of parts) part.resize();
    frame();
  }).observe(sheet);
  requestAnimationFrame(run);

  function run(at) {
    requestAnimationFrame(run);
    if (stillness.matches && at - framedAt < calmFrameMs) return;
    const now = Date.now();
    // A step of less than a pixel would only be drawn.
    if ((now - scale.now) * scale.pxPerMs * devicePixelRatio < 1) return;
    framedAt = at;
    // While somebody reads a mark it does not run away.
    if (!isHeld && !isRead) scale.now = now;
    frame();
  }

  function frame() {
    for (const part of parts) part.frame();
  }

  const latency = createLatency();
  function addBead(bead) {
    plot.add(bead);
    latency.add(bead);
  }

  return { addBead, addTrace: lanes.add, addAction: flags.add };
}
