// One line of an access log as a program reads it, whichever proxy wrote it; and which lines a user wants to see. Pure.
// Made by ztunnel-line.ts and waypoint-line.ts, shown by commands/tail.ts.

export interface Party {
  /** Empty when it is not known. */
  readonly workload: string;
  readonly namespace: string;
  /** SPIFFE id; empty when nothing was proven. */
  readonly identity: string;
  /** `ip:port` */
  readonly address: string;
}

export interface AccessRecord {
  /** As the proxy wrote it, RFC 3339. */
  readonly time: string;
  readonly from: Party;
  readonly to: Party;
  /** Host of the service that was asked for; empty when an address was. */
  readonly service: string;
  /** By a ztunnel `inbound` or `outbound`. */
  readonly direction: 'inbound' | 'outbound' | 'waypoint';
  /** Of a request: `GET /cart`; empty for connections. */
  readonly request: string;
  /** Of a request; 0 for connections. */
  readonly status: number;
  readonly outcome: 'ok' | 'denied' | 'failed';
  /** `namespace/name`, where it is told. */
  readonly policy: string;
  /** What went wrong. */
  readonly error: string;
  /** From the client to the server, and back. */
  readonly sentBytes: number;
  readonly receivedBytes: number;
  readonly durationMs: number;
}

export interface Wish {
  /** `name` or `name.namespace`, at either end. */
  readonly workload?: string | undefined;
  /** The other end, the same way. */
  readonly peer?: string | undefined;
  /** Of either end. */
  readonly namespace?: string | undefined;
  readonly denied?: boolean | undefined;
}

export function isWanted(record: AccessRecord, { workload, peer, namespace, denied }: Wish): boolean {
  const { from, to, outcome } = record;
  if (denied === true && outcome !== 'denied') return false;
  if (namespace !== undefined && from.namespace !== namespace && to.namespace !== namespace) return false;
  const [isFrom, isTo] = [isCalled(from, workload), isCalled(to, workload) || isService(record, workload)];
  if (peer === undefined) return isFrom || isTo;
  const [peerFrom, peerTo] = [isCalled(from, peer), isCalled(to, peer) || isService(record, peer)];
  return (isFrom && peerTo) || (isTo && peerFrom);
}

/** Pods carry their Deployment's name in front. */
function isCalled({ workload, namespace }: Party, name: string | undefined): boolean {
  if (name === undefined) return true;
  const dot = name.lastIndexOf('.');
  const [short, place] = dot > 0 ? [name.slice(0, dot), name.slice(dot + 1)] : [name, undefined];
  if (workload === '' || (place !== undefined && place !== namespace)) return false;
  return workload === short || (workload.startsWith(`${short}-`) && /^(-[a-z0-9]+){1,2}$/.test(workload.slice(short.length)));
}

const isService = ({ service }: AccessRecord, name: string | undefined): boolean =>
  name !== undefined && service !== '' && (service === name || service.startsWith(`${name}.`));
