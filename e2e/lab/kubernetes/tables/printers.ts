// The columns of built-in kinds, as the API server's own printers lay them out. A printer per kind, by group and kind.
// Used by table.ts. Kinds that are not here show NAME and AGE, like the real ones.
import { listAt, mapAt, numberAt, textAt } from '../object.ts';
import type { Json, KubeObject } from '../patch/json.ts';
import { ageOf, humanDuration } from './age.ts';
import { columns, containerCells, labelsText, nameOf, orNone, selectorText } from './cells.ts';
import { networkPrinters } from './network-printers.ts';
import { conditionOf, podSummary } from './pod-status.ts';
import type { Printer } from './printer.ts';

type Object = Readonly<KubeObject>;

const ageCell = ({ metadata }: Object, now: number): string => ageOf(metadata.creationTimestamp, now);
const count = (from: Json | undefined, ...path: readonly string[]): number => numberAt(from, ...path) ?? 0;
const members = (map: Json | undefined): number => Object.keys(mapAt(map)).length;

/** Name, what `cells` says, age. */
const plain = (names: readonly string[], cells: (object: Object) => readonly Json[]): Printer => ({
  columns: columns('Name', ...names, 'Age'),
  cells: (object, now) => [nameOf(object), ...cells(object), ageCell(object, now)],
});

const templateColumns = ['Wide:Containers', 'Wide:Images', 'Wide:Selector'];
const templateCells = (spec: Json | undefined): readonly Json[] => [
  ...containerCells(mapAt(spec).template),
  selectorText(mapAt(spec).selector),
];

const pod: Printer = {
  columns: columns('Name', 'Ready', 'Status', 'Restarts', 'Age', 'Wide:IP', 'Wide:Node', 'Wide:Nominated Node', 'Wide:Readiness Gates'),
  cells: (object, now) => {
    const { ready, status, restarts } = podSummary(object, now);
    const gates = listAt(object.spec, 'readinessGates');
    const open = gates.filter((gate) => conditionOf(object, textAt(gate, 'conditionType') ?? '') === 'True');
    return [
      nameOf(object),
      ready,
      status,
      restarts,
      ageCell(object, now),
      orNone(textAt(listAt(object.status, 'podIPs')[0], 'ip') ?? ''),
      orNone(textAt(object.spec, 'nodeName') ?? ''),
      orNone(textAt(object.status, 'nominatedNodeName') ?? ''),
      gates.length === 0 ? '<none>' : `${open.length}/${gates.length}`,
    ];
  },
};

const deployment: Printer = {
  columns: columns('Name', 'Ready', 'Up-to-date', 'Available', 'Age', ...templateColumns),
  cells: (object, now) => [
    nameOf(object),
    `${count(object.status, 'readyReplicas')}/${count(object.spec, 'replicas')}`,
    count(object.status, 'updatedReplicas'),
    count(object.status, 'availableReplicas'),
    ageCell(object, now),
    ...templateCells(object.spec),
  ],
};

const replicaSet: Printer = {
  columns: columns('Name', 'Desired#', 'Current#', 'Ready#', 'Age', ...templateColumns),
  cells: (object, now) => [
    nameOf(object),
    count(object.spec, 'replicas'),
    count(object.status, 'replicas'),
    count(object.status, 'readyReplicas'),
    ageCell(object, now),
    ...templateCells(object.spec),
  ],
};

const statefulSet: Printer = {
  columns: columns('Name', 'Ready', 'Age', 'Wide:Containers', 'Wide:Images'),
  cells: (object, now) => [
    nameOf(object),
    `${count(object.status, 'readyReplicas')}/${count(object.spec, 'replicas')}`,
    ageCell(object, now),
    ...containerCells(mapAt(object.spec).template),
  ],
};

const daemonSetCounts = ['desiredNumberScheduled', 'currentNumberScheduled', 'numberReady', 'updatedNumberScheduled', 'numberAvailable'];
const daemonSet: Printer = {
  columns: columns(...['Name', 'Desired#', 'Current#', 'Ready#', 'Up-to-date#', 'Available#', 'Node Selector', 'Age'], ...templateColumns),
  cells: (object, now) => [
    nameOf(object),
    ...daemonSetCounts.map((field) => count(object.status, field)),
    labelsText(mapAt(object.spec, 'template', 'spec').nodeSelector),
    ageCell(object, now),
    ...templateCells(object.spec),
  ],
};

