// EndpointSlices of Services with a selector: the selected pods by IP family and by resolved ports, with their readiness.
// Fed by run.ts. Names follow from the content, so a slice is changed in place and never made twice.

import { isDeepStrictEqual } from 'node:util';
import { saysAlready } from '@ambient-mesh/kube/status';
import { endpointSlices as sliceKind } from '../kinds.ts';
import type { Endpoint, EndpointSlice, Labels, Pod, Service, ServicePort } from '../objects.ts';
import { hasLabels, isReady, keyOf, ownerReference } from '../selectors.ts';
import type { Controller, Step, View } from './controller.ts';
import { hashOf } from './deployments.ts';

const serviceLabel = 'kubernetes.io/service-name';
const managerLabel = 'endpointslice.kubernetes.io/managed-by';
/** As real clusters name it: others then leave the slices alone. */
const manager = 'endpointslice-controller.k8s.io';
const endpointsPerSlice = 100;

export const endpointSlices: Controller = {
  name: 'endpointslices',
  concerns: {
    services: (service) => [keyOf(service)],
    *pods(pod, view) {
      for (const service of view.services.values()) if (isSelected(service, pod)) yield keyOf(service);
    },
    *endpointSlices({ metadata: { namespace, labels = {} } }) {
      if (labels[managerLabel] === manager) yield `${namespace}/${labels[serviceLabel]}`;
    },
  },
  decide(view, key) {
    const service = view.services.get(key);
    const [namespace, name] = key.split('/');
    const have = [...view.endpointSlices.values()].filter(
      ({ metadata }) =>
        metadata.namespace === namespace && metadata.labels?.[serviceLabel] === name && metadata.labels?.[managerLabel] === manager,
    );
    if (service !== undefined && (service.spec.selector === undefined || service.metadata.deletionTimestamp !== undefined)) return [];
    const want = service === undefined || service.spec.type === 'ExternalName' ? [] : slicesOf(view, service);
    return steps(service, have, want);
  },
};

export interface WantedSlice {
  readonly name: string;
  readonly addressType: string;
  readonly ports: readonly object[];
  readonly endpoints: readonly Endpoint[];
}

function isSelected({ metadata, spec: { selector = {} } }: Service, pod: Pod): boolean {
  return metadata.namespace === pod.metadata.namespace && Object.keys(selector).length > 0 && hasLabels(pod, selector);
}

/** Never empty: a Service without pods has one slice that says so for each of its families. */
export function slicesOf(view: Pick<View, 'pods' | 'nodes'>, service: Service): WantedSlice[] {
  const pods = [...view.pods.values()].filter(
    (pod) => isSelected(service, pod) && pod.status?.phase !== 'Succeeded' && pod.status?.phase !== 'Failed',
  );
  return (service.spec.ipFamilies ?? ['IPv4']).flatMap((family) => {
    const byPorts = new Map<string, { ports: readonly object[]; endpoints: Endpoint[] }>();
    for (const pod of pods.toSorted((a, b) => a.metadata.name.localeCompare(b.metadata.name))) {
      const address = pod.status?.podIPs?.find(({ ip }) => ip.includes(':') === (family === 'IPv6'))?.ip;
      if (address === undefined) continue;
      const ports = (service.spec.ports ?? []).flatMap((port) => resolved(port, pod));
      const id = JSON.stringify(ports);
      const group = byPorts.get(id) ?? { ports, endpoints: [] };
      group.endpoints.push(endpointOf(view, service, pod, address));
      byPorts.set(id, group);
    }
    if (byPorts.size === 0) byPorts.set('', { ports: [], endpoints: [] });
    return [...byPorts].flatMap(([id, group]) => chunks(service, family, id, group));
  });
}

function chunks(service: Service, family: string, id: string, group: { ports: readonly object[]; endpoints: Endpoint[] }): WantedSlice[] {
  const count = Math.max(1, Math.ceil(group.endpoints.length / endpointsPerSlice));
  return Array.from({ length: count }, (_, at) => ({
    name: `${service.metadata.name}-${hashOf([family, id, at]).slice(0, 5)}`,
    addressType: family,
    ports: group.ports,
    endpoints: group.endpoints.slice(at * endpointsPerSlice, (at + 1) * endpointsPerSlice),
  }));
}

/** A named target port may be another number in each pod; a pod without it has no such port. */
function resolved({ name = '', port, targetPort = port, protocol = 'TCP', appProtocol }: ServicePort, pod: Pod): object[] {
  const number =
    typeof targetPort === 'number'
      ? targetPort
      : pod.spec.containers
          .flatMap(({ ports = [] }) => ports)
          .find((each) => each.name === targetPort && (each.protocol ?? 'TCP') === protocol)?.containerPort;
  return number === undefined ? [] : [{ name, port: number, protocol, ...(appProtocol !== undefined && { appProtocol }) }];
}

function endpointOf(view: Pick<View, 'nodes'>, service: Service, pod: Pod, address: string): Endpoint {
  const { metadata, spec } = pod;
  const ready = isReady(pod);
  const terminating = metadata.deletionTimestamp !== undefined;
  const node = view.nodes.get(spec.nodeName ?? '');
  const zone = node?.metadata.labels?.['topology.kubernetes.io/zone'];
  return {
    addresses: [address],
    conditions: { ready: service.spec.publishNotReadyAddresses === true || (ready && !terminating), serving: ready, terminating },
    targetRef: { kind: 'Pod', namespace: metadata.namespace ?? '', name: metadata.name, uid: metadata.uid },
    ...(spec.nodeName !== undefined && { nodeName: spec.nodeName }),
    ...(zone !== undefined && { zone }),
    ...(spec.hostname !== undefined && spec.subdomain === service.metadata.name && { hostname: spec.hostname }),
  };
}

function steps(service: Service | undefined, have: readonly EndpointSlice[], want: readonly WantedSlice[]): Step[] {
  const names = new Set(want.map(({ name }) => name));
  const gone = have.filter(({ metadata }) => !names.has(metadata.name));
  const removals = gone.map((of): Step => ({ do: 'remove', kind: sliceKind, of }));
  if (service === undefined) return removals;
  const writes = want.flatMap(({ name, ...content }): Step[] => {
    const labels = labelsOf(service);
    const old = have.find(({ metadata }) => metadata.name === name);
    if (old !== undefined) {
      const isSame =
        saysAlready(old.metadata.labels, labels) &&
        isDeepStrictEqual(old.endpoints ?? [], content.endpoints) &&
        saysAlready(old.ports ?? [], content.ports);
      return isSame ? [] : [{ do: 'patch', kind: sliceKind, of: old, body: { metadata: { labels }, ...content } }];
    }
    const metadata = { labels, generateName: `${service.metadata.name}-`, ownerReferences: [ownerReference('v1', 'Service', service)] };
    const key = { namespace: service.metadata.namespace ?? '', name };
    return [{ do: 'create', kind: sliceKind, key, body: { metadata, ...content } }];
  });
  return [...writes, ...removals];
}

function labelsOf({ metadata, spec }: Service): Labels {
  const headless: Labels = spec.clusterIP === 'None' ? { 'service.kubernetes.io/headless': '' } : {};
  return { ...metadata.labels, ...headless, [serviceLabel]: metadata.name, [managerLabel]: manager };
}
