// A conduit as a Node stream: for TLS inside a tunnel stream (double.ts), and for HTTP parsers on tunnel streams.
// Slower than the pump, which needs no stream; use it only where a library demands one.
import { Duplex } from 'node:stream';
import { MeshError } from '@ambient-mesh/runtime/errors';
import type { Closed, Conduit, Receiver } from '../conduit.ts';
import type { Slab } from '../read-memory.ts';

/** Receives from the conduit from now on. Destroying the stream aborts the conduit. */
export function duplexOf(conduit: Conduit): Duplex {
  const waiting: (() => void)[] = [];
  const goOn = () => {
    for (const done of waiting.splice(0)) done();
  };
  let over: Closed | undefined;
  let ended = false;
  const stream = new Duplex({
    read: () => conduit.resume(),
    write(bytes: Buffer, _encoding, done) {
      if (over !== undefined) done(brokenPipe());
      else if (conduit.write(bytes)) done();
      else waiting.push(done);
    },
    final(done) {
      conduit.end();
      done();
    },
    destroy(e, done) {
      if (over === undefined) conduit.abort(e === null ? 'cancel' : 'broken');
      goOn();
      done(e);
    },
  });
  const end = () => {
    if (!ended) stream.push(null);
    ended = true;
  };
  conduit.receive({
    data(bytes, slab) {
      const own = slab === undefined ? bytes : Buffer.from(bytes);
      slab?.release();
      if (!stream.push(own)) conduit.pause();
    },
    end,
    drained: goOn,
    closed(how) {
      over = how;
      goOn();
      if (typeof how !== 'string') stream.destroy(how);
      else end();
    },
  });
  return stream;
}

/** The other way round: a Node stream as a conduit, for what comes out of TLS inside a tunnel stream. */
export function conduitOf(stream: Duplex): Conduit {
  return new StreamConduit(stream);
}

class StreamConduit implements Conduit {
  readonly #stream: Duplex;
  #receiver: Receiver | undefined;
  #over: Closed | undefined;

  constructor(stream: Duplex) {
    this.#stream = stream;
    stream.pause();
    stream.on('data', (bytes: Buffer) => this.#receiver?.data(bytes));
    stream.pause();
    stream.on('end', () => this.#receiver?.end());
    stream.on('drain', () => this.#receiver?.drained());
    let failure: unknown;
    stream.on('error', (e) => {
      failure = e;
    });
    stream.on('close', () => {
      this.#over = failure === undefined ? 'finished' : new MeshError({ code: 'tunnel.lost' }, 'the connection was lost', failure);
      this.#tellClosed();
    });
  }

  receive(receiver: Receiver): void {
    this.#receiver = receiver;
    if (this.#over === undefined) this.#stream.resume();
    else queueMicrotask(() => this.#tellClosed());
  }

  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  write(bytes: Buffer, slab?: Slab): boolean {
    if (slab === undefined) return this.#stream.write(bytes);
    return this.#stream.write(bytes, () => slab.release());
  }

  end(): void {
    this.#stream.end();
  }

  close(): void {
    this.#stream.end();
    this.#stream.resume();
  }

  abort(): void {
    this.#receiver = undefined;
    this.#stream.destroy();
  }

  #tellClosed(): void {
    const receiver = this.#receiver;
    this.#receiver = undefined;
    if (this.#over !== undefined) receiver?.closed(this.#over);
  }
}

function brokenPipe(): NodeJS.ErrnoException {
  return Object.assign(new Error('the tunnel stream has ended'), { code: 'EPIPE' });
}
