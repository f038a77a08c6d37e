// A mesh for tests of VirtualServices, and what becomes of one in it. Used by the tests of l7/virtual-service.ts.
import { virtualServiceKind } from '../kinds/virtual-service.ts';
import { type TranslatedVirtualService, virtualService } from '../l7/virtual-service.ts';
import { routeLookUp, routeTargetOf } from './routes.ts';
import { plainSettings } from './services.ts';

const onePort = [{ port: 9080, name: 'http', appProtocol: '' }];
export const virtualMesh = routeLookUp({
  services: {
    'ns/reviews': routeTargetOf('ns/reviews', { ports: onePort }),
    'ns/many': routeTargetOf('ns/many'),
    'other/reviews': routeTargetOf('other/reviews', { ports: onePort }),
    'ns/alias': routeTargetOf('ns/alias', { reach: 'alias' }),
  },
  entries: {
    'ns/a': [{ ...routeTargetOf('ns/a'), hostname: 'api.example.com' }],
    'other/b': [{ ...routeTargetOf('other/b'), hostname: 'www.example.com' }],
  },
});
export const reviews = { service: 'ns/reviews.ns.svc.cluster.local', port: 9080 };
export const many = 'ns/many.ns.svc.cluster.local';

/** `ns/vs`, for `reviews` unless it says otherwise. */
export function translatedVirtual(spec: object): TranslatedVirtualService {
  const object = virtualServiceKind.narrow({ metadata: { namespace: 'ns', name: 'vs' }, spec: { hosts: ['reviews'], ...spec } });
  return object ? virtualService(object, virtualMesh, plainSettings) : { problems: ['no object'] };
}
