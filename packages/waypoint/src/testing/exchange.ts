// Both ends of an HTTP exchange as tests play them: the client that a waypoint serves, and servers that it sends to. In memory; what happened is
// written down in the order in which it happened. The contract is wire/http/exchange.ts.
import { MeshError } from '@ambient-mesh/runtime/errors';
import type {
  BodyReceiver,
  ClientConnection,
  ClientConnectionEvents,
  HttpFault,
  ResponseReceiver,
  SentRequest,
  ServedRequest,
} from '@ambient-mesh/wire/http/exchange';
import type { HeaderList, RequestHead, ResponseHead } from '@ambient-mesh/wire/http/message';

export const lost = (): MeshError<HttpFault> => new MeshError({ code: 'http.lost' }, 'the connection was lost');
export const refused = (): MeshError<HttpFault> => new MeshError({ code: 'http.refused' }, 'the server refused the stream');

/** A request, and the client who waits for its answer. */
export class TestClient implements ServedRequest {
  readonly head: RequestHead;
  readonly version = 'HTTP/1.1' as const;
  readonly bodyless: boolean;
  /** What the client got: `200`, `body:abc`, `end`, `cut`. */
  readonly got: string[] = [];
  paused = false;
  answer: ResponseHead | undefined;
  /** What `write` says. */
  room = true;
  receiver: BodyReceiver | undefined;

  constructor({ bodyless = true, ...head }: Partial<RequestHead> & { readonly bodyless?: boolean } = {}) {
    this.head = { method: 'GET', scheme: 'http', authority: 'host', path: '/', headers: [], ...head };
    this.bodyless = bodyless;
  }

  receive(receiver: BodyReceiver): void {
    this.receiver = receiver;
    if (this.bodyless) queueMicrotask(() => receiver.end(undefined));
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  inform(status: number): void {
    this.got.push(`${status}`);
  }

  respond(head: ResponseHead, last: boolean): void {
    this.answer = head;
    this.got.push(`${head.status}`);
    if (last) this.#finished();
  }

  write(bytes: Buffer): boolean {
    this.got.push(`body:${bytes.toString()}`);
    return this.room;
  }

  end(trailers?: HeaderList): void {
    if (trailers !== undefined) this.got.push(`trailers:${trailers.map(([name, value]) => `${name}=${value}`).join()}`);
    this.#finished();
  }

  abort(): void {
    this.got.push('cut');
    this.receiver = undefined;
  }

  // What the client does.

  send(text: string): void {
    this.receiver?.data(Buffer.from(text));
  }

  sendEnd(): void {
    this.receiver?.end(undefined);
  }

  leave(): void {
    this.receiver?.closed(lost());
    this.receiver = undefined;
  }

  #finished(): void {
    this.got.push('end');
    const { receiver } = this;
    this.receiver = undefined;
    queueMicrotask(() => receiver?.closed('finished'));
  }
}

/** One request as a server sees it, and what it does about it. */
class TestServed implements SentRequest {
  readonly head: RequestHead;
  readonly receiver: ResponseReceiver;
  /** What arrived: `body:abc`, `end`, `aborted`. */
  readonly got: string[];
  room = true;
  paused = false;
  readonly #over: () => void;

  constructor(head: RequestHead, last: boolean, receiver: ResponseReceiver, over: () => void) {
    this.head = head;
    this.receiver = receiver;
    this.got = last ? ['end'] : [];
    this.#over = over;
  }

  write(bytes: Buffer): boolean {
    this.got.push(`body:${bytes.toString()}`);
    return this.room;
  }

  end(): void {
    this.got.push('end');
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  abort(): void {
    this.got.push('aborted');
    this.#over();
  }

  /** A whole answer. */
  answer(
    status: number,
    body = '',
    { headers = [], trailers }: { readonly headers?: HeaderList; readonly trailers?: HeaderList } = {},
  ): void {
    this.begin(status, body === '' && trailers === undefined, headers);
    if (body !== '') this.receiver.data(Buffer.from(body));
    this.receiver.end(trailers);
    this.#over();
    this.receiver.closed('finished');
  }

  begin(status: number, last = false, headers: HeaderList = []): void {
    this.receiver.head({ status, headers }, last);
  }

  fail(fault: MeshError<HttpFault> = lost()): void {
    this.#over();
    this.receiver.closed(fault);
  }
}

/** A server: connections are made to it as long as `accepts`. */
export class TestServer {
  accepts = true;
  readonly requests: TestServed[] = [];
  connections = 0;

  /** The port that Links open connections by. */
  readonly open = async (_version: string, events: ClientConnectionEvents): Promise<ClientConnection> => {
    if (!this.accepts) throw new Error('connection refused');
    this.connections += 1;
    const { requests } = this;
    let active = 0;
    let usable = true;
    return {
      get free() {
        return usable && active === 0;
      },
      get active() {
        return active;
      },
      request(head, last, receiver) {
        active = 1;
        const served = new TestServed(head, last, receiver, () => {
          active = 0;
          events.changed();
        });
        requests.push(served);
        return served;
      },
      shutdown: () => {
        usable = false;
        events.unusable();
      },
      destroy: () => {
        usable = false;
      },
    };
  };

  get last(): TestServed {
    const request = this.requests.at(-1);
    if (request === undefined) throw new Error('no request has come');
    return request;
  }
}
