// Copies of a request for mirror backends: sent along with it, their answers thrown away, never in its way.
// Called by serve-request.ts. A copy that cannot keep up with the client is given up, so that memory stays bounded.
import type { Destination as Target } from '@ambient-mesh/model/l7/route';
import { ms } from '@ambient-mesh/runtime/time';
import type { BodyReceiver, ExchangeEnd, ResponseReceiver, SentRequest, ServedRequest } from '@ambient-mesh/wire/http/exchange';
import type { HeaderList, RequestHead, ResponseHead } from '@ambient-mesh/wire/http/message';
import type { Slab } from '@ambient-mesh/wire/read-memory';
import type { Destination } from '../dispatch/destination.ts';
import type { Link } from '../dispatch/links.ts';
import type { Inlet } from '../inlet.ts';
import type { Shared } from '../shared.ts';
import { isGrpc } from './answer.ts';
import { destinationOf, versionFor } from './backend.ts';

/** Octets that wait for a copy's connection. */
const mostWaiting = 256 * 1024;
/** Nobody waits for a copy's answer; an endpoint that gives none must not hold a connection for ever. */
const longestCopy = ms(60_000);

/** Undefined: nothing is to be copied. Otherwise the request as it is to be sent on, which feeds the copies. */
export function mirrorsOf(
  shared: Shared,
  inlet: Inlet,
  targets: readonly Target[],
  head: RequestHead,
  request: ServedRequest,
): { readonly request: ServedRequest } | undefined {
  const copies = targets.flatMap((target) => ('invalid' in target ? [] : new Copy(shared, inlet, target, shadowed(head), request)));
  return copies.length === 0 ? undefined : { request: new Teed(request, copies) };
}

/** As Envoy marks copies: the host says so. */
function shadowed(head: RequestHead): RequestHead {
  const colon = head.authority.lastIndexOf(':');
  const port = colon > head.authority.lastIndexOf(']') ? colon : head.authority.length;
  return { ...head, authority: `${head.authority.slice(0, port)}-shadow${head.authority.slice(port)}` };
}

class Copy implements ResponseReceiver {
  readonly #bodyless: boolean;
  #sent: SentRequest | undefined;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #ended: { readonly trailers: HeaderList | undefined } | undefined;
  #over = false;
  #timer: Disposable | undefined;

  constructor(
    shared: Shared,
    inlet: Inlet,
    target: Exclude<Target, { readonly invalid: string }>,
    head: RequestHead,
    request: ServedRequest,
  ) {
    this.#bodyless = request.bodyless;
    const destination = destinationOf(shared, inlet, target, request.head.authority);
    if (destination === undefined) {
      this.#over = true;
      return;
    }
    this.#timer = shared.clock.after(longestCopy, () => this.#giveUp());
    const version = versionFor(shared, destination, target, { version: request.version, grpc: isGrpc(head.headers) });
    void this.#begin(destination, version, head, shared.drain.forced);
  }

  write(bytes: Buffer): void {
    if (this.#over) return;
    if (this.#sent !== undefined) {
      if (!this.#sent.write(Buffer.from(bytes))) this.#giveUp();
      return;
    }
    this.#waiting.push(Buffer.from(bytes));
    this.#waitingBytes += bytes.length;
    if (this.#waitingBytes > mostWaiting) this.#giveUp();
  }

  finish(trailers: HeaderList | undefined): void {
    this.#ended = { trailers };
    if (!this.#bodyless) this.#sent?.end(trailers);
  }

  stop(): void {
    this.#giveUp();
  }

  inform(): void {}

  head(_head: ResponseHead): void {}

  data(_bytes: Buffer, slab?: Slab): void {
    slab?.release();
  }

  end(): void {}

  drained(): void {}

  closed(_how: ExchangeEnd): void {
    this.#finish();
  }

  async #begin(destination: Destination, version: 'http1' | 'h2', head: RequestHead, signal: AbortSignal): Promise<void> {
    const endpoint = destination.choose(undefined, []);
    if (endpoint === undefined) return this.#giveUp();
    let link: Link;
    try {
      link = endpoint.links.take(version) ?? (await endpoint.links.open(version, signal));
    } catch {
      return this.#giveUp();
    }
    if (this.#over) return endpoint.links.giveBack(link);
    const sent = link.connection.request(head, this.#bodyless, this);
    this.#sent = sent;
    if (this.#bodyless) return;
    for (const bytes of this.#waiting) sent.write(bytes);
    this.#waiting = [];
    if (this.#ended !== undefined) sent.end(this.#ended.trailers);
  }

  #giveUp(): void {
    if (this.#over) return;
    this.#finish();
    this.#sent?.abort();
  }

  #finish(): void {
    this.#over = true;
    this.#waiting = [];
    this.#timer?.[Symbol.dispose]();
  }
}

/** The request itself; what its client sends goes to the copies, too. */
class Teed implements ServedRequest {
  readonly #request: ServedRequest;
  readonly #copies: readonly Copy[];

  constructor(request: ServedRequest, copies: readonly Copy[]) {
    this.#request = request;
    this.#copies = copies;
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
    const copies = this.#copies;
    this.#request.receive({
      data(bytes, slab) {
        for (const copy of copies) copy.write(bytes);
        receiver.data(bytes, slab);
      },
      end(trailers) {
        for (const copy of copies) copy.finish(trailers);
        receiver.end(trailers);
      },
      drained: () => receiver.drained(),
      closed(how) {
        if (how !== 'finished') for (const copy of copies) copy.stop();
        receiver.closed(how);
      },
    });
  }

  pause(): void {
    this.#request.pause();
  }

  resume(): void {
    this.#request.resume();
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
    for (const copy of this.#copies) copy.stop();
    this.#request.abort();
  }
}
