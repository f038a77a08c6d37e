// AMB0008: NetworkPolicies that let an application's port through but not the mesh's. Kubernetes adds policies up, so one that opens 15008 is enough.
import { matchesSelector } from '@ambient-mesh/translate/selector';
import type { Analyzer } from '../analyzer.ts';
import { type Finding, finding, someOf } from '../finding.ts';
import { isReached, podsOf } from '../membership.ts';
import type { NetworkPolicy, Openings, PolicyPort } from '../other-kinds.ts';
import type { World } from '../world.ts';

const hbonePort = 15_008;

export const networkPolicies: Analyzer = {
  name: 'networkpolicy.TunnelPortAnalyzer',
  about: 'NetworkPolicies let TCP port 15008 through wherever they let anything through',
  codes: ['AMB0008'],
  *run(world) {
    for (const direction of ['ingress', 'egress'] as const) yield* blocked(world, direction);
  },
};

type Direction = 'ingress' | 'egress';

function* blocked(world: World, direction: Direction): Iterable<Finding> {
  const found = new Map<NetworkPolicy, string[]>();
  const speaking = world.networkPolicies.filter((policy) => policy[direction] !== undefined);
  for (const [namespace, policies] of Map.groupBy(speaking, (policy) => policy.namespace))
    for (const pod of podsOf(world, namespace, {})) {
      if (!isReached(pod, world)) continue;
      const own = policies.filter((policy) => matchesSelector(policy.pods, pod.meta.labels));
      if (own.some((policy) => opensTunnel(policy[direction]))) continue;
      // What opens nothing at all is meant so.
      for (const policy of own.filter((each) => each[direction]?.length !== 0)) {
        const pods = found.get(policy) ?? [];
        found.set(policy, pods);
        pods.push(pod.meta.name);
      }
    }
  const way = direction === 'ingress' ? 'into' : 'out of';
  for (const [{ namespace, name }, pods] of found) {
    const message = `It selects ${someOf(pods)}, which the mesh serves, and no policy lets TCP port ${hbonePort} ${way} them.`;
    yield finding('AMB0008', { kind: 'NetworkPolicy', namespace, name }, message);
  }
}

const opensTunnel = (openings: Openings = []): boolean => openings.some((ports) => ports.length === 0 || ports.some(includesTunnel));

/** A named port is one of the application. */
function includesTunnel({ protocol, port, endPort }: PolicyPort): boolean {
  if (protocol !== 'TCP') return false;
  return port === undefined || (typeof port === 'number' && port <= hbonePort && hbonePort <= (endPort ?? port));
}
