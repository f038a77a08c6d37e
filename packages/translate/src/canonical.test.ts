// Several claims to one hostname (setCanonical, Duplicates).
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { settle } from './canonical.ts';
import { servicesFromEntry } from './service-from-entry.ts';
import { serviceFromKubernetes } from './service-from-kubernetes.ts';
import type { ServiceInfo } from './service-info.ts';
import { contextOf, kubeServiceOf, serviceEntryOf } from './testing/services.ts';

const hostname = 'web.ns.svc.cluster.local';

function entry(namespace: string, name: string, createdAt: number, visibility: 'Public' | 'Namespace' = 'Public'): ServiceInfo {
  const [made] = servicesFromEntry(serviceEntryOf({ meta: { namespace, name, createdAt }, hosts: [hostname] }), contextOf());
  if (!made) throw new Error('no service');
  return { ...made, service: { ...made.service, visibility } };
}

function service(createdAt: number): ServiceInfo {
  const made = serviceFromKubernetes(kubeServiceOf({ meta: { createdAt } }), contextOf());
  if (!made) throw new Error('no service');
  return made;
}

/** `namespace/name`, the canonical one with a star. */
function written(claims: readonly ServiceInfo[]) {
  const { services, lost } = settle(claims);
  return {
    services: services.map(({ namespace, name, canonical }) => `${namespace}/${name}${canonical ? '*' : ''}`),
    lost: lost.map(({ source }) => `${source.namespace}/${source.name}`).sort(),
  };
}

type Row = readonly [rule: string, claims: readonly ServiceInfo[], services: readonly string[], lost: readonly string[]];
const rows: readonly Row[] = [
  ['no claim, no service', [], [], []],
  ['an only one is canonical', [entry('a', 'x', 1)], ['a/x*'], []],
  ['in one namespace the older wins', [entry('a', 'x', 2), entry('a', 'y', 1)], ['a/y*'], ['a/x']],
  ['of the same second, the first by name', [entry('a', 'y', 1), entry('a', 'x', 1)], ['a/x*'], ['a/y']],
  ['a Service wins against an older entry', [entry('ns', 'x', 1), service(2)], ['ns/web*'], ['ns/x']],
  ['each namespace has its own; the oldest is canonical', [entry('a', 'x', 2), entry('b', 'y', 1)], ['a/x', 'b/y*'], []],
  ['a Service is canonical before older entries elsewhere', [entry('a', 'x', 1), service(2)], ['a/x', 'ns/web*'], []],
  ['an entry for its namespace alone is not canonical', [entry('a', 'x', 1, 'Namespace'), entry('b', 'y', 2)], ['a/x', 'b/y*'], []],
  ['and when there is no other, nobody is', [entry('a', 'x', 1, 'Namespace')], ['a/x'], []],
  ['only winners can be canonical', [entry('a', 'x', 1, 'Namespace'), entry('a', 'y', 2)], ['a/x'], ['a/y']],
];
for (const [rule, claims, services, lost] of rows) test(rule, () => expect(written(claims)).toEqual({ services, lost }));

test('the order of the claims does not matter', () => {
  const claims = [
    entry('a', 'x', 1),
    entry('a', 'y', 1),
    entry('b', 'x', 1),
    entry('b', 'z', 0, 'Namespace'),
    service(3),
    entry('ns', 'q', 0),
  ];
  const want = written(claims);
  fc.assert(
    fc.property(fc.shuffledSubarray(claims, { minLength: claims.length }), (given) => {
      expect(written(given)).toEqual(want);
    }),
  );
});

test('a claim is not changed by winning', () => {
  const claim = entry('a', 'x', 1);
  settle([claim]);
  expect(claim.service.canonical).toBe(false);
});
