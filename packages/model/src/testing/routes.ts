// Builders of routes for tests: with every field filled in plainly, so that a test states only what it is about.
// For tests and benches of any package.
import type { MatchInput } from '../l7/request-view.ts';
import type { Backend, Filter, HttpMatch, HttpRule, Route } from '../l7/route.ts';

/** The service that routes are attached to unless they say otherwise. */
export const echo = 'mesh/echo';

/** A GET of `path` from `http://echo`. */
export function request(path: string, headers: Readonly<Record<string, string>> = {}, given: Partial<MatchInput> = {}): MatchInput {
  return { method: 'GET', path, authority: 'echo', scheme: 'http', headers: Object.entries(headers), ...given };
}

export const backend = (service: string, weight = 1, filters: readonly Filter[] = []): Backend => ({
  weight,
  to: service === 'invalid' ? { invalid: 'no such service' } : { service, port: 8080 },
  filters,
});

/** Without matches: everything. `to`: names of its backends. */
export function rule(matches: readonly HttpMatch[], to: string, given: Partial<HttpRule> = {}): HttpRule {
  return { matches: matches.length > 0 ? matches : [{}], filters: [], backends: to === '' ? [] : [backend(to)], ...given };
}

/** An HTTPRoute of the service's owner, on all ports. */
export const route = (name: string, http: readonly HttpRule[], given: Partial<Route> = {}): Route => ({
  kind: 'HTTPRoute',
  namespace: 'mesh',
  name,
  createdAt: 0,
  parents: [{ service: echo }],
  http,
  tcp: [],
  ...given,
});
