// What all workloads have in common, wherever they come from: names for telemetry, tunnel, identity, the address of their waypoint. Pure.
// Used by workload-from-pod.ts, workload-from-entry.ts and workload-from-slice.ts (facts: control-plane §3.4).
import { type Ip, parseIp } from '@ambient-mesh/model/address';
import { type SpiffeId, spiffeId } from '@ambient-mesh/model/spiffe';
import type { Locality, PortMap, Protocol, Workload } from '@ambient-mesh/model/workload';
import type { Labels, Meta } from './kinds/meta.ts';
import type { TranslateSettings } from './settings.ts';

/** What the index found out for a workload. */
export interface Surroundings {
  readonly settings: TranslateSettings;
  /** Of the control plane's own network; empty when it has no name. */
  readonly network: string;
  /** `namespace/hostname` to the ports that it has for that service. */
  readonly services: ReadonlyMap<string, PortMap>;
  /** Sorted keys of the policies that select it. */
  readonly policies: readonly string[];
  readonly waypoint: Workload['waypoint'];
}

export const nowhere: Locality = Object.freeze({ region: '', zone: '', subzone: '' });

const revisionLabels = ['service.istio.io/canonical-revision', 'app.kubernetes.io/version', 'version'] as const;
const nameLabels = ['service.istio.io/canonical-name', 'app.kubernetes.io/name', 'app'] as const;

const first = (labels: Labels, keys: readonly string[], otherwise: string): string => {
  for (const key of keys) if (labels[key]) return labels[key] ?? otherwise;
  return otherwise;
};

export const canonicalOf = (labels: Labels, workloadName: string): Pick<Workload, 'canonicalName' | 'canonicalRevision'> => ({
  canonicalName: first(labels, nameLabels, workloadName),
  canonicalRevision: first(labels, revisionLabels, 'latest'),
});

/** A workload that ends tunnels itself says so; one whose traffic is captured was told so by the agent. */
export function tunnelOf({ labels, annotations }: Pick<Meta, 'labels' | 'annotations'>): {
  readonly protocol: Protocol;
  readonly nativeTunnel: boolean;
} {
  const nativeTunnel = (labels['networking.istio.io/tunnel'] ?? '').split(',').includes('http');
  const captured = annotations['ambient.istio.io/redirection'] === 'enabled';
  return { protocol: nativeTunnel || captured ? 'HBONE' : 'TCP', nativeTunnel };
}

export const identityOf = ({ trustDomain }: TranslateSettings, namespace: string, serviceAccount: string): SpiffeId =>
  spiffeId(trustDomain, namespace, serviceAccount);

/** `region/zone/subzone`, each part as far as it is given; what follows is nobody's. */
export function localityOf(text: string): Locality {
  if (text === '') return nowhere;
  const [region = '', zone = '', subzone = ''] = text.split('/', 3);
  return { region, zone, subzone };
}

/** Undefined when any of them is no address. */
export function addressesOf(texts: readonly string[]): readonly Ip[] | undefined {
  const ips = texts.map(parseIp);
  return ips.every((ip) => ip !== undefined) ? ips : undefined;
}
