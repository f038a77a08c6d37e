// The xDS client: keeps one delta stream to the control plane open for ever, and hands every change of the mesh on.
// Owns the stream and its order of events only: what to send is subscription.ts, how to read a response push.ts, when to come back reconnect.ts.
// Loads the protobuf runtime (about 17 MB): a program that may run without a control plane imports this file lazily.
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { MeshDelta } from '@ambient-mesh/model/delta';
import { isFault, MeshError } from '@ambient-mesh/runtime/errors';
import type { Clock, Ms } from '@ambient-mesh/runtime/time';
import { ms } from '@ambient-mesh/runtime/time';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { GrpcCall } from '../grpc/call.ts';
import { openConnection } from '../grpc/connection.ts';
import type { GrpcTarget } from '../grpc/target.ts';
import { callHeaders, readRoot } from '../grpc/target.ts';
import type { DeltaDiscoveryResponse } from '../messages/generated/discovery_pb.js';
import { DeltaDiscoveryRequestSchema, DeltaDiscoveryResponseSchema } from '../messages/generated/discovery_pb.js';
import type { DemandFault } from './demands.ts';
import { Demands } from './demands.ts';
import { Interner } from './interner.ts';
import type { XdsNode } from './node.ts';
import type { Push } from './push.ts';
import { convertPush } from './push.ts';
import type { StreamEnd, TerminationReason } from './reconnect.ts';
import { afterEnd, firstBackoff } from './reconnect.ts';
import type { DeltaRequest, Outcome, Rejection } from './subscription.ts';
import { addressType, type ResourceType, Subscription } from './subscription.ts';

export type XdsFault = { readonly code: 'xds.apply' } | DemandFault;

export interface XdsConfig {
  readonly target: GrpcTarget;
  readonly node: XdsNode;
  /** Receive addresses only when `demand` asks for them. */
  readonly onDemand: boolean;
  /** What to follow. Default: what node tunnels do. */
  readonly types?: readonly ResourceType[];
}

export interface XdsPorts {
  /**
   * Changes the mesh, synchronously: whoever waits for a name is released afterwards and must find it there. What cannot be used is
   * returned by resource name and refused to the server.
   */
  apply(delta: MeshDelta): readonly Rejection[] | undefined;
  readonly clock: Clock;
  /** Once, when the mesh has arrived for the first time (a response of each wildcard type accepted whole). */
  synced(): void;
  readonly report: XdsReport;
}

/** What the client tells of itself; for log and metrics. */
export interface XdsReport {
  connected(): void;
  /** `typeUrl` is one of the types we subscribe to, or `other`. */
  received(typeUrl: string, resources: number, removed: number, bodyBytes: number): void;
  rejected(rejection: Rejection): void;
  /** `why` is undefined after a clean end. Another stream is tried after `wait`. */
  ended(reason: TerminationReason, why: unknown, wait: Ms): void;
}

const path = '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources';
const limitBytes = 200 << 20;
/** Converting may hold the event loop this long before others get their turn. */
const sliceMs = ms(8);

export class XdsClient {
  readonly #config: XdsConfig;
  readonly #ports: XdsPorts;
  readonly #subscription: Subscription;
  readonly #demands = new Demands();
  readonly #shared = new Interner();
  #synced = false;
  /** The stream of the moment, once its first requests are out. */
  #call: GrpcCall | undefined;

  constructor(config: XdsConfig, ports: XdsPorts) {
    this.#config = config;
    this.#ports = ports;
    this.#subscription = new Subscription(config.node, config.onDemand, config.types);
  }

  /** Runs until the signal aborts, then returns. Throws `xds.apply` if that port does: the mesh's state is then unknown. */
  async run(signal: AbortSignal): Promise<void> {
    let backoff = firstBackoff;
    while (!signal.aborted) {
      const end = await this.#stream(signal);
      if (signal.aborted) return;
      const { reason, wait, next } = afterEnd(end, backoff);
      this.#ports.report.ended(reason, end.at === 'complete' ? undefined : end.why, wait);
      backoff = next;
      await this.#ports.clock.sleep(wait, signal).catch(() => {});
    }
  }

