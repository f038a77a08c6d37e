// Judges the mesh's own programs: whether each runs where it must, in one version, and has what the control plane sent. Pure.
import { objectOf, objectsOf, type RawObject, textOf } from '@ambient-mesh/kube/raw';
import type { Pod } from '@ambient-mesh/translate/kinds/pod';
import { someOf } from '../analyze/finding.ts';
import { isOver, membersToBe } from '../analyze/membership.ts';
import { keyOf } from '../analyze/world.ts';
import { labelOf } from '../pods.ts';
import { isReady } from './cluster.ts';
import type { Found } from './cluster-facts.ts';
import type { MeshFacts } from './mesh-facts.ts';
import { type Check, counted, each, ok, warning, wrong } from './result.ts';

/** Nothing else is worth looking at while it is so. */
export const isInstalled = (facts: MeshFacts): boolean =>
  (['controlPlane', 'ztunnel', 'nodeAgent'] as const).some((role) => podsOf(facts, role).length > 0);

export function notInstalled({ systemNamespace }: MeshFacts): Check {
  return wrong(
    'control plane',
    `nothing of the mesh runs in namespace ${systemNamespace}`,
    'Install it (ambientctl install), or say where it is (-i).',
  );
}

type Role = keyof typeof labelOf;

/** By the labels that the charts, and Istio's, give them. */
function podsOf({ world, systemNamespace }: Pick<MeshFacts, 'world' | 'systemNamespace'>, role: Role): readonly Pod[] {
  const [label = '', value = ''] = labelOf[role].split('=');
  return [...world.objects.pods.values()].filter(
    (pod) =>
      pod.meta.labels[label] === value && !isOver(pod) && !pod.deleting && (role === 'waypoint' || pod.meta.namespace === systemNamespace),
  );
}

export function judgeControlPlane(facts: MeshFacts): readonly Check[] {
  const pods = podsOf(facts, 'controlPlane');
  const ready = pods.filter((pod) => pod.ready);
  const advice = `kubectl -n ${facts.systemNamespace} describe pods -l ${labelOf.controlPlane} says why.`;
  if (pods.length === 0)
    return [
      wrong(
        'control plane',
        `no control plane runs in namespace ${facts.systemNamespace}`,
        'Install the chart istiod-lite, or say where it is (-i).',
      ),
    ];
  if (ready.length === 0) return [wrong('control plane', `none of ${counted(pods.length, 'pod')} of the control plane is ready`, advice)];
  if (ready.length < pods.length)
    return [warning('control plane', `${ready.length} of ${pods.length} pods of the control plane are ready`, advice)];
  return [ok('control plane', `the control plane is ready (${counted(pods.length, 'pod')})`)];
}

/** @param nodes that the cluster has */
export function judgeNodePrograms(facts: MeshFacts, nodes: Found<readonly object[]>): readonly Check[] {
  const names =
    'found' in nodes
      ? nodes.found
          .map(objectOf)
          .filter(isReady)
          .map(({ metadata }) => textOf(objectOf(metadata).name))
      : [];
  return [...everywhere(facts, 'nodeAgent', 'node agent', names), ...everywhere(facts, 'ztunnel', 'ztunnel', names)];
}

/** A node without pods of the mesh may be meant to be without it. */
function everywhere(facts: MeshFacts, role: Role, called: string, nodes: readonly string[]): readonly Check[] {
  const pods = podsOf(facts, role);
  const served = new Set(pods.filter(({ ready }) => ready).map(({ node }) => node));
  const inUse = new Set(membersToBe(facts.world).map(({ node }) => node));
  const lacking = nodes.filter((node) => !served.has(node));
  if (lacking.length === 0) return [ok('nodes', `a ${called} is ready on each of ${counted(nodes.length, 'node')}`)];
  return each(
    lacking,
    (node) => {
      const there = pods.find((pod) => pod.node === node);
      const text =
        there === undefined ? `node ${node} has no ${called}` : `the ${called} of node ${node} (${there.meta.name}) is not ready`;
      const advice =
        there === undefined
          ? 'Does a taint or a node selector keep its DaemonSet away?'
          : `kubectl -n ${facts.systemNamespace} describe pod ${there.meta.name} says why.`;
      return inUse.has(node) || there !== undefined ? wrong('nodes', text, advice) : warning('nodes', text, advice);
    },
    (more) => wrong('nodes', `${counted(more, 'more node')} without a ready ${called}`, 'See the nodes above.'),
  );
}

