// The stand-in's half of delta xDS: what the mesh is, which client has acknowledged what, and pushes that wait for their acknowledgements.
// Speaks through the `Call` of grpc-server.ts; control-plane.ts owns it.

import {
  type DeltaDiscoveryRequest,
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
} from '@ambient-mesh/wire/messages/discovery_pb';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { eventually } from './eventually.ts';
import type { Call } from './grpc-server.ts';

export const addressType = 'type.googleapis.com/istio.workload.Address';
export const policyType = 'type.googleapis.com/istio.security.Authorization';

interface Resource {
  readonly version: string;
  readonly aliases: readonly string[];
  /** Of a workload; clients on demand get those of their own node unasked. */
  readonly node: string;
  readonly body: Uint8Array;
}

/** `body` undefined means removed. */
export interface Change {
  readonly type: string;
  readonly name: string;
  /** `network/ip` of each address: other names under which a client may ask for it. */
  readonly aliases: readonly string[];
  /** Of a workload; else empty. */
  readonly node: string;
  readonly body: Uint8Array | undefined;
}

interface Stream {
  readonly call: Call;
  readonly wildcard: Set<string>;
  /** Names asked for one by one, by type. */
  readonly asked: Set<string>;
  /** NODE_NAME of the client. */
  node: string;
  readonly unanswered: Set<string>;
}

const ackMs = 10_000;

export class XdsPush {
  readonly #resources: Map<string, Map<string, Resource>> = new Map([
    [addressType, new Map()],
    [policyType, new Map()],
  ]);
  readonly #streams: Set<Stream> = new Set();
  #version = 0;
  #nonce = 0;
  /** Texts of refusals by clients, in order. */
  readonly refusals: string[] = [];
  /** Every request as it came, for scenarios about the protocol itself. */
  readonly requests: DeltaDiscoveryRequest[] = [];

  serve(call: Call): void {
    const stream: Stream = { call, wildcard: new Set(), asked: new Set(), node: '', unanswered: new Set() };
    this.#streams.add(stream);
    call.onMessage = (message) => this.#receive(stream, fromBinary(DeltaDiscoveryRequestSchema, message));
    call.onEnd = () => void this.#streams.delete(stream);
  }

  /** Clients connected now. */
  get clients(): number {
    return this.#streams.size;
  }

  /** Resolves when every connected client has acknowledged; throws with the text of a refusal. */
  async push(changes: readonly Change[]): Promise<void> {
    const version = String(++this.#version);
    for (const { type, name, aliases, node, body } of changes) {
      if (body === undefined) this.#resources.get(type)?.delete(name);
      else this.#resources.get(type)?.set(name, { version, aliases, node, body });
    }
    const refusalsBefore = this.refusals.length;
    for (const stream of this.#streams) {
      for (const type of [addressType, policyType]) {
        const wants = (c: Change): boolean =>
          stream.wildcard.has(type) ||
          (c.node !== '' && c.node === stream.node) ||
          [c.name, ...c.aliases].some((name) => stream.asked.has(name));
        const names = changes.filter((c) => c.type === type && wants(c)).map((c) => c.name);
        if (names.length > 0) this.#send(stream, type, names);
      }
    }
    await this.settled();
    const refused = this.refusals.slice(refusalsBefore);
    if (refused.length > 0) throw new Error(`a client refused the push: ${refused.join('; ')}`);
  }

  /** Resolves when nothing sent is unanswered. */
  async settled(): Promise<void> {
    const quiet = (): true | undefined => ([...this.#streams].every((s) => s.unanswered.size === 0) ? true : undefined);
    await eventually(quiet, { timeoutMs: ackMs, everyMs: 2, what: 'an acknowledgement of every push' });
  }

  #receive(stream: Stream, request: DeltaDiscoveryRequest): void {
    this.requests.push(request);
    const type = request.typeUrl;
    if (request.responseNonce !== '') {
      if (request.errorDetail !== undefined) this.refusals.push(request.errorDetail.message);
      stream.unanswered.delete(request.responseNonce);
      return;
    }
    const names = request.resourceNamesSubscribe.filter((name) => name !== '*');
    for (const name of names) stream.asked.add(name);
    const initial = request.node !== undefined;
    if (initial && !request.resourceNamesUnsubscribe.includes('*')) stream.wildcard.add(type);
    if (initial) stream.node = String(request.node?.metadata?.NODE_NAME ?? '');
    const known = request.initialResourceVersions;
    const all = initial ? [...(this.#resources.get(type) ?? [])] : [];
    const now = all.filter(([, { node }]) => stream.wildcard.has(type) || (node !== '' && node === stream.node));
    const changed = now.filter(([name, { version }]) => known[name] !== version).map(([name]) => name);
    const gone = Object.keys(known).filter((name) => !this.#resources.get(type)?.has(name));
    this.#send(stream, type, [...changed, ...gone, ...names]);
  }

  /** Names and aliases that exist go out as resources, the others as removals. */
  #send(stream: Stream, typeUrl: string, names: readonly string[]): void {
    const all = this.#resources.get(typeUrl) ?? new Map<string, Resource>();
    const nonce = String(++this.#nonce);
    const found = new Map<string, Resource>();
    const removedResources: string[] = [];
    for (const name of names) {
      const matching = [...all].filter(([key, { aliases }]) => key === name || aliases.includes(name));
      for (const [key, resource] of matching) found.set(key, resource);
      if (matching.length === 0) removedResources.push(name);
    }
    const resources = [...found].map(([name, { version, aliases, body }]) => ({
      name,
      version,
      aliases: [...aliases],
      resource: { typeUrl, value: body },
    }));
    stream.unanswered.add(nonce);
    const response = create(DeltaDiscoveryResponseSchema, { typeUrl, nonce, resources, removedResources });
    stream.call.send(toBinary(DeltaDiscoveryResponseSchema, response));
  }
}
