// A place in a VirtualService that is being translated: what goes wrong there is said with its name.
// Used by virtual-http.ts and virtual-filters.ts.
import type { Filter } from '@ambient-mesh/model/l7/route';
import { durationOf } from './duration.ts';
import type { VirtualContext } from './virtual-destination.ts';

export interface RulePlace extends VirtualContext {
  /** `http[2]`. */
  readonly place: string;
}

/** What cannot be done at all is refused, and not done halfway. */
export function refuse(why: string, { problems, place }: RulePlace): readonly Filter[] {
  problems.push(`${place}: ${why}`);
  return [{ filter: 'respond', status: 500, why }];
}

/** Undefined for what is absent or cannot be read. */
export function millisecondsOf(written: string | undefined, what: string, { problems, place }: RulePlace): number | undefined {
  const duration = durationOf(written);
  if (written !== undefined && duration === undefined) problems.push(`${place}: ${what} ${written} is no duration`);
  return duration;
}
