// Schema of a pod: containers, probes, volumes, scheduling.
// Used by builtin-core.ts for pods and by builtin-workloads.ts for templates. Defaults that depend on other fields are in builtin-defaults.ts.
import { conditions, labelSelector, localReference, objectMeta } from './builtin-meta.ts';
import { volume } from './builtin-volume.ts';
import {
  anything,
  boolean,
  defaulted,
  int32,
  int64,
  intOrString,
  list,
  listMap,
  mapOf,
  object,
  oneOf,
  open,
  patchMerged,
  quantity,
  string,
  strings,
  time,
  whole,
} from './notation.ts';
import type { OpenApiSchema } from './open-api.ts';

const protocol = defaulted(oneOf('TCP', 'UDP', 'SCTP'), 'TCP');
const keyOf = (extra: Readonly<Record<string, OpenApiSchema>>): OpenApiSchema =>
  whole(object({ key: string, name: string, optional: boolean, ...extra }, 'key'));

const env = object(
  {
    name: string,
    value: string,
    valueFrom: object({
      fieldRef: whole(object({ apiVersion: defaulted(string, 'v1'), fieldPath: string }, 'fieldPath')),
      resourceFieldRef: whole(object({ containerName: string, resource: string, divisor: quantity }, 'resource')),
      configMapKeyRef: keyOf({}),
      secretKeyRef: keyOf({}),
      fileKeyRef: anything,
    }),
  },
  'name',
);

const httpHeader = object({ name: string, value: string }, 'name', 'value');
const action = {
  exec: object({ command: strings }),
  httpGet: object(
    {
      path: defaulted(string, '/'),
      port: intOrString,
      host: string,
      scheme: defaulted(oneOf('HTTP', 'HTTPS'), 'HTTP'),
      httpHeaders: list(httpHeader),
    },
    'port',
  ),
  tcpSocket: object({ port: intOrString, host: string }, 'port'),
};
const lifecycleHandler = object({ ...action, sleep: object({ seconds: int64 }, 'seconds') });

const probe = object({
  ...action,
  grpc: object({ port: int32, service: string }, 'port'),
  initialDelaySeconds: int32,
  timeoutSeconds: defaulted(int32, 1),
  periodSeconds: defaulted(int32, 10),
  successThreshold: defaulted(int32, 1),
  failureThreshold: defaulted(int32, 3),
  terminationGracePeriodSeconds: int64,
});

const resources = object({
  limits: mapOf(quantity),
  requests: mapOf(quantity),
  claims: listMap(object({ name: string, request: string }, 'name'), ['name']),
});

const seLinux = object({ user: string, role: string, type: string, level: string });
const profile = object({ type: string, localhostProfile: string }, 'type');
const windows = anything;

const containerSecurity = object({
  capabilities: object({ add: strings, drop: strings }),
  privileged: boolean,
  seLinuxOptions: seLinux,
  windowsOptions: windows,
  runAsUser: int64,
  runAsGroup: int64,
  runAsNonRoot: boolean,
  readOnlyRootFilesystem: boolean,
  allowPrivilegeEscalation: boolean,
  procMount: string,
  seccompProfile: profile,
  appArmorProfile: profile,
});

const containerFields = {
  name: string,
  image: string,
  command: strings,
  args: strings,
  workingDir: string,
  ports: listMap(object({ name: string, hostPort: int32, containerPort: int32, protocol, hostIP: string }, 'containerPort'), [
    'containerPort',
    'protocol',
  ]),
  envFrom: list(object({ prefix: string, configMapRef: localOptional(), secretRef: localOptional() })),
  env: listMap(env, ['name']),
  resources: defaulted(resources, {}),
  resizePolicy: list(object({ resourceName: string, restartPolicy: string }, 'resourceName', 'restartPolicy')),
  restartPolicy: string,
  restartPolicyRules: list(anything),
  volumeMounts: listMap(
    object(
      {
        name: string,
        readOnly: boolean,
        recursiveReadOnly: string,
        mountPath: string,
        subPath: string,
        mountPropagation: string,
        subPathExpr: string,
      },
      'name',
      'mountPath',
    ),
    ['mountPath'],
  ),
  volumeDevices: listMap(object({ name: string, devicePath: string }, 'name', 'devicePath'), ['devicePath']),
  livenessProbe: probe,
  readinessProbe: probe,
  startupProbe: probe,
  lifecycle: object({ postStart: lifecycleHandler, preStop: lifecycleHandler, stopSignal: string }),
  terminationMessagePath: defaulted(string, '/dev/termination-log'),
  terminationMessagePolicy: defaulted(oneOf('File', 'FallbackToLogsOnError'), 'File'),
  imagePullPolicy: oneOf('Always', 'Never', 'IfNotPresent'),
  securityContext: containerSecurity,
  stdin: boolean,
  stdinOnce: boolean,
  tty: boolean,
};
const container = object(containerFields, 'name');

function localOptional(): OpenApiSchema {
  return object({ name: string, optional: boolean });
}

