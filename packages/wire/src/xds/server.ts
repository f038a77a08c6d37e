// The xDS server: delta streams of any number of clients over collections that somebody else keeps (facts: control-plane §3.15, §3.16).
// Owns streams, admission and pace; what a client is owed is served-client.ts and served-type.ts, who may come is the caller's rule.
// A client that does not read or answer holds nothing but names, delays nobody, and is disconnected in the end.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describeError } from '@ambient-mesh/runtime/errors';
import { type Clock, type Ms, ms } from '@ambient-mesh/runtime/time';
import { fromBinary } from '@bufbuild/protobuf';
import type { Method } from '../grpc/server.ts';
import type { Peer, ServerCall } from '../grpc/server-call.ts';
import { grpcCode } from '../grpc/status.ts';
import { type DeltaDiscoveryRequest, DeltaDiscoveryRequestSchema } from '../messages/generated/discovery_pb.js';
import { type ClientNode, readNode } from './client-node.ts';
import { type Collection, encodeResponse } from './resource.ts';
import { ServedClient, type TypeView } from './served-client.ts';
import { ServedType } from './served-type.ts';

export const deltaPath = '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources';

/** A stream that wants to begin. */
export interface Applicant {
  readonly node: ClientNode;
  readonly peer: Peer;
  /** The authorization header; empty when there is none. */
  readonly authorization: string;
  /** The clusterid header. */
  readonly clusterId: string;
}

export type Admission = { readonly ok: true } | { readonly refused: { readonly status: number; readonly text: string } };

export interface XdsServerReport {
  connected(node: ClientNode, peer: Peer): void;
  disconnected(node: ClientNode, why: string): void;
  /** A response went out. */
  sent(typeUrl: string, resources: number): void;
  /** A change was acknowledged so long after it came. */
  acked(took: Ms): void;
  refused(node: ClientNode, typeUrl: string, text: string): void;
}

export interface XdsServerOptions {
  /** In the order in which they refer to each other: later ones refer to earlier ones. */
  readonly collections: readonly Collection[];
  /** Must not reject. */
  readonly admit: (applicant: Applicant) => Promise<Admission>;
  readonly clock: Clock;
  readonly report: XdsServerReport;
}

/** One stream, for the debug page. */
export interface ClientView {
  readonly node: ClientNode;
  readonly peer: string;
  /** By the wall clock. */
  readonly since: Ms;
  readonly types: readonly TypeView[];
}

interface Stream {
  readonly node: ClientNode;
  readonly call: ServerCall;
  readonly client: ServedClient;
  readonly since: Ms;
  pumping: boolean;
}

/** Requests list what a client has from before: 100,000 names and versions are 8 MiB. */
const requestLimit = 64 << 20;
/** Well below the 4 MiB that other gRPC implementations accept. */
const portion = { bytes: 1 << 20, names: 20_000 };
const firstRequestWithin = ms(15_000);
/** How long a type waits for a client to subscribe to an earlier one. */
const quiet = ms(200);
const answerWithin = ms(300_000);
const readWithin = ms(60_000);
const mostNames = 200_000;
const lookEvery = ms(15_000);

export class XdsServer implements Disposable {
  readonly #options: XdsServerOptions;
  readonly #order: readonly string[];
  readonly #collections: ReadonlyMap<string, Collection>;
  readonly #streams: Set<Stream> = new Set();
  #timer: Disposable;

  constructor(options: XdsServerOptions) {
    this.#options = options;
    this.#order = options.collections.map(({ typeUrl }) => typeUrl);
    this.#collections = new Map(options.collections.map((each) => [each.typeUrl, each]));
    this.#timer = options.clock.after(lookEvery, () => this.#look());
  }

