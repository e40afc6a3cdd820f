/**
 * Runs a session: takes inputs one after another, carries out the effects, arms one host timer for the earliest deadline.
 * Owns the queue and the live connections by id. It decides nothing; it tells the application after the work is done.
 */
import type { Adapter, AdapterConnection, AdapterSink, Outgoing } from './adapters/adapter.ts';
import { createError } from './core/errors.ts';
import type { BatchFrame, ClientFrame, OpenFrame } from './core/frames.ts';
import type { Effect, Input, Session } from './core/model.ts';
import { advance, nextDeadline, step, takeEffects } from './core/session.ts';
import type { Endpoint, Notice, Protocol } from './protocols/protocol.ts';
import type { Runtime } from './runtime/runtime.ts';

/** Effects that concern the application and not the network. */
export type Told = Exclude<Effect, { type: 'open' | 'poll' | 'transmit' | 'presume' | 'end' }>;

export interface DriverOptions {
  readonly session: Session;
  readonly runtime: Runtime;
  readonly protocol: Protocol;
  readonly adapters: readonly Adapter[];
  /** Where a transport lives; asked for each request. `fresh`: over none of the connections that other requests use. */
  readonly endpoint: (transport: string, fresh: boolean) => Endpoint;
  /** The application's part of the effects, in order, after all that concerns the network. May throw; nothing else is lost. */
  readonly tell: (told: Told) => void;
}

export interface Driver {
  /** Queues an input. It is taken at the end of the current task, with all others of that task. */
  put(input: Input): void;
  /** Adapters may run now that could not before. */
  refresh(): void;
  /** Something that the protocol sends by itself; dropped if the connection is over. */
  send(id: number, outgoing: Outgoing): void;
}

interface Live {
  readonly adapter: Adapter;
  readonly connection: AdapterConnection;
  readonly fresh: boolean;
  /** Characters that it has brought. */
  carried: number;
}

/** Host timers take no more; a longer wait is simply looked at again. */
const timerMaxMs = 2_147_483_647;

