/** Where the servers are, and the switches that turn them off. Knows nothing of clients. */

/** By name: `{ url, on }`. */
export const servers = await (await fetch('/servers')).json();

const switches = document.querySelectorAll('[data-switch]');

function show() {
  for (const button of switches) {
    const { on } = servers[button.dataset.switch];
    button.setAttribute('aria-pressed', String(on));
    button.textContent = on ? 'on' : 'off';
  }
}

async function press({ currentTarget }) {
  const name = currentTarget.dataset.switch;
  const response = await fetch('/servers', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ name, on: !servers[name].on }),
  });
  Object.assign(servers, await response.json());
  show();
}

for (const button of switches) {
  button.setAttribute('aria-label', `The server of ${button.dataset.switch}`);
  button.addEventListener('click', press);
}
show();
