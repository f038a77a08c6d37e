// Schemas of the core group's kinds, and of events.k8s.io, which stores the same objects.
// Used by builtin.ts.
import { conditions, localReference, objectReference } from './builtin-meta.ts';
import { pod } from './builtin-pod.ts';
import {
  anything,
  boolean,
  bytes,
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
  setOf,
  string,
  strings,
  time,
  whole,
} from './notation.ts';
import type { OpenApiSchema } from './open-api.ts';

const protocol = defaulted(oneOf('TCP', 'UDP', 'SCTP'), 'TCP');

const servicePort = object({ name: string, protocol, appProtocol: string, port: int32, targetPort: intOrString, nodePort: int32 }, 'port');

const ingress = object({ ip: string, hostname: string, ipMode: string, ports: list(anything) });

const service = {
  spec: object({
    ports: listMap(servicePort, ['port', 'protocol']),
    selector: whole(mapOf(string)),
    clusterIP: string,
    clusterIPs: strings,
    type: defaulted(oneOf('ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'), 'ClusterIP'),
    externalIPs: strings,
    sessionAffinity: defaulted(oneOf('ClientIP', 'None'), 'None'),
    sessionAffinityConfig: anything,
    loadBalancerIP: string,
    loadBalancerSourceRanges: strings,
    externalName: string,
    externalTrafficPolicy: oneOf('Cluster', 'Local'),
    healthCheckNodePort: int32,
    publishNotReadyAddresses: boolean,
    ipFamilies: strings,
    ipFamilyPolicy: oneOf('SingleStack', 'PreferDualStack', 'RequireDualStack'),
    allocateLoadBalancerNodePorts: boolean,
    loadBalancerClass: string,
    internalTrafficPolicy: oneOf('Cluster', 'Local'),
    trafficDistribution: oneOf('PreferClose', 'PreferSameZone', 'PreferSameNode'),
  }),
  status: defaulted(open({ loadBalancer: defaulted(object({ ingress: list(ingress) }), {}), conditions }), {}),
};

const nodeSpec = object({
  podCIDR: string,
  podCIDRs: setOf(string),
  providerID: string,
  unschedulable: boolean,
  taints: list(object({ key: string, value: string, effect: string, timeAdded: time }, 'key', 'effect')),
  configSource: anything,
  externalID: string,
});
const nodeStatus = open({
  capacity: mapOf(quantity),
  allocatable: mapOf(quantity),
  phase: string,
  conditions,
  addresses: listMap(object({ type: string, address: string }, 'type', 'address'), ['type']),
  nodeInfo: anything,
});

const endpointAddress = whole(object({ ip: string, hostname: string, nodeName: string, targetRef: objectReference }, 'ip'));
const subset = object({
  addresses: list(endpointAddress),
  notReadyAddresses: list(endpointAddress),
  ports: list(whole(object({ name: string, port: int32, protocol, appProtocol: string }, 'port'))),
});

const eventFields = {
  reason: string,
  type: string,
  eventTime: { ...time, nullable: true },
  series: anything,
  action: string,
  related: objectReference,
  reportingInstance: string,
};

type Fields = Readonly<Record<string, OpenApiSchema>>;

/** Fields beside apiVersion, kind and metadata, by group and kind. */
export const coreKinds: Readonly<Record<string, Fields>> = {
  '/Namespace': {
    spec: object({ finalizers: list(string) }),
    status: open({ phase: string, conditions }),
  },
  '/Pod': pod,
  '/Service': service,
  '/ServiceAccount': {
    secrets: patchMerged(objectReference, 'name'),
    imagePullSecrets: list(localReference),
    automountServiceAccountToken: boolean,
  },
  '/Secret': { data: mapOf(bytes), stringData: mapOf(string), type: defaulted(string, 'Opaque'), immutable: boolean },
  '/ConfigMap': { data: mapOf(string), binaryData: mapOf(bytes), immutable: boolean },
  '/Node': { spec: defaulted(nodeSpec, {}), status: nodeStatus },
  '/Endpoints': { subsets: list(subset) },
  '/Event': {
    ...eventFields,
    involvedObject: objectReference,
    message: string,
    source: object({ component: string, host: string }),
    firstTimestamp: { ...time, nullable: true },
    lastTimestamp: { ...time, nullable: true },
    count: int32,
    reportingComponent: string,
  },
  'events.k8s.io/Event': {
    ...eventFields,
    regarding: objectReference,
    note: string,
    reportingController: string,
    deprecatedSource: anything,
    deprecatedFirstTimestamp: { ...time, nullable: true },
    deprecatedLastTimestamp: { ...time, nullable: true },
    deprecatedCount: int64,
  },
};
