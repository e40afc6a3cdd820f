/**
 * The playground's page: one Holdfast client, and everything on the page fed by it.
 * Uses the public interface only, as an application would.
 */
import { createClient } from 'holdfast';
import { createChat } from './chat.js';
import { createClock } from './clock.js';
import { createControls } from './controls.js';
import { createDiagnosis } from './diagnosis.js';
import { createJournal } from './journal.js';
import { createLedger } from './ledger.js';
import { createPulse } from './pulse.js';
import { createRecord } from './record.js';
import { createStatusView } from './status.js';
import { messageOf } from './words.js';

const client = createClient(document.documentElement.dataset.realtime);

const ledger = createLedger();
const journal = createJournal();
const record = createRecord();
const clock = createClock();
const transport = () => client.status.transport;

client.subscribe('clock', {
  last: 1,
  message(message) {
    ledger.countTick(message);
    clock.show(message.data);
    record.addBead({ at: message.data.time, lateMs: Date.now() - message.data.time, transport: transport() });
  },
  gap: tellGap,
});
client.subscribe('presence', { last: 1, message: ({ data }) => ledger.set('clients', data.clients) });

/** Every send of the page goes through here, so that it is counted and drawn. */
async function send(topic, data) {
  const at = Date.now();
  const began = performance.now();
  ledger.add('sends-pending', 1);
  try {
    const reply = await client.send(topic, data);
    ledger.add('sends-acked', 1);
    record.addBead({ at, lateMs: performance.now() - began, transport: transport(), isSend: true });
    return reply;
  } catch (error) {
    ledger.add('sends-failed', 1);
    journal.add({ at: Date.now(), type: 'error', reason: `a send to "${topic}": ${messageOf(error)}` });
    throw error;
  } finally {
    ledger.add('sends-pending', -1);
  }
}

const chat = createChat({ send });
client.subscribe('chat', { last: 30, message: chat.receive, gap: tellGap });
createPulse({
  send,
  onTwice: () => ledger.add('sends-twice', 1),
  mayBeat: () => client.status.state !== 'closed',
});

createDiagnosis({ client });
const status = createStatusView({ client });
const controls = createControls({
  prefer: (name) => client.prefer(name),
  onAction(action) {
    record.addAction(action);
    journal.addAction(action);
  },
});

client.on('trace', (event) => {
  record.addTrace(event);
  journal.add(event);
  status.addTrace(event);
  if (event.type === 'promoted') ledger.add('changes', 1);
});
client.on('status', (snapshot) => {
  status.show(snapshot);
  controls.showUsed(snapshot.transport);
});
client.on('error', (error) => journal.add({ at: Date.now(), type: 'error', reason: messageOf(error) }));
status.show(client.status);
controls.showUsed(client.status.transport);

function tellGap({ topic, reason }) {
  const event = { at: Date.now(), type: 'gap', reason: `of "${topic}"`, detail: reason };
  ledger.add('gaps', 1);
  record.addTrace(event);
  journal.add(event);
}
