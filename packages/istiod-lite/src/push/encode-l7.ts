// The body of an L7 resource: JSON, with fields in the order of their names, so that equal resources are equal bytes whoever wrote them down.
// Used by publisher.ts; read by wire's convert.ts.
import type { L7Resource } from '@ambient-mesh/model/l7/resource';

export const encodeL7 = (resource: L7Resource): Uint8Array => Buffer.from(JSON.stringify(resource, inOrder));

function inOrder(_: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
