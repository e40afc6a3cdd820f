/**
 * The beads, on a canvas. A message stands where it was sent, as high as it was late, on a logarithmic scale: after a cut
 * those that were missed come in a slope, each a little less late than the one before, and none is left out.
 */
import { transports } from './words.js';

const beadsMax = 4_000;
const minMs = 1;
const maxMs = 30_000;
const rules = [
  { ms: 1, label: '1 ms' },
  { ms: 10, label: '10 ms' },
  { ms: 100, label: '100 ms' },
  { ms: 1_000, label: '1 s' },
  { ms: 10_000, label: '10 s' },
];
const marginPx = 14;
const beadPx = 2;
const ringPx = 4;

export function createPlot(scale) {
  const canvas = document.getElementById('plot');
  const context = canvas.getContext('2d');
  const beads = [];
  let colours = readColours();
  let height = 0;
  let isChanged = true;
  let drawnAt = 0;

  for (const query of ['(prefers-color-scheme: dark)', '(prefers-contrast: more)']) {
    matchMedia(query).addEventListener('change', () => {
      colours = readColours();
      isChanged = true;
    });
  }

  function readColours() {
    const style = getComputedStyle(canvas);
    const read = (name) => style.getPropertyValue(name).trim();
    return {
      of: Object.fromEntries(transports.map(({ name }) => [name, read(`--line-${name}`)])),
      rule: read('--sheet-rule'),
      text: read('--sheet-text'),
      none: read('--sheet-text'),
      font: style.fontFamily,
    };
  }

  const yOf = (ms) => {
    const share = Math.log(Math.min(maxMs, Math.max(minMs, ms)) / minMs) / Math.log(maxMs / minMs);
    return height - marginPx - share * (height - 2 * marginPx);
  };
  const xOf = (at) => scale.gutter + scale.width - (scale.now - at) * scale.pxPerMs;

  function drawRules() {
    context.font = `11px ${colours.font}`;
    context.textBaseline = 'bottom';
    context.lineWidth = 1;
    for (const { ms, label } of rules) {
      const y = Math.round(yOf(ms)) + 0.5;
      context.strokeStyle = colours.rule;
      context.beginPath();
      context.moveTo(0, y);
      context.lineTo(scale.gutter + scale.width, y);
      context.stroke();
      context.fillStyle = colours.text;
      context.fillText(label, 12, y - 2);
    }
  }

  function drawBead({ at, lateMs, transport, isSend }) {
    const x = xOf(at);
    if (x < scale.gutter || x > scale.gutter + scale.width) return;
    const colour = colours.of[transport] ?? colours.none;
    context.beginPath();
    context.arc(x, yOf(lateMs), isSend ? ringPx : beadPx, 0, 2 * Math.PI);
    if (isSend) {
      context.lineWidth = 1.25;
      context.strokeStyle = colour;
      context.stroke();
    } else {
      context.fillStyle = colour;
      context.fill();
    }
  }

  return {
    add(bead) {
      beads.push(bead);
      if (beads.length > beadsMax) beads.splice(0, beadsMax / 4);
      isChanged = true;
    },
    resize() {
      const ratio = devicePixelRatio || 1;
      height = canvas.clientHeight;
      canvas.width = Math.round(canvas.clientWidth * ratio);
      canvas.height = Math.round(height * ratio);
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
      isChanged = true;
    },
    frame() {
      if (!isChanged && drawnAt === scale.now) return;
      isChanged = false;
      drawnAt = scale.now;
      context.clearRect(0, 0, canvas.clientWidth, height);
      drawRules();
      beads.forEach(drawBead);
    },
  };
}
