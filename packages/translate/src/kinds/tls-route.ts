// TLSRoute as the mesh sees it.
import { metaOf, raw, texts } from './read.ts';
import { ownParents, parentRefs } from './route-parts.ts';
import { streamRules, type TcpRoute } from './tcp-route.ts';

export interface TlsRoute extends TcpRoute {
  /** Names that clients ask for, exact or `*.suffix`. */
  readonly hostnames: readonly string[];
}

export const tlsRouteKind = {
  group: 'gateway.networking.k8s.io',
  version: 'v1',
  plural: 'tlsroutes',
  kind: 'TLSRoute',
  namespaced: true,
  narrow(object: unknown): TlsRoute | undefined {
    const meta = metaOf(object);
    if (meta === undefined) return undefined;
    const spec = raw(raw(object).spec);
    const [rules, parents] = [streamRules(spec.rules), ownParents(raw(object).status)];
    return { meta, parentRefs: parentRefs(spec), hostnames: texts(spec.hostnames), rules, parents };
  },
} as const;
