// ServiceEntry and WorkloadEntry as the mesh sees them.
import type { Condition, Labels, Meta } from './meta.ts';

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
