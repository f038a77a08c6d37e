// The built-in kinds' schemas, found by group and kind; every version of a kind served here has the same one.
// Used by discovery, admission, patches and server-side apply. The tables are in the builtin-*.ts files beside this one.
import { coreKinds } from './builtin-core.ts';
import { otherKinds } from './builtin-others.ts';
import { workloadKinds } from './builtin-workloads.ts';
import { object } from './notation.ts';
import type { OpenApiSchema } from './open-api.ts';
import { withRootFields } from './root.ts';

const schemas: ReadonlyMap<string, OpenApiSchema> = new Map(
  Object.entries({ ...coreKinds, ...workloadKinds, ...otherKinds }).map(([id, fields]) => [id, withRootFields(object(fields))]),
);

/** `group` is empty for the core group; undefined when the kind is not built in. */
export const builtinSchema = (group: string, kind: string): OpenApiSchema | undefined => schemas.get(`${group}/${kind}`);

export const groupOf = (apiVersion: string): string => (apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '');
