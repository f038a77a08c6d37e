// TCPRoute: from the object to the model's route and the words of its status (facts: gateway-api-mesh §3.7). Pure.
// Called by the index for each TCPRoute; its way with rules is tls-route.ts's too.
import type { TcpRule } from '@ambient-mesh/model/l7/route';
import type { StreamRouteRule, TcpRoute } from '../kinds/tcp-route.ts';
import type { TranslateSettings } from '../settings.ts';
import { backendsOf } from './route-backends.ts';
import type { DestinationContext } from './route-destination.ts';
import { isRefusal, type Refusal } from './route-findings.ts';
import type { RouteLookUp } from './route-look-up.ts';
import { type Translated, translateRoute } from './route-object.ts';

export const tcpRoute = (object: TcpRoute, look: RouteLookUp, settings: TranslateSettings): Translated =>
  translateRoute(object, 'TCPRoute', { look, settings }, (context) => ({
    http: [],
    tcp: streamRules(object.rules, [], { ...context, speaks: 'stream' }),
  }));

/** The API has exactly one rule; of several that an older version let pass, the first takes every connection. */
export function streamRules(
  rules: readonly StreamRouteRule[],
  hostnames: readonly string[],
  context: DestinationContext,
): readonly (TcpRule | Refusal)[] {
  return rules.slice(0, 1).map(({ backends: refs }) => {
    const backends = backendsOf(refs, { ...context, prefix: undefined });
    return isRefusal(backends) ? backends : { hostnames, backends };
  });
}
