// Who belongs into the mesh, by the labels of the API and the node agent's default rules (facts: control-plane §1.1, §1.2), and who is in it. Pure.
// A node agent with rules of its own (AMBIENT_ENABLEMENT_SELECTOR) may think otherwise: what it thinks is not in any object.
import type { Labels } from '@ambient-mesh/translate/kinds/meta';
import type { Pod } from '@ambient-mesh/translate/kinds/pod';
import { selects } from '@ambient-mesh/translate/selector';
import { keyOf, type World } from './world.ts';

export const modeLabel = 'istio.io/dataplane-mode';
const gatewayName = 'gateway.networking.k8s.io/gateway-name';
/** The chart's default of namespaces that are left alone. */
const excluded: ReadonlySet<string> = new Set(['kube-system']);

export const isOver = ({ phase }: Pod): boolean => phase === 'Succeeded' || phase === 'Failed';
export const isOfGateway = ({ meta }: Pick<Pod, 'meta'>): boolean => meta.labels[gatewayName] !== undefined;
/** The node agent has said so. */
export const isEnrolled = ({ meta }: Pick<Pod, 'meta'>): boolean => meta.annotations['ambient.istio.io/redirection'] === 'enabled';

/** By labels alone; undefined: its namespace is not known, and the pod says nothing itself. */
export function asksToBeIn({ meta }: Pick<Pod, 'meta'>, { objects }: Pick<World, 'objects'>): boolean | undefined {
  const own = meta.labels[modeLabel];
  if (own === 'ambient' || own === 'none') return own === 'ambient';
  const namespace = objects.namespaces.get(meta.namespace);
  return namespace === undefined ? undefined : namespace.meta.labels[modeLabel] === 'ambient';
}

/** Pods that run and belong into the mesh: those that ask for it and may. */
export function membersToBe(world: World): readonly Pod[] {
  const { systemNamespace } = world.settings;
  return [...world.objects.pods.values()].filter((pod) => {
    const { namespace, labels } = pod.meta;
    if (isOver(pod) || pod.hostNetwork || excluded.has(namespace) || world.injected.has(keyOf(pod.meta))) return false;
    if (namespace === systemNamespace && labels.app === 'ztunnel') return false;
    return asksToBeIn(pod, world) === true;
  });
}

/** Whether policies of the mesh reach the pod, or will once it runs; where nothing speaks against it, it is so. */
export const isReached = (pod: Pod, world: World): boolean =>
  isEnrolled(pod) || (!pod.hostNetwork && (world.isLive ? asksToBeIn(pod, world) === true : asksToBeIn(pod, world) !== false));

/** Pods of a namespace, or of all when it is `''`, that run and that the selector selects; an empty selector selects all. */
export const podsOf = ({ objects, podsIn }: World, namespace: string, selector: Labels): readonly Pod[] =>
  (namespace === '' ? [...objects.pods.values()] : (podsIn.get(namespace) ?? [])).filter(
    (pod) => !isOver(pod) && selects(selector, pod.meta.labels),
  );

/** Whether what the policy selects is sidecars' alone: they read its selector, and whatever it says of requests. */
export function isForSidecars(world: World, namespace: string, selector: Labels): boolean {
  const pods = podsOf(world, namespace === world.settings.rootNamespace ? '' : namespace, selector);
  return pods.length > 0 && pods.every(({ meta }) => world.injected.has(keyOf(meta)));
}
