// NetworkPolicies that let an application's port through but not the mesh's: traffic of enrolled pods then stops, and nothing says why. Pure.
// Asked by report-policies.ts for the pods of this node; Kubernetes adds policies up, so one that opens 15008 is enough.
import type { LabelSelector, Labels } from '@ambient-mesh/translate/kinds/meta';
import { matchesSelector } from '@ambient-mesh/translate/selector';

export interface PolicyPort {
  /** Default TCP. */
  readonly protocol: string;
  /** Undefined: every port. A name is a container's port. */
  readonly port: number | string | undefined;
  readonly endPort: number | undefined;
}

/** What a policy lets through in one direction: rules that each open some ports; no ports means all. */
export interface Openings {
  readonly rules: readonly (readonly PolicyPort[])[];
}

export interface NetworkPolicy {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly pods: LabelSelector;
  /** Undefined: the policy says nothing about the direction. */
  readonly ingress: Openings | undefined;
  readonly egress: Openings | undefined;
}

export interface PolicedPod {
  readonly namespace: string;
  readonly name: string;
  readonly labels: Labels;
}

export const hbonePort = 15_008;

export interface Blocked {
  readonly policy: NetworkPolicy;
  readonly direction: 'ingress' | 'egress';
  /** Names of enrolled pods that it concerns. */
  readonly pods: readonly string[];
}

/** A policy that opens nothing at all is meant so, and is left out. */
export function blockedBy(policies: readonly NetworkPolicy[], pods: readonly PolicedPod[]): readonly Blocked[] {
  const found = new Map<string, { policy: NetworkPolicy; direction: Blocked['direction']; pods: string[] }>();
  for (const pod of pods) {
    const own = policies.filter((policy) => policy.namespace === pod.namespace && matchesSelector(policy.pods, pod.labels));
    for (const direction of ['ingress', 'egress'] as const) {
      const saying = own.filter((policy) => policy[direction] !== undefined);
      if (saying.some((policy) => opensTunnel(policy[direction]))) continue;
      for (const policy of saying) {
        if (policy[direction]?.rules.length === 0) continue;
        const key = `${policy.uid} ${direction}`;
        const blocked = found.get(key) ?? { policy, direction, pods: [] };
        found.set(key, blocked);
        blocked.pods.push(pod.name);
      }
    }
  }
  return [...found.values()];
}

const opensTunnel = (openings: Openings | undefined): boolean =>
  openings?.rules.some((ports) => ports.length === 0 || ports.some(includesTunnel)) === true;

function includesTunnel({ protocol, port, endPort }: PolicyPort): boolean {
  if (protocol !== 'TCP') return false;
  if (port === undefined) return true;
  // A named port is a port of the application.
  return typeof port === 'number' && port <= hbonePort && hbonePort <= (endPort ?? port);
}
