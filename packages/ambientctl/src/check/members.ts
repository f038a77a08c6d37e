// Judges whether every pod that should be in the mesh is in it: labels against the node agent's annotation, and that against what ztunnels serve. Pure.
import type { Pod } from '@ambient-mesh/translate/kinds/pod';
import { isEnrolled, membersToBe } from '../analyze/membership.ts';
import { keyOf } from '../analyze/world.ts';
import type { MeshFacts } from './mesh-facts.ts';
import { type Check, counted, each, ok, wrong } from './result.ts';

export function judgeMembers(facts: MeshFacts): readonly Check[] {
  // Pods that start, or leave, are on their way.
  const wanted = membersToBe(facts.world).filter((pod) => pod.ips.length > 0 && !pod.deleting);
  const outside = wanted.filter((pod) => !isEnrolled(pod));
  const unserved = wanted.filter((pod) => isEnrolled(pod) && !isServed(pod, facts));
  const troubles = [
    ...each(
      outside,
      (pod) => notEnrolled(pod, facts),
      (more) => wrong('pods', `${counted(more, 'more pod')} should be in the mesh and are not`, adviceFor),
    ),
    ...unserved.map((pod) =>
      wrong(
        'pods',
        `pod ${keyOf(pod.meta)} is enrolled, but the ztunnel of node ${pod.node} does not serve it`,
        'Restart the pod; if that does not help, the node agent of its node.',
      ),
    ),
  ];
  if (troubles.length > 0) return troubles;
  return [
    ok(
      'pods',
      wanted.length === 0
        ? 'no pod asks to be in the mesh'
        : `${wanted.length === 1 ? 'the 1 pod' : `all ${wanted.length} pods`} that should be in the mesh ${wanted.length === 1 ? 'is' : 'are'} in it`,
    ),
  ];
}

const adviceFor = 'See the log of the node agent there; a pod that is started anew is enrolled anew.';

function notEnrolled({ meta, node }: Pod, { notEnrolled: said }: MeshFacts): Check {
  const key = keyOf(meta);
  const isPending = meta.annotations['ambient.istio.io/redirection'] === 'pending';
  const why = said.get(key) ?? (isPending ? 'the ztunnel of its node has not taken it yet' : 'no node agent has said anything about it');
  return wrong('pods', `pod ${key} on node ${node} should be in the mesh and is not: ${why}`, adviceFor);
}

/** Where that cannot be seen, the annotation counts. */
function isServed({ meta, node }: Pod, { proxies }: MeshFacts): boolean {
  const ztunnels = proxies.filter(({ kind, pod }) => kind === 'ztunnel' && pod.node === node);
  const seen = ztunnels.flatMap(({ held }) => ('found' in held ? [held.found.pods] : []));
  return seen.length === 0 || seen.some((pods) => pods.has(meta.uid));
}
