// Puts endpoints aside that keep failing, for a time that grows, and never too many of them (facts: control-plane §6.6; Envoy's outlier detection).
// Called by destination.ts with every result. Pure but for the counters in the endpoints that it is given.
import type { OutlierDetection } from '@ambient-mesh/model/l7/destination';
import type { Endpoint } from './endpoint.ts';

/** How an attempt went. `local`: it never got there (refused, timed out, reset before an answer). */
export type AttemptResult = { readonly status: number } | { readonly local: true };

/** Longest that an endpoint stays out. */
const longestEjectionMs = 300_000;

/** Counts the result; true when the endpoint is put aside by it. `now`: monotonic milliseconds. */
export function noteResult(
  endpoint: Endpoint,
  result: AttemptResult,
  { rules, all, now }: { readonly rules: OutlierDetection; readonly all: readonly Endpoint[]; readonly now: number },
): boolean {
  count(endpoint, result);
  const reached =
    over(endpoint.serverErrors, rules.consecutive5xx) ||
    over(endpoint.gatewayErrors, rules.consecutiveGatewayErrors) ||
    over(endpoint.localFailures, rules.consecutiveLocalFailures ?? 0);
  if (!reached || endpoint.ejectedUntil > now) return false;
  const out = all.reduce((sum, each) => sum + (each.ejectedUntil > now ? 1 : 0), 0);
  // One may always go: with few endpoints a share of them is less than one.
  if (out > 0 && ((out + 1) * 100) / all.length > rules.maxEjected) return false;
  const quiet = Math.max(0, Math.floor((now - endpoint.ejectedUntil) / rules.interval));
  endpoint.ejections = Math.max(0, endpoint.ejections - quiet) + 1;
  endpoint.ejectedUntil = now + Math.min(rules.baseEjection * endpoint.ejections, Math.max(longestEjectionMs, rules.baseEjection));
  endpoint.serverErrors = 0;
  endpoint.gatewayErrors = 0;
  endpoint.localFailures = 0;
  return true;
}

/** Those who take part now: all but the ones put aside, or everybody where too few would be left. */
export function healthy(all: readonly Endpoint[], rules: OutlierDetection | undefined, now: number): readonly Endpoint[] {
  if (rules === undefined) return all;
  let out = 0;
  for (const each of all) if (each.ejectedUntil > now) out++;
  if (out === 0) return all;
  const left = all.length - out;
  if (left === 0 || (left * 100) / all.length < rules.minHealthy) return all;
  return all.filter((each) => each.ejectedUntil <= now);
}

const over = (count: number, limit: number): boolean => limit > 0 && count >= limit;

function count(endpoint: Endpoint, result: AttemptResult): void {
  const status = 'status' in result ? result.status : 0;
  const local = 'local' in result;
  endpoint.serverErrors = local || status >= 500 ? endpoint.serverErrors + 1 : 0;
  endpoint.gatewayErrors = local || (status >= 502 && status <= 504) ? endpoint.gatewayErrors + 1 : 0;
  endpoint.localFailures = local ? endpoint.localFailures + 1 : 0;
}
