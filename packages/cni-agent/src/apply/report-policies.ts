// Looks for NetworkPolicies that keep the mesh's port from enrolled pods of this node, and says so by an Event at the policy.
// What stands in the way is decided in plan/network-policy.ts; each policy is told of once, and again when it has changed.
import type { Kind } from '@ambient-mesh/kube/kind';
import { objectOf, textOf } from '@ambient-mesh/kube/raw';
import { labelSelector } from '@ambient-mesh/translate/kinds/read';
import {
  type Blocked,
  blockedBy,
  hbonePort,
  type NetworkPolicy,
  type Openings,
  type PolicedPod,
  type PolicyPort,
} from '../plan/network-policy.ts';
import type { Told } from './tell.ts';

export const networkPolicyKind: Kind<NetworkPolicy> = {
  group: 'networking.k8s.io',
  version: 'v1',
  plural: 'networkpolicies',
  kind: 'NetworkPolicy',
  namespaced: true,
  narrow(raw) {
    const { metadata, spec: rawSpec } = objectOf(raw);
    const [meta, spec] = [objectOf(metadata), objectOf(rawSpec)];
    const [namespace, name, uid] = [textOf(meta.namespace), textOf(meta.name), textOf(meta.uid)];
    if (name === '') return undefined;
    const types = Array.isArray(spec.policyTypes) ? spec.policyTypes : ['Ingress', ...(spec.egress === undefined ? [] : ['Egress'])];
    const openings = (type: string, rules: unknown): Openings | undefined => (types.includes(type) ? openingsOf(rules) : undefined);
    return {
      namespace,
      name,
      uid,
      pods: labelSelector(spec.podSelector),
      ingress: openings('Ingress', spec.ingress),
      egress: openings('Egress', spec.egress),
    };
  },
};

const openingsOf = (rules: unknown): Openings => ({
  rules: (Array.isArray(rules) ? rules : []).map((rule) => {
    const { ports } = objectOf(rule);
    return (Array.isArray(ports) ? ports : []).map(portOf);
  }),
});

function portOf(raw: unknown): PolicyPort {
  const { protocol, port, endPort } = objectOf(raw);
  return {
    protocol: textOf(protocol) || 'TCP',
    port: typeof port === 'number' || typeof port === 'string' ? port : undefined,
    endPort: typeof endPort === 'number' ? endPort : undefined,
  };
}

export class PolicyReports {
  readonly #tell: (news: Told) => void;
  /** What was told last, by policy and direction. */
  readonly #told = new Map<string, NetworkPolicy>();

  constructor(tell: (news: Told) => void) {
    this.#tell = tell;
  }

  /** How many stand in the way now. */
  look(policies: readonly NetworkPolicy[], enrolled: readonly PolicedPod[]): number {
    const blocked = blockedBy(policies, enrolled);
    const standing = new Set(blocked.map(keyOf));
    for (const key of this.#told.keys()) if (!standing.has(key)) this.#told.delete(key);
    for (const each of blocked) {
      if (this.#told.get(keyOf(each)) === each.policy) continue;
      this.#told.set(keyOf(each), each.policy);
      this.#tell(newsOf(each));
    }
    return blocked.length;
  }
}

const keyOf = ({ policy, direction }: Blocked): string => `${policy.uid} ${direction}`;

function newsOf({ policy: { namespace, name, uid }, direction, pods }: Blocked): Told {
  const some = pods.length > 3 ? `${pods.slice(0, 3).join(', ')} and ${pods.length - 3} more` : pods.join(', ');
  const way = direction === 'ingress' ? 'into' : 'out of';
  return {
    regarding: { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', namespace, name, uid },
    reason: 'BlocksMeshTraffic',
    note: `Pods in the mesh are selected (${some}), and no policy lets TCP port ${hbonePort} ${way} them: the mesh carries their traffic there, whatever port the application uses. Add port ${hbonePort} to the ${direction} rules.`,
    type: 'Warning',
    action: 'Analyze',
  };
}
