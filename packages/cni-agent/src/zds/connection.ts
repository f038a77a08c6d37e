// One connected ztunnel: requests in order, one answer each (facts: control-plane §2.12). Made by server.ts, which decides who is told what.
// Answers are matched by their order alone, so an answer that came too late is still waited for: it must not count for the request after it.
import { closeSync } from 'node:fs';
import type { Packet, SeqPacket } from '@ambient-mesh/host/seqpacket';
import { describeError, MeshError } from '@ambient-mesh/runtime/errors';
import { type Clock, ms } from '@ambient-mesh/runtime/time';
import { readAck, readHello, writeRequest, type ZdsRequest } from '@ambient-mesh/wire/zds/codec';

export type ConnectionFault =
  /** The ztunnel is gone; `why` says how we know. */
  | { readonly code: 'zds.broken'; readonly why: string }
  | { readonly code: 'zds.timeout' }
  | { readonly code: 'zds.refused'; readonly said: string };

/** What is sent, decided at the moment of sending; the descriptor is closed afterwards. Undefined: nothing after all. */
export type Order = () => { readonly request: ZdsRequest; readonly fd?: Disposable & { readonly fd: number } } | undefined;

const answersWithin = ms(5_000);
/** So many answers may be late before the ztunnel counts as stuck. */
const mostLate = 3;

export class ZtunnelConnection implements Disposable {
  readonly #socket: SeqPacket;
  readonly #clock: Clock;
  readonly #over = new AbortController();
  /** Those whose answers are still to come, in order; given up ones do nothing with theirs. */
  readonly #waiting: ((ack: Uint8Array) => void)[] = [];
  #turn: Promise<unknown> = Promise.resolve();

  constructor(socket: SeqPacket, clock: Clock) {
    this.#socket = socket;
    this.#clock = clock;
  }

  /** Aborts when the ztunnel is gone; its reason says why. */
  get signal(): AbortSignal {
    return this.#over.signal;
  }

  /** The first thing that a ztunnel says. @throws zds.broken */
  async hello(): Promise<void> {
    const packet = await this.#firstPacket();
    if (packet === undefined) throw broken('it closed the connection');
    if (packet.fd !== undefined) closeSync(packet.fd);
    const hello = readHello(packet.bytes);
    if ('unreadable' in hello) throw broken(`its hello is unreadable: ${hello.unreadable}`);
    if (hello.version !== 1) throw broken(`it speaks version ${hello.version} of the protocol, and we version 1`);
  }

  async #firstPacket(): Promise<Packet | undefined> {
    using limit = this.#limit(answersWithin);
    try {
      return await this.#socket.receive(AbortSignal.any([this.signal, limit.signal]));
    } catch (e) {
      if (this.signal.aborted) throw this.signal.reason;
      throw broken(limit.signal.aborted ? `no hello within ${answersWithin / 1_000} s` : describeError(e));
    }
  }

  /** Reads answers until the ztunnel is gone. Never rejects. */
  async read(): Promise<void> {
    try {
      for (;;) {
        const packet = await this.#socket.receive(this.signal);
        if (packet === undefined) return this.drop('it closed the connection');
        if (packet.fd !== undefined) closeSync(packet.fd);
        const next = this.#waiting.shift();
        if (next === undefined) return this.drop('it spoke out of turn');
        next(packet.bytes);
      }
    } catch (e) {
      this.drop(describeError(e));
    }
  }

  /** Resolves when the ztunnel has done it, or when there was nothing to ask. Requests wait for one another. @throws MeshError<ConnectionFault> */
  ask(order: Order): Promise<void> {
    const asked = this.#turn.then(() => this.#exchange(order));
    this.#turn = asked.catch(() => {});
    return asked;
  }

  async #exchange(order: Order): Promise<void> {
    if (this.signal.aborted) throw this.signal.reason;
    const given = order();
    if (given === undefined) return;
    using fd = given.fd;
    using limit = this.#limit(answersWithin);
    const answered = Promise.withResolvers<Uint8Array>();
    answered.promise.catch(() => {});
    const stop = (): void => answered.reject(this.signal.reason);
    this.signal.addEventListener('abort', stop, { once: true });
    limit.signal.addEventListener('abort', () =>
      answered.reject(new MeshError<ConnectionFault>({ code: 'zds.timeout' }, `no answer within ${answersWithin / 1_000} s`)),
    );
    try {
      this.#waiting.push(answered.resolve);
      await this.#send(writeRequest(given.request), fd === undefined ? [] : [fd.fd], limit.signal);
      const ack = readAck(await answered.promise);
      if ('unreadable' in ack) return this.#refuse(`its answer is unreadable: ${ack.unreadable}`);
      if (ack.error !== '')
        throw new MeshError<ConnectionFault>({ code: 'zds.refused', said: ack.error }, `the ztunnel says: ${ack.error}`);
    } finally {
      this.signal.removeEventListener('abort', stop);
      if (this.#waiting.length >= mostLate) this.drop(`it owes ${this.#waiting.length} answers`);
    }
  }

  async #send(bytes: Uint8Array, fds: readonly number[], limit: AbortSignal): Promise<void> {
    try {
      await this.#socket.send(bytes, AbortSignal.any([this.signal, limit]), fds);
    } catch (e) {
      // Whether it has the packet is not known any more, and so neither what its next answer means.
      this.#refuse(`nothing can be sent to it: ${describeError(e)}`);
    }
  }

  #refuse(why: string): never {
    this.drop(why);
    throw broken(why);
  }

  /** Only the first reason counts. */
  drop(why: string): void {
    if (this.signal.aborted) return;
    this.#over.abort(broken(why));
    this.#socket[Symbol.dispose]();
  }

  #limit(after: typeof answersWithin): Disposable & { readonly signal: AbortSignal } {
    const over = new AbortController();
    const timer = this.#clock.after(after, () => over.abort(new Error('too late')));
    return { signal: over.signal, [Symbol.dispose]: () => timer[Symbol.dispose]() };
  }

  [Symbol.dispose](): void {
    this.drop('we are stopping');
  }
}

const broken = (why: string): MeshError<ConnectionFault> =>
  new MeshError<ConnectionFault>({ code: 'zds.broken', why }, `the connection to the ztunnel is over: ${why}`);
