/** A screen that nobody sees, for engines that show nothing without one. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';

export const xvfb = { debian: 'xvfb', binary: '/usr/bin/Xvfb' };

/** Starts a display under a number that is free; `name` is what `DISPLAY` is to be. */
export async function startDisplay() {
  const args = ['-displayfd', '3', '-screen', '0', '1024x768x24', '-nolisten', 'tcp'];
  const child = spawn(xvfb.binary, args, { stdio: ['ignore', 'ignore', 'ignore', 'pipe'] });
  const kill = () => child.kill('SIGTERM');
  process.once('exit', kill);
  const ended = once(child, 'exit');
  const number = await Promise.race([
    once(child.stdio[3], 'data'),
    ended.then(() => Promise.reject(new Error('Xvfb ended before it had a display'))),
  ]);
  return {
    name: `:${String(number).trim()}`,
    async stop() {
      process.off('exit', kill);
      kill();
      await ended;
    },
  };
}
