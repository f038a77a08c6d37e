// How many replicas the old and the new ReplicaSets of a Deployment should have next: the arithmetic of a rolling update. Pure.
// Called by deployments.ts each time something has changed, until nothing changes any more.
import type { Deployment, ReplicaSet } from '../objects.ts';

export const replicasOf = (set: ReplicaSet | undefined): number => set?.spec.replicas ?? 0;
const availableOf = (set: ReplicaSet | undefined): number => set?.status?.availableReplicas ?? 0;
const sum = (sets: readonly ReplicaSet[], count: (set: ReplicaSet) => number): number => sets.reduce((total, set) => total + count(set), 0);

/** Wanted replicas by ReplicaSet name; those that stay as they are may be missing. `old`: oldest first. */
export function nextReplicas(deployment: Deployment, current: ReplicaSet, old: readonly ReplicaSet[]): Map<string, number> {
  const wanted = deployment.spec.replicas ?? 1;
  if (deployment.spec.strategy?.type === 'Recreate') {
    const left = sum(old, (set) => Math.max(replicasOf(set), set.status?.replicas ?? 0));
    return new Map([
      ...old.map((set) => [set.metadata.name, 0] as const),
      [current.metadata.name, left > 0 ? replicasOf(current) : wanted],
    ]);
  }
  const { surge, unavailable } = limits(deployment);
  const next = new Map<string, number>();
  const total = replicasOf(current) + sum(old, replicasOf);
  const grown = Math.min(wanted, replicasOf(current) + Math.max(0, wanted + surge - total));
  next.set(current.metadata.name, grown);
  const needed = wanted - unavailable;
  let spare = total - needed - Math.max(0, replicasOf(current) - availableOf(current));
  // What does not work goes first, whatever its age.
  for (const set of old) {
    const going = Math.min(Math.max(0, spare), Math.max(0, replicasOf(set) - availableOf(set)));
    spare -= going;
    next.set(set.metadata.name, replicasOf(set) - going);
  }
  let removable = Math.min(spare, availableOf(current) + sum(old, availableOf) - needed);
  for (const set of old) {
    const left = next.get(set.metadata.name) ?? 0;
    const going = Math.min(Math.max(0, removable), left);
    removable -= going;
    next.set(set.metadata.name, left - going);
  }
  return next;
}

/** Pods above and below the wanted number; a quarter of it each by default, and never both zero. */
export function limits({ spec: { replicas = 1, strategy } }: Deployment): { readonly surge: number; readonly unavailable: number } {
  const { maxSurge = '25%', maxUnavailable = '25%' } = strategy?.rollingUpdate ?? {};
  const surge = Math.ceil(shareOf(maxSurge, replicas));
  const unavailable = Math.floor(shareOf(maxUnavailable, replicas));
  return { surge, unavailable: surge === 0 && unavailable === 0 ? 1 : unavailable };
}

const shareOf = (value: number | string, of: number): number =>
  typeof value === 'number' ? value : value.endsWith('%') ? (Number.parseInt(value, 10) * of) / 100 : Number.parseInt(value, 10);
