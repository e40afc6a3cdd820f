/**
 * The buttons: those that hurt go to the page's server by a plain POST, beside the realtime traffic; those that prefer
 * a transport go to the client. What other open pages do is asked for now and then.
 */
import { faults, transports } from './words.js';

const askMs = 2_000;

export function createControls({ prefer, onAction }) {
  const faultButtons = new Map(faults.map((fault) => [fault.name, faultButton(fault)]));
  const choices = [{ name: 'auto', label: 'Automatic' }, ...transports];
  const choiceButtons = new Map(choices.map((choice) => [choice.name, choiceButton(choice)]));
  document.getElementById('hurt-buttons').append(...faultButtons.values());
  document.getElementById('prefer-buttons').append(...choiceButtons.values());

  /** The newest action that has been told; the first answer only says where the list stands. */
  let told;

  for (const { name, held } of faults) {
    const button = faultButtons.get(name);
    button.addEventListener('click', () => {
      press(name, held ? button.getAttribute('aria-pressed') !== 'true' : true);
    });
  }
  for (const [name, button] of choiceButtons) {
    button.addEventListener('click', () => {
      prefer(name === 'auto' ? null : name);
      showChosen(name);
    });
  }
  showChosen('auto');
  ask();
  setInterval(() => {
    if (!document.hidden) ask();
  }, askMs);

  async function press(name, on) {
    const headers = { 'Content-Type': 'application/json' };
    await exchange({ method: 'POST', headers, body: JSON.stringify({ press: name, on }) });
  }

  function ask() {
    return exchange({ cache: 'no-store' });
  }

  async function exchange(options) {
    const answer = await fetch('/control', options)
      .then((response) => (response.ok ? response.json() : undefined))
      .catch(() => undefined);
    document.body.dataset.server = answer ? 'there' : 'gone';
    if (!answer) return;
    for (const { name, held } of faults) {
      if (held) faultButtons.get(name).setAttribute('aria-pressed', String(answer.active.includes(name)));
    }
    tellNew(answer.actions);
  }

  function tellNew(actions) {
    const newest = actions.at(-1)?.number ?? 0;
    if (told !== undefined) for (const action of actions) if (action.number > told) onAction(action);
    told = Math.max(newest, told ?? 0);
  }

  function showChosen(chosen) {
    for (const [name, button] of choiceButtons) button.setAttribute('aria-pressed', String(name === chosen));
  }

  return {
    showUsed(transport) {
      for (const [name, button] of choiceButtons) button.dataset.used = String(name === transport);
    },
  };
}

function faultButton({ name, label, effect, held }) {
  const button = document.createElement('button');
  button.type = 'button';
  button.dataset.test = name;
  if (held) button.setAttribute('aria-pressed', 'false');
  button.append(span('label', label), span('effect', effect));
  return button;
}

function choiceButton({ name, label }) {
  const button = document.createElement('button');
  button.type = 'button';
  button.dataset.test = `prefer-${name}`;
  button.dataset.transport = name;
  button.append(span('dot', ''), span('label', label));
  return button;
}

function span(className, text) {
  const element = document.createElement('span');
  element.className = className;
  element.textContent = text;
  return element;
}