function jobStatus(job: Object): string {
  const states = [
    ['Complete', 'Complete'],
    ['Failed', 'Failed'],
    ['', 'Terminating'],
    ['Suspended', 'Suspended'],
    ['FailureTarget', 'FailureTarget'],
    ['SuccessCriteriaMet', 'SuccessCriteriaMet'],
  ] as const;
  const holds = (type: string): boolean => (type === '' ? job.metadata.deletionTimestamp !== undefined : conditionOf(job, type) === 'True');
  return states.find(([type]) => holds(type))?.[1] ?? 'Running';
}

const job: Printer = {
  columns: columns('Name', 'Status', 'Completions', 'Duration', 'Age', ...templateColumns),
  cells: (object, now) => {
    const { completions, parallelism = 0 } = mapAt(object.spec);
    const done = count(object.status, 'succeeded');
    const started = Date.parse(textAt(object.status, 'startTime') ?? '');
    const ended = Date.parse(textAt(object.status, 'completionTime') ?? '');
    return [
      nameOf(object),
      jobStatus(object),
      typeof completions === 'number'
        ? `${done}/${completions}`
        : `${done}/1${Number(parallelism) > 1 ? ` of ${String(parallelism)}` : ''}`,
      Number.isNaN(started) ? '' : humanDuration((Number.isNaN(ended) ? now : ended) - started),
      ageCell(object, now),
      ...templateCells(object.spec),
    ];
  },
};

const cronJob: Printer = {
  columns: columns('Name', 'Schedule', 'Timezone', 'Suspend', 'Active#', 'Last Schedule', 'Age', ...templateColumns),
  cells: (object, now) => {
    const { schedule = '', timeZone = '<none>', suspend, jobTemplate } = mapAt(object.spec);
    const last = mapAt(object.status).lastScheduleTime;
    const suspended = suspend === true ? 'True' : suspend === false ? 'False' : '<unset>';
    const head = [nameOf(object), schedule, timeZone, suspended, listAt(object.status, 'active').length];
    return [...head, last === undefined ? '<none>' : ageOf(last, now), ageCell(object, now), ...templateCells(mapAt(jobTemplate).spec)];
  },
};

function nodeAddress({ status }: Object, type: string): string {
  return orNone(
    textAt(
      listAt(status, 'addresses').find((each) => mapAt(each).type === type),
      'address',
    ) ?? '',
  );
}

function nodeRoles({ metadata }: Object): string {
  const roles = Object.entries(metadata.labels ?? {}).flatMap(([key, value]) => {
    const role = key.startsWith('node-role.kubernetes.io/')
      ? key.slice('node-role.kubernetes.io/'.length)
      : key === 'kubernetes.io/role'
        ? value
        : '';
    return role === '' ? [] : [role];
  });
  return orNone([...new Set(roles)].sort().join(','));
}

const node: Printer = {
  columns: columns(
    ...['Name', 'Status', 'Roles', 'Age', 'Version'],
    ...['Wide:Internal-IP', 'Wide:External-IP', 'Wide:OS-Image', 'Wide:Kernel-Version', 'Wide:Container-Runtime'],
  ),
  cells: (object, now) => {
    const ready = conditionOf(object, 'Ready');
    const status = ready === undefined ? 'Unknown' : ready === 'True' ? 'Ready' : 'NotReady';
    const cordoned = mapAt(object.spec).unschedulable === true ? ',SchedulingDisabled' : '';
    const about = mapAt(object.status, 'nodeInfo');
    const known = (field: string): string => textAt(about, field) || '<unknown>';
    return [
      nameOf(object),
      status + cordoned,
      nodeRoles(object),
      ageCell(object, now),
      textAt(about, 'kubeletVersion') ?? '',
      nodeAddress(object, 'InternalIP'),
      nodeAddress(object, 'ExternalIP'),
      known('osImage'),
      known('kernelVersion'),
      known('containerRuntimeVersion'),
    ];
  },
};

const event: Printer = {
  columns: columns(
    ...['Last Seen', 'Type', 'Reason', 'Object', 'Wide:Subobject', 'Wide:Source', 'Message'],
    ...['Wide:First Seen', 'Wide:Count', 'Wide:Name'],
  ),
  cells: (object, now) => {
    const about = mapAt(object.involvedObject ?? object.regarding);
    const kind = String(about.kind ?? '').toLowerCase();
    const first = ageOf(object.firstTimestamp ?? object.deprecatedFirstTimestamp ?? object.eventTime, now);
    const series = mapAt(object.series);
    const last = series.lastObservedTime ?? object.lastTimestamp ?? object.deprecatedLastTimestamp;
    const source = mapAt(object.source ?? object.deprecatedSource);
    const component = source.component || object.reportingComponent || object.reportingController || '';
    const instance = source.host || object.reportingInstance || '';
    return [
      last === undefined || last === null ? first : ageOf(last, now),
      object.type ?? '',
      object.reason ?? '',
      about.name === undefined || about.name === '' ? kind : `${kind}/${String(about.name)}`,
      about.fieldPath ?? '',
      instance === '' ? component : `${String(component)}, ${String(instance)}`,
      String(object.message ?? object.note ?? '').trim(),
      first,
      String(series.count ?? (object.count || object.deprecatedCount || 1)),
      nameOf(object),
    ];
  },
};