  /**
   * Asks for one name (`network/ip`, a workload's uid, `namespace/hostname`) and resolves when the answer has been applied: the
   * name may turn out not to exist. Without a connection it waits for one; give a signal with a time limit. Rejects with the signal's
   * reason, or with `xds.demand-overflow`.
   */
  async demand(name: string, signal: AbortSignal): Promise<void> {
    if (this.#subscription.holds(name)) return;
    const asked = this.#demands.isWanted(name);
    const answered = this.#demands.wait(name, signal);
    if (!asked && this.#demands.isWanted(name)) this.#send(this.#subscription.demand(name));
    await answered;
  }

  /** One stream, from connecting to its end. The first requests go out before the server has accepted: it may wait for them. */
  async #stream(signal: AbortSignal): Promise<StreamEnd> {
    const { target } = this.#config;
    let at: 'opening' | 'running' = 'opening';
    using cleanup = new DisposableStack();
    try {
      const session = await openConnection(target, await readRoot(target.root), this.#ports.clock, signal);
      cleanup.defer(() => session.destroy());
      const call = new GrpcCall(session, { path, headers: await callHeaders(target), limitBytes }, signal);
      this.#call = call;
      cleanup.defer(() => {
        this.#call = undefined;
      });
      for (const request of this.#subscription.opening(this.#demands.names)) this.#send(request);
      await call.accepted();
      at = 'running';
      this.#ports.report.connected();
      for await (const message of call.messages()) await this.#receive(message, signal);
      return { at: 'complete' };
    } catch (why) {
      if (isFault(why, 'xds.apply')) throw why;
      return { at, why };
    }
  }

  async #receive(message: Uint8Array, signal: AbortSignal): Promise<void> {
    const response = fromBinary(DeltaDiscoveryResponseSchema, message, { readUnknownFields: false });
    const { delta, outcome, bodyBytes } = await this.#convert(response, signal);
    const { typeUrl, removed } = outcome;
    this.#ports.report.received(
      this.#subscription.follows(typeUrl) ? typeUrl : 'other',
      response.resources.length,
      removed.length,
      bodyBytes,
    );
    const refused = this.#apply(delta);
    const rejected = [...outcome.rejected, ...refused];
    for (const rejection of rejected) this.#ports.report.rejected(rejection);
    this.#send(this.#subscription.received({ ...outcome, rejected, accepted: without(outcome.accepted, refused) }));
    if (typeUrl === addressType) this.#answer(response);
    if (this.#subscription.synced && !this.#synced) {
      this.#synced = true;
      this.#ports.synced();
    }
  }

  /** In slices, so that a push of the whole mesh does not keep timers, probes and (without workers) traffic waiting. */
  async #convert(response: DeltaDiscoveryResponse, signal: AbortSignal): Promise<Push> {
    const { clock } = this.#ports;
    const work = convertPush(response, this.#shared, this.#subscription.follows(response.typeUrl));
    let started = clock.monotonic();
    for (;;) {
      const step = work.next();
      if (step.done === true) return step.value;
      if (clock.monotonic() - started < sliceMs) continue;
      await nextTurn();
      signal.throwIfAborted();
      started = clock.monotonic();
    }
  }

  #apply(delta: MeshDelta): readonly Rejection[] {
    try {
      return this.#ports.apply(delta) ?? [];
    } catch (cause) {
      throw new MeshError<XdsFault>({ code: 'xds.apply' }, 'a change of the mesh could not be applied', cause);
    }
  }

  #answer(response: DeltaDiscoveryResponse): void {
    if (this.#demands.size === 0) return;
    for (const { name, aliases } of response.resources) {
      this.#demands.answer(name);
      for (const alias of aliases) this.#demands.answer(alias);
    }
    for (const name of response.removedResources) this.#demands.answer(name);
  }

  /** Nothing is lost when there is no stream: the next one opens with all that we want. */
  #send(request: DeltaRequest): void {
    this.#call?.send(toBinary(DeltaDiscoveryRequestSchema, create(DeltaDiscoveryRequestSchema, request)));
  }
}

function without(accepted: Outcome['accepted'], refused: readonly Rejection[]): Outcome['accepted'] {
  if (refused.length === 0) return accepted;
  const names = new Set(refused.map(({ name }) => name));
  return accepted.filter(({ name }) => !names.has(name));
}
