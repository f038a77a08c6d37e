// AMB0013 and AMB0014: pods that are not in the mesh although their namespace, or they themselves, ask for it.
import type { Analyzer } from '../analyzer.ts';
import { finding } from '../finding.ts';
import { asksToBeIn, isEnrolled, isOver, membersToBe } from '../membership.ts';
import type { World } from '../world.ts';

export const enrolment: Analyzer = {
  name: 'ambient.EnrolmentAnalyzer',
  about: 'pods that should be in the mesh are',
  codes: ['AMB0013', 'AMB0014'],
  *run(world) {
    for (const pod of world.objects.pods.values())
      if (pod.hostNetwork && !isOver(pod) && asksToBeIn(pod, world) === true)
        yield finding('AMB0013', { kind: 'Pod', ...pod.meta }, 'It uses the network of its node: the mesh never carries its traffic.');
    if (world.isLive) for (const pod of outsiders(world)) yield finding('AMB0014', { kind: 'Pod', ...pod.meta }, reasonOf(pod));
  },
};

/** Pods with a network that should be in the mesh and are not. */
const outsiders = (world: World) => membersToBe(world).filter((pod) => pod.ips.length > 0 && !pod.deleting && !isEnrolled(pod));

const reasonOf = ({ meta }: ReturnType<typeof outsiders>[number]): string =>
  meta.annotations['ambient.istio.io/redirection'] === 'pending'
    ? 'It waits for the ztunnel of its node to take it: until then its traffic is refused.'
    : 'It is labelled to be in the mesh, and no node agent has enrolled it.';
