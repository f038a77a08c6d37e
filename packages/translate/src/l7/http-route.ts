// HTTPRoute: from the object to the model's route and the words of its status (facts: gateway-api-mesh §3.1 to §3.6). Pure.
// Called by the index for each HTTPRoute; look-ups are how it learns what the answer depends on.
import type { HttpMatch, HttpRule, NamedMatch, PathMatch, Retry } from '@ambient-mesh/model/l7/route';
import type { TextMatch } from '@ambient-mesh/model/l7/text';
import type { HttpRoute, HttpRouteMatch, HttpRouteRule, ValueMatch } from '../kinds/http-route.ts';
import type { TranslateSettings } from '../settings.ts';
import { gatewayDuration } from './duration.ts';
import { backendsOf } from './route-backends.ts';
import { filtersOf } from './route-filters.ts';
import { allOf, incompatible, isRefusal, type Refusal, unsupported } from './route-findings.ts';
import type { RouteLookUp } from './route-look-up.ts';
import { type RuleContext, sessionName, type Translated, translateRoute } from './route-object.ts';
import { persistenceOf } from './session.ts';

export const httpRoute = (object: HttpRoute, look: RouteLookUp, settings: TranslateSettings): Translated =>
  translateRoute(object, 'HTTPRoute', { look, settings }, (context) => ({
    http: object.rules.map((rule, at) => ruleOf(rule, { ...context, speaks: 'http', session: sessionName(object.meta, at) })),
    tcp: [],
  }));

function ruleOf(rule: HttpRouteRule, context: RuleContext): HttpRule | Refusal {
  const matches = allOf((rule.matches.length === 0 ? [anything] : rule.matches).map(matchOf));
  if (isRefusal(matches)) return matches;
  const within = { ...context, prefix: onlyPrefix(rule.matches) };
  const filters = filtersOf(rule.filters, within);
  if (isRefusal(filters)) return filters;
  if (rule.backends.length > 0 && filters.some(({ filter }) => filter === 'redirect'))
    return incompatible('RequestRedirect and backends exclude each other');
  const backends = backendsOf(rule.backends, within);
  if (isRefusal(backends)) return backends;
  const timeouts = timeoutsOf(rule);
  if (isRefusal(timeouts)) return timeouts;
  const retry = retryOf(rule.retry);
  if (isRefusal(retry)) return retry;
  const persistence = persistenceOf(rule.persistence, context.session);
  if (isRefusal(persistence)) return persistence;
  return {
    ...(rule.name !== '' && { name: rule.name }),
    ...{ matches, filters, backends, ...timeouts, ...retry, ...persistence },
  };
}

const anything: HttpRouteMatch = { path: { type: 'PathPrefix', value: '/' }, headers: [], query: [], method: '' };

/** Without matches a rule has one: the prefix `/`. */
function onlyPrefix(matches: readonly HttpRouteMatch[]): string | undefined {
  const [first = anything, ...others] = matches;
  return others.length === 0 && first.path.type === 'PathPrefix' ? prefixOf(first.path.value) : undefined;
}

function matchOf({ path, headers, query, method }: HttpRouteMatch): HttpMatch | Refusal {
  const where = pathOf(path);
  if (isRefusal(where)) return where;
  const named = namedMatches(headers, (name) => name.toLowerCase());
  if (isRefusal(named)) return named;
  const asked = namedMatches(query, (name) => name);
  if (isRefusal(asked)) return asked;
  return {
    path: where,
    ...(method !== '' && { method: { exact: method } }),
    ...(named.length > 0 && { headers: named }),
    ...(asked.length > 0 && { query: asked }),
  };
}

function pathOf({ type, value }: HttpRouteMatch['path']): PathMatch | Refusal {
  if (type === 'RegularExpression') return { regex: value };
  if (type !== 'Exact' && type !== 'PathPrefix') return unsupported(`path match ${type} is not known`);
  if (!value.startsWith('/')) return unsupported(`path ${value} does not begin with a slash`);
  return type === 'Exact' ? { exact: value } : { prefix: prefixOf(value) };
}

/** A slash at the end makes no difference. */
function prefixOf(value: string): string {
  let end = value.length;
  while (end > 1 && value[end - 1] === '/') end -= 1;
  return value.slice(0, end);
}

/** Of several entries for one name, the first counts. */
export function namedMatches(written: readonly ValueMatch[], spell: (name: string) => string): readonly NamedMatch[] | Refusal {
  const found = new Map<string, TextMatch>();
  for (const { type, name, value } of written) {
    if (found.has(spell(name))) continue;
    const match = valueMatch(type, value);
    if (isRefusal(match)) return match;
    found.set(spell(name), match);
  }
  return Array.from(found, ([name, match]) => ({ name, match }));
}

export function valueMatch(type: string, value: string): TextMatch | Refusal {
  if (type === 'Exact') return { exact: value };
  if (type === 'RegularExpression') return { regex: value };
  return unsupported(`match ${type} is not known`);
}

function timeoutsOf({
  requestTimeout: whole,
  backendTimeout: attempt,
}: HttpRouteRule): Pick<HttpRule, 'requestTimeout' | 'attemptTimeout'> | Refusal {
  const [request, backend] = [whole, attempt].map((text) => (text === undefined ? undefined : (gatewayDuration(text) ?? Number.NaN)));
  if (Number.isNaN(request) || Number.isNaN(backend))
    return unsupported(`timeout ${Number.isNaN(request) ? whole : attempt} is no duration`);
  if (request !== undefined && request > 0 && backend !== undefined && backend > request)
    return unsupported(`the timeout of one attempt, ${attempt}, is longer than that of the request, ${whole}`);
  return { ...(request !== undefined && { requestTimeout: request }), ...(backend !== undefined && { attemptTimeout: backend }) };
}

/** What a mesh does for requests of no rule at all. */
const usualAttempts = 2;

/** Whoever wants retries wants them when the connection fails, whatever the codes say. */
function retryOf(written: HttpRouteRule['retry']): { readonly retry?: Retry } | Refusal {
  if (written === undefined) return {};
  const { codes, attempts = usualAttempts, backoff } = written;
  const wrong = codes.find((code) => code < 400 || code > 599);
  if (wrong !== undefined) return unsupported(`status ${wrong} is not one that is tried again: 400 to 599 are`);
  if (attempts < 0) return unsupported(`${attempts} attempts cannot be made`);
  const wait = backoff === undefined ? undefined : gatewayDuration(backoff);
  if (backoff !== undefined && wait === undefined) return unsupported(`backoff ${backoff} is no duration`);
  return {
    retry: {
      attempts,
      codes: [...new Set(codes)],
      on: ['connect-failure', 'refused-stream', 'reset'],
      ...(wait !== undefined && { backoff: wait }),
    },
  };
}
