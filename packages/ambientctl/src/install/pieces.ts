// The pieces of an installed mesh as a cluster holds them: what charts and manifests have made, by their label, and what the programs themselves have
// made, by their hand. Used by uninstall. Objects of others are never among them, whatever their names.
import type { KubeClient } from '@ambient-mesh/kube/client';
import { statusOf } from '@ambient-mesh/kube/errors';
import { type Key, type Kind, keyText } from '@ambient-mesh/kube/kind';
import { objectOf, objectsOf, type RawObject, textOf } from '@ambient-mesh/kube/raw';

const ours = ['app.kubernetes.io/part-of', 'ambient-mesh'] as const;

export interface Piece extends Key {
  readonly kind: Kind<unknown>;
  readonly labels: RawObject;
  /** Of helm, when helm has made it. */
  readonly release: Key | undefined;
}

export const pieceText = ({ kind, ...key }: Piece): string => `${kind.kind.toLowerCase()} ${keyText(key)}`;

type Place = Omit<Kind<unknown>, 'narrow'>;
const place = (api: string, plural: string, kind: string, namespaced = true): Place => {
  const [version = '', group = ''] = api.split('/').reverse();
  return { group, version, plural, kind, namespaced };
};

/** Programs first and what they stand on last, so that the node agent can still look around when it is stopped. */
const programs = [place('apps/v1', 'daemonsets', 'DaemonSet'), place('apps/v1', 'deployments', 'Deployment')];
const foundations = [
  place('autoscaling/v2', 'horizontalpodautoscalers', 'HorizontalPodAutoscaler'),
  place('policy/v1', 'poddisruptionbudgets', 'PodDisruptionBudget'),
  place('networking.k8s.io/v1', 'networkpolicies', 'NetworkPolicy'),
  place('monitoring.coreos.com/v1', 'servicemonitors', 'ServiceMonitor'),
  place('monitoring.coreos.com/v1', 'podmonitors', 'PodMonitor'),
  place('monitoring.coreos.com/v1', 'prometheusrules', 'PrometheusRule'),
  place('k8s.cni.cncf.io/v1', 'network-attachment-definitions', 'NetworkAttachmentDefinition'),
  place('v1', 'services', 'Service'),
  place('v1', 'configmaps', 'ConfigMap'),
  place('v1', 'resourcequotas', 'ResourceQuota'),
  place('rbac.authorization.k8s.io/v1', 'rolebindings', 'RoleBinding'),
  place('rbac.authorization.k8s.io/v1', 'roles', 'Role'),
  place('rbac.authorization.k8s.io/v1', 'clusterrolebindings', 'ClusterRoleBinding', false),
  place('rbac.authorization.k8s.io/v1', 'clusterroles', 'ClusterRole', false),
  place('v1', 'serviceaccounts', 'ServiceAccount'),
];
const pods = place('v1', 'pods', 'Pod');
const definitions = place('apiextensions.k8s.io/v1', 'customresourcedefinitions', 'CustomResourceDefinition', false);

/** DaemonSets and Deployments of the charts. Waypoints have other labels: the control plane has made them. */
export const findPrograms = (client: KubeClient, signal: AbortSignal): Promise<readonly Piece[]> => labelled(client, programs, signal);
export const findFoundations = (client: KubeClient, signal: AbortSignal): Promise<readonly Piece[]> =>
  labelled(client, foundations, signal);
/** Pods of the programs; they may outlive them by what is left to drain. */
export const findPods = (client: KubeClient, signal: AbortSignal): Promise<readonly Piece[]> => labelled(client, [pods], signal);
/** With a definition go all objects of its kind. */
export const findDefinitions = (client: KubeClient, signal: AbortSignal): Promise<readonly Piece[]> =>
  labelled(client, [definitions], signal);

interface Sign {
  /** The field manager that wrote it. */
  readonly hand?: string;
  readonly labelSelector?: string;
}

/** Roots in every namespace, the lock of the leader, classes of Gateways. Others write objects of these names too: the hand that wrote them counts. */
export async function findTraces(client: KubeClient, signal: AbortSignal): Promise<readonly Piece[]> {
  const made = async (at: Place, name: RegExp, { hand, labelSelector }: Sign = {}): Promise<readonly Piece[]> => {
    const isOurs = (metadata: RawObject): boolean =>
      name.test(textOf(metadata.name)) && (hand === undefined || objectsOf(metadata.managedFields).some(({ manager }) => manager === hand));
    return find(client, at, isOurs, { signal, ...(labelSelector !== undefined && { labelSelector }) });
  };
  const found = await Promise.all([
    made(place('v1', 'configmaps', 'ConfigMap'), /^istio-ca-root-cert$/, {
      hand: 'istiod-lite-root-cert',
      labelSelector: 'istio.io/config=true',
    }),
    made(place('coordination.k8s.io/v1', 'leases', 'Lease'), /^istiod-lite-leader/),
    made(place('gateway.networking.k8s.io/v1', 'gatewayclasses', 'GatewayClass', false), /^istio-(waypoint|remote)$/, {
      hand: 'istio.io/gateway-controller',
    }),
  ]);
  return found.flat();
}

/** The root of the mesh with its key: whoever still believes in it will not believe in the next one. */
export const rootSecret = (namespace: string): Piece => ({
  kind: withNarrow(place('v1', 'secrets', 'Secret')),
  namespace,
  name: 'istio-ca-secret',
  labels: {},
  release: undefined,
});

/** False when it was gone already. */
export const removePiece = (client: KubeClient, { kind, namespace, name }: Piece, signal: AbortSignal): Promise<boolean> =>
  client.remove(kind, { namespace, name }, { signal });

const withNarrow = (at: Place): Kind<unknown> => ({ ...at, narrow: (raw) => raw });

async function labelled(client: KubeClient, places: readonly Place[], signal: AbortSignal): Promise<readonly Piece[]> {
  const [label, value] = ours;
  const isOurs = ({ labels }: RawObject): boolean => objectOf(labels)[label] === value;
  const found = await Promise.all(places.map((at) => find(client, at, isOurs, { labelSelector: `${label}=${value}`, signal })));
  return found.flat();
}

interface Search {
  readonly labelSelector?: string;
  readonly signal: AbortSignal;
}

/** Nothing of a kind that the cluster does not know. */
async function find(client: KubeClient, at: Place, isWanted: (metadata: RawObject) => boolean, search: Search): Promise<readonly Piece[]> {
  const { signal, ...selection } = search;
  const narrow = (raw: unknown): Piece | undefined => {
    const metadata = objectOf(objectOf(raw).metadata);
    return isWanted(metadata) ? pieceOf(at, metadata) : undefined;
  };
  const { items } = await client.list({ ...at, narrow }, selection, { signal }).catch((e: unknown) => {
    if (statusOf(e) === 404) return { items: [] };
    throw e;
  });
  return items;
}

function pieceOf(at: Place, { namespace, name, labels, annotations }: RawObject): Piece {
  const notes = objectOf(annotations);
  const release = textOf(notes['meta.helm.sh/release-name']);
  return {
    kind: withNarrow(at),
    namespace: textOf(namespace),
    name: textOf(name),
    labels: objectOf(labels),
    release: release === '' ? undefined : { namespace: textOf(notes['meta.helm.sh/release-namespace']), name: release },
  };
}