export function createDriver(options: DriverOptions): Driver {
  const { session, runtime, protocol, adapters, endpoint, tell } = options;
  const queue: Input[] = [];
  const live: Record<number, Live | undefined> = Object.create(null) as Record<number, Live | undefined>;
  let scheduled = false;
  let armedFor: number | undefined;
  let disarm: (() => void) | undefined;

  function put(input: Input): void {
    queue.push(input);
    schedule();
  }

  function schedule(): void {
    if (scheduled) return;
    runtime.defer(drain);
    // Not before: should that throw, the next input tries again.
    scheduled = true;
  }

  function drain(): void {
    const told: Told[] = [];
    // Effects may bring inputs back at once; each round takes all that waits, so nothing runs inside anything else.
    try {
      do {
        const inputs = queue.splice(0, queue.length);
        for (let i = 0; i < inputs.length; i++) step(session, inputs[i] as Input, runtime.now());
        advance(session, runtime.now());
        const effects = takeEffects(session);
        for (let i = 0; i < effects.length; i++) carryOut(effects[i] as Effect, told);
      } while (queue.length > 0);
    } catch (error) {
      // A fault of this library: it is told, and the next input finds a session that still runs.
      runtime.report(error);
    }
    scheduled = false;
    try {
      arm();
    } catch (error) {
      // Whatever is counted as delivered is told all the same.
      runtime.report(error);
    }
    for (let i = 0; i < told.length; i++) {
      try {
        tell(told[i] as Told);
      } catch (error) {
        runtime.report(error);
      }
    }
  }

  function arm(): void {
    const at = nextDeadline(session);
    if (at === armedFor && disarm) return;
    disarm?.();
    disarm = undefined;
    armedFor = at;
    if (at === undefined) return;
    const delay = Math.min(timerMaxMs, Math.max(0, Math.ceil(at - runtime.now().mono)));
    disarm = runtime.startTimer(() => {
      disarm = undefined;
      armedFor = undefined;
      put({ type: 'time' });
    }, delay);
  }

  function carryOut(effect: Effect, told: Told[]): void {
    switch (effect.type) {
      case 'open':
        return guarded(effect.id, () => open(effect.id, effect.transport, effect.open, effect.fresh));
      case 'poll':
        return guarded(effect.id, () => poll(effect.id, effect.open));
      case 'transmit':
        return guarded(effect.id, () => transmit(effect.id, effect.frames, effect.batch, effect.keepalive));
      case 'presume':
        return notice(effect.id, { type: 'presumed' });
      case 'end':
        return live[effect.id]?.connection.close();
      case 'status':
        // Told first, so that who is called sees the state as it is.
        if (told[0]?.type !== 'status') told.unshift(effect);
        return;
      default:
        told.push(effect);
    }
  }

  /** What an adapter or the protocol throws ends this one connection, and nothing else is lost. */
  function guarded(id: number, run: () => void): void {
    try {
      run();
    } catch (error) {
      const detail = String((error as { message?: unknown } | null | undefined)?.message ?? error);
      put({ type: 'ended', id, ending: { kind: 'refused', detail } });
      live[id]?.connection.close();
      delete live[id];
    }
  }

  function open(id: number, transport: string, frame: OpenFrame, fresh: boolean): void {
    const adapter = adapters.filter((one) => one.transport === transport)[0];
    if (!adapter) return put({ type: 'ended', id, ending: { kind: 'refused', detail: 'no such adapter' } });
    const request = protocol.open(id, adapter.transport, frame, endpoint(transport, fresh));
    live[id] = { adapter, connection: adapter.open(request, sinkOf(id)), fresh, carried: 0 };
  }

  function poll(id: number, frame: OpenFrame): void {
    const one = live[id];
    if (!one) return;
    const { transport } = one.adapter;
    one.connection.poll(protocol.open(id, transport, frame, endpoint(transport, one.fresh)));
  }

  function transmit(id: number, frames: readonly ClientFrame[], batch: BatchFrame, keepalive: boolean): void {
    const one = live[id];
    if (!one) return;
    const { transport, facts } = one.adapter;
    const where = endpoint(transport, one.fresh);
    const outgoing = protocol.transmit(id, facts, frames, batch, where, keepalive);
    if (outgoing) one.connection.send(outgoing);
    // Nothing had to go: a POST that is not made is a POST that is over.
    else if (!facts.duplex) put({ type: 'posted', id, ok: true, status: undefined });
  }

  /** The protocol hears of it first, so that its own words come before the fact. */
  function notice(id: number, what: Notice): void {
    protocol.noticed?.(id, what);
  }

  /** What a connection has brought may stay in memory for as long as it lives. */
  function weigh(id: number, text = ''): void {
    const one = live[id];
    if (!one) return;
    one.carried += text.length;
    const { carriesMax } = one.adapter.facts;
    if (carriesMax !== undefined && one.carried > carriesMax) put({ type: 'full', id });
  }

  function sinkOf(id: number): AdapterSink {
    return {
      opened() {
        notice(id, { type: 'opened' });
        put({ type: 'opened', id });
      },
      received(unit) {
        const frames = protocol.decode(id, unit);
        put(frames ? { type: 'frames', id, frames } : { type: 'undecodable', id });
        weigh(id, unit.text);
      },
      answered() {
        notice(id, { type: 'answered' });
        put({ type: 'answered', id });
      },
      posted(result) {
        notice(id, { type: 'posted', result });
        put({ type: 'posted', id, ok: result.ok, status: result.status });
      },
      closed(reason) {
        notice(id, { type: 'closed', reason });
        delete live[id];
        put({ type: 'ended', id, ending: reason });
      },
    };
  }

  function refresh(): void {
    const transports: string[] = [];
    for (let i = 0; i < adapters.length; i++) {
      const adapter = adapters[i] as Adapter;
      try {
        if (adapter.available()) transports.push(adapter.transport);
      } catch (cause) {
        const what = `The adapter ${adapter.transport} threw`;
        runtime.report(createError('NO_TRANSPORT', what, { cause }));
      }
    }
    put({ type: 'available', transports });
  }

  return { put, refresh, send: (id, outgoing) => live[id]?.connection.send(outgoing) };
}
