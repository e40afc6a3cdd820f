/** The big status: state, transport, why that one, and what comes next. */
import { durationOf, labelOf, messageOf, reasonOf, sentenceOf, stateWords } from './words.js';

const countdownMs = 100;
const recentMs = 15_000;

export function createStatusView({ client }) {
  const element = (id) => document.getElementById(id);
  const box = element('status');
  const tryNow = element('try-now');
  const close = element('close');
  /** The last one that failed: often half of the answer to "why this one?". */
  let lastEnd;
  let former = '';

  tryNow.addEventListener('click', () => client.open());
  close.addEventListener('click', () => {
    if (client.status.state === 'closed') client.open();
    else client.close();
  });
  setInterval(showNext, countdownMs);

  function show(status) {
    box.dataset.state = status.state;
    if (status.transport) box.dataset.transport = status.transport;
    else delete box.dataset.transport;
    say('state', stateWords[status.state] ?? status.state);
    say('transport', status.transport ? `over ${labelOf(status.transport)}` : '');
    say('why', why(status));
    say('close', status.state === 'closed' ? 'Open the client' : 'Close the client');
    showNext();
  }

  /** Only what is new, so that a screen reader does not hear the rest again. */
  function say(id, text) {
    if (element(id).textContent !== text) element(id).textContent = text;
  }

  function why(status) {
    if (status.state === 'open') return [sentenceOf(status.why), former].filter(Boolean).join('. ');
    if (status.state === 'closed')
      return 'Closed by you. The subscriptions stay, and resume from where they were.';
    if (status.lastError) return messageOf(status.lastError);
    return status.state === 'idle' ? 'Nothing has been tried yet.' : 'Looking for a way through.';
  }

  function endBefore(event) {
    if (!lastEnd || event.at - lastEnd.at > recentMs) return '';
    return `${labelOf(lastEnd.transport)} ended: ${reasonOf(lastEnd)}`;
  }

  function showNext() {
    const { state, attempt, nextAttemptAt, rttMs } = client.status;
    const isWaiting = nextAttemptAt !== undefined && state !== 'open';
    const parts =
      state === 'open'
        ? [rttMs === undefined ? '' : `Round trip ${durationOf(rttMs)}`]
        : [attempt > 0 ? `Attempt ${attempt}` : '', isWaiting ? waitOf(nextAttemptAt) : ''];
    say('next', parts.filter(Boolean).join(', '));
    tryNow.hidden = !isWaiting;
  }

  return {
    show,
    addTrace(event) {
      if (event.type === 'closed' && event.role !== 'draining') lastEnd = event;
      if (event.type !== 'promoted') return;
      former = endBefore(event);
      lastEnd = undefined;
      show(client.status);
    },
  };
}

function waitOf(at) {
  return `next in ${durationOf(Math.max(0, at - Date.now()))}`;
}
