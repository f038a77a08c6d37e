// The client's end of SPDY for tests: opens streams as kubectl does and collects what comes back.
// Used by the tests of this folder; knows only what they need.
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { dataFrame, type Frame, FrameReader, ping, rstStream, synStream } from './frames.ts';
import { HeaderBlocks } from './header-block.ts';

export interface Seen {
  data: string;
  fin: boolean;
  reset: boolean;
  accepted: boolean;
}

export class SpdyTestClient {
  readonly pings: number[] = [];
  readonly #transport: Duplex;
  readonly #blocks = new HeaderBlocks();
  readonly #seen = new Map<number, Seen>();
  #last = -1;
  #opening: Promise<unknown> = Promise.resolve();

  constructor(transport: Duplex) {
    this.#transport = transport;
    const reader = new FrameReader();
    transport.on('error', () => {});
    transport.on('data', (chunk: Buffer) => {
      for (const frame of reader.read(chunk)) this.#take(frame);
    });
  }

  /** Streams are opened one after the other, whoever asks. */
  open(headers: Readonly<Record<string, string>>): Promise<number> {
    const opened = this.#opening.then(async () => {
      this.#last += 2;
      this.#transport.write(synStream(this.#last, await this.#blocks.write(new Map(Object.entries(headers)))));
      return this.#last;
    });
    this.#opening = opened;
    return opened;
  }

  send(stream: number, data: string | Buffer, fin = false): void {
    this.#transport.write(dataFrame(stream, Buffer.from(data), fin));
  }

  reset(stream: number): void {
    this.#transport.write(rstStream(stream, 5));
  }

  ping(id: number): void {
    this.#transport.write(ping(id));
  }

  seen(stream: number): Seen {
    const found = this.#seen.get(stream) ?? { data: '', fin: false, reset: false, accepted: false };
    this.#seen.set(stream, found);
    return found;
  }

  async closed(): Promise<void> {
    if (!this.#transport.closed) await once(this.#transport, 'close');
  }

  close(): void {
    this.#transport.destroy();
  }

  #take(frame: Frame): void {
    if (frame.type === 'ping') this.pings.push(frame.id);
    if (!('stream' in frame)) return;
    const seen = this.seen(frame.stream);
    if (frame.type === 'syn-reply') seen.accepted = true;
    if (frame.type === 'rst-stream') seen.reset = true;
    if (frame.type !== 'data') return;
    seen.data += frame.data.toString();
    seen.fin ||= frame.fin;
  }
}
