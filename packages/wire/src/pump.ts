// Moves bytes both ways between two conduits until both are over, half-closes carried (facts: ztunnel §2.11).
// The last step of every proxied connection: ztunnel's outbound and inbound forwarders call it.
// Opens nothing and logs nothing; the counters are updated in place, so that others may read them while it runs.
import type { MeshError } from '@ambient-mesh/runtime/errors';
import type { Closed, Conduit, ConduitFault, Receiver } from './conduit.ts';
import type { Slab } from './read-memory.ts';

/** Bytes moved so far. `sent`: from the first conduit to the second; `received`: the other way. */
export interface ByteCounters {
  sent: number;
  received: number;
}

/** How one direction ended: the source half-closed, one of the peers went away normally, a failure, or `abort` with its reason. */
export type Ending =
  | { readonly how: 'eof' | 'gone' }
  | { readonly how: 'failed'; readonly fault: MeshError<ConduitFault> }
  | { readonly how: 'aborted'; readonly reason: unknown };

export interface PumpResult {
  readonly sent: Ending;
  readonly received: Ending;
}

/** Each chunk is counted when it has been read from one side and given to the other. */
export class Pump {
  /** Settles, never rejects, when both conduits are over and what they were given has gone out. */
  readonly result: Promise<PumpResult>;
  readonly #legs: readonly [Leg, Leg];
  #settle: (result: PumpResult) => void = () => {};
  #open = 2;

  constructor(first: Conduit, second: Conduit, counters: ByteCounters) {
    this.result = new Promise((resolve) => {
      this.#settle = resolve;
    });
    const over = () => this.#over();
    const there = new Leg(first, second, { counters, direction: 'sent', over });
    const back = new Leg(second, first, { counters, direction: 'received', over });
    there.back = back;
    back.back = there;
    this.#legs = [there, back];
    first.receive(there);
    second.receive(back);
  }

  /** Drops both sides at once (policy change, drain deadline, revocation). Nothing happens when it is over already. */
  abort(reason: unknown): void {
    if (this.#open === 0) return;
    this.#open = 0;
    for (const leg of this.#legs) leg.abort({ how: 'aborted', reason });
    this.#finish();
  }

  #over(): void {
    if (this.#open > 0 && --this.#open === 0) this.#finish();
  }

  #finish(): void {
    const [there, back] = this.#legs;
    const otherwise: Ending = { how: 'gone' };
    this.#settle({ sent: there.ending ?? otherwise, received: back.ending ?? otherwise });
  }
}

interface LegOptions {
  readonly counters: ByteCounters;
  readonly direction: keyof ByteCounters;
  /** Called once, when the source conduit is over. */
  readonly over: () => void;
}

/** One direction: what `source` delivers goes to `sink`. */
class Leg implements Receiver {
  ending: Ending | undefined;
  back: Leg | undefined;
  readonly #source: Conduit;
  readonly #sink: Conduit;
  readonly #counters: ByteCounters;
  readonly #direction: keyof ByteCounters;
  readonly #over: () => void;
  #sourceOver = false;

  constructor(source: Conduit, sink: Conduit, options: LegOptions) {
    this.#source = source;
    this.#sink = sink;
    this.#counters = options.counters;
    this.#direction = options.direction;
    this.#over = options.over;
  }

  data(bytes: Buffer, slab?: Slab): void {
    this.#counters[this.#direction] += bytes.length;
    if (!this.#sink.write(bytes, slab)) this.#source.pause();
  }

  end(): void {
    this.ending ??= { how: 'eof' };
    this.#sink.end();
  }

  drained(): void {
    // The source's writer has room again: what feeds it may go on.
    this.back?.resumeSource();
  }

  resumeSource(): void {
    if (!this.#sourceOver) this.#source.resume();
  }

  closed(how: Closed): void {
    this.#sourceOver = true;
    const ending: Ending = typeof how === 'string' ? { how: how === 'finished' ? 'eof' : 'gone' } : { how: 'failed', fault: how };
    this.ending ??= ending;
    if (this.back !== undefined) {
      this.back.ending ??= ending;
      if (!this.back.#sourceOver) this.#letGoOfSink(how);
    }
    this.#over();
  }

  /** Both directions are over on this side. A failure must not look like an orderly end to the application on the other. */
  #letGoOfSink(how: Closed): void {
    if (typeof how === 'string') this.#sink.close();
    else {
      this.#sink.abort('broken');
      this.back?.sinkAborted();
    }
  }

  /** `abort` is never followed by `closed`, so the leg reports for itself. */
  sinkAborted(): void {
    if (this.#sourceOver) return;
    this.#sourceOver = true;
    this.#over();
  }

  abort(ending: Ending): void {
    this.ending ??= ending;
    if (!this.#sourceOver) this.#source.abort('cancel');
    this.#sourceOver = true;
  }
}
