// A served request whose answer is shown to somebody before it goes out: the head waits for a verdict, what follows it waits too, and the sender
// is slowed down meanwhile. Made by plugins.ts when a plugin has seen the request; whoever answers notices nothing.
import type { BodyReceiver, ServedRequest } from '@ambient-mesh/wire/http/exchange';
import type { HeaderList, RequestHead, ResponseHead } from '@ambient-mesh/wire/http/message';
import type { Slab } from '@ambient-mesh/wire/read-memory';
import { type Answer, answer } from '../../route/answer.ts';

export type Shown = ResponseHead | { readonly instead: Answer };

/** Undefined: nobody wants to see it. Never rejects. */
export type Show = (head: ResponseHead, last: boolean) => Promise<Shown> | undefined;

export class FilteredResponse implements ServedRequest {
  readonly #request: ServedRequest;
  readonly #show: Show;
  #state: 'plain' | 'holding' | 'replaced' | 'over' = 'plain';
  #held: { readonly bytes: Buffer; readonly slab: Slab | undefined }[] = [];
  #ended: { readonly trailers: HeaderList | undefined } | undefined;
  #receiver: BodyReceiver | undefined;

  constructor(request: ServedRequest, show: Show) {
    this.#request = request;
    this.#show = show;
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
    this.#request.receive({
      data: (bytes, slab) => receiver.data(bytes, slab),
      end: (trailers) => receiver.end(trailers),
      drained: () => receiver.drained(),
      closed: (how) => {
        this.#drop();
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
    const shown = this.#state === 'over' ? undefined : this.#show(head, last);
    if (shown === undefined) {
      this.#request.respond(head, last);
      return;
    }
    this.#state = 'holding';
    void shown.then((verdict) => this.#goOn(verdict, last));
  }

  write(bytes: Buffer, slab?: Slab): boolean {
    if (this.#state === 'plain') return this.#request.write(bytes, slab);
    if (this.#state === 'holding') {
      this.#held.push({ bytes, slab });
      return false;
    }
    slab?.release();
    return true;
  }

  end(trailers?: HeaderList): void {
    if (this.#state === 'plain') this.#request.end(trailers);
    else if (this.#state === 'holding') this.#ended = { trailers };
  }

  abort(): void {
    this.#drop();
    this.#request.abort();
  }

  #goOn(verdict: Shown, last: boolean): void {
    if (this.#state !== 'holding') return;
    if ('instead' in verdict) {
      this.#drop();
      this.#state = 'replaced';
      answer(this.#request, verdict.instead);
      return;
    }
    this.#state = 'plain';
    this.#request.respond(verdict, last);
    let room = true;
    for (const { bytes, slab } of this.#held.splice(0)) room = this.#request.write(bytes, slab) && room;
    if (this.#ended !== undefined) this.#request.end(this.#ended.trailers);
    else if (room && !last) this.#receiver?.drained();
  }

  #drop(): void {
    this.#state = 'over';
    for (const { slab } of this.#held.splice(0)) slab?.release();
  }
}
