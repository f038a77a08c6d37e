// The kinds that the API serves without anybody defining them, as one table.
// Used by registry.ts; what the server does to their objects is strategies.ts, their columns are tables/.
import { builtinSchema } from '../schema/builtin.ts';
import type { ScalePaths, ServedKind } from '../served-kind.ts';

/** `create` only: a question that is answered and not stored. */
export interface BuiltinKind extends ServedKind {
  readonly isReview: boolean;
  /** The resource under which objects are kept, where that is not its own name. */
  readonly storedUnder?: string;
}

type Mark = 'cluster' | 'status' | 'all' | 'review';

const podSelectorScale: ScalePaths = {
  specReplicasPath: '.spec.replicas',
  statusReplicasPath: '.status.replicas',
  labelSelectorPath: '.status.selector',
};

function kind(apiVersion: string, name: string, plural: string, shortNames: string, ...marks: readonly Mark[]): BuiltinKind {
  const [version = '', group = ''] = apiVersion.split('/').reverse();
  const schema = builtinSchema(group, name);
  if (schema === undefined) throw new TypeError(`no schema for ${apiVersion} ${name}`);
  return {
    group,
    version,
    kind: name,
    plural,
    singular: name.toLowerCase(),
    shortNames: shortNames === '' ? [] : shortNames.split(' '),
    categories: marks.includes('all') ? ['all'] : [],
    namespaced: !marks.includes('cluster'),
    schema,
    hasStatus: marks.includes('status'),
    ...(scaled.has(plural) ? { scale: podSelectorScale } : {}),
    printerColumns: [],
    storage: true,
    isReview: marks.includes('review'),
  };
}

const scaled: ReadonlySet<string> = new Set(['deployments', 'replicasets', 'statefulsets']);

/** In the order in which discovery lists groups. */
export const builtinKinds: readonly BuiltinKind[] = [
  kind('v1', 'ConfigMap', 'configmaps', 'cm'),
  kind('v1', 'Endpoints', 'endpoints', 'ep'),
  kind('v1', 'Event', 'events', 'ev'),
  kind('v1', 'Namespace', 'namespaces', 'ns', 'cluster', 'status'),
  kind('v1', 'Node', 'nodes', 'no', 'cluster', 'status'),
  kind('v1', 'Pod', 'pods', 'po', 'status', 'all'),
  kind('v1', 'Secret', 'secrets', ''),
  kind('v1', 'ServiceAccount', 'serviceaccounts', 'sa'),
  kind('v1', 'Service', 'services', 'svc', 'status', 'all'),
  kind('apps/v1', 'ControllerRevision', 'controllerrevisions', ''),
  kind('apps/v1', 'DaemonSet', 'daemonsets', 'ds', 'status', 'all'),
  kind('apps/v1', 'Deployment', 'deployments', 'deploy', 'status', 'all'),
  kind('apps/v1', 'ReplicaSet', 'replicasets', 'rs', 'status', 'all'),
  kind('apps/v1', 'StatefulSet', 'statefulsets', 'sts', 'status', 'all'),
  { ...kind('events.k8s.io/v1', 'Event', 'events', 'ev'), storage: false, storedUnder: 'events' },
  kind('authentication.k8s.io/v1', 'SelfSubjectReview', 'selfsubjectreviews', '', 'cluster', 'review'),
  kind('authentication.k8s.io/v1', 'TokenReview', 'tokenreviews', '', 'cluster', 'review'),
  kind('authorization.k8s.io/v1', 'LocalSubjectAccessReview', 'localsubjectaccessreviews', '', 'review'),
  kind('authorization.k8s.io/v1', 'SelfSubjectAccessReview', 'selfsubjectaccessreviews', '', 'cluster', 'review'),
  kind('authorization.k8s.io/v1', 'SelfSubjectRulesReview', 'selfsubjectrulesreviews', '', 'cluster', 'review'),
  kind('authorization.k8s.io/v1', 'SubjectAccessReview', 'subjectaccessreviews', '', 'cluster', 'review'),
  kind('autoscaling/v2', 'HorizontalPodAutoscaler', 'horizontalpodautoscalers', 'hpa', 'status', 'all'),
  kind('batch/v1', 'CronJob', 'cronjobs', 'cj', 'status', 'all'),
  kind('batch/v1', 'Job', 'jobs', '', 'status', 'all'),
  kind('networking.k8s.io/v1', 'NetworkPolicy', 'networkpolicies', 'netpol'),
  kind('policy/v1', 'PodDisruptionBudget', 'poddisruptionbudgets', 'pdb', 'status'),
  kind('rbac.authorization.k8s.io/v1', 'ClusterRoleBinding', 'clusterrolebindings', '', 'cluster'),
  kind('rbac.authorization.k8s.io/v1', 'ClusterRole', 'clusterroles', '', 'cluster'),
  kind('rbac.authorization.k8s.io/v1', 'RoleBinding', 'rolebindings', ''),
  kind('rbac.authorization.k8s.io/v1', 'Role', 'roles', ''),
  kind('admissionregistration.k8s.io/v1', 'MutatingWebhookConfiguration', 'mutatingwebhookconfigurations', '', 'cluster'),
  kind('admissionregistration.k8s.io/v1', 'ValidatingWebhookConfiguration', 'validatingwebhookconfigurations', '', 'cluster'),
  {
    ...kind('apiextensions.k8s.io/v1', 'CustomResourceDefinition', 'customresourcedefinitions', 'crd crds', 'cluster', 'status'),
    categories: ['api-extensions'],
  },
  kind('scheduling.k8s.io/v1', 'PriorityClass', 'priorityclasses', 'pc', 'cluster'),
  kind('coordination.k8s.io/v1', 'Lease', 'leases', ''),
  kind('discovery.k8s.io/v1', 'EndpointSlice', 'endpointslices', ''),
];

/** Kinds whose metadata.generation counts changes of the specification. Custom kinds all do. */
export const builtinsWithGeneration: ReadonlySet<string> = new Set([
  'daemonsets.apps',
  'deployments.apps',
  'replicasets.apps',
  'statefulsets.apps',
  'cronjobs.batch',
  'jobs.batch',
  'networkpolicies.networking.k8s.io',
  'poddisruptionbudgets.policy',
  'priorityclasses.scheduling.k8s.io',
  'customresourcedefinitions.apiextensions.k8s.io',
  'endpointslices.discovery.k8s.io',
  'mutatingwebhookconfigurations.admissionregistration.k8s.io',
  'validatingwebhookconfigurations.admissionregistration.k8s.io',
]);
