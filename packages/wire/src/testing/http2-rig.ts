// Both ends of HTTP over our HTTP/2, for tests: a receiver that remembers, and servers and clients whose peer speaks frame by frame.
// Used by the HTTP tests of h2/. The clock stands still and nothing leaves the process, except where a test brings its own carrier.
import { type FakeClock, fakeClock } from '@ambient-mesh/runtime/testing';
import { HpackDecoder } from '../h2/hpack-decoder.ts';
import { Http2Client } from '../h2/http2-client.ts';
import { Http2Server } from '../h2/http2-server.ts';
import { type H2Settings, httpClientSettings, httpServerSettings } from '../h2/settings.ts';
import type { ExchangeEnd, ResponseReceiver, ServedRequest } from '../http/exchange.ts';
import type { HeaderList, RequestHead, ResponseHead } from '../http/message.ts';
import type { Slab } from '../read-memory.ts';
import { linked, RawPeer } from './hbone-frames.ts';

/** Remembers what one end of an exchange is told, in order. */
export class Told implements ResponseReceiver {
  readonly #chunks: Buffer[] = [];
  /** Names of the calls; runs of `data` count once. */
  readonly calls: string[] = [];
  readonly interim: (readonly [number, HeaderList])[] = [];
  bytes = 0;
  response: ResponseHead | undefined;
  trailers: HeaderList | undefined;
  over: ExchangeEnd | undefined;
  readonly #waiting = new Set<{ readonly test: () => boolean; readonly done: () => void }>();

  inform(status: number, headers: HeaderList): void {
    this.interim.push([status, headers]);
    this.#call('inform');
  }

  head(head: ResponseHead, last: boolean): void {
    this.response = head;
    this.#call(last ? 'head, last' : 'head');
  }

  data(bytes: Buffer, slab?: Slab): void {
    this.#chunks.push(Buffer.from(bytes));
    this.bytes += bytes.length;
    slab?.release();
    this.#call('data');
  }

  end(trailers: HeaderList | undefined): void {
    this.trailers = trailers;
    this.#call('end');
  }

  drained(): void {
    this.#call('drained');
  }

  closed(how: ExchangeEnd): void {
    this.over = how;
    this.#call('closed');
  }

  get body(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  /** `finished`, or the fault's code; undefined while it goes on. */
  get ending(): string | undefined {
    return typeof this.over === 'object' ? this.over.fault.code : this.over;
  }

  /** Resolves when `test` holds, now or after a later call. */
  until(test: (this: this) => boolean): Promise<void> {
    return new Promise((done) => {
      this.#waiting.add({ test: () => test.call(this), done });
      this.#check();
    });
  }

  #call(name: string): void {
    if (name !== 'data' || this.calls.at(-1) !== 'data') this.calls.push(name);
    this.#check();
  }

  #check(): void {
    for (const waiter of this.#waiting) {
      if (!waiter.test()) continue;
      this.#waiting.delete(waiter);
      waiter.done();
    }
  }
}

export const get: RequestHead = { method: 'GET', scheme: 'http', authority: 'shop.test', path: '/', headers: [] };

/** What a client sends for `get`, with changes: a value instead of the one there, or nothing for undefined; then further entries. */
export function requestLines(changes: Readonly<Record<string, string | undefined>> = {}, ...more: HeaderList): HeaderList {
  const whole = { ':method': 'GET', ':scheme': 'http', ':authority': 'shop.test', ':path': '/', ...changes };
  const list = Object.entries(whole).flatMap(([name, value]): HeaderList => (value === undefined ? [] : [[name, value]]));
  return [...list, ...more];
}

/** Lets everything that is under way within the process arrive. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 8; i++) await new Promise((resolve) => setImmediate(resolve));
}

export interface ServerRig {
  readonly server: Http2Server;
  readonly peer: RawPeer;
  readonly clock: FakeClock;
  readonly requests: ServedRequest[];
  /** Codes of the faults that it closed with; `''` for an orderly end. */
  readonly closed: string[];
}

/** A server whose client speaks frame by frame. */
export function serverRig(onRequest: (request: ServedRequest) => void = () => {}, changes: Partial<H2Settings> = {}): ServerRig {
  const [near, far] = linked();
  const clock = fakeClock();
  const requests: ServedRequest[] = [];
  const closed: string[] = [];
  const server = new Http2Server(near, {
    clock,
    settings: { ...httpServerSettings, ...changes },
    onRequest: (request) => {
      requests.push(request);
      onRequest(request);
    },
    onClosed: (fault) => void closed.push(fault?.fault.code ?? ''),
  });
  return { server, peer: new RawPeer(far, 'client'), clock, requests, closed };
}

export interface ClientRig {
  readonly client: Http2Client;
  readonly peer: RawPeer;
  readonly clock: FakeClock;
  /** `changed` and `unusable`, as they came. */
  readonly events: string[];
}

/** A client whose server speaks frame by frame. */
export function clientRig(greet = true): ClientRig {
  const [near, far] = linked();
  const clock = fakeClock();
  const events: string[] = [];
  const noted = { changed: () => void events.push('changed'), unusable: () => void events.push('unusable') };
  const client = new Http2Client(near, { clock, settings: httpClientSettings }, noted);
  return { client, peer: new RawPeer(far, 'server', greet), clock, events };
}

/** The header blocks that the peer got on a stream; ours need no memory of earlier ones. */
export const blocksOf = (peer: RawPeer, stream: number): HeaderList[] =>
  peer.of(1, stream).map(({ payload }) => {
    const list = new HpackDecoder(2 ** 20).decode(payload);
    return list === 'too large' ? [] : list;
  });

export const statusOf = (peer: RawPeer, stream: number): string | undefined =>
  blocksOf(peer, stream)
    .at(0)
    ?.find(([name]) => name === ':status')?.[1];
