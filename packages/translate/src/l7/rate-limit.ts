// A RateLimit as waypoints count by it. Pure.
// A limit of which something cannot be read counts more requests, never fewer; one without a number or a time is none.
import type { Limit, RateLimit } from '@ambient-mesh/model/l7/policy';
import type { RateLimit as Written, WrittenLimit } from '../kinds/rate-limit.ts';
import type { TranslateSettings } from '../settings.ts';
import { durationOf } from './duration.ts';
import { attach, type PolicyLookUp, type TranslatedPolicy } from './policy-attachment.ts';
import { requestRule } from './request-policy.ts';

export function rateLimit(object: Written, look: PolicyLookUp, settings: TranslateSettings): TranslatedPolicy<RateLimit> {
  return attach(object, look, settings, (heading, problems) => {
    const limits = object.limits.flatMap((limit, at) => limitOf(limit, (problem) => problems.push(`limits[${at}]: ${problem}`)) ?? []);
    return limits.length === 0 && object.limits.length > 0 ? undefined : { ...heading, limits };
  });
}

const perKey =
  /^(source\.(principal|namespace|serviceAccount|ip)|remote\.ip|destination\.(ip|port)|request\.(host|method|path|auth\.principal|headers\[[^[\]]+\]|auth\.claims(\[[^[\]]+\])+))$/;

function limitOf(written: WrittenLimit, problem: (text: string) => void): Limit | undefined {
  const { counts, per, requests, burst, scope, provider, failOpen } = written;
  const every = durationOf(written.every);
  if (requests === undefined || requests < 0) problem('requests must be a whole number, 0 or more');
  if (every === undefined || every === 0) problem('every must be a duration, such as 1s');
  if (scope !== 'Local' && scope !== 'Global') problem(`scope ${scope} is neither Local nor Global`);
  if (scope === 'Global' && provider === '') problem('scope Global needs a provider');
  if (requests === undefined || requests < 0 || !every) return undefined;
  if ((scope !== 'Local' && scope !== 'Global') || (scope === 'Global' && provider === '')) return undefined;
  if (counts.unknown.length > 0) problem(`${counts.unknown.join(', ')} cannot be read, so more requests count`);
  for (const key of per) if (!perKey.test(key)) problem(`per ${key} is not known: it is the same for all requests`);
  if (burst !== undefined && burst < 1) problem('burst must be 1 or more');
  return {
    ...requestRule(counts),
    per,
    requests,
    every,
    ...(burst !== undefined && burst >= 1 && { burst }),
    ...(scope === 'Global' ? { scope: 'global', provider, failOpen } : { scope: 'local' }),
  };
}
