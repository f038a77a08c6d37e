// Whether a waypoint will take a rule: asked of the very code by which it makes routes ready for use. Pure.
// Used by all translators of HTTP rules, so that one bad rule is said in a status, and never costs its route the good ones.

import type { HttpMatch, HttpRule } from '@ambient-mesh/model/l7/route';
import { compileRoute } from '@ambient-mesh/model/l7/route-compile';

/** Undefined when it is fine. */
export function ruleTrouble(rule: HttpRule): string | undefined {
  try {
    compileRoute({ kind: 'HTTPRoute', namespace: '', name: '', createdAt: 0, parents: [], http: [rule], tcp: [] });
    return undefined;
  } catch (why) {
    return why instanceof Error ? why.message : String(why);
  }
}

export const matchTrouble = (match: HttpMatch): string | undefined => ruleTrouble({ matches: [match], filters: [], backends: [] });
