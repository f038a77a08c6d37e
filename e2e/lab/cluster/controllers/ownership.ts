// What the garbage collector must do, told from who owns whom: dependents whose owners are gone, owners that wait for their dependents. Pure.
// Called by garbage.ts with all objects of all kinds.
import type { Kind } from '@ambient-mesh/kube/kind';
import type { OwnerReference } from '../objects.ts';
import type { Thing } from './discovery.ts';

export interface Owned {
  readonly kind: Kind<Thing>;
  readonly thing: Thing;
}

export type Collection =
  /** Its owners are not to be seen: to be deleted if the server says so too. */
  | { readonly do: 'collect'; readonly of: Owned; readonly absent: readonly OwnerReference[] }
  /** Foreground deletion: before its owner. */
  | { readonly do: 'remove'; readonly of: Owned }
  /** Its owner goes, it stays. */
  | { readonly do: 'disown'; readonly of: Owned; readonly owners: readonly OwnerReference[] }
  | { readonly do: 'release'; readonly of: Owned; readonly finalizers: readonly string[] };

const orphan = 'orphan';
const foreground = 'foregroundDeletion';

export function collections(all: readonly Owned[]): Collection[] {
  const known = new Set(all.map(({ thing }) => thing.uid));
  const dependents = new Map<string, Owned[]>();
  for (const each of all) {
    for (const { uid } of each.thing.owners) dependents.set(uid, [...(dependents.get(uid) ?? []), each]);
  }
  return [
    ...all.flatMap((each) => abandoned(each, known)),
    ...all.filter(({ thing }) => thing.deleting).flatMap((owner) => leaving(owner, dependents.get(owner.thing.uid) ?? [])),
  ];
}

function abandoned(of: Owned, known: ReadonlySet<string>): Collection[] {
  const { owners, deleting } = of.thing;
  if (deleting || owners.length === 0 || owners.some(({ uid }) => known.has(uid))) return [];
  return [{ do: 'collect', of, absent: owners }];
}

function leaving(owner: Owned, dependents: readonly Owned[]): Collection[] {
  const { finalizers, uid } = owner.thing;
  const without = (finalizer: string): Collection => ({
    do: 'release',
    of: owner,
    finalizers: finalizers.filter((each) => each !== finalizer),
  });
  if (finalizers.includes(orphan)) {
    if (dependents.length === 0) return [without(orphan)];
    return dependents.map((of) => ({ do: 'disown', of, owners: of.thing.owners.filter((each) => each.uid !== uid) }));
  }
  if (!finalizers.includes(foreground)) return [];
  const blocking = dependents.filter(({ thing }) => thing.owners.some((each) => each.uid === uid && each.blockOwnerDeletion === true));
  const removals = dependents.filter(({ thing }) => !thing.deleting).map((of): Collection => ({ do: 'remove', of }));
  return blocking.length === 0 ? [...removals, without(foreground)] : removals;
}
