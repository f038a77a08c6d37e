// One kind in one version as the lab's Kubernetes API serves it: its names, scope, schema and subresources.
// Built-in kinds are a table (kinds/); those of CustomResourceDefinitions come from crd/served.ts.
import type { OpenApiSchema } from './schema/open-api.ts';

/** JSON paths of the `/scale` subresource, with their leading dot. */
export interface ScalePaths {
  readonly specReplicasPath: string;
  readonly statusReplicasPath: string;
  readonly labelSelectorPath?: string;
}

/** A column as `additionalPrinterColumns` describes it. */
export interface PrinterColumn {
  readonly name: string;
  readonly type: 'integer' | 'number' | 'string' | 'boolean' | 'date';
  readonly format?: string;
  readonly description?: string;
  /** Above 0: shown only by `-o wide`. */
  readonly priority?: number;
  /** Simple JSON path, with its leading dot. */
  readonly jsonPath: string;
}

export interface ServedKind {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly namespaced: boolean;
  readonly schema: OpenApiSchema;
  readonly hasStatus: boolean;
  /** Absent: no `/scale`. */
  readonly scale?: ScalePaths;
  /** Empty: only NAME and AGE are shown. */
  readonly printerColumns: readonly PrinterColumn[];
  /** Objects are kept in this version; exactly one version of a kind is. */
  readonly storage: boolean;
}

/** `networking.istio.io/v1`, or `v1` for the core group. */
export const apiVersionOf = ({ group, version }: Pick<ServedKind, 'group' | 'version'>): string =>
  group === '' ? version : `${group}/${version}`;

/** `deployments.apps`, or `pods` for the core group: how error messages and stored keys name a resource. */
export const resourceName = ({ group, plural }: Pick<ServedKind, 'group' | 'plural'>): string =>
  group === '' ? plural : `${plural}.${group}`;
