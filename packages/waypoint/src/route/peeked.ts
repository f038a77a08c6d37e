// A request of whose body the beginning has been read ahead, so that somebody can be asked about it; goes on as a request like any other.
// Made by draft.ts when a step wants to see the body. Holds no more than it was asked to look at, and one read beyond.
import type { BodyReceiver, ExchangeEnd, ServedRequest } from '@ambient-mesh/wire/http/exchange';
import type { HeaderList, RequestHead, ResponseHead } from '@ambient-mesh/wire/http/message';
import type { Slab } from '@ambient-mesh/wire/read-memory';

export interface Beginning {
  readonly bytes: Buffer;
  /** There is no more. */
  readonly whole: boolean;
}

export class PeekedRequest implements ServedRequest {
  readonly #request: ServedRequest;
  readonly #wanted: number;
  #held: Buffer[] = [];
  #heldBytes = 0;
  #ended: { readonly trailers: HeaderList | undefined } | undefined;
  #over: ExchangeEnd | undefined;
  #receiver: BodyReceiver | undefined;
  #paused = false;
  readonly #enough = Promise.withResolvers<void>();

  constructor(request: ServedRequest, wanted: number) {
    this.#request = request;
    this.#wanted = wanted;
    request.receive({
      data: (bytes, slab) => this.#data(bytes, slab),
      end: (trailers) => {
        this.#ended = { trailers };
        this.#enough.resolve();
        this.#deliver();
      },
      drained: () => this.#receiver?.drained(),
      closed: (how) => {
        this.#over = how;
        this.#enough.resolve();
        this.#deliver();
      },
    });
  }

  /** The first octets, as many as were wanted; fewer when the body is shorter or its client has gone. */
  async beginning(): Promise<Beginning> {
    await this.#enough.promise;
    const bytes = Buffer.concat(this.#held).subarray(0, this.#wanted);
    return { bytes, whole: this.#ended !== undefined && this.#heldBytes <= this.#wanted };
  }

  get head(): RequestHead {
    return this.#request.head;
  }

  get version(): ServedRequest['version'] {
    return this.#request.version;
  }

  get bodyless(): boolean {
    return this.#request.bodyless;
  }

  receive(receiver: BodyReceiver): void {
    this.#receiver = receiver;
    this.#request.resume();
    queueMicrotask(() => this.#deliver());
  }

  pause(): void {
    this.#paused = true;
    this.#request.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#deliver();
    if (!this.#paused) this.#request.resume();
  }

  inform(status: number, headers: HeaderList): void {
    this.#request.inform(status, headers);
  }

  respond(head: ResponseHead, last: boolean): void {
    this.#request.respond(head, last);
  }

  write(bytes: Buffer, slab?: Slab): boolean {
    return this.#request.write(bytes, slab);
  }

  end(trailers?: HeaderList): void {
    this.#request.end(trailers);
  }

  abort(): void {
    this.#receiver = undefined;
    this.#request.abort();
  }

  #data(bytes: Buffer, slab?: Slab): void {
    if (this.#receiver !== undefined && !this.#paused && this.#held.length === 0) {
      this.#receiver.data(bytes, slab);
      return;
    }
    this.#held.push(Buffer.from(bytes));
    this.#heldBytes += bytes.length;
    slab?.release();
    if (this.#heldBytes <= this.#wanted) return;
    this.#request.pause();
    this.#enough.resolve();
  }

  #deliver(): void {
    const receiver = this.#receiver;
    if (receiver === undefined) return;
    while (!this.#paused) {
      const bytes = this.#held.shift();
      if (bytes === undefined) break;
      receiver.data(bytes);
    }
    if (this.#held.length > 0) return;
    const ended = this.#ended;
    this.#ended = undefined;
    if (ended !== undefined) receiver.end(ended.trailers);
    if (this.#over === undefined) return;
    this.#receiver = undefined;
    receiver.closed(this.#over);
  }
}
