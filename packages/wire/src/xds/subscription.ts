// What we subscribe to and what we hold: which requests to send on a new stream, after a response, and on demand. Pure bookkeeping.
// Driven by client.ts, which owns the stream; converting resources is push.ts, waiting for them demands.ts.
// Everything here outlives a stream: on reconnecting, the server is told what we have, so that it sends only what changed.
import { l7Type } from '@ambient-mesh/model/l7/resource';
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { DeltaDiscoveryRequestSchema } from '../messages/generated/discovery_pb.js';
import type { XdsNode } from './node.ts';

export const addressType = 'type.googleapis.com/istio.workload.Address';
export const authorizationType = 'type.googleapis.com/istio.security.Authorization';
export type ResourceType = typeof addressType | typeof authorizationType | typeof l7Type;

/** What a node tunnel follows, and what a waypoint does. */
export const tunnelTypes = [addressType, authorizationType] as const;
export const waypointTypes = [addressType, l7Type] as const;

export type DeltaRequest = MessageInitShape<typeof DeltaDiscoveryRequestSchema>;

/** A resource that cannot be used, and why. */
export interface Rejection {
  readonly name: string;
  readonly reason: string;
}

/** What became of one response, after it was applied. */
export interface Outcome {
  readonly typeUrl: string;
  readonly nonce: string;
  readonly accepted: readonly { readonly name: string; readonly version: string }[];
  readonly removed: readonly string[];
  readonly rejected: readonly Rejection[];
}

/** A refusal's text goes to the server's log: a push that is wrong altogether must not answer with megabytes. */
const longestRefusal = 8_192;

export class Subscription {
  readonly #node: XdsNode;
  readonly #onDemand: boolean;
  /** Resource name -> version last accepted. */
  readonly #held: ReadonlyMap<string, Map<string, string>>;
  /** Types whose first whole response is still awaited. */
  readonly #awaited: Set<string>;

  /** @param onDemand addresses are sent only for names that are asked for; other types always come whole. */
  constructor(node: XdsNode, onDemand: boolean, types: readonly ResourceType[] = tunnelTypes) {
    this.#node = node;
    this.#onDemand = onDemand;
    this.#held = new Map(types.map((type) => [type, new Map()]));
    this.#awaited = new Set(types.filter((type) => !onDemand || type !== addressType));
  }

  /** Whether we asked for this type. */
  follows(typeUrl: string): typeUrl is ResourceType {
    return this.#held.has(typeUrl);
  }

  /** True once a response of each wildcard type has been accepted whole; stays true. */
  get synced(): boolean {
    return this.#awaited.size === 0;
  }

  holds(name: string): boolean {
    return this.#held.get(addressType)?.has(name) ?? false;
  }

  /**
   * The first requests of a new stream, in order. No names means everything; with on-demand, asking for `*` and giving it back means nothing.
   * `pending` are names asked for and not answered yet.
   */
  opening(pending: Iterable<string>): readonly DeltaRequest[] {
    return [...this.#held].map(([typeUrl, held]) => {
      const versions: Record<string, string> = Object.fromEntries(held);
      const request: DeltaRequest = { node: this.#node, typeUrl, initialResourceVersions: versions };
      if (typeUrl !== addressType || !this.#onDemand) return request;
      for (const name of pending) versions[name] ??= '';
      return { ...request, resourceNamesSubscribe: ['*'], resourceNamesUnsubscribe: ['*'] };
    });
  }

  /** The request for one name on a stream that is open. */
  demand(name: string): DeltaRequest {
    return { typeUrl: addressType, resourceNamesSubscribe: [name] };
  }

  /**
   * Notes what we hold now and returns the acknowledgement, or the refusal of the resources that were rejected.
   * A rejected resource keeps the version of its last good copy, which is what we hold; without one it is not claimed and will be sent again.
   */
  received({ typeUrl, nonce, accepted, removed, rejected }: Outcome): DeltaRequest {
    const held = this.#held.get(typeUrl);
    for (const { name, version } of accepted) held?.set(name, version);
    for (const name of removed) held?.delete(name);
    if (rejected.length > 0) return { typeUrl, responseNonce: nonce, errorDetail: { message: refusal(rejected) } };
    this.#awaited.delete(typeUrl);
    return { typeUrl, responseNonce: nonce };
  }
}

function refusal(rejected: readonly Rejection[]): string {
  let text = '';
  for (const [index, { name, reason }] of rejected.entries()) {
    const item = `${name}: ${reason}`;
    if (text.length + item.length > longestRefusal) {
      const rest = `and ${rejected.length - index} more`;
      return text === '' ? `${item.slice(0, longestRefusal)}; ${rest}` : `${text}; ${rest}`;
    }
    text = text === '' ? item : `${text}; ${item}`;
  }
  return text;
}
