// A request on its way through the chain: what it is now, what will be done to its answer, what telemetry shall know.
// Made by serve-request.ts; each step of the chain reads and changes it.
import type { Claims } from '@ambient-mesh/model/l7/claims';
import { RequestFacts } from '@ambient-mesh/model/l7/request-facts';
import type { HeaderEdit } from '@ambient-mesh/model/l7/route';
import type { ServedRequest } from '@ambient-mesh/wire/http/exchange';
import type { HeaderList, RequestHead } from '@ambient-mesh/wire/http/message';
import type { ResponseFlag } from '../dispatch/flags.ts';
import type { Session } from '../filters/persistence.ts';
import type { Inlet } from '../inlet.ts';
import { type Answer, isGrpc } from './answer.ts';
import { type Beginning, PeekedRequest } from './peeked.ts';

export class Draft {
  readonly inlet: Inlet;
  /** As it is served from here on. */
  request: ServedRequest;
  readonly grpc: boolean;
  /** Aborts when nobody waits for an answer any more. */
  readonly gone: AbortSignal;
  /** As it goes on. */
  head: RequestHead;
  /** Of the token that was accepted. */
  claims: Claims | undefined;
  /** In order, when the answer has come. */
  readonly responseEdits: HeaderEdit[] = [];
  readonly responseHeaders: (readonly [name: string, value: string])[] = [];
  readonly responseChanges: ((headers: HeaderList) => HeaderList)[] = [];
  readonly flags: ResponseFlag[] = [];
  /** What decided, for the access log. */
  details = '';
  /** A policy of action AUDIT holds. */
  audited = false;
  /** Of the answer, as the client gets them. */
  answerHeaders: HeaderList = [];
  /** The client's session, if its pod is still there. */
  session: Session | undefined;
  /** What somebody answered instead of the service, after the service had answered. */
  instead: Answer | undefined;
  /** What ends with the request. */
  readonly scope = new DisposableStack();
  /** Name of the rule or route that was taken. */
  route = '';
  #facts: RequestFacts | undefined;

  constructor(inlet: Inlet, request: ServedRequest, gone: AbortSignal) {
    this.gone = gone;
    this.inlet = inlet;
    this.request = request;
    this.head = request.head;
    this.grpc = isGrpc(request.head.headers);
  }

  /** What policies see; made anew when the request or its claims have changed. */
  get facts(): RequestFacts {
    const { method, path, authority, headers } = this.head;
    this.#facts ??= new RequestFacts(this.inlet.facts, { host: authority, method, path, headers }, this.claims);
    return this.#facts;
  }

  /** Replaces parts of the head. */
  change(parts: Partial<RequestHead>): void {
    this.head = { ...this.head, ...parts };
    this.#facts = undefined;
  }

  accept(claims: Claims | undefined): void {
    this.claims = claims;
    this.#facts = undefined;
  }

  readonly header = (wanted: string): string | undefined => {
    for (const [name, value] of this.head.headers) if (name === wanted) return value;
    return undefined;
  };

  /** The first octets of the body, read ahead. */
  peek(octets: number): Promise<Beginning> {
    if (this.header('expect')?.toLowerCase() === '100-continue') {
      this.request.inform(100, []);
      this.change({ headers: this.head.headers.filter(([name]) => name !== 'expect') });
    }
    const peeked = new PeekedRequest(this.request, octets);
    this.request = peeked;
    return peeked.beginning();
  }
}
