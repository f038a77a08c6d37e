// Kinds that the mesh does not translate and that analyzers look at all the same: NetworkPolicies, which stand in its way, and Sidecars, which do nothing.
// A field of the wrong type counts as absent.
import type { Kind } from '@ambient-mesh/kube/kind';
import { objectOf, textOf } from '@ambient-mesh/kube/raw';
import type { LabelSelector } from '@ambient-mesh/translate/kinds/meta';
import { labelSelector } from '@ambient-mesh/translate/kinds/read';

export interface PolicyPort {
  readonly protocol: string;
  /** Undefined: every port. A name is a container's port. */
  readonly port: number | string | undefined;
  readonly endPort: number | undefined;
}

/** One list of ports for each rule; an empty list means all ports, no rule at all that nothing passes. */
export type Openings = readonly (readonly PolicyPort[])[];

export interface NetworkPolicy {
  readonly namespace: string;
  readonly name: string;
  readonly pods: LabelSelector;
  /** Undefined: the policy says nothing about the direction. */
  readonly ingress: Openings | undefined;
  readonly egress: Openings | undefined;
}

export const networkPolicyKind: Kind<NetworkPolicy> = {
  group: 'networking.k8s.io',
  version: 'v1',
  plural: 'networkpolicies',
  kind: 'NetworkPolicy',
  namespaced: true,
  narrow(raw) {
    const { metadata, spec: rawSpec } = objectOf(raw);
    const [{ namespace, name }, spec] = [objectOf(metadata), objectOf(rawSpec)];
    const types = Array.isArray(spec.policyTypes) ? spec.policyTypes : ['Ingress', ...(spec.egress === undefined ? [] : ['Egress'])];
    const openings = (type: string, rules: unknown): Openings | undefined => (types.includes(type) ? openingsOf(rules) : undefined);
    return {
      namespace: textOf(namespace),
      name: textOf(name),
      pods: labelSelector(spec.podSelector),
      ingress: openings('Ingress', spec.ingress),
      egress: openings('Egress', spec.egress),
    };
  },
};

const openingsOf = (rules: unknown): Openings => listOf(rules).map((rule) => listOf(objectOf(rule).ports).map(portOf));

function portOf(raw: unknown): PolicyPort {
  const { protocol, port, endPort } = objectOf(raw);
  return {
    protocol: textOf(protocol) || 'TCP',
    port: typeof port === 'number' || typeof port === 'string' ? port : undefined,
    endPort: typeof endPort === 'number' ? endPort : undefined,
  };
}

const listOf = (raw: unknown): readonly unknown[] => (Array.isArray(raw) ? raw : []);

export interface Sidecar {
  readonly namespace: string;
  readonly name: string;
}

export const sidecarKind: Kind<Sidecar> = {
  group: 'networking.istio.io',
  version: 'v1',
  plural: 'sidecars',
  kind: 'Sidecar',
  namespaced: true,
  narrow(raw) {
    const { namespace, name } = objectOf(objectOf(raw).metadata);
    return { namespace: textOf(namespace), name: textOf(name) };
  },
};
