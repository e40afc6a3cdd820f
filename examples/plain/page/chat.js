/** A chat with a Socket.IO server: what its own client calls `connect`, `disconnect` and `connect_error` is the status here. */
import { createClient } from 'holdfast';
import { socketio } from 'holdfast/protocols/socketio';
import { addLine, createCard, messageOf } from './card.js';
import { servers } from './servers.js';

const connect = document.getElementById('connect');
const say = document.getElementById('say');
const { name } = connect.elements;
const { to, text } = say.elements;

const client = createClient(servers.chat.url, {
  memory: false,
  protocol: socketio({ auth: () => ({ name: name.value }) }),
});
const find = createCard('chat', client);
const lines = find('[data-value]');

client.subscribe('chat', ({ data }) => addLine(lines, `${data.from}: ${data.text}`, 'chat'));
client.subscribe('whisper', ({ data }) =>
  addLine(lines, `${data.from}, to you alone: ${data.text}`, 'whisper'),
);
client.subscribe('people', ({ data }) => showPeople(data));

// Without a name there is nobody to connect yet.
client.close();

let state = client.status.state;
client.on('status', (status) => {
  if (status.state === state) return;
  if (status.state === 'open') addLine(lines, 'connect', 'status');
  else if (state === 'open') addLine(lines, `disconnect, now ${status.state}`, 'status');
  state = status.state;
});
client.on('error', (error) => addLine(lines, `connect_error: ${messageOf(error)}`, 'error'));

function showPeople(people) {
  const chosen = to.value;
  const options = people.map(({ id, name: who }) => new Option(`to ${who} alone`, id));
  to.replaceChildren(new Option('to everybody', ''), ...options);
  to.value = people.some(({ id }) => id === chosen) ? chosen : '';
}

connect.addEventListener('submit', (event) => {
  event.preventDefault();
  client.close();
  client.open();
});
find('[data-test="disconnect"]').addEventListener('click', () => client.close());

say.addEventListener('submit', async (event) => {
  event.preventDefault();
  const words = text.value;
  text.value = '';
  try {
    const sent = to.value === '' ? ['chat', { text: words }] : ['whisper', { to: to.value, text: words }];
    const reply = await client.send(...sent);
    addLine(lines, `taken, for ${reply.to}`, 'status');
  } catch (error) {
    addLine(lines, messageOf(error), 'error');
  }
});
