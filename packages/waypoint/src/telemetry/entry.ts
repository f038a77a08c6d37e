// Everything that is known of a request or raw connection when it has ended: what metrics, lines of logs and spans are made from. Plain data.
// Made by telemetry.ts from what route/ and raw/ report; read by every other file of this folder.
import { formatSocket } from '@ambient-mesh/model/address';
import type { Workload } from '@ambient-mesh/model/workload';
import type { HeaderList, RequestHead } from '@ambient-mesh/wire/http/message';
import { type Inlet, serviceOf } from '../inlet.ts';

/** Of gRPC. */
export interface Messages {
  /** To the client. */
  readonly sent: number;
  /** From the client. */
  readonly received: number;
}

export interface Entry {
  readonly inlet: Inlet;
  /** As it went on, or would have; absent: a raw connection. */
  readonly head: RequestHead | undefined;
  /** As it came. */
  readonly originalPath: string;
  /** `TCP` for a raw connection. */
  readonly version: string;
  readonly grpc: boolean;
  /** Milliseconds since 1970. */
  readonly startTime: number;
  readonly milliseconds: number;
  /** 0: the client got none. */
  readonly status: number;
  readonly grpcStatus: number | undefined;
  readonly answerHeaders: HeaderList;
  readonly flags: readonly string[];
  /** What decided, in Envoy's words. */
  readonly details: string;
  /** What went wrong, for people; empty when nothing did. */
  readonly reason: string;
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly messages: Messages | undefined;
  readonly attempts: number;
  /** Who answered. */
  readonly endpoint: { readonly workload: Workload; readonly port: number } | undefined;
  /** Name of the route's rule, or of the route. */
  readonly route: string;
  /** A policy of action AUDIT holds for it. */
  readonly audited: boolean;
  readonly traceId: string | undefined;
}

export const headerIn = (headers: HeaderList | undefined, wanted: string): string | undefined =>
  headers?.find(([name]) => name === wanted)?.[1];

export function upstreamHost({ endpoint }: Entry): string | undefined {
  if (endpoint === undefined) return undefined;
  const ip = endpoint.workload.addresses[0];
  return ip === undefined ? endpoint.workload.hostname : formatSocket({ ip, port: endpoint.port });
}

/** As Envoy names it in a waypoint. */
export function upstreamCluster({ inlet, head }: Entry): string | undefined {
  const service = serviceOf(inlet);
  return service && `inbound-vip|${inlet.port}|${head === undefined ? 'tcp' : 'http'}|${service.hostname}`;
}

export function localAddress({ inlet: { authority } }: Entry): string {
  return 'ip' in authority ? formatSocket(authority) : `${authority.hostname}:${authority.port}`;
}

/** Where no step of the chain said what decided, the flags do. */
export function detailsOf(flags: readonly string[], answeredBy: 'endpoint' | 'ourselves'): string {
  for (const flag of flags) {
    const details = byFlag.get(flag);
    if (details !== undefined) return details;
  }
  return answeredBy === 'endpoint' ? 'via_upstream' : 'direct_response';
}

const byFlag: ReadonlyMap<string, string> = new Map([
  ['UH', 'no_healthy_upstream'],
  ['UF', 'upstream_reset_before_response_started{connection_failure}'],
  ['UC', 'upstream_reset_before_response_started{connection_termination}'],
  ['UO', 'upstream_reset_before_response_started{overflow}'],
  ['UT', 'upstream_response_timeout'],
  ['NR', 'route_not_found'],
  ['NC', 'cluster_not_found'],
  ['DC', 'downstream_remote_disconnect'],
]);
