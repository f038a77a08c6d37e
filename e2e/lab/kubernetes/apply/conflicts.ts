// Conflicts of server-side apply, as data and in kubectl's words.
// Used by server-side-apply.ts; status-error.ts makes the answer of them.
import { isObject, type Json, type KubeObject } from '../patch/json.ts';
import type { OpenApiSchema } from '../schema/open-api.ts';
import { compare } from './compare.ts';
import { fieldsOf } from './fields.ts';
import type { Manager } from './managed-fields.ts';
import { describePath, type Path } from './path.ts';

export interface Conflict {
  readonly manager: Manager;
  readonly paths: readonly Path[];
}

export interface Conflicts {
  readonly conflicts: { manager: string; fields: string[] }[];
}

/** `"kubectl-edit" using apps/v1`; appliers are known by name alone. */
export function describeConflicts(conflicts: readonly Conflict[]): Conflicts['conflicts'] {
  const described = conflicts.map(({ manager, paths }) => ({ manager: describe(manager), fields: paths.map(describePath).sort() }));
  return described.sort((a, b) => (a.manager < b.manager ? -1 : 1));
}

function describe({ name, operation, apiVersion, subresource }: Manager): string {
  const through = subresource === '' ? '' : ` with subresource ${JSON.stringify(subresource)}`;
  return JSON.stringify(name) + through + (operation === 'Apply' ? '' : ` using ${apiVersion}`);
}

const lastAppliedAnnotation = 'kubectl.kubernetes.io/last-applied-configuration';

/** kubectl's move from client-side apply: what the annotation says was applied, and still is so, is no conflict for kubectl. All or nothing. */
export function withoutLastApplied(
  conflicts: readonly Conflict[],
  live: Readonly<KubeObject>,
  structure: OpenApiSchema,
): readonly Conflict[] {
  const lastApplied = readJson(live.metadata.annotations?.[lastAppliedAnnotation]);
  if (lastApplied === undefined) return conflicts;
  const { changed, removed } = compare(lastApplied, live, structure);
  const fields = [...fieldsOf(lastApplied, structure, 'last applied')];
  const untouched = new Set(fields.filter((path) => !changed.has(path) && !removed.has(path)));
  return conflicts
    .map(({ manager, paths }) => ({ manager, paths: paths.filter((path) => !untouched.has(path)) }))
    .filter(({ paths }) => paths.length > 0);
}

function readJson(text: string | undefined): Json | undefined {
  try {
    const value: Json = JSON.parse(text ?? 'null');
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
