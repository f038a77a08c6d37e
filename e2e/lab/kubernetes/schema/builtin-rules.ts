// What Kubernetes demands of its own kinds beyond their schemas: selectors that match, fields that never change, names and ports.
// Called by validate.ts. Pods are in pod-rules.ts; only what users of the lab can get wrong is here, in the words they would read.
import { equal, isObject, type Json, type JsonObject, type KubeObject, own } from '../patch/json.ts';
import { groupOf } from './builtin.ts';
import { duplicate, type FieldError, forbidden, invalid, required, unsupported } from './field-error.ts';
import { checkLabels, dnsLabel } from './metadata.ts';
import { checkPodSpec, checkPodUpdate, checkPortNumber } from './pod-rules.ts';

type Rules = (object: KubeObject, old: Readonly<KubeObject> | undefined) => FieldError[];

export function builtinRules(object: KubeObject, old: Readonly<KubeObject> | undefined): FieldError[] {
  const id = `${groupOf(object.apiVersion)}/${object.kind}`;
  return Object.hasOwn(rules, id) ? (rules[id]?.(object, old) ?? []) : [];
}

const rules: Readonly<Record<string, Rules>> = {
  '/Pod': (pod, old) => [
    ...checkPodSpec(part(pod, 'spec'), 'spec'),
    ...(old === undefined ? [] : checkPodUpdate(part(pod, 'spec'), part(old, 'spec'))),
  ],
  '/Service': checkService,
  '/ConfigMap': (object, old) => [...dataKeys(object, 'data'), ...dataKeys(object, 'binaryData'), ...frozen(object, old)],
  '/Secret': (object, old) => [
    ...dataKeys(object, 'data'),
    ...frozen(object, old),
    ...(old !== undefined && !equal(object.type, old.type) ? [immutable('type', object.type)] : []),
  ],
  'apps/Deployment': (object, old) => checkWorkload(object, old, 'deployment'),
  'apps/ReplicaSet': (object, old) => checkWorkload(object, old, 'replicaset'),
  'apps/DaemonSet': (object, old) => checkWorkload(object, old, 'daemonset'),
  'apps/StatefulSet': (object, old) => [...checkWorkload(object, old, 'statefulset'), ...checkStatefulUpdate(object, old)],
  'batch/Job': (object, old) => {
    const template = part(part(object, 'spec'), 'template');
    const changed = old !== undefined && !equal(template, part(part(old, 'spec'), 'template'));
    return [...checkJobTemplate(template, 'spec.template'), ...(changed ? [immutable('spec.template', template)] : [])];
  },
  'batch/CronJob': (object) => {
    const template = part(part(part(part(object, 'spec'), 'jobTemplate'), 'spec'), 'template');
    return checkJobTemplate(template, 'spec.jobTemplate.spec.template');
  },
  'autoscaling/HorizontalPodAutoscaler': ({ spec }) => {
    if (!isObject(spec) || Number(spec.maxReplicas) >= Number(spec.minReplicas)) return [];
    return [invalid('spec.maxReplicas', spec.maxReplicas, 'must be greater than or equal to `minReplicas`')];
  },
  'rbac.authorization.k8s.io/RoleBinding': checkRoleRef,
  'rbac.authorization.k8s.io/ClusterRoleBinding': checkRoleRef,
  'discovery.k8s.io/EndpointSlice': (object, old) =>
    old !== undefined && !equal(object.addressType, old.addressType) ? [immutable('addressType', object.addressType)] : [],
};

const part = (object: JsonObject, key: string): JsonObject => {
  const value = own(object, key);
  return isObject(value) ? value : {};
};
const immutable = (path: string, value: Json | undefined): FieldError => invalid(path, value, 'field is immutable');

function checkRoleRef(object: KubeObject, old: Readonly<KubeObject> | undefined): FieldError[] {
  return old !== undefined && !equal(object.roleRef, old.roleRef) ? [invalid('roleRef', object.roleRef, 'cannot change roleRef')] : [];
}

function dataKeys(object: KubeObject, field: string): FieldError[] {
  const words =
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
  const wrong = Object.keys(part(object, field)).filter((key) => !/^[-._a-zA-Z0-9]{1,253}$/.test(key) || key === '.' || key === '..');
  return wrong.map((key) => invalid(`${field}[${key}]`, key, words));
}

function frozen(object: KubeObject, old: Readonly<KubeObject> | undefined): FieldError[] {
  if (old?.immutable !== true) return [];
  const words = 'field is immutable when `immutable` is set';
  const changed = ['data', 'binaryData', 'immutable'].filter((field) => !equal(object[field], old[field]));
  return changed.map((field) => forbidden(field, words));
}

function checkWorkload(object: KubeObject, old: Readonly<KubeObject> | undefined, name: string): FieldError[] {
  const spec = part(object, 'spec');
  const template = part(spec, 'template');
  const restartPolicy = own(part(template, 'spec'), 'restartPolicy');
  const changed = old !== undefined && !equal(spec.selector, part(old, 'spec').selector);
  return [
    ...checkSelector(spec, template, name),
    ...(changed ? [immutable('spec.selector', spec.selector)] : []),
    ...checkTemplate(template, 'spec.template'),
    ...(restartPolicy === undefined || restartPolicy === 'Always'
      ? []
      : [unsupported('spec.template.spec.restartPolicy', restartPolicy, ['Always'])]),
  ];
}

