// AMB0012 and AMB0018: mutual TLS that is required where clients cannot give it, and PeerAuthentications that do nothing.

import type { PeerAuthentication } from '@ambient-mesh/translate/kinds/peer-authentication';
import type { Pod } from '@ambient-mesh/translate/kinds/pod';
import { peerAuthenticationKeys } from '@ambient-mesh/translate/peer-authentication';
import type { Analyzer } from '../analyzer.ts';
import { type Finding, finding, someOf } from '../finding.ts';
import { isOfGateway, isOver, isReached, podsOf } from '../membership.ts';
import { keyOf, type World } from '../world.ts';

export const peerAuthentications: Analyzer = {
  name: 'authn.MutualTlsAnalyzer',
  about: 'mutual TLS is required only where all clients can give it',
  codes: ['AMB0012', 'AMB0018'],
  *run(world) {
    for (const object of world.objects.peerAuthentications.values()) yield* withoutEffect(world, object);
    const strict = strictPods(world);
    yield* exposed(world, new Set(strict));
    yield* neighbours(world, strict);
  },
};

function* withoutEffect(world: World, { meta, selector, mode }: PeerAuthentication): Iterable<Finding> {
  const subject = { kind: 'PeerAuthentication', ...meta };
  const { settings, isLive } = world;
  if (selector !== undefined && meta.namespace === settings.rootNamespace)
    yield finding('AMB0018', subject, 'It selects workloads in the root namespace: such ones are never looked at.', {
      advice: 'Move it into the namespace of the workloads.',
    });
  else if (selector !== undefined && isLive && podsOf(world, meta.namespace, selector).length === 0)
    yield finding('AMB0018', subject, 'It selects no pod.', { advice: 'Correct the selector.' });
  if (mode === 'DISABLE')
    yield finding('AMB0018', subject, 'In ambient mode DISABLE means PERMISSIVE: members of the mesh go on to use mutual TLS.', {
      advice: 'Write PERMISSIVE.',
    });
}

/** Where it is so on all of their ports; single ports that are treated otherwise are somebody's decision. */
function strictPods(world: World): readonly Pod[] {
  const { objects, podsIn, settings } = world;
  const { rootNamespace } = settings;
  const everywhere = `${rootNamespace}/istio_converted_static_strict`;
  return [...podsIn].flatMap(([namespace, pods]) => {
    const near = [...objects.peerAuthentications.values()].filter(
      ({ meta }) => meta.namespace === namespace || meta.namespace === rootNamespace,
    );
    if (near.length === 0) return [];
    return pods.filter(
      (pod) => !isOver(pod) && isReached(pod, world) && peerAuthenticationKeys(near, pod.meta, settings).includes(everywhere),
    );
  });
}

/** Whoever comes in by the node or a load balancer is not in the mesh. */
function* exposed(world: World, strict: ReadonlySet<Pod>): Iterable<Finding> {
  for (const { meta, type, selector } of world.objects.services.values()) {
    if (type !== 'NodePort' && type !== 'LoadBalancer') continue;
    if (Object.keys(selector).length === 0) continue;
    const behind = podsOf(world, meta.namespace, selector).filter((pod) => strict.has(pod) && !isOfGateway(pod));
    if (behind.length === 0) continue;
    const pods = someOf(behind.map((pod) => pod.meta.name));
    yield finding('AMB0012', { kind: 'Service', ...meta }, `It is open to the outside (${type}), and mutual TLS is required of ${pods}.`);
  }
}

/** Said once for each namespace: pods outside of the mesh beside pods that refuse them. */
function* neighbours(world: World, strict: readonly Pod[]): Iterable<Finding> {
  for (const namespace of new Set(strict.map(({ meta }) => meta.namespace))) {
    const outside = podsOf(world, namespace, {}).filter(
      (pod) => !isReached(pod, world) && !world.injected.has(keyOf(pod.meta)) && !isOfGateway(pod),
    );
    if (outside.length === 0) continue;
    const pods = someOf(outside.map((pod) => pod.meta.name));
    const message = `Mutual TLS is required in it, and ${pods} cannot give it, being outside of the mesh.`;
    yield finding('AMB0012', { kind: 'Namespace', namespace: '', name: namespace }, message, { level: 'Info' });
  }
}
