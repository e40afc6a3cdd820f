/**
 * The room. One's own line stands there at once, waiting, and is confirmed by the answer to the send.
 * Whatever comes is another person's text: it is checked, and only ever shown as text.
 */
import { timeOf } from './words.js';

const linesMax = 200;
const creatures = [
  'Limpet',
  'Barnacle',
  'Mussel',
  'Kelp',
  'Anemone',
  'Remora',
  'Gecko',
  'Ivy',
  'Burr',
  'Lichen',
];

export function createChat({ send }) {
  const list = document.getElementById('chat-lines');
  list.tabIndex = 0;
  const name = document.getElementById('chat-name');
  const text = document.getElementById('chat-text');
  const lines = new Map();
  name.value = sessionStorage.getItem('name') ?? creatures[Math.floor(Math.random() * creatures.length)];
  name.addEventListener('change', () => sessionStorage.setItem('name', name.value));

  document.getElementById('chat-form').addEventListener('submit', async (event) => {
    event.preventDefault();
    if (!text.value.trim() || !name.value.trim()) return;
    const data = {
      id: crypto.randomUUID(),
      name: name.value.trim(),
      text: text.value.trim(),
      at: Date.now(),
    };
    text.value = '';
    const line = show(data);
    line.dataset.state = 'waiting';
    try {
      await send('chat', data);
      line.dataset.state = 'sent';
    } catch {
      line.dataset.state = 'failed';
    }
  });

  function show(data) {
    const isAtEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
    const line = lineOf(data);
    lines.set(data.id, line);
    list.append(line);
    while (list.childElementCount > linesMax) forgetFirst();
    if (isAtEnd) list.scrollTop = list.scrollHeight;
    return line;
  }

  function forgetFirst() {
    const first = list.firstElementChild;
    lines.delete(first.dataset.id);
    first.remove();
  }

  return {
    receive({ data }) {
      if (!isLine(data)) return;
      const own = lines.get(data.id);
      if (!own) show(data);
      // The room has it, and so shall everyone: what comes back may overtake the answer.
      else if (own.dataset.state !== 'sent') own.dataset.state = 'sent';
    },
  };
}

function isLine(data) {
  const isText = (value) => typeof value === 'string' && value.length > 0 && value.length <= 500;
  return isText(data?.id) && isText(data.name) && isText(data.text) && typeof data.at === 'number';
}

function lineOf({ id, name, text, at }) {
  const line = document.createElement('li');
  line.dataset.id = id;
  line.dataset.state = 'sent';
  for (const [className, content] of [
    ['name', name],
    ['text', text],
    ['at', timeOf(at).seconds],
  ]) {
    const part = document.createElement('span');
    part.className = className;
    part.textContent = content;
    line.append(part);
  }
  return line;
}
