// One match of a route as a predicate, and its rank among all others of a service (facts: gateway-api-mesh §3.2, §3.3). Pure.
// Used by route-table.ts, which sorts by rank and finds the candidates for a path without trying all.
import type { RequestView } from './request-view.ts';
import type { HttpMatch, NamedMatch, PathMatch } from './route.ts';
import type { TextMatch } from './text.ts';
import { compileText, type TextTest } from './text-match.ts';

export interface CompiledMatch {
  /** Absent: any service port. */
  readonly port: number | undefined;
  /** Compared from the left, smaller first: kind of path, its length, method, headers, query parameters. */
  readonly rank: readonly number[];
  readonly find: FindBy;
  readonly holds: (request: RequestView) => boolean;
}

/** By what a path leads to the match: a map look-up, except for `any`. Keys of `folded` are in lower case. */
export interface FindBy {
  readonly by: 'exact' | 'segments' | 'start' | 'any';
  readonly key: string;
  readonly folded: boolean;
  /** An exact header that the match wants: tells apart the many matches of one path. */
  readonly header?: readonly [name: string, value: string];
}

type Test = (request: RequestView) => boolean;

/** Throws SyntaxError for a regular expression that cannot be used. */
export function compileMatch(match: HttpMatch): CompiledMatch {
  const headers = firstOfEach(match.headers);
  const query = firstOfEach(match.query);
  const header = headers.find(({ match: wanted }) => 'exact' in wanted && !wanted.ignoreCase);
  const tests: Test[] = [
    ...(match.path ? [pathTest(match.path)] : []),
    ...(match.method ? [on(match.method, ({ input }) => input.method)] : []),
    ...(match.authority ? [on(match.authority, ({ input }) => input.authority)] : []),
    ...(match.scheme ? [on(match.scheme, ({ input }) => input.scheme)] : []),
    ...headers.map(({ name, match: wanted }) => on(wanted, (request) => request.header(name))),
    ...query.map(({ name, match: wanted }) => on(wanted, (request) => request.parameter(name))),
    ...(match.withoutHeaders ?? []).map(({ name, match: unwanted }) => not(on(unwanted, (request) => request.header(name)))),
  ];
  const wanted = header && 'exact' in header.match ? ([header.name, header.match.exact] as const) : undefined;
  return {
    port: match.port,
    rank: [...pathRank(match.path), match.method ? 0 : 1, -headers.length, -query.length],
    find: { ...findBy(match.path), ...(wanted && { header: wanted }) },
    holds: (request) => tests.every((test) => test(request)),
  };
}

/** Left to right, the first difference decides. */
export function compareRanks(a: readonly number[], b: readonly number[]): number {
  for (let at = 0; at < a.length; at++) {
    const difference = (a[at] ?? 0) - (b[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/**
 * Exact paths first, then regular expressions, the longer the earlier, then prefixes, the longer the earlier; a missing path is the prefix `/`.
 * gRPC (never merged with others): the service decides, then the method; each exact before a pattern before none, then by length.
 */
function pathRank(path: PathMatch | undefined): readonly number[] {
  if (path === undefined) return [2, 0, 0, 0];
  if ('exact' in path) return [0, 0, 0, 0];
  if ('regex' in path) return [1, -path.regex.length, 0, 0];
  if ('prefix' in path) return [2, -segments(path.prefix).length, 0, 0];
  if ('start' in path) return [2, -path.start.length, 0, 0];
  return [...partRank(path.grpc.service), ...partRank(path.grpc.method)];
}

function partRank(part: TextMatch | undefined): readonly [kind: number, length: number] {
  if (part === undefined) return [2, 0];
  if ('exact' in part) return [0, -part.exact.length];
  return [1, 'regex' in part ? -part.regex.length : 0];
}

function findBy(path: PathMatch | undefined): Omit<FindBy, 'header'> {
  if (path === undefined) return { by: 'any', key: '', folded: false };
  if ('exact' in path) return { by: 'exact', key: fold(path.exact, path.ignoreCase), folded: path.ignoreCase === true };
  if ('prefix' in path) return { by: 'segments', key: segments(path.prefix), folded: false };
  if ('start' in path) return { by: 'start', key: fold(path.start, path.ignoreCase), folded: path.ignoreCase === true };
  const { service, method } = 'grpc' in path ? path.grpc : {};
  if (!service || !('exact' in service) || service.ignoreCase) return { by: 'any', key: '', folded: false };
  if (!method || !('exact' in method) || method.ignoreCase) return { by: 'segments', key: `/${service.exact}`, folded: false };
  return { by: 'exact', key: `/${service.exact}/${method.exact}`, folded: false };
}

function pathTest(path: PathMatch): Test {
  if ('prefix' in path) {
    const prefix = segments(path.prefix);
    return ({ path: asked }) => asked.startsWith(prefix) && (asked.length === prefix.length || asked.charCodeAt(prefix.length) === slash);
  }
  if ('start' in path) return on({ prefix: path.start, ...(path.ignoreCase && { ignoreCase: true }) }, ({ path: asked }) => asked);
  if ('grpc' in path) return grpcTest(path.grpc);
  return on(path, ({ path: asked }) => asked);
}

/** `/package.Service/Method`, nothing else. */
function grpcTest({ service, method }: { readonly service?: TextMatch; readonly method?: TextMatch }): Test {
  const ofService = service && compileText(service);
  const ofMethod = method && compileText(method);
  return ({ path }) => {
    const at = path.indexOf('/', 1);
    if (at < 2 || path.charCodeAt(0) !== slash || at === path.length - 1 || path.includes('/', at + 1)) return false;
    return (ofService?.(path.slice(1, at)) ?? true) && (ofMethod?.(path.slice(at + 1)) ?? true);
  };
}

function on(match: TextMatch, of: (request: RequestView) => string | undefined): Test {
  const test: TextTest = compileText(match);
  return (request) => {
    const text = of(request);
    return text !== undefined && test(text);
  };
}

const not =
  (test: Test): Test =>
  (request) =>
    !test(request);

const slash = 47;

/** A prefix as it is compared: without the slash at its end, so that `/` is the empty text. */
const segments = (prefix: string): string => (prefix.endsWith('/') ? prefix.slice(0, -1) : prefix);

const fold = (text: string, ignoreCase: boolean | undefined): string => (ignoreCase ? text.toLowerCase() : text);

/** Of several entries for one name only the first counts. */
function firstOfEach(matches: readonly NamedMatch[] = []): readonly NamedMatch[] {
  return matches.filter(({ name }, at) => matches.findIndex((other) => other.name === name) === at);
}
