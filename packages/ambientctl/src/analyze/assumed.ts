// What files leave to the cluster, taken as it would be once they are applied: workloads run their pods, services and waypoints have an address.
// Used by commands/analyze.ts for objects from files, so that only what is written in them is judged. Pure.
import { objectOf, type RawObject, textOf } from '@ambient-mesh/kube/raw';
import { labels } from '@ambient-mesh/translate/kinds/read';
import { selects } from '@ambient-mesh/translate/selector';
import type { Manifest } from './manifest.ts';

/** Kinds that make pods, and where their template is. */
const templates: Readonly<Record<string, (spec: RawObject) => unknown>> = {
  Deployment: ({ template }) => template,
  StatefulSet: ({ template }) => template,
  DaemonSet: ({ template }) => template,
  ReplicaSet: ({ template }) => template,
  Job: ({ template }) => template,
  CronJob: ({ jobTemplate }) => objectOf(objectOf(jobTemplate).spec).template,
};

/** @param live that it would be applied to */
export function assumeApplied(manifest: Manifest, live: Manifest = new Map()): Manifest {
  const pods = [...live.values(), ...manifest.values()].filter(({ kind }) => kind === 'Pod');
  let made = 0;
  const assumed: Manifest = new Map();
  for (const [id, object] of manifest) {
    assumed.set(id, object.kind === 'Gateway' ? addressed(object) : object.kind === 'Service' ? withAddress(object, made++) : object);
    const template = templates[textOf(object.kind)]?.(objectOf(object.spec));
    if (template === undefined) continue;
    const pod = podOf(object, objectOf(template), made++);
    if (!pods.some((each) => standsFor(each, pod))) assumed.set(`/Pod ${id}`, pod);
  }
  return assumed;
}

/** Whether there is a pod already of such a template. */
function standsFor(pod: RawObject, wanted: RawObject): boolean {
  const [own, other] = [objectOf(pod.metadata), objectOf(wanted.metadata)];
  return own.namespace === other.namespace && selects(labels(other.labels), labels(own.labels));
}

/** Addresses are of the range for benchmarks, which no cluster uses: only that there is one matters. */
function podOf(owner: RawObject, { metadata, spec }: RawObject, at: number): RawObject {
  const { namespace, name } = objectOf(owner.metadata);
  const podIP = address(at);
  return {
    madeBy: textOf(owner.kind),
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...objectOf(metadata), namespace, name, uid: `${textOf(namespace)}/${textOf(name)}` },
    spec,
    status: { phase: 'Running', podIP, podIPs: [{ ip: podIP }], conditions: [{ type: 'Ready', status: 'True' }] },
  };
}

const address = (at: number): string => `198.${18 + ((at >> 16) & 1)}.${(at >> 8) & 255}.${at & 255}`;

function withAddress(service: RawObject, at: number): RawObject {
  const spec = objectOf(service.spec);
  const isGiven = textOf(spec.clusterIP) !== '' || Array.isArray(spec.clusterIPs) || spec.type === 'ExternalName';
  return isGiven ? service : { ...service, spec: { ...spec, clusterIP: address(at) } };
}

function addressed(gateway: RawObject): RawObject {
  const { namespace, name } = objectOf(gateway.metadata);
  const status = objectOf(gateway.status);
  if (Array.isArray(status.addresses) && status.addresses.length > 0) return gateway;
  const value = `${textOf(name)}.${textOf(namespace)}.svc.cluster.local`;
  return { ...gateway, status: { ...status, addresses: [{ type: 'Hostname', value }] } };
}
