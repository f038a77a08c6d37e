// Builders for tests of services and waypoints: every field filled in plainly, so that a test states only what it is about.
import type { ServiceEntry } from '../kinds/entries.ts';
import type { Gateway, GatewayClass, GatewayListener } from '../kinds/gateway.ts';
import type { Labels, Meta } from '../kinds/meta.ts';
import type { KubeNamespace } from '../kinds/place.ts';
import type { KubeService, ServicePort } from '../kinds/service.ts';
import type { ServiceContext } from '../service-info.ts';
import type { MeshDefaults, TranslateSettings } from '../settings.ts';
import type { Waypoint } from '../waypoint.ts';

export const metaOf = (given: Partial<Meta> = {}): Meta => ({
  namespace: 'ns',
  name: 'name',
  uid: '',
  labels: {},
  annotations: {},
  createdAt: 0,
  generation: 1,
  ...given,
});

export const namespaceOf = (name: string, labels: Labels = {}, annotations: Labels = {}): KubeNamespace => ({
  meta: metaOf({ namespace: '', name, labels, annotations }),
});

/** A number, 80, that leads to 8080 over TCP. */
export const portOf = (given: Partial<ServicePort> = {}): ServicePort => ({
  name: '',
  port: 80,
  targetPort: 8080,
  protocol: 'TCP',
  appProtocol: '',
  ...given,
});

export const kubeServiceOf = ({ meta, ...given }: Partial<Omit<KubeService, 'meta'>> & { meta?: Partial<Meta> } = {}): KubeService => ({
  meta: metaOf({ name: 'web', ...meta }),
  type: 'ClusterIP',
  clusterIps: ['10.0.0.1'],
  selector: { app: 'web' },
  ports: [portOf()],
  internalTrafficPolicy: 'Cluster',
  trafficDistribution: '',
  publishNotReadyAddresses: false,
  ipFamilies: ['IPv4'],
  conditions: [],
  ...given,
});

export const serviceEntryOf = ({ meta, ...given }: Partial<Omit<ServiceEntry, 'meta'>> & { meta?: Partial<Meta> } = {}): ServiceEntry => ({
  meta: metaOf({ name: 'entry', ...meta }),
  hosts: ['example.com'],
  addresses: [],
  ports: [{ name: 'http', number: 80, targetPort: 8080, protocol: 'HTTP' }],
  location: 'MESH_EXTERNAL',
  resolution: 'STATIC',
  endpoints: [],
  subjectAltNames: [],
  allocated: [],
  conditions: [],
  ...given,
});

/** The one of waypoints. */
export const listenerOf = (given: Partial<GatewayListener> = {}): GatewayListener => ({
  name: 'mesh',
  port: 15008,
  protocol: 'HBONE',
  from: 'Same',
  hostname: '',
  kinds: [],
  ...given,
});

/** With an address and the usual listener. */
export const gatewayOf = ({ meta, ...given }: Partial<Omit<Gateway, 'meta'>> & { meta?: Partial<Meta> } = {}): Gateway => ({
  meta: metaOf({ name: 'waypoint', ...meta }),
  className: 'istio-waypoint',
  listeners: [listenerOf()],
  wanted: [],
  infrastructure: { labels: {}, annotations: {} },
  addresses: [{ type: 'Hostname', value: 'waypoint.ns.svc.cluster.local' }],
  ...given,
});

export const gatewayClassOf = (meta: Partial<Meta>): GatewayClass => ({
  meta: metaOf({ namespace: '', name: 'istio-waypoint', ...meta }),
  controller: 'istio.io/mesh-controller',
});

/** Of namespace `ns`; takes traffic for services, from everywhere. */
export const waypointOf = (given: Partial<Waypoint> = {}): Waypoint => {
  const { namespace = 'ns', name = 'waypoint' } = given;
  return {
    namespace,
    name,
    address: { destination: { hostname: { namespace, hostname: `${name}.${namespace}.svc.cluster.local` } }, hboneMtlsPort: 15008 },
    trafficType: 'service',
    serviceAccounts: [name],
    allowed: { from: 'All' },
    ...given,
  };
};

const plainMesh: MeshDefaults = {
  trustDomainAliases: [],
  pathNormalization: 'BASE',
  providers: [],
  defaultProviders: { accessLogging: [], tracing: [], metrics: [] },
};

export const plainSettings: TranslateSettings = {
  clusterId: 'Kubernetes',
  clusterDomain: 'cluster.local',
  trustDomain: 'cluster.local',
  systemNamespace: 'istio-system',
  rootNamespace: 'istio-system',
  revision: '',
  servicesSelectEntries: true,
  entriesSelectPods: true,
  allowWaypoints: false,
  dryRun: false,
  allocateAddresses: true,
  meshDefaults: plainMesh,
};

export const contextOf = (given: Partial<ServiceContext> = {}): ServiceContext => ({
  namespace: namespaceOf('ns'),
  network: 'net',
  settings: plainSettings,
  binding: {},
  ...given,
});
