// ServiceEntry and WorkloadEntry as the mesh sees them.
import type { Condition, Labels, Meta } from './meta.ts';
import { conditions, isRaw, items, labels, metaOf, numbers, raw, text, texts, whole } from './read.ts';

export interface WorkloadEntry {
  readonly meta: Meta;
  /** An address, a name, or empty. */
  readonly address: string;
  readonly labels: Labels;
  readonly ports: Readonly<Record<string, number>>;
  readonly network: string;
  /** `region/zone/subzone`. */
  readonly locality: string;
  readonly weight: number;
  readonly serviceAccount: string;
  readonly conditions: readonly Condition[];
}

/** Like a WorkloadEntry inside a ServiceEntry. */
export type EntryEndpoint = Omit<WorkloadEntry, 'meta' | 'conditions'>;

export interface EntryPort {
  readonly name: string;
  readonly number: number;
  /** Default: the number. */
  readonly targetPort: number;
  readonly protocol: string;
}

export interface ServiceEntry {
  readonly meta: Meta;
  readonly hosts: readonly string[];
  readonly addresses: readonly string[];
  readonly ports: readonly EntryPort[];
  readonly location: string;
  readonly resolution: 'NONE' | 'STATIC' | 'DNS' | 'DNS_ROUND_ROBIN' | 'DYNAMIC_DNS';
  readonly endpoints: readonly EntryEndpoint[];
  /** Absent when the object has none; an empty one selects nothing. */
  readonly workloadSelector?: Labels;
  readonly subjectAltNames: readonly string[];
  /** Of the status: addresses given out by the mesh, by host. */
  readonly allocated: readonly { readonly host: string; readonly value: string }[];
  readonly conditions: readonly Condition[];
}

export const workloadEntryKind = {
  group: 'networking.istio.io',
  version: 'v1',
  plural: 'workloadentries',
  kind: 'WorkloadEntry',
  namespaced: true,
  narrow(object: unknown): WorkloadEntry | undefined {
    const meta = metaOf(object);
    if (meta === undefined) return undefined;
    const { spec, status } = raw(object);
    return { meta, ...endpointOf(spec), conditions: conditions(status, ['istio.io/WaypointBound']) };
  },
} as const;

function endpointOf(value: unknown): EntryEndpoint {
  const spec = raw(value);
  return {
    address: text(spec.address),
    labels: labels(spec.labels),
    ports: numbers(spec.ports),
    network: text(spec.network),
    locality: text(spec.locality),
    weight: whole(spec.weight),
    serviceAccount: text(spec.serviceAccount),
  };
}

const resolutions = ['NONE', 'STATIC', 'DNS', 'DNS_ROUND_ROBIN', 'DYNAMIC_DNS'] as const;

export const serviceEntryKind = {
  group: 'networking.istio.io',
  version: 'v1',
  plural: 'serviceentries',
  kind: 'ServiceEntry',
  namespaced: true,
  narrow(object: unknown): ServiceEntry | undefined {
    const meta = metaOf(object);
    if (meta === undefined) return undefined;
    const [spec, status] = [raw(raw(object).spec), raw(raw(object).status)];
    return {
      meta,
      hosts: texts(spec.hosts),
      addresses: texts(spec.addresses),
      ports: items(spec.ports).map((each) => {
        const { name, number, targetPort, protocol } = raw(each);
        return { name: text(name), number: whole(number), targetPort: whole(targetPort) || whole(number), protocol: text(protocol) };
      }),
      location: text(spec.location),
      resolution: resolutions.find((each) => each === spec.resolution) ?? 'NONE',
      endpoints: items(spec.endpoints).map(endpointOf),
      ...(isRaw(spec.workloadSelector) && { workloadSelector: labels(spec.workloadSelector.labels) }),
      subjectAltNames: texts(spec.subjectAltNames),
      allocated: items(status.addresses).map((each) => ({ host: text(raw(each).host), value: text(raw(each).value) })),
      conditions: conditions(status, ['istio.io/WaypointBound', 'istio.io/WaypointMissing', 'ambient-mesh.dev/WaypointRequired']),
    };
  },
} as const;