  /** For a GrpcServer, under `deltaPath`. */
  get method(): Method {
    return { limitBytes: requestLimit, handle: (call) => this.#serve(call) };
  }

  /** Collections have changed: type to names. `since`: when the oldest of the changes came, by the monotonic clock. */
  push(changes: ReadonlyMap<string, ReadonlySet<string>>, since: Ms): void {
    for (const stream of this.#streams) {
      for (const [typeUrl, names] of changes) stream.client.changed(typeUrl, names, since);
      this.#pump(stream);
    }
  }

  get size(): number {
    return this.#streams.size;
  }

  clients(): readonly ClientView[] {
    const now = this.#options.clock.monotonic();
    return [...this.#streams].map(({ node, call, client, since }) => ({ node, peer: call.peer.address, since, types: client.views(now) }));
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]();
    for (const { call } of this.#streams) call.end(grpcCode.unavailable, 'the control plane is stopping');
  }

  async #serve(call: ServerCall): Promise<void> {
    const { clock, report } = this.#options;
    using _late = clock.after(firstRequestWithin, () => {
      if (stream === undefined) call.end(grpcCode.deadlineExceeded, 'no request within 15 s');
    });
    let stream: Stream | undefined;
    let why = 'the client ended the stream';
    try {
      for await (const message of call.messages()) {
        const request = decoded(message);
        if (request === undefined) return call.end(invalidArgument, 'not a DeltaDiscoveryRequest');
        stream ??= await this.#admit(call, request);
        if (stream === undefined) return;
        this.#receive(stream, request);
      }
      call.end(grpcCode.ok);
    } catch (e) {
      why = describeError(e);
      throw e;
    } finally {
      if (stream !== undefined) {
        this.#streams.delete(stream);
        report.disconnected(stream.node, why);
      }
    }
  }

  async #admit(call: ServerCall, request: DeltaDiscoveryRequest): Promise<Stream | undefined> {
    const node = readNode(request.node);
    if (node === undefined) {
      call.end(invalidArgument, 'the first request needs a node id of the form type~ip~pod.namespace~domain');
      return undefined;
    }
    const [authorization, clusterId] = [call.header('authorization'), call.header('clusterid')];
    const admission = await this.#options.admit({ node, peer: call.peer, authorization, clusterId });
    if ('refused' in admission) {
      call.end(admission.refused.status, admission.refused.text);
      return undefined;
    }
    if (call.signal.aborted) return undefined;
    const stream = { node, call, client: new ServedClient(this.#order), since: this.#options.clock.now(), pumping: false };
    this.#streams.add(stream);
    this.#options.report.connected(node, call.peer);
    return stream;
  }

  #receive(stream: Stream, request: DeltaDiscoveryRequest): void {
    const { typeUrl, responseNonce, errorDetail, resourceNamesSubscribe, resourceNamesUnsubscribe } = request;
    const { client, call, node } = stream;
    const collection = this.#collections.get(typeUrl);
    // A type that we do not have is never answered, as the original does: the client may know more types than we.
    if (collection === undefined) return;
    if (responseNonce !== '') this.#answered(stream, typeUrl, responseNonce, errorDetail?.message);
    const asked = { subscribe: resourceNamesSubscribe, unsubscribe: resourceNamesUnsubscribe, initial: request.initialResourceVersions };
    const type = client.type(typeUrl);
    if (type !== undefined) type.request(asked);
    else if (responseNonce === '') client.open(typeUrl, new ServedType(collection, node.nodeName, asked));
    if ((client.type(typeUrl)?.subscribed ?? 0) > mostNames)
      call.end(grpcCode.resourceExhausted, `more than ${mostNames} names: subscribe to everything instead`);
    if (client.holds) {
      this.#options.clock.after(quiet, () => {
        client.release();
        this.#pump(stream);
      });
    }
    this.#pump(stream);
  }

  #answered({ client, node }: Stream, typeUrl: string, nonce: string, refusal: string | undefined): void {
    const { report, clock } = this.#options;
    const { as, since } = client.answer(typeUrl, nonce, refusal, clock.monotonic());
    if (as === 'refused') report.refused(node, typeUrl, refusal ?? '');
    if (as === 'acked' && since !== undefined) report.acked(ms(clock.monotonic() - since));
  }

  /** Sends what is owed until nothing is, or the client has to answer, at the pace at which it reads. */
  #pump(stream: Stream): void {
    if (stream.pumping) return;
    stream.pumping = true;
    void this.#send(stream)
      .catch(() => stream.call.abort())
      .finally(() => {
        stream.pumping = false;
      });
  }

  async #send({ client, call }: Stream): Promise<void> {
    const { clock, report } = this.#options;
    for (let next = client.next(portion, clock.monotonic()); next !== undefined; next = client.next(portion, clock.monotonic())) {
      report.sent(next.typeUrl, next.resources.length);
      if (!call.send(encodeResponse(next))) {
        using _stuck = clock.after(readWithin, () => call.abort());
        await call.writable();
      }
      if (call.signal.aborted) return;
      // A large snapshot must not keep others waiting.
      if (next.resources.length > 100) await nextTurn();
    }
  }

  #look(): void {
    const { clock } = this.#options;
    const longAgo = clock.monotonic() - answerWithin;
    for (const { client, call } of this.#streams) {
      const oldest = client.oldestUnanswered;
      if (oldest !== undefined && oldest < longAgo) call.end(grpcCode.deadlineExceeded, 'no answer to a response within 5 minutes');
    }
    this.#timer = clock.after(lookEvery, () => this.#look());
  }
}

const invalidArgument = 3;

function decoded(message: Uint8Array): DeltaDiscoveryRequest | undefined {
  try {
    return fromBinary(DeltaDiscoveryRequestSchema, message);
  } catch {
    return undefined;
  }
}
