// GRPCRoute: from the object to the model's route and the words of its status (facts: gateway-api-mesh §3.3). Pure.
// Called by the index for each GRPCRoute.
import type { HttpMatch, HttpRule, PathMatch } from '@ambient-mesh/model/l7/route';
import type { TextMatch } from '@ambient-mesh/model/l7/text';
import type { GrpcRoute, GrpcRouteMatch, GrpcRouteRule } from '../kinds/grpc-route.ts';
import type { TranslateSettings } from '../settings.ts';
import { namedMatches, valueMatch } from './http-route.ts';
import { backendsOf } from './route-backends.ts';
import { filtersOf } from './route-filters.ts';
import { allOf, isRefusal, type Refusal, unsupported } from './route-findings.ts';
import type { RouteLookUp } from './route-look-up.ts';
import { type RuleContext, sessionName, type Translated, translateRoute } from './route-object.ts';
import { persistenceOf } from './session.ts';

export const grpcRoute = (object: GrpcRoute, look: RouteLookUp, settings: TranslateSettings): Translated =>
  translateRoute(object, 'GRPCRoute', { look, settings }, (context) => ({
    http: object.rules.map((rule, at) => ruleOf(rule, { ...context, speaks: 'grpc', session: sessionName(object.meta, at) })),
    tcp: [],
  }));

/** Without matches a rule takes all of gRPC. */
const anything: GrpcRouteMatch = { type: 'Exact', service: '', method: '', headers: [] };

function ruleOf(rule: GrpcRouteRule, context: RuleContext): HttpRule | Refusal {
  const matches = allOf((rule.matches.length === 0 ? [anything] : rule.matches).map(matchOf));
  if (isRefusal(matches)) return matches;
  const within = { ...context, prefix: undefined };
  const filters = filtersOf(rule.filters, within);
  if (isRefusal(filters)) return filters;
  const backends = backendsOf(rule.backends, within);
  if (isRefusal(backends)) return backends;
  const persistence = persistenceOf(rule.persistence, context.session);
  if (isRefusal(persistence)) return persistence;
  return {
    ...(rule.name !== '' && { name: rule.name }),
    ...{ matches, filters, backends, ...persistence },
  };
}

function matchOf({ type, service, method, headers }: GrpcRouteMatch): HttpMatch | Refusal {
  const [ofService, ofMethod] = [partOf(type, service), partOf(type, method)];
  if (ofService && isRefusal(ofService)) return ofService;
  if (ofMethod && isRefusal(ofMethod)) return ofMethod;
  const named = namedMatches(headers, (name) => name.toLowerCase());
  if (isRefusal(named)) return named;
  const path: PathMatch = { grpc: { ...(ofService && { service: ofService }), ...(ofMethod && { method: ofMethod }) } };
  return { path, ...(named.length > 0 && { headers: named }) };
}

/** Undefined: any. */
function partOf(type: string, value: string): TextMatch | Refusal | undefined {
  if (value === '') return undefined;
  if (type === 'Exact' && value.includes('/')) return unsupported(`${value} names no service or method of gRPC: it has a slash`);
  return valueMatch(type, value);
}
