/** Two echoes over WebSocket: one takes text as it is, the other JSON with a field that names the topic. */
import { createClient } from 'holdfast';
import { plain } from 'holdfast/protocols/plain';
import { addLine, createCard, messageOf } from './card.js';
import { servers } from './servers.js';

function showEcho({ name, topic, options, textOf }) {
  const { url } = servers[name];
  const client = createClient(url, {
    endpoints: { websocket: url },
    memory: false,
    protocol: plain(options),
  });
  const find = createCard(name, client);
  const lines = find('[data-value]');

  client.subscribe(topic, ({ data }) => addLine(lines, textOf(data)));
  find('form').addEventListener('submit', (event) => {
    event.preventDefault();
    const { text } = event.currentTarget.elements;
    client.send(topic, text.value).catch((error) => addLine(lines, messageOf(error), 'error'));
  });
}

showEcho({ name: 'echo', topic: 'message', options: { parse: 'text' }, textOf: (text) => text });

const asJson = ({ topic, data }) => JSON.stringify({ kind: topic, text: data });

showEcho({
  name: 'echo-with-express',
  topic: 'greeting',
  options: { topic: 'kind', send: asJson },
  textOf: ({ text, heard }) => `${text} (heard at ${heard})`,
});
