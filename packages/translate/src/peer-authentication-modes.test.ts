// For any PeerAuthentications: tunnels refuse clear text exactly on the ports whose mode, worked out step by step, is strict.
import { authorize } from '@ambient-mesh/model/authorize';
import { spiffeId } from '@ambient-mesh/model/spiffe';
import { ip, meshOf, workload } from '@ambient-mesh/model/testing';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Labels } from './kinds/meta.ts';
import type { MtlsMode, PeerAuthentication } from './kinds/peer-authentication.ts';
import { parentsOf, peerAuthenticationKeys, portPolicy, staticStrictPolicy } from './peer-authentication.ts';
import { plainSettings } from './testing/services.ts';
import { peerAuthenticationOf } from './testing/workloads.ts';

const root = plainSettings.rootNamespace;
const ports = [80, 90, 7];

const mode = fc.constantFrom<MtlsMode>('UNSET', 'DISABLE', 'PERMISSIVE', 'STRICT');
const somePeerAuthentication = fc
  .record({
    namespace: fc.constantFrom('ns', 'ns', 'other', root),
    name: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
    createdAt: fc.nat({ max: 2 }),
    selector: fc.constantFrom<Labels | undefined>(undefined, { app: 'web' }, { app: 'web' }, { app: 'db' }),
    mode,
    ports: fc.array(fc.tuple(fc.constantFrom(80, 90), mode), { maxLength: 2 }),
  })
  .map(({ namespace, name, createdAt, selector, ...given }) =>
    peerAuthenticationOf({
      ...{ meta: { namespace, name, createdAt }, mode: given.mode, ports: new Map(given.ports) },
      ...(selector && { selector }),
    }),
  );
const someOfThem = fc.uniqueArray(somePeerAuthentication, { maxLength: 7, selector: ({ meta }) => `${meta.namespace}/${meta.name}` });

interface Place {
  readonly namespace: string;
  readonly labels: Labels;
}
const somePlace = fc.record({ namespace: fc.constantFrom('ns', 'ns', root), labels: fc.constantFrom<Labels>({ app: 'web' }, {}) });

function isStrict(all: readonly PeerAuthentication[], { namespace, labels }: Place, port: number): boolean {
  const inOrder = all.toSorted((a, b) => a.meta.createdAt - b.meta.createdAt || (a.meta.name < b.meta.name ? -1 : 1));
  const whole = (place: string) => inOrder.find((pa) => pa.meta.namespace === place && pa.selector === undefined);
  const own = inOrder.find(
    (pa) => namespace !== root && pa.meta.namespace === namespace && pa.selector !== undefined && pa.selector.app === labels.app,
  );
  const inherited = [whole(namespace), whole(root)].find((pa) => pa !== undefined && pa.mode !== 'UNSET')?.mode === 'STRICT';
  if (own === undefined) return inherited;
  const mine = own.mode === 'UNSET' ? inherited : own.mode === 'STRICT';
  switch (own.ports.get(port) ?? 'UNSET') {
    case 'STRICT':
      return true;
    case 'PERMISSIVE':
      return false;
    case 'DISABLE':
      // Istio's exception: where strictness is inherited, DISABLE opens a port only beside a PERMISSIVE one.
      return mine && own.mode === 'UNSET' && ![...own.ports.values()].includes('PERMISSIVE');
    default:
      return mine;
  }
}

test('clear text is refused exactly where the mode is strict, and an identity nowhere', () => {
  fc.assert(
    fc.property(someOfThem, somePlace, (all, place) => {
      const byPort = all.flatMap((pa) => portPolicy(pa, parentsOf(all, pa.meta.namespace, root), plainSettings) ?? []);
      const policies = all.length === 0 ? [] : [staticStrictPolicy(plainSettings), ...byPort];
      const to = workload({
        ...{ name: 'web', namespace: place.namespace, ips: ['10.0.0.2'] },
        authorizationPolicies: peerAuthenticationKeys(all, place, plainSettings),
      });
      const mesh = meshOf({ policies, workloads: [to] });
      for (const port of ports) {
        const connection = { source: { ip: ip('10.0.0.1') }, destination: { ip: ip('10.0.0.2'), port } };
        expect(authorize(mesh, to, connection).allow).toBe(!isStrict(all, place, port));
        expect(authorize(mesh, to, { ...connection, identity: spiffeId('cluster.local', 'ns', 'client') }).allow).toBe(true);
      }
    }),
    { numRuns: 5_000 },
  );
});
