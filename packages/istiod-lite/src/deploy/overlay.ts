// What users lay over the objects of a waypoint: strategic-merge patches, as far as such objects have lists that merge (facts: control-plane §5.4). Pure.
// Used by objects.ts. A patch that means nothing is an OverlayMistake with a text for the user; unknown fields pass, the API server knows them better.
import { isObject, type RawObject } from '@ambient-mesh/kube/raw';

export interface OverlayMistake {
  readonly mistake: string;
}

export type Overlaid = { readonly ok: RawObject } | OverlayMistake;

/** Deeper than any object of Kubernetes that a person writes. */
const deepest = 64;

/** By which field the items of a list are told apart; the first that an item has counts. Lists that are not here are replaced. */
const mergeKeys: Readonly<Record<string, readonly string[]>> = {
  containers: ['name'],
  initContainers: ['name'],
  env: ['name'],
  ports: ['containerPort', 'port'],
  volumes: ['name'],
  volumeMounts: ['mountPath'],
  volumeDevices: ['devicePath'],
  imagePullSecrets: ['name'],
  secrets: ['name'],
  hostAliases: ['ip'],
  topologySpreadConstraints: ['topologyKey'],
};

const directives: ReadonlySet<string> = new Set(['$patch', '$retainKeys']);

class Mistake extends Error {}

/** `base` with `patch` laid over it: null removes, lists with a key merge, `$patch: delete` and `$patch: replace` do what they say. */
export function overlay(base: RawObject, patch: unknown): Overlaid {
  if (!isObject(patch)) return { mistake: 'is not a mapping' };
  if (isDeeperThan(patch, deepest)) return { mistake: `is nested more than ${deepest} levels deep` };
  try {
    return { ok: mergedObject(base, patch) };
  } catch (e) {
    if (e instanceof Mistake) return { mistake: e.message };
    throw e;
  }
}

function mergedObject(base: RawObject, patch: RawObject): RawObject {
  const { $patch: order, $retainKeys: retained } = patch;
  const stray = Object.keys(patch).find((key) => key.startsWith('$') && !directives.has(key));
  if (stray !== undefined) throw new Mistake(`has the directive ${stray}, which is not understood here`);
  if (order !== undefined && order !== 'merge' && order !== 'replace')
    throw new Mistake(`has $patch: ${JSON.stringify(order)} where no item of a list is`);
  const from = order === 'replace' ? {} : base;
  const kept = Array.isArray(retained) ? Object.entries(from).filter(([key]) => retained.includes(key)) : Object.entries(from);
  const merged = new Map<string, unknown>(kept);
  for (const [key, value] of Object.entries(patch)) {
    if (directives.has(key)) continue;
    if (value === null) merged.delete(key);
    else merged.set(key, mergedValue(key, merged.get(key), value));
  }
  return Object.fromEntries(merged);
}

function mergedValue(field: string, before: unknown, value: unknown): unknown {
  if (isObject(value)) return mergedObject(isObject(before) ? before : {}, value);
  const keys = Object.hasOwn(mergeKeys, field) ? mergeKeys[field] : undefined;
  if (!Array.isArray(value) || keys === undefined) return value;
  return mergedList(Array.isArray(before) ? before : [], value, { field, keys });
}

/** Items that are there keep their places, new ones follow. */
function mergedList(
  before: readonly unknown[],
  patch: readonly unknown[],
  list: { readonly field: string; readonly keys: readonly string[] },
): unknown[] {
  const items = patch.map((item) => {
    if (isObject(item)) return item;
    throw new Mistake(`has an item in ${list.field} that is not a mapping`);
  });
  const replaces = items.some((item) => item.$patch === 'replace' && !list.keys.some((key) => Object.hasOwn(item, key)));
  const merged: unknown[] = replaces ? [] : [...before];
  for (const item of items) {
    const key = list.keys.find((each) => Object.hasOwn(item, each));
    if (key === undefined && item.$patch === 'replace') continue;
    if (key === undefined) throw new Mistake(`has an item in ${list.field} without ${list.keys.join(' or ')}`);
    const at = merged.findIndex((each) => isObject(each) && each[key] === item[key] && sameProtocol(list.field, each, item));
    if (item.$patch === 'delete') {
      if (at !== -1) merged.splice(at, 1);
      continue;
    }
    const existing = merged[at];
    const value = mergedObject(isObject(existing) ? existing : {}, item);
    if (at === -1) merged.push(value);
    else merged[at] = value;
  }
  return merged;
}

/** A port may be there once for each protocol. */
const sameProtocol = (field: string, a: RawObject, b: RawObject): boolean =>
  field !== 'ports' || (a.protocol ?? 'TCP') === (b.protocol ?? 'TCP');

function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((each) => isDeeperThan(each, levels - 1));
}
