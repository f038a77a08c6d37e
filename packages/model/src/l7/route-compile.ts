// Makes one route ready for use, or refuses it as a whole: its regular expressions, and what it would write into requests. Pure.
// Used by route-table.ts when a route arrives, so that a bad one leaves its last good version in force.
import { originTest } from './cors.ts';
import { badEdit, isHeaderValue } from './header-edit.ts';
import { patternOf } from './path-edit.ts';
import type { Filter, HttpRule, PathEdit, Route } from './route.ts';
import { type CompiledMatch, compileMatch } from './route-match.ts';

/** What a request is routed by. */
export interface CompiledRule {
  readonly rule: HttpRule;
  /** `namespace.name.index`, as Istio names it. */
  readonly route: string;
}

/** One match of one rule. */
export interface Entry {
  readonly match: CompiledMatch;
  readonly taken: CompiledRule;
}

export interface CompiledRoute {
  readonly route: Route;
  /** In the order of the route. */
  readonly entries: readonly Entry[];
}

/** Throws SyntaxError or TypeError with a reason for whoever wrote the route. */
export function compileRoute(route: Route): CompiledRoute {
  const entries = route.http.flatMap((rule, index) => {
    for (const filter of [...rule.filters, ...rule.backends.flatMap(({ filters }) => filters)]) check(filter);
    const taken: CompiledRule = { rule, route: `${route.namespace}.${route.name}.${index}` };
    return rule.matches.map((match): Entry => ({ match: compileMatch(match), taken }));
  });
  return { route, entries };
}

/** Oldest first, then by `namespace/name`. */
export function byAge({ route: a }: CompiledRoute, { route: b }: CompiledRoute): number {
  if (a.createdAt !== b.createdAt) return a.createdAt - b.createdAt;
  const [x, y] = [`${a.namespace}/${a.name}`, `${b.namespace}/${b.name}`];
  return x < y ? -1 : x > y ? 1 : 0;
}

function check(filter: Filter): void {
  switch (filter.filter) {
    case 'request-headers':
    case 'response-headers': {
      const bad = badEdit(filter);
      if (bad !== undefined) throw new TypeError(bad);
      return;
    }
    case 'redirect':
    case 'rewrite':
      if (filter.path !== undefined) checkPath(filter.path);
      if (filter.hostname !== undefined && !/^[\w.:[\]-]+$/.test(filter.hostname))
        throw new TypeError(`invalid hostname ${JSON.stringify(filter.hostname)}`);
      return;
    case 'cors': {
      originTest(filter);
      const bad = [...filter.methods, ...filter.headers, ...filter.expose].find((each) => !isHeaderValue(each));
      if (bad !== undefined) throw new TypeError(`invalid name ${JSON.stringify(bad)} in CORS`);
      return;
    }
    case 'mirror':
    case 'fault':
    case 'respond':
      return;
    default:
      filter satisfies never;
  }
}

/** A request line has no room for blanks, nor a URL for a fragment that a server would see. */
function checkPath(edit: PathEdit): void {
  const written = 'full' in edit ? edit.full : edit.by;
  if (!/^[!"$-~]*$/.test(written)) throw new TypeError(`invalid path ${JSON.stringify(written)}`);
  if ('regex' in edit) patternOf(edit);
}
