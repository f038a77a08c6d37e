// What a control plane says of its clients, as rows: for each type of resource whether the client has taken what it was sent, and since when. Pure.
// Reads the page /debug/clients of istiod-lite without trusting it; used by commands/proxy-status.ts.
import { numberOf, objectOf, objectsOf, type RawObject, textOf } from '@ambient-mesh/kube/raw';
import { parsedJson } from '../files.ts';
import type { MeshPod } from '../pods.ts';

export interface TypeStatus {
  /** `NOT SENT`: never asked for, as ztunnels do of routes, and waypoints of the policies of ztunnels. */
  readonly state: 'SYNCED' | 'STALE' | 'NACKED' | 'NOT SENT' | 'DISCONNECTED';
  /** Seconds: since the last answer, or for how long one has been missing. */
  readonly ageSeconds?: number;
  /** Names waiting to be sent. */
  readonly pending?: number;
  readonly refusal?: string;
}

export interface ClientStatus {
  /** `pod.namespace`. */
  readonly name: string;
  readonly type: string;
  readonly node: string;
  /** Pod of the control plane that serves it; empty when none does. */
  readonly istiod: string;
  readonly types: Readonly<Record<TypeName, TypeStatus>>;
}

export type TypeName = 'addresses' | 'policies' | 'l7';

const typeUrls: Readonly<Record<TypeName, string>> = {
  addresses: 'type.googleapis.com/istio.workload.Address',
  policies: 'type.googleapis.com/istio.security.Authorization',
  l7: 'type.googleapis.com/ambientmesh.dev.L7Resource',
};

/** Undefined for what is no such page. */
export function clientsIn(page: string, istiod: string): readonly ClientStatus[] | undefined {
  const clients = parsedJson(page);
  if (!Array.isArray(clients)) return undefined;
  return objectsOf(clients).map(({ node, types }) => {
    const { pod, namespace, type, nodeName } = objectOf(node);
    const of = (name: TypeName): TypeStatus => statusOf(objectsOf(types).find(({ typeUrl }) => typeUrl === typeUrls[name]));
    return {
      name: `${textOf(pod)}.${textOf(namespace)}`,
      type: textOf(type),
      node: textOf(nodeName),
      istiod,
      types: { addresses: of('addresses'), policies: of('policies'), l7: of('l7') },
    };
  });
}

/** A proxy that runs but is nobody's client. */
export function disconnected(pod: Pick<MeshPod, 'name' | 'namespace' | 'node'>, type: 'ztunnel' | 'waypoint'): ClientStatus {
  const lost: TypeStatus = { state: 'DISCONNECTED' };
  const unasked: TypeStatus = { state: 'NOT SENT' };
  const types = { addresses: lost, policies: type === 'ztunnel' ? lost : unasked, l7: type === 'waypoint' ? lost : unasked };
  return { name: `${pod.name}.${pod.namespace}`, type, node: pod.node, istiod: '', types };
}

function statusOf(view: RawObject | undefined): TypeStatus {
  if (view === undefined) return { state: 'NOT SENT' };
  const { unanswered, pending, refused, lastRefusal, answeredAgo, unansweredFor } = view;
  const waits = numberOf(unanswered) > 0 || numberOf(pending) > 0;
  const age = waits ? (numberOf(unansweredFor) >= 0 ? unansweredFor : answeredAgo) : answeredAgo;
  return {
    state: refused === true ? 'NACKED' : waits ? 'STALE' : 'SYNCED',
    ...(numberOf(age) >= 0 && { ageSeconds: Math.floor(numberOf(age) / 1_000) }),
    ...(numberOf(pending) > 0 && { pending: numberOf(pending) }),
    ...(refused === true && { refusal: textOf(lastRefusal) }),
  };
}
