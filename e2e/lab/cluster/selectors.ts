// Which objects belong to which: label selectors, owners, and the few questions about pods that several controllers ask. Pure.
import type { Condition, EndpointSlice, KubeObject, LabelSelector, Labels, OwnerReference, Pod, SliceEndpoint } from './objects.ts';

export const keyOf = ({ metadata: { namespace, name } }: KubeObject): string => (namespace === undefined ? name : `${namespace}/${name}`);

export function hasLabels({ metadata: { labels = {} } }: KubeObject, wanted: Labels): boolean {
  return Object.entries(wanted).every(([name, value]) => labels[name] === value);
}

export function selects({ matchLabels = {}, matchExpressions = [] }: LabelSelector, object: KubeObject): boolean {
  if (!hasLabels(object, matchLabels)) return false;
  return matchExpressions.every(({ key, operator, values = [] }) => {
    const value = object.metadata.labels?.[key];
    switch (operator) {
      case 'In':
        return value !== undefined && values.includes(value);
      case 'NotIn':
        return value === undefined || !values.includes(value);
      case 'Exists':
        return value !== undefined;
      case 'DoesNotExist':
        return value === undefined;
      default:
        return operator satisfies never;
    }
  });
}

export const controllerOf = ({ metadata }: KubeObject): OwnerReference | undefined =>
  metadata.ownerReferences?.find(({ controller }) => controller === true);

export function ownerReference(apiVersion: string, kind: string, { metadata: { name, uid } }: KubeObject): OwnerReference {
  return { apiVersion, kind, name, uid, controller: true, blockOwnerDeletion: true };
}

export const conditionOf = (conditions: readonly Condition[] | undefined, type: string): Condition | undefined =>
  conditions?.find((each) => each.type === type);

/** Neither ended nor about to. */
export const isActive = ({ metadata, status }: Pod): boolean =>
  metadata.deletionTimestamp === undefined && status?.phase !== 'Succeeded' && status?.phase !== 'Failed';

export const isReady = ({ status }: Pod): boolean => conditionOf(status?.conditions, 'Ready')?.status === 'True';

/** Key of the Service whose endpoints a slice lists; of a slice of none, that of no Service. */
export const serviceKeyOf = ({ metadata: { namespace, labels } }: EndpointSlice): string =>
  `${namespace}/${labels?.['kubernetes.io/service-name'] ?? ''}`;

export const readyEndpoints = ({ endpoints }: EndpointSlice): readonly SliceEndpoint[] =>
  (endpoints ?? []).filter(({ conditions }) => conditions?.ready !== false);
