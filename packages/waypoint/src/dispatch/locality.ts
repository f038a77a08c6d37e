// Which endpoints are near enough, as a DestinationRule says: by share, or the nearest first with regions to fall back to (Istio's localityLbSetting). Pure.
// Called by destination.ts for each attempt, only where a rule asks for it; what Services say of nearness is model/endpoint-choice.ts.
import type { Balance } from '@ambient-mesh/model/l7/destination';
import type { Locality } from '@ambient-mesh/model/workload';
import type { Endpoint } from './endpoint.ts';

type Setting = NonNullable<Balance['locality']>;

/** Those among whom to choose; never empty unless `from` is. `random`: 0 <= x < 1, called at most once. */
export function near(
  from: readonly Endpoint[],
  own: Locality,
  { enabled, distribute, failover }: Setting,
  random: () => number,
): readonly Endpoint[] {
  if (!enabled || from.length < 2) return from;
  const shares = distribute.find(({ from: where }) => covers(where, own));
  if (shares !== undefined) return shared(from, shares.to, random);
  const fallback = failover.find(({ from: region }) => region === own.region)?.to;
  let best = Number.POSITIVE_INFINITY;
  let nearest: Endpoint[] = [];
  for (const each of from) {
    const distance = distanceTo(each.workload.locality, own, fallback);
    if (distance < best) [best, nearest] = [distance, []];
    if (distance === best) nearest.push(each);
  }
  return nearest;
}

function shared(
  from: readonly Endpoint[],
  shares: readonly (readonly [where: string, weight: number])[],
  random: () => number,
): readonly Endpoint[] {
  const groups = shares.map(([where, weight]) => ({ weight, there: from.filter(({ workload }) => covers(where, workload.locality)) }));
  const filled = groups.filter(({ there, weight }) => there.length > 0 && weight > 0);
  let left = random() * filled.reduce((sum, { weight }) => sum + weight, 0);
  for (const { weight, there } of filled) {
    left -= weight;
    if (left < 0) return there;
  }
  return from;
}

/** 0 in the same subzone, 3 in the same region, 4 where failover leads, 5 elsewhere. */
function distanceTo(there: Locality, own: Locality, fallback: string | undefined): number {
  if (there.region !== own.region) return there.region === fallback ? 4 : 5;
  if (there.zone !== own.zone) return 3;
  return there.subzone === own.subzone ? 0 : 1;
}

/** `region/zone/subzone`, each perhaps `*` or left out. */
function covers(where: string, { region, zone, subzone }: Locality): boolean {
  const parts = where.split('/');
  return [region, zone, subzone].every((name, at) => {
    const wanted = parts[at];
    return wanted === undefined || wanted === '*' || wanted === '' || wanted === name;
  });
}