function checkSelector(spec: JsonObject, template: JsonObject, name: string): FieldError[] {
  const { selector } = spec;
  const labels = own(part(template, 'metadata'), 'labels');
  const mismatch = invalid('spec.template.metadata.labels', labels, '`selector` does not match template `labels`');
  if (!isObject(selector)) return spec.template === undefined ? [] : [mismatch];
  const isEmpty = Object.keys(part(selector, 'matchLabels')).length === 0 && !Array.isArray(selector.matchExpressions);
  const emptiness = isEmpty ? [invalid('spec.selector', selector, `empty selector is invalid for ${name}`)] : [];
  const matches = name === 'replicaset' && spec.template === undefined ? true : selects(selector, isObject(labels) ? labels : {});
  return [...emptiness, ...checkLabels(selector.matchLabels, 'spec.selector'), ...(isEmpty || matches ? [] : [mismatch])];
}

function selects(selector: JsonObject, labels: JsonObject): boolean {
  const byLabels = Object.entries(part(selector, 'matchLabels')).every(([key, value]) => own(labels, key) === value);
  const expressions = Array.isArray(selector.matchExpressions) ? selector.matchExpressions.filter(isObject) : [];
  return byLabels && expressions.every((expression) => holds(expression, own(labels, String(expression.key))));
}

function holds({ operator, values }: JsonObject, value: Json | undefined): boolean {
  const listed = value !== undefined && Array.isArray(values) && values.includes(value);
  if (operator === 'In') return listed;
  if (operator === 'NotIn') return !listed;
  return (operator === 'Exists') === (value !== undefined);
}

function checkTemplate(template: JsonObject, path: string): FieldError[] {
  return [
    ...checkLabels(part(template, 'metadata').labels, `${path}.metadata.labels`),
    ...checkPodSpec(part(template, 'spec'), `${path}.spec`),
  ];
}

function checkJobTemplate(template: JsonObject, path: string): FieldError[] {
  const restartPolicy = own(part(template, 'spec'), 'restartPolicy');
  const runsForever = restartPolicy === 'Always' ? [required(`${path}.spec.restartPolicy`, 'valid values: "OnFailure", "Never"')] : [];
  return [...checkTemplate(template, path), ...runsForever];
}

const mayChange = [
  'replicas',
  'ordinals',
  'template',
  'updateStrategy',
  'revisionHistoryLimit',
  'persistentVolumeClaimRetentionPolicy',
  'minReadySeconds',
];

function checkStatefulUpdate(object: KubeObject, old: Readonly<KubeObject> | undefined): FieldError[] {
  if (old === undefined) return [];
  const fixed = (spec: JsonObject): JsonObject => Object.fromEntries(Object.entries(spec).filter(([key]) => !mayChange.includes(key)));
  if (equal(fixed(part(object, 'spec')), fixed(part(old, 'spec')))) return [];
  const listed = `'${mayChange.slice(0, -1).join("', '")}' and '${mayChange.at(-1)}'`;
  return [forbidden('spec', `updates to statefulset spec for fields other than ${listed} are forbidden`)];
}

function checkService(object: KubeObject, old: Readonly<KubeObject> | undefined): FieldError[] {
  const spec = part(object, 'spec');
  const ports = Array.isArray(spec.ports) ? spec.ports.filter(isObject) : [];
  const before = old && part(old, 'spec');
  const needsPorts = spec.clusterIP !== 'None' && spec.type !== 'ExternalName' && ports.length === 0;
  const moved =
    before?.clusterIP !== undefined && before.clusterIP !== '' && spec.type === before.type && spec.clusterIP !== before.clusterIP;
  return [
    ...(needsPorts ? [required('spec.ports')] : []),
    ...(spec.type === 'ExternalName' && !spec.externalName ? [required('spec.externalName')] : []),
    ...ports.flatMap((port, i) => checkServicePort(port, `spec.ports[${i}]`, ports.slice(0, i), ports.length)),
    ...checkLabels(spec.selector, 'spec.selector'),
    ...(moved ? [invalid('spec.clusterIPs[0]', [spec.clusterIP ?? null], 'may not change once set')] : []),
  ];
}

function checkServicePort(port: JsonObject, path: string, earlier: readonly JsonObject[], count: number): FieldError[] {
  const { name } = port;
  const wrongName = typeof name === 'string' && name !== '' ? dnsLabel(name) : undefined;
  const same = earlier.some((other) => other.port === port.port && other.protocol === port.protocol);
  const identity = { Name: '', Protocol: port.protocol ?? null, AppProtocol: null, Port: port.port ?? null, TargetPort: 0, NodePort: 0 };
  return [
    ...(!name && count > 1 ? [required(`${path}.name`)] : []),
    ...(wrongName === undefined ? [] : [invalid(`${path}.name`, name, wrongName)]),
    ...(name && earlier.some((other) => other.name === name) ? [duplicate(`${path}.name`, name)] : []),
    ...checkPortNumber(port.port, `${path}.port`),
    ...(typeof port.targetPort === 'number' ? checkPortNumber(port.targetPort, `${path}.targetPort`) : []),
    ...(same ? [duplicate(path, identity)] : []),
  ];
}
