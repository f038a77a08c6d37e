// Schemas that all kinds share: ObjectMeta, selectors, conditions, references.
// Used by the builtin-*.ts tables and, for `metadata`, by custom kinds (root.ts).
import { anything, boolean, int64, list, listMap, mapOf, object, oneOf, setOf, string, strings, time, whole } from './notation.ts';
import type { OpenApiSchema } from './open-api.ts';

const ownerReference = whole(
  object(
    { apiVersion: string, kind: string, name: string, uid: string, controller: boolean, blockOwnerDeletion: boolean },
    'apiVersion',
    'kind',
    'name',
    'uid',
  ),
);

const managedFieldsEntry = object({
  manager: string,
  operation: oneOf('Apply', 'Update'),
  apiVersion: string,
  time,
  fieldsType: string,
  fieldsV1: anything,
  subresource: string,
});

export const objectMeta: OpenApiSchema = object({
  name: string,
  generateName: string,
  namespace: string,
  selfLink: string,
  uid: string,
  resourceVersion: string,
  generation: int64,
  creationTimestamp: { ...time, nullable: true },
  deletionTimestamp: { ...time, nullable: true },
  deletionGracePeriodSeconds: int64,
  labels: mapOf(string),
  annotations: mapOf(string),
  ownerReferences: listMap(ownerReference, ['uid']),
  finalizers: setOf(string),
  managedFields: list(managedFieldsEntry),
});

export const labelSelector: OpenApiSchema = whole(
  object({
    matchLabels: mapOf(string),
    matchExpressions: list(
      object({ key: string, operator: oneOf('In', 'NotIn', 'Exists', 'DoesNotExist'), values: strings }, 'key', 'operator'),
    ),
  }),
);

/** `status.conditions` of built-in kinds. */
export const conditions: OpenApiSchema = listMap(
  object({
    type: string,
    status: string,
    reason: string,
    message: string,
    observedGeneration: int64,
    lastTransitionTime: time,
    lastProbeTime: { ...time, nullable: true },
    lastUpdateTime: time,
    lastHeartbeatTime: time,
  }),
  ['type'],
);

export const localReference: OpenApiSchema = whole(object({ name: string }));

export const objectReference: OpenApiSchema = whole(
  object({ apiVersion: string, kind: string, namespace: string, name: string, uid: string, resourceVersion: string, fieldPath: string }),
);
