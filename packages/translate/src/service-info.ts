// A service on its way into the mesh: what became of a Kubernetes Service or of one host of a ServiceEntry, and what others need to know of its source.
// Made by service-from-kubernetes.ts and service-from-entry.ts; services of one name are settled between them by canonical.ts. Types only.
import type { Service } from '@ambient-mesh/model/service';
import type { EntryPort } from './kinds/entries.ts';
import type { Labels } from './kinds/meta.ts';
import type { KubeNamespace } from './kinds/place.ts';
import type { ServicePort } from './kinds/service.ts';
import type { TranslateSettings } from './settings.ts';
import type { Binding } from './waypoint.ts';

export interface ServiceInfo {
  /** `canonical` is not yet decided: false. */
  readonly service: Service;
  readonly source: ServiceSource;
  readonly createdAt: number;
  readonly binding: Binding;
  /** What the label about ingress says, wherever it is; absent where there is none. For the status: the service has it only with a waypoint. */
  readonly ingressUseWaypoint?: boolean;
  /** Its workloads refuse whatever does not come through its waypoint. Absent: they do not. */
  readonly requiresWaypoint?: true;
  /** Same-namespace workloads that it selects; absent or empty: none. */
  readonly selector?: Labels;
}

export type ServiceSource =
  | { readonly kind: 'Service'; readonly namespace: string; readonly name: string; readonly ports: readonly ServicePort[] }
  | { readonly kind: 'ServiceEntry'; readonly namespace: string; readonly name: string; readonly ports: readonly EntryPort[] };

/** What a service depends on besides its own object. */
export interface ServiceContext {
  readonly namespace: KubeNamespace | undefined;
  /** Of this cluster; its addresses live there. */
  readonly network: string;
  readonly settings: TranslateSettings;
  readonly binding: Binding;
}
