/**
 * "Try every transport": the client's own diagnosis as a table, and as text to take along.
 * Asks nothing by itself; one run at a time.
 */
import { durationOf, labelOf } from './words.js';

const timeoutMs = 5_000;

export function createDiagnosis({ client }) {
  const button = document.getElementById('diagnose');
  const copy = document.getElementById('copy-diagnosis');
  const table = document.getElementById('findings');
  const rows = table.querySelector('tbody');
  let text = '';

  button.addEventListener('click', async () => {
    button.disabled = true;
    button.textContent = 'Trying each in turn';
    const diagnosis = await client.diagnose(timeoutMs);
    text = String(diagnosis);
    rows.replaceChildren(...diagnosis.findings.map(rowOf));
    table.hidden = false;
    copy.hidden = false;
    copy.textContent = 'Copy as text';
    button.disabled = false;
    button.textContent = 'Try every transport';
  });
  copy.addEventListener('click', async () => {
    const isCopied = await navigator.clipboard.writeText(text).then(
      () => true,
      () => false,
    );
    copy.textContent = isCopied ? 'Copied' : 'The browser does not allow it';
  });
}

function rowOf({ transport, works, helloMs, answeredMs, detail }) {
  const row = document.createElement('tr');
  row.dataset.transport = transport;
  row.dataset.works = String(works);
  const times = [helloMs, answeredMs].map((ms) => (ms === undefined ? '–' : durationOf(ms)));
  const cells = [labelOf(transport), works ? 'works' : 'does not', ...times, works ? '' : detail];
  row.append(...cells.map(cellOf));
  return row;
}

function cellOf(text, column) {
  const cell = document.createElement(column === 0 ? 'th' : 'td');
  if (column === 0) cell.scope = 'row';
  cell.textContent = text;
  return cell;
}
