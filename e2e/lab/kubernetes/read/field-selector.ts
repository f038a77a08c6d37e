// Field selectors: `spec.nodeName=a,status.phase!=Running`. Which fields a kind can be asked for is a table, as in the real API.
// Used for lists, watches and collections.
import type { Resource } from '../kinds/registry.ts';
import { mapAt, valueAt } from '../object.ts';
import type { Json, KubeObject } from '../patch/json.ts';
import { badRequest } from '../status-error.ts';

const eventFields = [
  ...['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath'].map((field) => `involvedObject.${field}`),
  'reason',
  'reportingComponent',
  'source',
  'type',
];

/** Beyond metadata.name and metadata.namespace, by stored resource. */
const selectable: Readonly<Record<string, readonly string[]>> = {
  pods: [
    'spec.nodeName',
    'spec.restartPolicy',
    'spec.schedulerName',
    'spec.serviceAccountName',
    'spec.hostNetwork',
    'status.phase',
    'status.podIP',
    'status.nominatedNodeName',
  ],
  events: eventFields,
  nodes: ['spec.unschedulable'],
  namespaces: ['status.phase'],
  secrets: ['type'],
  services: ['spec.clusterIP', 'spec.type'],
  'replicasets.apps': ['status.replicas'],
  'jobs.batch': ['status.successful'],
};

/** What an absent field counts as, where that is not the empty text. */
const absent: Readonly<Record<string, string>> = { 'spec.hostNetwork': 'false', 'spec.unschedulable': 'false' };

export type FieldMatch = (object: Readonly<KubeObject>) => boolean;

/** Matches objects as they are stored. @throws StatusError 400 for a field that the kind cannot be asked for. */
export function fieldSelector(text: string, resource: Resource): FieldMatch {
  const terms = split(text).map((term) => {
    const [, field = '', operator = '', value = ''] = /^([^!=]*)(!=|==|=)(.*)$/s.exec(term) ?? [];
    if (operator === '') throw badRequest(`invalid selector: '${term}'; can't understand '${term}'`);
    const path = storedPath(field, resource);
    if (path === undefined) throw badRequest(`field label not supported: ${field}`);
    return { path, wanted: value.replace(/\\([\\,=])/g, '$1'), equal: operator !== '!=' };
  });
  return (object) => terms.every(({ path, wanted, equal }) => (read(object, path) === wanted) === equal);
}

/** At commas that no backslash precedes. */
const split = (text: string): readonly string[] => text.match(/(?:\\.|[^,\\])+/gs) ?? [];

function storedPath(field: string, resource: Resource): string | undefined {
  if (field === 'metadata.name' || (field === 'metadata.namespace' && resource.namespaced)) return field;
  // Both faces of events are asked in the words of the core one, or in their own.
  const path =
    resource.stored === 'events'
      ? field.replace(/^regarding\./, 'involvedObject.').replace('reportingController', 'reportingComponent')
      : field;
  return selectable[resource.stored]?.includes(path) ? path : undefined;
}

function read(object: Readonly<KubeObject>, path: string): string {
  if (path === 'source') return asText(mapAt(object.source).component ?? object.reportingComponent, '');
  return asText(valueAt(object, ...path.split('.')), absent[path] ?? '');
}

const asText = (value: Json | undefined, otherwise: string): string =>
  typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : otherwise;
