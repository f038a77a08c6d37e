// TLSRoute: from the object to the model's route and the words of its status (facts: gateway-api-mesh §3.7). Pure.
// Called by the index for each TLSRoute. What it routes stays encrypted: only the name that the client asks for is read.
import type { TlsRoute } from '../kinds/tls-route.ts';
import type { TranslateSettings } from '../settings.ts';
import { unsupported } from './route-findings.ts';
import type { RouteLookUp } from './route-look-up.ts';
import { type Translated, translateRoute } from './route-object.ts';
import { streamRules } from './tcp-route.ts';

export function tlsRoute(object: TlsRoute, look: RouteLookUp, settings: TranslateSettings): Translated {
  const hostnames = object.hostnames.map((hostname) => hostname.toLowerCase());
  return translateRoute(object, 'TLSRoute', { look, settings }, (context) => ({
    http: [],
    tcp: hostnames.length > 0 ? streamRules(object.rules, hostnames, { ...context, speaks: 'stream' }) : [nameless],
  }));
}

const nameless = unsupported('a TLSRoute needs hostnames');
