/** The part of the page that belongs to one client: what is the same for all of them. Knows nothing of servers. */

const labels = {
  websocket: 'WebSocket',
  'http-stream': 'HTTP stream',
  eventsource: 'EventSource',
  iframe: 'iframe stream',
  'long-poll': 'long polling',
  poll: 'short polling',
};

const resumes = {
  full: 'resumes in full',
  'last-event-id': 'resumes from the last id',
  none: 'resumes nothing',
};

/** An error's sentence without the code and the link that follow it. */
export function messageOf({ message }) {
  return message.replace(/ \[[A-Z_]+\] \S+$/, '');
}

/** Shows how the client is, now whenever that changes, and what went wrong last as a hint. Returns what finds an element of the card. */
export function createCard(name, client) {
  const root = document.querySelector(`[data-card="${name}"]`);
  const find = (selector) => root.querySelector(selector);

  function show({ state, transport, resume, lastError }) {
    root.dataset.state = state;
    root.dataset.transport = transport ?? '';
    root.dataset.resume = resume;
    const how = transport ? ` over ${labels[transport]}, ${resumes[resume]}` : '';
    const why = state !== 'open' && lastError ? `: ${messageOf(lastError)}` : '';
    find('[data-line]').textContent = state + how + why;
  }

  client.on('status', show);
  client.on('error', (error) => {
    find('[data-line]').title = messageOf(error);
  });
  show(client.status);
  return find;
}

/** Puts a line at the end of a list that shows the newest. */
export function addLine(list, text, type) {
  const line = document.createElement('li');
  line.textContent = text;
  if (type) line.dataset.type = type;
  list.append(line);
  if (list.children.length > 50) list.firstChild.remove();
  list.scrollTop = list.scrollHeight;
}
