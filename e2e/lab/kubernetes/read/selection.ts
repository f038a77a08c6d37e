// Which objects of a resource a request is about: its namespace, label selector and field selector as one question.
// Used by list, watch and deletion of collections.
import type { Target } from '../cluster.ts';
import type { KubeObject } from '../patch/json.ts';
import { fieldSelector } from './field-selector.ts';
import { labelSelector } from './label-selector.ts';

export interface Selection {
  readonly matches: (object: Readonly<KubeObject>) => boolean;
  /** Whether more than the namespace narrows it down: then nobody counts what remains. */
  readonly isNarrow: boolean;
}

export function selectionOf({ resource, namespace, name }: Target, query: URLSearchParams): Selection {
  const labels = query.get('labelSelector') ?? '';
  const fields = query.get('fieldSelector') ?? '';
  const byLabels = labels === '' ? undefined : labelSelector(labels);
  const byFields = fields === '' ? undefined : fieldSelector(fields, resource);
  return {
    isNarrow: byLabels !== undefined || byFields !== undefined,
    matches: (object) =>
      (namespace === '' || object.metadata.namespace === namespace) &&
      (name === '' || object.metadata.name === name) &&
      (byLabels === undefined || byLabels(object.metadata.labels ?? {})) &&
      (byFields === undefined || byFields(object)),
  };
}
