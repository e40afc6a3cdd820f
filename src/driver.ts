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
export type Told =
  | Exclude<Effect, Requested | { type: 'presume' | 'end' }>
  /** A turn is over, and the session may be in another state. */
  | { readonly type: 'status' };

/** Effects that an adapter carries out. */
type Requested = Extract<Effect, { type: 'open' | 'poll' | 'transmit' }>;

export interface DriverOptions {
  readonly session: Session;
  readonly runtime: Runtime;
  readonly protocol: Protocol;
  readonly adapters: readonly Adapter[];
  /** Where a transport lives; asked for each connection. `fresh`: over none of the connections that other requests use. */
  readonly endpoint: (transport: string, fresh: boolean) => Endpoint;
  /** The application's part of the effects, in order, after all that concerns the network. May throw; nothing else is lost. */
  readonly tell: (told: Told) => void;
}

export interface Driver {
  /** Queues an input. It is taken at the end of the current task, with all others of that task; a send with those of the next tasks, where the runtime knows when they have run. */
  put(input: Input): void;
  /** Adapters may run now that could not before. */
  refresh(): void;
  /** Something that the protocol sends by itself; dropped if the connection is over. */
  send(id: number, outgoing: Outgoing): void;
}

interface Live {
  readonly adapter: Adapter;
  readonly connection: AdapterConnection;
  readonly where: Endpoint;
  /** Characters that it has brought. */
  carried: number;
}

const turnIsOver: Told = { type: 'status' };

/** Host timers take no more; a longer wait is simply looked at again. */
const timerMaxMs = 2_147_483_647;

export function createDriver(options: DriverOptions): Driver {
  const { session, runtime, protocol, adapters, endpoint, tell } = options;
  let queue: Input[] = [];
  const live: Record<number, Live | undefined> = Object.create(null) as Record<number, Live | undefined>;
  let scheduled = false;
  let armedFor: number | undefined;
  let disarm: (() => void) | undefined;

  function put(input: Input): void {
    queue.push(input);
    schedule(input.type === 'send' || input.type === 'volatile');
  }

  /** `isPatient`: what the tasks that follow at once put beside it goes with it. */
  function schedule(isPatient: boolean): void {
    if (scheduled) return;
    if (isPatient && runtime.gather) runtime.gather(drain);
    else runtime.defer(drain);
    // Not before: should that throw, the next input tries again.
    scheduled = true;
  }

  function drain(): void {
    // The state comes first, so that who is called sees it as it is.
    const told: Told[] = [turnIsOver];
    // Effects may bring inputs back at once; each round takes all that waits, so nothing runs inside anything else.
    try {
      do {
        const inputs = queue;
        queue = [];
        const now = runtime.now();
        for (let i = 0; i < inputs.length; i++) step(session, inputs[i] as Input, now);
        advance(session, now);
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
      case 'poll':
      case 'transmit':
        return request(effect);
      case 'presume':
        return notice(effect.id, { type: 'presumed' });
      case 'end':
        return live[effect.id]?.connection.close();
      default:
        told.push(effect);
    }
  }

  /** What an adapter or the protocol throws ends this one connection, and nothing else is lost. */
  function request(effect: Requested): void {
    const { id } = effect;
    try {
      if (effect.type === 'open') open(id, effect.transport, effect.open, effect.fresh);
      else if (effect.type === 'poll') poll(id, effect.open);
      else transmit(id, effect.frames, effect.batch, effect.keepalive);
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
    const where = endpoint(transport, fresh);
    const connection = adapter.open(protocol.open(id, adapter.transport, frame, where), sinkOf(id));
    live[id] = { adapter, connection, where, carried: 0 };
  }

  function poll(id: number, frame: OpenFrame): void {
    const one = live[id];
    one?.connection.poll(protocol.open(id, one.adapter.transport, frame, one.where));
  }

  function transmit(id: number, frames: readonly ClientFrame[], batch: BatchFrame, keepalive: boolean): void {
    const one = live[id];
    if (!one) return;
    const { facts } = one.adapter;
    const outgoing = protocol.transmit(id, facts, frames, batch, one.where, keepalive);
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
