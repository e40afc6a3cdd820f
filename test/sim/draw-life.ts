/** The rarer turns in the life of a page, so that sessions meet every change of state often. */
import type { ClientPlan, Step } from './plan.ts';
import type { Random } from './random.ts';

type Turn = 'offline' | 'said-offline' | 'cut' | 'close' | 'open' | 'glance' | 'suspended' | 'resumed';

/** What happens to pages in quick succession: put away, without a network or said to be, closed, opened. */
const episodes: readonly (readonly Turn[])[] = [
  ['offline', 'close', 'open'],
  ['offline', 'suspended', 'resumed'],
  ['offline', 'suspended', 'close', 'open'],
  ['said-offline', 'cut'],
  ['suspended', 'resumed'],
  ['suspended', 'close', 'open'],
  ['close', 'open'],
  ['cut', 'close', 'open'],
  ['close', 'glance', 'resumed'],
];

function turnOf(turn: Turn, at: number, client: number): Step {
  if (turn === 'offline') return { at, what: turn, client, ms: 1_500 };
  if (turn === 'cut') return { at, what: turn, client, share: 1 };
  if (turn === 'close' || turn === 'open' || turn === 'glance') return { at, what: turn, client };
  return { at, what: 'signal', client, signal: turn === 'said-offline' ? 'offline' : turn };
}

export function drawLife(dice: Random, clients: number, endMs: number): Step[] {
  const client = dice.between(0, clients - 1);
  const steps: Step[] = [];
  let at = Math.round((dice.random() * endMs) / 2);
  for (let left = dice.between(1, 4); left > 0; left--) {
    for (const turn of dice.pick(episodes)) {
      steps.push(turnOf(turn, at, client));
      at += dice.pick([10, 20, 100, 400]);
    }
    at += dice.pick([20, 100, 1_000]);
  }
  return steps;
}

/** Clients that are closed, or put away, before they were open. */
export function drawUnopened(dice: Random, clients: readonly ClientPlan[], endMs: number): Step[] {
  const steps: Step[] = [];
  clients.forEach(({ lazy }, client) => {
    if (!lazy || !dice.chance(0.5)) return;
    const at = Math.round(dice.random() * endMs);
    if (dice.chance(0.5)) steps.push({ at: 0, what: 'close', client }, { at, what: 'open', client });
    else steps.push({ at: 0, what: 'glance', client }, { at, what: 'signal', client, signal: 'resumed' });
  });
  return steps;
}