const intOrStringText = (value: Json | undefined): string => (value === undefined ? 'N/A' : String(value));

/** `kind/name` of a reference. */
const reference = (to: Json | undefined): string => `${textAt(to, 'kind') ?? ''}/${textAt(to, 'name') ?? ''}`;

function binding(object: Object, now: number): readonly Json[] {
  const subjects = (kind: string): string =>
    listAt(object, 'subjects')
      .filter((each) => mapAt(each).kind === kind)
      .map((each) => (kind === 'ServiceAccount' ? `${textAt(each, 'namespace') ?? ''}/` : '') + (textAt(each, 'name') ?? ''))
      .join(', ');
  return [nameOf(object), reference(object.roleRef), ageCell(object, now), subjects('User'), subjects('Group'), subjects('ServiceAccount')];
}
const roleBinding: Printer = {
  columns: columns('Name', 'Role', 'Age', 'Wide:Users', 'Wide:Groups', 'Wide:ServiceAccounts'),
  cells: binding,
};

const definition: Printer = {
  columns: columns('Name', 'Created At'),
  cells: (object) => [nameOf(object), object.metadata.creationTimestamp ?? ''],
};
const role: Printer = { columns: definition.columns, cells: definition.cells };

const autoscaler: Printer = plain(['Reference', 'Targets', 'MinPods', 'MaxPods#', 'Replicas#'], ({ spec, status }) => [
  reference(mapAt(spec).scaleTargetRef),
  listAt(spec, 'metrics').length === 0 ? '<none>' : '<unknown>',
  String(mapAt(spec).minReplicas ?? '<unset>'),
  count(spec, 'maxReplicas'),
  count(status, 'currentReplicas'),
]);

export const printers: ReadonlyMap<string, Printer> = new Map<string, Printer>([
  ['/Pod', pod],
  ['/Node', node],
  ['/Event', event],
  ['events.k8s.io/Event', event],
  ['/Namespace', plain(['Status'], ({ status }) => [textAt(status, 'phase') ?? ''])],
  ['/Secret', plain(['Type', 'Data#'], ({ type = '', data }) => [type, members(data)])],
  ['/ServiceAccount', plain(['Secrets#'], ({ secrets }) => [listAt(secrets).length])],
  ['/ConfigMap', plain(['Data#'], ({ data, binaryData }) => [members(data) + members(binaryData)])],
  ['apps/Deployment', deployment],
  ['apps/ReplicaSet', replicaSet],
  ['apps/StatefulSet', statefulSet],
  ['apps/DaemonSet', daemonSet],
  ['batch/Job', job],
  ['batch/CronJob', cronJob],
  ['autoscaling/HorizontalPodAutoscaler', autoscaler],
  ['coordination.k8s.io/Lease', plain(['Holder'], ({ spec }) => [textAt(spec, 'holderIdentity') ?? ''])],
  [
    'policy/PodDisruptionBudget',
    plain(['Min Available', 'Max Unavailable', 'Allowed Disruptions#'], ({ spec, status }) => [
      intOrStringText(mapAt(spec).minAvailable),
      intOrStringText(mapAt(spec).maxUnavailable),
      count(status, 'disruptionsAllowed'),
    ]),
  ],
  ['rbac.authorization.k8s.io/Role', role],
  ['rbac.authorization.k8s.io/ClusterRole', role],
  ['rbac.authorization.k8s.io/RoleBinding', roleBinding],
  ['rbac.authorization.k8s.io/ClusterRoleBinding', roleBinding],
  ['apiextensions.k8s.io/CustomResourceDefinition', definition],
  ['admissionregistration.k8s.io/MutatingWebhookConfiguration', plain(['Webhooks#'], ({ webhooks }) => [listAt(webhooks).length])],
  ['admissionregistration.k8s.io/ValidatingWebhookConfiguration', plain(['Webhooks#'], ({ webhooks }) => [listAt(webhooks).length])],
  ...networkPrinters,
]);
