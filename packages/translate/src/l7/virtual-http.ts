// HTTP rules of a VirtualService (facts: control-plane §6.5). Pure.
// One written rule becomes several where what it does depends on the prefix that matched, or on the port that was dialled.
import type { Backend, Filter, HttpMatch, HttpRule, PathMatch, Retry } from '@ambient-mesh/model/l7/route';
import type { TextMatch } from '@ambient-mesh/model/l7/text';
import type { VirtualHttpMatch, VirtualHttpRoute, VirtualRetries } from '../kinds/virtual-service.ts';
import { matchTrouble, ruleTrouble } from './usable.ts';
import { destinationOf, eachPort, forMesh, headerFilters, type VirtualContext, weighted } from './virtual-destination.ts';
import { answerFilter, corsFilter, faultFilter, redirectFilter, rewriteFilter } from './virtual-filters.ts';
import { millisecondsOf, type RulePlace, refuse } from './virtual-place.ts';

/** `place`: the rule's in the object, for problems. */
export function* httpRulesOf(route: VirtualHttpRoute, place: string, context: VirtualContext): Generator<HttpRule> {
  const within = { ...context, place };
  const matches = route.matches.length === 0 ? [{}] : route.matches.flatMap((match) => matchOf(match, within) ?? []);
  if (matches.length === 0) return;
  // What replaces a prefix has to know which.
  const groups = route.rewrite && route.rewrite.uri !== '' ? matches.map((match) => [match]) : [matches];
  const ports = followsPort(route) ? context.ports : eachPort(destinationsOf(route), context);
  for (const group of groups)
    for (const port of ports) {
      const here = group.filter((match) => port === undefined || match.port === undefined || match.port === port);
      if (here.length > 0) yield ruleOf(route, port === undefined ? here : here.map((match) => ({ ...match, port })), within);
    }
}

/** Without a scheme of its own a redirect keeps the port that was dialled by itself. */
const followsPort = ({ redirect }: VirtualHttpRoute): boolean => redirect?.derivePort === 'FROM_REQUEST_PORT' && redirect.scheme !== '';

const destinationsOf = (route: VirtualHttpRoute) => [...route.destinations, ...route.mirrors].map(({ to }) => to);

function ruleOf(route: VirtualHttpRoute, matches: readonly HttpMatch[], context: RulePlace): HttpRule {
  const [first] = matches;
  const dialled = first?.port;
  const { place } = context;
  const before = [...faultFilter(route.fault, context), ...corsFilter(route.cors, context), ...headerFilters(route.headers)];
  const answer = route.delegates
    ? refuse('it delegates, which waypoints do not do', context)
    : [...answerFilter(route.answer, context), ...redirectFilter(route.redirect, dialled, context)];
  const after: readonly Filter[] =
    answer.length > 0 ? [] : [...rewriteFilter(route.rewrite, first?.path), ...mirrorsOf(route, dialled, context)];
  const backends: readonly Backend[] = answer.length > 0 ? [] : weighted(route.destinations, dialled, place, context);
  const timeout = millisecondsOf(route.timeout, 'timeout', context);
  const rule: HttpRule = {
    ...(route.name !== '' && { name: route.name }),
    matches,
    filters: [...before, ...answer, ...after],
    backends,
    ...(timeout !== undefined && { requestTimeout: timeout }),
    ...(route.retries && { retry: retryOf(route.retries, context) }),
  };
  const trouble = ruleTrouble(rule);
  return trouble === undefined ? rule : { matches, filters: refuse(trouble, context), backends: [] };
}

function mirrorsOf({ mirrors }: VirtualHttpRoute, dialled: number | undefined, context: RulePlace): readonly Filter[] {
  return mirrors.flatMap(({ to, percent }): readonly Filter[] => {
    const destination = destinationOf(to, dialled, context.place, context);
    return 'invalid' in destination || percent <= 0 ? [] : [{ filter: 'mirror', to: destination, share: Math.min(1, percent / 100) }];
  });
}

/** Undefined for one that never holds here. */
function matchOf(match: VirtualHttpMatch, { place, problems }: RulePlace): HttpMatch | undefined {
  if (!forMesh(match.gateways)) return undefined;
  const { uri, method, scheme, authority, headers, withoutHeaders, query, port } = match;
  if (match.bySource) {
    problems.push(`${place}: a match of sourceLabels or sourceNamespace never holds at a waypoint`);
    return undefined;
  }
  const path = uri && pathOf(uri);
  const made: HttpMatch = {
    ...(path && { path }),
    ...(method && { method }),
    ...(scheme && { scheme }),
    ...(authority && { authority }),
    ...(headers.length > 0 && { headers }),
    ...(withoutHeaders.length > 0 && { withoutHeaders }),
    ...(query.length > 0 && { query }),
    ...(port !== undefined && { port }),
  };
  const trouble = matchTrouble(made);
  if (trouble !== undefined) problems.push(`${place}: ${trouble}`);
  return trouble === undefined ? made : undefined;
}

/** Prefixes are compared by characters; a match of anything is none. */
function pathOf(uri: TextMatch): PathMatch | undefined {
  if ('exact' in uri || 'regex' in uri) return uri;
  if (!('prefix' in uri)) return undefined;
  return { start: uri.prefix, ...(uri.ignoreCase && { ignoreCase: true }) };
}

const retryWords: ReadonlySet<string> = new Set([
  ...['connect-failure', 'refused-stream', 'reset', 'reset-before-request', 'gateway-error', '5xx', 'retriable-4xx'],
  ...['unavailable', 'cancelled', 'deadline-exceeded', 'resource-exhausted', 'internal'],
]);

/** What the mesh does where nobody says. */
const usualWords = 'connect-failure,refused-stream,unavailable,cancelled';

/** A number among the words is a status. */
function retryOf({ attempts, on, perTryTimeout, backoff }: VirtualRetries, context: RulePlace): Retry {
  const words = (on || usualWords)
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '' && word !== 'retriable-status-codes');
  const codes = words.map(Number).filter((code) => code >= 400 && code <= 599);
  const known = words.filter((word) => retryWords.has(word));
  for (const word of words)
    if (!retryWords.has(word) && !codes.includes(Number(word)))
      context.problems.push(`${context.place}: retryOn ${word} is not known to waypoints`);
  const [limit, wait] = [millisecondsOf(perTryTimeout, 'perTryTimeout', context), millisecondsOf(backoff, 'backoff', context)];
  return {
    attempts: Math.max(0, attempts),
    ...{ codes, on: known },
    ...(wait !== undefined && { backoff: wait }),
    ...(limit !== undefined && { perTryTimeout: limit }),
  };
}