/** While an upgrade goes on there are two. */
export function judgeVersions(facts: MeshFacts): readonly Check[] {
  const versions = new Map<string, string[]>();
  const images = new Map(facts.world.written.map(({ subject, raw }) => [`${subject.kind} ${keyOf(subject)}`, imageOf(raw)]));
  for (const role of ['controlPlane', 'nodeAgent', 'ztunnel', 'waypoint'] as const)
    for (const pod of podsOf(facts, role)) {
      const version = tagOf(images.get(`Pod ${keyOf(pod.meta)}`) ?? '') || (pod.meta.labels['app.kubernetes.io/version'] ?? '');
      if (version !== '') versions.set(version, [...(versions.get(version) ?? []), pod.meta.name]);
    }
  const [first, ...others] = versions.keys();
  if (first === undefined) return [];
  if (others.length === 0) return [ok('proxies', `all programs of the mesh are of version ${first}`)];
  const said = [...versions].map(([version, pods]) => `${version} (${someOf(pods)})`);
  return [
    warning(
      'proxies',
      `programs of the mesh are of ${versions.size} versions: ${said.join('; ')}`,
      'Finish the upgrade, or go back: ambientctl upgrade.',
    ),
  ];
}

const imageOf = ({ spec }: RawObject): string => textOf(objectsOf(objectOf(spec).containers)[0]?.image);
/** Registries have ports, and images digests. */
const tagOf = (image: string): string => /:([^/:@]+)(@.*)?$/.exec(image)?.[1] ?? '';

/** Longer than any push takes. */
const staleAfterSeconds = 60;

export function judgeClients(facts: MeshFacts): readonly Check[] {
  const { clients, proxies } = facts;
  // That there is none has been said.
  if (podsOf(facts, 'controlPlane').length === 0) return [];
  if ('why' in clients)
    return [warning('proxies', `the control plane does not say what it sent: ${clients.why}`, 'Look with ambientctl proxy-status.')];
  const known = new Set(clients.found.map(({ name }) => name));
  const lost = proxies.filter(({ pod }) => !known.has(`${pod.name}.${pod.namespace}`));
  const refusing = clients.found.filter(({ types }) => Object.values(types).some(({ state }) => state === 'NACKED'));
  const stale = clients.found.filter(({ types }) =>
    Object.values(types).some(({ state, ageSeconds = 0 }) => state === 'STALE' && ageSeconds > staleAfterSeconds),
  );
  const troubles = [
    ...lost.map(({ pod }) =>
      wrong(
        'proxies',
        `${pod.namespace}/${pod.name} has no stream from the control plane: it goes on with what it knew`,
        'See its log for why it cannot connect to istiod.',
      ),
    ),
    ...refusing.map(({ name, types }) => {
      const why = Object.values(types).flatMap(({ refusal }) => refusal ?? []);
      return wrong(
        'proxies',
        `${name} refused what it was sent: ${why.join('; ')}`,
        'Programs of different versions? Otherwise this is a bug: ambientctl bug-report.',
      );
    }),
    ...stale.map(({ name }) =>
      warning(
        'proxies',
        `${name} has not taken what it was sent over a minute ago`,
        'Is its node overloaded? ambientctl proxy-status shows it.',
      ),
    ),
  ];
  return troubles.length > 0
    ? troubles
    : [ok('proxies', `${counted(known.size, 'proxy').replace('proxys', 'proxies')} took what the control plane sent`)];
}
