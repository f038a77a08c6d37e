// A kind for tests, served at /apis/test.io/v1/things, and a report that nobody reads.
import type { Kind } from '../kind.ts';
import { objectOf, textOf } from '../raw.ts';

export interface Thing {
  readonly name: string;
  readonly value: string;
}

/** `value` is trimmed out of `spec`; a thing whose value is `unusable` cannot be narrowed. */
export const things: Kind<Thing> = {
  group: 'test.io',
  version: 'v1',
  plural: 'things',
  kind: 'Thing',
  namespaced: true,
  narrow: (raw) => {
    const { metadata, spec } = objectOf(raw);
    const value = textOf(objectOf(spec).value);
    return value === 'unusable' ? undefined : { name: textOf(objectOf(metadata).name), value };
  },
};

/** Path of the things of a namespace. */
export const thingsIn = (namespace: string): string => `/apis/test.io/v1/namespaces/${namespace}/things`;