const podSecurity = object({
  seLinuxOptions: seLinux,
  windowsOptions: windows,
  runAsUser: int64,
  runAsGroup: int64,
  runAsNonRoot: boolean,
  supplementalGroups: list(int64),
  supplementalGroupsPolicy: string,
  fsGroup: int64,
  fsGroupChangePolicy: string,
  sysctls: list(object({ name: string, value: string }, 'name', 'value')),
  seccompProfile: profile,
  appArmorProfile: profile,
  seLinuxChangePolicy: string,
});

const nodeTerm = object({
  matchExpressions: list(object({ key: string, operator: string, values: strings }, 'key', 'operator')),
  matchFields: list(object({ key: string, operator: string, values: strings }, 'key', 'operator')),
});
const podTerm = object(
  {
    labelSelector,
    namespaces: strings,
    topologyKey: string,
    namespaceSelector: labelSelector,
    matchLabelKeys: strings,
    mismatchLabelKeys: strings,
  },
  'topologyKey',
);
const podAffinity = object({
  requiredDuringSchedulingIgnoredDuringExecution: list(podTerm),
  preferredDuringSchedulingIgnoredDuringExecution: list(object({ weight: int32, podAffinityTerm: podTerm }, 'weight', 'podAffinityTerm')),
});
const affinity = object({
  nodeAffinity: object({
    requiredDuringSchedulingIgnoredDuringExecution: whole(object({ nodeSelectorTerms: list(nodeTerm) }, 'nodeSelectorTerms')),
    preferredDuringSchedulingIgnoredDuringExecution: list(object({ weight: int32, preference: nodeTerm }, 'weight', 'preference')),
  }),
  podAffinity,
  podAntiAffinity: podAffinity,
});

const spread = object(
  {
    maxSkew: int32,
    topologyKey: string,
    whenUnsatisfiable: string,
    labelSelector,
    minDomains: int32,
    nodeAffinityPolicy: string,
    nodeTaintsPolicy: string,
    matchLabelKeys: strings,
  },
  'maxSkew',
  'topologyKey',
  'whenUnsatisfiable',
);

const podFields = {
  volumes: { ...listMap(volume, ['name']), 'x-kubernetes-patch-strategy': 'merge,retainKeys' },
  initContainers: listMap(container, ['name']),
  containers: listMap(container, ['name']),
  ephemeralContainers: listMap(object({ ...containerFields, targetContainerName: string }, 'name'), ['name']),
  restartPolicy: defaulted(oneOf('Always', 'OnFailure', 'Never'), 'Always'),
  terminationGracePeriodSeconds: defaulted(int64, 30),
  activeDeadlineSeconds: int64,
  dnsPolicy: defaulted(oneOf('ClusterFirst', 'ClusterFirstWithHostNet', 'Default', 'None'), 'ClusterFirst'),
  nodeSelector: whole(mapOf(string)),
  serviceAccountName: string,
  serviceAccount: string,
  automountServiceAccountToken: boolean,
  nodeName: string,
  hostNetwork: boolean,
  hostPID: boolean,
  hostIPC: boolean,
  shareProcessNamespace: boolean,
  securityContext: defaulted(podSecurity, {}),
  imagePullSecrets: listMap(localReference, ['name']),
  hostname: string,
  hostnameOverride: string,
  subdomain: string,
  affinity,
  schedulerName: defaulted(string, 'default-scheduler'),
  tolerations: list(object({ key: string, operator: oneOf('Exists', 'Equal'), value: string, effect: string, tolerationSeconds: int64 })),
  hostAliases: listMap(object({ ip: string, hostnames: strings }, 'ip'), ['ip']),
  priorityClassName: string,
  priority: int32,
  dnsConfig: object({ nameservers: strings, searches: strings, options: list(object({ name: string, value: string })) }),
  readinessGates: list(object({ conditionType: string }, 'conditionType')),
  runtimeClassName: string,
  enableServiceLinks: boolean,
  preemptionPolicy: string,
  overhead: mapOf(quantity),
  topologySpreadConstraints: listMap(spread, ['topologyKey', 'whenUnsatisfiable']),
  setHostnameAsFQDN: boolean,
  os: object({ name: string }, 'name'),
  hostUsers: boolean,
  schedulingGates: listMap(object({ name: string }, 'name'), ['name']),
  resourceClaims: listMap(anything, ['name']),
  resources,
};

export const podTemplate: OpenApiSchema = object({ metadata: objectMeta, spec: object(podFields) });

const podSpec: OpenApiSchema = object({
  ...podFields,

  enableServiceLinks: defaulted(boolean, true),
});

const podStatus = open({
  phase: string,
  conditions,
  message: string,
  reason: string,
  hostIP: string,
  hostIPs: patchMerged(object({ ip: string }), 'ip'),
  podIP: string,
  podIPs: listMap(object({ ip: string }, 'ip'), ['ip']),
  startTime: time,
  initContainerStatuses: list(anything),
  containerStatuses: list(anything),
  ephemeralContainerStatuses: list(anything),
  qosClass: string,
  nominatedNodeName: string,
  observedGeneration: int64,
});

export const pod = { spec: podSpec, status: podStatus };
