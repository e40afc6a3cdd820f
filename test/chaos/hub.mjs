/**
 * The hub as the run sees it: one port, and behind it one process after the other, killed or drained on the way, and now and
 * then another hub in the same process, with the log of the former.
 * Knows nothing of clients and faults.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const processPath = fileURLToPath(new URL('./hub-process.mjs', import.meta.url));
const answerMs = 10_000;
const drainMs = 1_500;

/** Messages a second of each topic. */
const rates = { hot: 60, warm: 20, cold: 1, wander: 20 };
/** So few that a silence of some seconds costs messages of the hot topic, and of no other. */
export const historyMessages = 120;

/** Resolves with the child's next message of a type; rejects if it ends first, or takes too long. */
function answer(child, type) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => settle(reject, new Error(`the hub's process did not say "${type}"`)),
      answerMs,
    );
    const onMessage = (message) => {
      if (message.type === type) settle(resolve, message);
    };
    const onExit = (code, signal) =>
      settle(reject, new Error(`the hub's process ended with ${code ?? signal}`));
    function settle(how, value) {
      clearTimeout(timer);
      child.off('message', onMessage).off('exit', onExit);
      how(value);
    }
    child.on('message', onMessage).on('exit', onExit);
  });
}

/**
 * @param {{ origins: string[], appliedPath: string, random: ReturnType<import('./random.js').createRandom>,
 *   onDeath: (what: string) => void }} given
 */
export async function startHub({ origins, appliedPath, random, onDeath }) {
  let instance = 0;
  let port = 0;
  /** The one that serves; none while another takes its place. */
  let child;

  /** A process that has loaded all that it needs. */
  async function prepare() {
    // Now and then as in production, where a silence is noticed late.
    const heartbeat = random.isOneIn(5) ? {} : { heartbeatMs: random.pick([500, 1_000, 2_000]) };
    const options = { origins, ...heartbeat, history: { messages: historyMessages } };
    const given = {
      instance: ++instance,
      appliedPath,
      seed: random.whole(0, 2 ** 32 - 1),
      rates,
      options,
    };
    const made = fork(processPath, [JSON.stringify(given)]);
    await answer(made, 'loaded');
    return made;
  }

  async function serve(made) {
    made.send({ type: 'listen', port });
    ({ port } = await answer(made, 'listening'));
    made.once('exit', (code, signal) => {
      if (made === child) onDeath(`the hub's process ended by itself with ${code ?? signal}`);
    });
    return made;
  }

  child = await serve(await prepare());
  return {
    get port() {
      return port;
    },
    /** Ends it without a word, and starts another after a while. */
    async kill(downMs) {
      const former = child;
      child = undefined;
      former.kill('SIGKILL');
      // Had it ended by itself, no more would be told.
      if (former.exitCode === null && former.signalCode === null) await once(former, 'exit');
      await new Promise((resolve) => setTimeout(resolve, downMs));
      child = await serve(await prepare());
    },
    /** Another, which is ready by then, takes the port, and clients have some time to move there. */
    async drain() {
      const made = await prepare();
      const former = child;
      child = undefined;
      former.send({ type: 'drain', drainMs });
      await answer(former, 'draining');
      child = await serve(made);
    },
    /** Another takes its place in the same process and has its log: nobody may miss anything. */
    async replace() {
      child.send({ type: 'replace', drainMs: random.pick([0, 500]) });
      await answer(child, 'replaced');
    },
    /** No message comes any more. How many there were in this instance, and where the last of each topic is. */
    async stop() {
      child.send({ type: 'stop' });
      return { instance, topics: (await answer(child, 'stopped')).topics };
    },
    close() {
      const last = child;
      child = undefined;
      last?.kill('SIGKILL');
    },
  };
}
