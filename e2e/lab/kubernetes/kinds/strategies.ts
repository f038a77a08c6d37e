// What the server itself does to objects of single kinds: what it fills in on creation and keeps on replacement.
// Called by write/ before validation. Kinds that are not listed are taken as they come.
import type { Cluster } from '../cluster.ts';
import { timestamp } from '../cluster.ts';
import { servedKinds } from '../crd/served.ts';
import { listAt, mapAt, textAt } from '../object.ts';
import { isObject, type Json, type JsonObject, type KubeObject } from '../patch/json.ts';
import { prepareNewPod } from './pod-defaults.ts';
import { crdResource } from './registry.ts';

export interface Strategy {
  /** Turns what a client wrote into what is kept, before anything else looks at it. */
  readonly read?: (sent: KubeObject) => void;
  /** Completes a new object, which is valid and which nobody else holds. */
  readonly create?: (fresh: KubeObject, cluster: Cluster) => void;
  /** Completes a replacement of `current`. */
  readonly replace?: (next: KubeObject, current: Readonly<KubeObject>, cluster: Cluster) => void;
  /** Whoever creates one says what its status is. Default false: it starts empty. */
  readonly statusOnCreate?: boolean;
  /** Deletion answers with the object rather than with a Status. */
  readonly answersDeleted?: boolean;
}

const strategies: Readonly<Record<string, Strategy>> = {
  pods: { create: prepareNewPod, answersDeleted: true },
  nodes: { statusOnCreate: true },
  serviceaccounts: { answersDeleted: true },
  namespaces: {
    read: ({ metadata }) => {
      metadata.labels = { ...metadata.labels, 'kubernetes.io/metadata.name': metadata.name ?? '' };
    },
    create: (fresh) => {
      fresh.spec = { finalizers: ['kubernetes'] };
      fresh.status = { phase: 'Active' };
    },
    replace: (next, current) => {
      next.spec = structuredClone(current.spec ?? {});
    },
  },
  services: {
    create: (fresh, { serviceAddresses }) => {
      serviceAddresses.assign(fresh);
      fresh.status = { loadBalancer: {} };
    },
    replace: (next, current, { serviceAddresses }) => serviceAddresses.assign(next, current),
    answersDeleted: true,
  },
  secrets: { read: foldSecret },
  'poddisruptionbudgets.policy': {
    create: (fresh) => {
      fresh.status = { disruptionsAllowed: 0, currentHealthy: 0, desiredHealthy: 0, expectedPods: 0 };
    },
  },
  'jobs.batch': { create: labelJob },
  [crdResource]: { create: acceptDefinition, replace: (next, _current, cluster) => acceptDefinition(next, cluster) },
};

export const strategyOf = (stored: string): Strategy => strategies[stored] ?? {};

/** `stringData` is written, never read. */
function foldSecret(secret: KubeObject): void {
  const { stringData, data, ...rest } = secret;
  if (stringData === undefined) return;
  const encoded = Object.entries(mapAt(stringData)).map(([key, text]) => [key, Buffer.from(String(text)).toString('base64')]);
  for (const key of Object.keys(secret)) delete secret[key];
  Object.assign(secret, rest, { data: { ...mapAt(data), ...Object.fromEntries(encoded) } });
}

/** A job without a selector of its own finds its pods by its uid. */
function labelJob(job: KubeObject): void {
  const spec = isObject(job.spec) ? job.spec : {};
  spec.manualSelector ??= false;
  spec.podReplacementPolicy ??= 'TerminatingOrFailed';
  if (spec.manualSelector === true || !isObject(spec.template)) return;
  const { uid = '', name = '' } = job.metadata;
  const metadata: JsonObject = isObject(spec.template.metadata) ? spec.template.metadata : {};
  const labels = {
    'batch.kubernetes.io/controller-uid': uid,
    'batch.kubernetes.io/job-name': name,
    'controller-uid': uid,
    'job-name': name,
  };
  metadata.labels = { ...mapAt(metadata.labels), ...labels };
  spec.template.metadata = metadata;
  job.metadata.labels ??= labels;
  spec.selector ??= { matchLabels: { 'batch.kubernetes.io/controller-uid': uid } };
}

/** A definition is in force at once: names accepted, established. @throws StatusError when it cannot be served. */
function acceptDefinition(definition: KubeObject, { clock }: Cluster): void {
  servedKinds(definition);
  const spec = isObject(definition.spec) ? definition.spec : {};
  const names = isObject(spec.names) ? spec.names : {};
  const kind = textAt(names, 'kind') ?? '';
  names.singular ??= kind.toLowerCase();
  names.listKind ??= `${kind}List`;
  spec.conversion ??= { strategy: 'None' };
  const status = mapAt(definition.status);
  const storage = listAt(spec, 'versions').find((version) => mapAt(version).storage === true);
  const storedVersions = new Set([...listAt(status, 'storedVersions'), textAt(storage, 'name') ?? '']);
  definition.status = {
    ...status,
    acceptedNames: structuredClone(names),
    storedVersions: [...storedVersions],
    conditions: conditionsOf(listAt(status, 'conditions'), timestamp(clock)),
  };
}

function conditionsOf(had: readonly Json[], now: string): Json[] {
  const since = (type: string): string =>
    textAt(
      had.find((each) => mapAt(each).type === type),
      'lastTransitionTime',
    ) ?? now;
  const condition = (type: string, reason: string, message: string): JsonObject => ({
    lastTransitionTime: since(type),
    message,
    reason,
    status: 'True',
    type,
  });
  return [
    condition('NamesAccepted', 'NoConflicts', 'no conflicts found'),
    condition('Established', 'InitialNamesAccepted', 'the initial names have been accepted'),
  ];
}
