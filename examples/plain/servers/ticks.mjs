/**
 * What the clocks have to tell: a numbered tick a second, and those of the last hour for who was away. It is shared by the
 * servers as a database would be, so that a number means the same tick at each of them.
 */
import { EventEmitter } from 'node:events';

const kept = 3_600;

export class Ticks extends EventEmitter {
  #ticks = [];
  #timer;

  constructor(tickMs = 1_000) {
    super();
    this.setMaxListeners(0);
    this.#tick();
    this.#timer = setInterval(() => this.#tick(), tickMs);
  }

  #tick() {
    const tick = { id: this.newest + 1, time: new Date().toLocaleTimeString('en-GB') };
    this.#ticks.push(tick);
    if (this.#ticks.length > kept) this.#ticks.shift();
    this.emit('tick', tick);
  }

  /** The number of the newest. */
  get newest() {
    return this.#ticks.at(-1)?.id ?? 0;
  }

  /** Those that are kept of all that came after that number, oldest first. */
  after(id) {
    return this.#ticks.filter((tick) => tick.id > id);
  }

  stop() {
    clearInterval(this.#timer);
  }
}
