/**
 * What you did, across the whole sheet: a line at the moment, a shade for as long as a fault was in force.
 * So that a cause stands above its effects.
 */
import { faultLabel, faults } from './words.js';

const marginMs = 5_000;
const rows = 3;

export function createFlags(scale) {
  const root = document.getElementById('flags');
  const strip = document.createElement('div');
  strip.className = 'strip';
  root.append(strip);
  const heldNames = new Set(faults.filter(({ held }) => held).map(({ name }) => name));
  const flags = new Set();
  let row = 0;

  const leftOf = (at) => (at - scale.origin) * scale.pxPerMs;

  function place(flag) {
    flag.element.style.left = `${leftOf(flag.at)}px`;
    if (flag.isShade)
      flag.element.style.width = `${Math.max(0, leftOf(flag.to ?? scale.now) - leftOf(flag.at))}px`;
  }

  function plant({ at, name, on }) {
    const isShade = heldNames.has(name) && on;
    const element = document.createElement('span');
    element.className = isShade ? 'flag shade' : 'flag';
    element.dataset.name = name;
    element.dataset.row = String(row);
    row = (row + 1) % rows;
    const label = document.createElement('span');
    label.textContent = on ? faultLabel(name) : `${faultLabel(name)}: off`;
    element.append(label);
    strip.append(element);
    const flag = { element, at, name, isShade, to: undefined };
    flags.add(flag);
    place(flag);
  }

  function endShades(isOver, at) {
    for (const flag of flags) if (flag.isShade && flag.to === undefined && isOver(flag.name)) flag.to = at;
  }

  return {
    add({ at, name, on }) {
      if (name === 'heal') endShades(() => true, at);
      else if (!on) endShades((shaded) => shaded === name, at);
      if (on) plant({ at, name, on });
      flags.forEach(place);
    },
    resize() {
      flags.forEach(place);
    },
    frame() {
      strip.style.transform = `translateX(${scale.width - leftOf(scale.now)}px)`;
      const oldest = scale.now - scale.spanMs - marginMs;
      for (const flag of flags) {
        if (flag.isShade && flag.to === undefined) place(flag);
        else if ((flag.to ?? flag.at) < oldest) {
          flag.element.remove();
          flags.delete(flag);
        }
      }
    },
  };
}
