// Backends of a rule of the Gateway API: destinations with their weights and filters (facts: gateway-api-mesh §3.4). Pure.
// Used by the translators of all four kinds.
import type { Backend } from '@ambient-mesh/model/l7/route';
import type { BackendRef } from '../kinds/route-parts.ts';
import { destinationOf } from './route-destination.ts';
import { type FilterContext, filtersOf } from './route-filters.ts';
import { isRefusal, type Refusal, unsupported } from './route-findings.ts';

const heaviest = 1_000_000;

export function backendsOf(refs: readonly BackendRef[], context: FilterContext): readonly Backend[] | Refusal {
  const backends: Backend[] = [];
  for (const ref of refs) {
    if (ref.weight < 0 || ref.weight > heaviest) return unsupported(`weight ${ref.weight} is not within 0 and ${heaviest}`);
    const filters = filtersOf(ref.filters, context);
    if (isRefusal(filters)) return filters;
    backends.push({ weight: ref.weight, to: destinationOf(ref, context), filters });
  }
  return backends;
}
