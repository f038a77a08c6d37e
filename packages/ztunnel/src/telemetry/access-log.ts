// The access log: one line for each finished connection, whose fields, order and quoting other people's tools parse.
// Called by connection-report.ts with what outbound/ and inbound/ found out; formatting a line is runtime/log's business.
// Addresses are unquoted, everything else that is text is quoted, as in Istio's ztunnel.
import type { SocketAddress } from '@ambient-mesh/model/address';
import { formatSocket } from '@ambient-mesh/model/address';
import type { SpiffeId } from '@ambient-mesh/model/spiffe';
import type { Field, Scope } from '@ambient-mesh/runtime/log';
import { raw } from '@ambient-mesh/runtime/log';
import type { Party, Reporter, Traffic } from './labels.ts';

/** The log target: `RUST_LOG=access=warn` silences the lines of connections that went well. */
export const accessTarget = 'access';

/** Everything that is told of one connection, in metrics and in the log. */
export interface Connection extends Traffic {
  /** The client, as it reached us: an app's socket (outbound) or the peer of the tunnel (inbound). */
  readonly from: SocketAddress;
  /** What was dialled (outbound), where the tunnel came in (inbound HBONE), the original destination (in clear). */
  readonly to: SocketAddress;
  /** `:authority` of the CONNECT request; absent where there was none. */
  readonly authority?: string | undefined;
}

/** Bytes of one connection, as the metrics count them. Owned and updated in place by whoever moves the bytes. */
export interface Bytes {
  /** Read from the client side: the direction of the request. */
  received: number;
  /** Given back to the client: the direction of the response. */
  sent: number;
}

/** Why a connection ended badly. */
export interface Failure {
  readonly error: string;
  /** `namespace/name` of the policy that denied it. */
  readonly policy?: string | undefined;
}

export class AccessLog {
  readonly #scope: Scope;

  constructor(scope: Scope) {
    this.#scope = scope;
  }

  /** DEBUG: a request was understood and goes on its way. */
  opened(connection: Connection): void {
    if (this.#scope.enabled('debug')) this.#scope.debug('connection opened', describe(connection));
  }

  /** INFO, or ERROR with `failure`. `durationMs` is floored to whole milliseconds. */
  complete(connection: Connection, bytes: Bytes, durationMs: number, failure?: Failure): void {
    const level = failure === undefined ? 'info' : 'error';
    if (!this.#scope.enabled(level)) return;
    const fields = describe(connection);
    const outbound = connection.reporter === 'source';
    fields.push(['bytes_sent', outbound ? bytes.received : bytes.sent]);
    fields.push(['bytes_recv', outbound ? bytes.sent : bytes.received]);
    fields.push(['duration', `${Math.floor(durationMs)}ms`]);
    if (failure?.policy !== undefined) fields.push(['policy', failure.policy]);
    if (failure !== undefined) fields.push(['error', failure.error]);
    this.#scope[level]('connection complete', fields);
  }

  /** WARN: turned away before anything but the addresses was known; such a connection is in no metric. */
  refused(from: SocketAddress, to: SocketAddress, reporter: Reporter, error: string): void {
    if (!this.#scope.enabled('warn')) return;
    this.#scope.warn('connection failed', [
      ['src.addr', raw(formatSocket(from))],
      ['dst.addr', raw(formatSocket(to))],
      ['direction', directionOf(reporter)],
      ['error', error],
    ]);
  }
}

function describe(c: Connection): Field[] {
  const fields: Field[] = [['src.addr', raw(formatSocket(c.from))]];
  const proven = c.security !== 'unknown';
  addParty(fields, 'src', c.source, proven ? c.sourcePrincipal : undefined);
  fields.push(['dst.addr', raw(formatSocket(c.to))]);
  if (c.authority !== undefined) fields.push(['dst.hbone_addr', raw(c.authority)]);
  if (c.service !== undefined) fields.push(['dst.service', c.service.hostname]);
  addParty(fields, 'dst', c.destination, proven ? c.destinationPrincipal : undefined);
  fields.push(['direction', directionOf(c.reporter)]);
  if (c.security === 'local') fields.push(['security', 'local']);
  return fields;
}

function addParty(fields: Field[], side: 'src' | 'dst', party: Party | undefined, identity: SpiffeId | undefined): void {
  const name = party?.pod ?? party?.canonicalService;
  if (name !== undefined) fields.push([`${side}.workload`, name]);
  if (party?.namespace !== undefined) fields.push([`${side}.namespace`, party.namespace]);
  if (identity !== undefined) fields.push([`${side}.identity`, identity.uri]);
  if (party?.cluster !== undefined) fields.push([`${side}.cluster`, party.cluster]);
}

const directionOf = (reporter: Reporter): string => (reporter === 'source' ? 'outbound' : 'inbound');
