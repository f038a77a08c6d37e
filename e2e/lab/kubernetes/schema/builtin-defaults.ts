// Defaults of built-in kinds that depend on other fields; constant ones are in the schemas.
// Called by validate.ts, after the schema's defaults. What the server allocates or admits (kinds/strategies.ts) is not here.
import { isObject, type Json, type JsonObject, type KubeObject, own } from '../patch/json.ts';
import { groupOf } from './builtin.ts';

type Fill = (object: KubeObject) => KubeObject;

export function withComputedDefaults(object: KubeObject): KubeObject {
  const id = `${groupOf(object.apiVersion)}/${object.kind}`;
  return Object.hasOwn(fills, id) ? (fills[id]?.(object) ?? object) : object;
}

const fills: Readonly<Record<string, Fill>> = {
  '/Pod': (object) => ({ ...object, spec: runningPod(podSpec(part(object, 'spec'))) }),
  '/Service': (object) => ({ ...object, spec: { ...part(object, 'spec'), ...mapItems(part(object, 'spec'), 'ports', servicePort) } }),
  'apps/Deployment': (object) => workload(object, 'strategy', { maxSurge: '25%', maxUnavailable: '25%' }),
  'apps/DaemonSet': (object) => workload(object, 'updateStrategy', { maxSurge: 0, maxUnavailable: 1 }),
  'apps/StatefulSet': (object) => workload(object, 'updateStrategy', { partition: 0 }),
  'apps/ReplicaSet': (object) => ({ ...object, spec: withTemplate(part(object, 'spec')) }),
  'batch/Job': (object) => ({ ...object, spec: jobSpec(part(object, 'spec')) }),
  'batch/CronJob': (object) => {
    const spec = part(object, 'spec');
    const template = part(spec, 'jobTemplate');
    return { ...object, spec: { ...spec, jobTemplate: { metadata: {}, ...template, spec: withTemplate(part(template, 'spec')) } } };
  },
  'networking.k8s.io/NetworkPolicy': (object) => {
    const spec = part(object, 'spec');
    return { ...object, spec: { policyTypes: own(spec, 'egress') === undefined ? ['Ingress'] : ['Ingress', 'Egress'], ...spec } };
  },
  'rbac.authorization.k8s.io/RoleBinding': withApiGroups,
  'rbac.authorization.k8s.io/ClusterRoleBinding': withApiGroups,
};

/** An empty object where there is none: what is missing or mistyped is reported by the schema, not here. */
function part(object: JsonObject, key: string): JsonObject {
  const value = own(object, key);
  return isObject(value) ? value : {};
}

const items = (object: JsonObject, key: string): Json[] => {
  const value = own(object, key);
  return Array.isArray(value) ? value : [];
};

const mapItems = (object: JsonObject, key: string, change: (item: JsonObject) => JsonObject): JsonObject =>
  own(object, key) === undefined ? {} : { [key]: items(object, key).map((item) => (isObject(item) ? change(item) : item)) };

function podSpec(spec: JsonObject): JsonObject {
  const volume = (each: JsonObject): JsonObject => (Object.keys(each).length === 1 ? { ...each, emptyDir: {} } : each);
  return {
    ...spec,
    ...mapItems(spec, 'containers', container),
    ...mapItems(spec, 'initContainers', container),
    ...mapItems(spec, 'volumes', volume),
  };
}

function container(spec: JsonObject): JsonObject {
  const image = String(own(spec, 'image') ?? '');
  const tag = /:([^/:@]+)$/.exec(image)?.[1];
  const isMoving = !image.includes('@') && (tag === undefined || tag === 'latest');
  const resources = part(spec, 'resources');
  const amounts = ['limits', 'requests']
    .filter((key) => isObject(own(resources, key)))
    .map((key) => [key, quantities(part(resources, key))]);
  return { imagePullPolicy: isMoving ? 'Always' : 'IfNotPresent', ...spec, resources: { ...resources, ...Object.fromEntries(amounts) } };
}

/** Numbers become texts: `1`, `500m`. */
const quantities = (amounts: JsonObject): JsonObject =>
  Object.fromEntries(
    Object.entries(amounts).map(([name, amount]) => {
      if (typeof amount !== 'number') return [name, amount];
      return [name, Number.isInteger(amount) ? String(amount) : `${Math.ceil(amount * 1_000)}m`];
    }),
  );

/** What a pod gets and a template does not: requests as high as the limits, ports of the node that it shares. */
function runningPod(spec: JsonObject): JsonObject {
  const port = (each: JsonObject): JsonObject => ({ hostPort: own(each, 'containerPort') ?? 0, ...each });
  const complete = (each: JsonObject): JsonObject => {
    const limits = part(part(each, 'resources'), 'limits');
    const requested = { ...limits, ...part(part(each, 'resources'), 'requests') };
    const resources = Object.keys(limits).length === 0 ? {} : { resources: { ...part(each, 'resources'), requests: requested } };
    return { ...each, ...(spec.hostNetwork === true && mapItems(each, 'ports', port)), ...resources };
  };
  return { ...spec, ...mapItems(spec, 'containers', complete), ...mapItems(spec, 'initContainers', complete) };
}

function withTemplate(spec: JsonObject): JsonObject {
  const template = part(spec, 'template');
  return own(spec, 'template') === undefined
    ? spec
    : { ...spec, template: { metadata: {}, ...template, spec: podSpec(part(template, 'spec')) } };
}

function workload(object: KubeObject, strategyName: string, rollingUpdate: JsonObject): KubeObject {
  const spec = withTemplate(part(object, 'spec'));
  const strategy = part(spec, strategyName);
  if (strategy.type !== 'RollingUpdate') return { ...object, spec };
  const filled = { ...strategy, rollingUpdate: { ...rollingUpdate, ...part(strategy, 'rollingUpdate') } };
  return { ...object, spec: { ...spec, [strategyName]: filled } };
}

function jobSpec(spec: JsonObject): JsonObject {
  const once = own(spec, 'completions') === undefined && own(spec, 'parallelism') === undefined;
  return withTemplate({ ...(once ? { completions: 1, parallelism: 1 } : { parallelism: 1 }), ...spec });
}

const servicePort = (port: JsonObject): JsonObject => ({ targetPort: own(port, 'port') ?? 0, ...port });

function withApiGroups(object: KubeObject): KubeObject {
  const rbac = 'rbac.authorization.k8s.io';
  const subject = (each: JsonObject): JsonObject => (each.kind === 'ServiceAccount' ? each : { apiGroup: rbac, ...each });
  return { ...object, roleRef: { apiGroup: rbac, ...part(object, 'roleRef') }, ...mapItems(object, 'subjects', subject) };
}
