// One client's DNS connection over TCP: queries behind their lengths (RFC 1035 §4.2.2), answered in the order they are ready (RFC 7766 §6.2.1.1).
// Made by serve.ts for each accepted socket; bounded in time, in queries in progress and in unread answers.
import type { Socket } from 'node:net';
import { type Clock, ms } from '@ambient-mesh/runtime/time';
import { framed } from './message.ts';
import { limits, type PendingQueries } from './pending.ts';
import { headerBytes } from './walk.ts';

/** From one query or answer to the next. */
const patience = ms(5_000);
/** Queries of one connection in progress at once. */
const maxPipelined = 32;

/** Serves until the client leaves, breaks the rules or is silent for 5 s. Disposing of the result closes at once. */
export function serveConnection(socket: Socket, pending: PendingQueries, clock: Clock, closed: () => void): Disposable {
  const client = new TcpClient(socket, pending, clock);
  socket.on('error', () => {});
  socket.on('close', () => {
    client[Symbol.dispose]();
    closed();
  });
  return client;
}

class TcpClient implements Disposable {
  readonly #socket: Socket;
  readonly #pending: PendingQueries;
  readonly #clock: Clock;
  #unread: Buffer = Buffer.alloc(0);
  #inProgress = 0;
  #ended = false;
  #timer: Disposable;

  constructor(socket: Socket, pending: PendingQueries, clock: Clock) {
    this.#socket = socket;
    this.#pending = pending;
    this.#clock = clock;
    this.#timer = clock.after(patience, () => this[Symbol.dispose]());
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('drain', () => this.#readOn());
    socket.on('end', () => {
      this.#ended = true;
      this.#readOn();
    });
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]();
    this.#socket.destroy();
  }

  #receive(chunk: Buffer): void {
    this.#unread = this.#unread.length === 0 ? chunk : Buffer.concat([this.#unread, chunk]);
    this.#readOn();
  }

  /** Takes as many whole queries as may be in progress; stops reading while there are too many, or answers wait unread. */
  #readOn(): void {
    while (this.#mayAsk()) {
      const query = this.#nextQuery();
      if (query === undefined) break;
      if (query === 'bad length') this[Symbol.dispose]();
      else this.#ask(query);
    }
    if (this.#ended && this.#inProgress === 0 && this.#mayAsk()) this.#socket.end();
    else if (this.#mayAsk()) this.#socket.resume();
    else this.#socket.pause();
  }

  #mayAsk(): boolean {
    return this.#inProgress < maxPipelined && !this.#socket.writableNeedDrain && !this.#socket.destroyed;
  }

  /** The next message, once all of it is here. */
  #nextQuery(): Buffer | 'bad length' | undefined {
    if (this.#unread.length < 2) return undefined;
    const length = this.#unread.readUInt16BE(0);
    if (length < headerBytes || length > limits.messageBytes) return 'bad length';
    if (this.#unread.length < 2 + length) return undefined;
    const query = this.#unread.subarray(2, 2 + length);
    this.#unread = this.#unread.subarray(2 + length);
    return query;
  }

  #ask(query: Buffer): void {
    this.#rearm();
    this.#inProgress += 1;
    this.#pending.ask(query, 'tcp', (answer, sent) => {
      this.#inProgress -= 1;
      if (answer === undefined || !this.#socket.writable) {
        sent();
        return this[Symbol.dispose]();
      }
      this.#rearm();
      this.#socket.write(framed(answer), sent);
      this.#readOn();
    });
  }

  #rearm(): void {
    this.#timer[Symbol.dispose]();
    if (!this.#socket.destroyed) this.#timer = this.#clock.after(patience, () => this[Symbol.dispose]());
  }
}
