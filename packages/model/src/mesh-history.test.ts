// However a mesh came to be what it is, it answers like one that was told so at once: no index keeps anything of the past.
// A property over random histories of deltas; the single rules are in mesh.test.ts and service-store.test.ts.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { dumpMesh } from './config-dump.ts';
import type { MeshDelta } from './delta.ts';
import { Mesh } from './mesh.ts';
import { serviceKey } from './service.ts';
import { delta, ip, meshOf, policy, service, workload } from './testing/index.ts';

const addresses = ['10.0.0.1', '10.0.0.2', '10.8.0.3', 'fd00::1'];
const hosts = ['a', 'b'];
const few = <V>(values: readonly V[]) => fc.array(fc.constantFrom(...values), { maxLength: 3 });

const someWorkload = fc
  .record({
    name: fc.constantFrom('w1', 'w2', 'w3'),
    ips: few(addresses),
    hosts: few(hosts),
    hostname: fc.constantFrom('', 'vm'),
    node: fc.constantFrom('n1', 'n2'),
    health: fc.constantFrom('Healthy' as const, 'Unhealthy' as const),
    networkMode: fc.constantFrom('Standard' as const, 'HostNetwork' as const),
  })
  .map(({ hosts: serves, ...sketch }) =>
    workload({ ...sketch, serves: Object.fromEntries(serves.map((host) => [`ns/${host}`, { 80: 8080 }])) }),
  );

const someService = fc
  .record({ hostname: fc.constantFrom(...hosts), vips: few(addresses), lengths: few([8, 16, 24]) })
  .map(({ lengths, ...sketch }) =>
    service({ ...sketch, cidrVips: lengths.map((length) => ({ network: '', ip: ip('10.8.0.0'), length })) }),
  );

const somePolicy = fc
  .record({ name: fc.constantFrom('p', 'q'), scope: fc.constantFrom('Global' as const, 'Namespace' as const, 'WorkloadSelector' as const) })
  .map((sketch) => policy(sketch));

const someDelta: fc.Arbitrary<MeshDelta> = fc
  .record({
    workloads: fc.array(someWorkload, { maxLength: 3 }),
    services: fc.array(someService, { maxLength: 2 }),
    policies: fc.array(somePolicy, { maxLength: 2 }),
    removedAddresses: few(['cluster1//Pod/ns/w1', 'cluster1//Pod/ns/w2', 'ns/a', 'ns/b', 'unknown']),
    removedPolicies: few(['ns/p', 'ns/q']),
  })
  .map(delta);

/** What a delta leaves of what was there, said plainly. */
function retold(history: readonly MeshDelta[]): MeshDelta {
  const [workloads, services, policies] = [new Map(), new Map(), new Map()];
  for (const step of history) {
    for (const name of step.removedAddresses) if (!workloads.delete(name)) services.delete(name);
    for (const s of step.services) services.set(serviceKey(s), s);
    for (const w of step.workloads) workloads.set(w.uid, w);
    for (const key of step.removedPolicies) policies.delete(key);
    for (const p of step.policies) policies.set(p.key, p);
  }
  return delta({ workloads: [...workloads.values()], services: [...services.values()], policies: [...policies.values()] });
}

/** Everything that can be asked of a mesh, apart from who wins a tie, which is up to who came first. */
function answers(mesh: Mesh): unknown {
  const asked = [...addresses, '10.8.9.9', '10.9.9.9'].map(ip);
  return {
    dump: dumpMesh(mesh),
    found: asked.map((address) => [mesh.workloadAt('', address) !== undefined, mesh.serviceAt('', address) !== undefined]),
    named: [
      mesh.workloadByHostname({ namespace: 'ns', hostname: 'vm' }) !== undefined,
      ...hosts.map((host) => mesh.serviceByHostname(host, {}) !== undefined),
    ],
    local: ['w1', 'w2', 'w3'].map((name) => mesh.localWorkload({ name, namespace: 'ns', serviceAccount: 'default' })?.uid),
    policies: mesh
      .policiesFor(workload({ name: 'any' }))
      .allow.map(({ label }) => label)
      .sort(),
  };
}

test('a mesh does not remember how it came about', () => {
  fc.assert(
    fc.property(fc.array(someDelta, { maxLength: 8 }), (history) => {
      const mesh = new Mesh({ node: 'n1' });
      for (const step of history) mesh.apply(step);
      expect(answers(mesh)).toEqual(answers(meshOf(retold(history), 'n1')));
    }),
    { numRuns: 300 },
  );
});

test('what a delta reports is the difference that it made', () => {
  fc.assert(
    fc.property(fc.array(someDelta, { maxLength: 4 }), someDelta, (history, last) => {
      const mesh = new Mesh();
      for (const step of history) mesh.apply(step);
      const before = new Map([...mesh.workloads()].map((w) => [w.uid, w]));
      const { workloads } = mesh.apply(last);
      for (const { uid, before: was, after: now } of workloads) {
        expect(was).toEqual(before.get(uid));
        if (now) before.set(uid, now);
        else before.delete(uid);
      }
      expect(new Map([...before].sort())).toEqual(new Map([...mesh.workloads()].map((w) => [w.uid, w] as const).sort()));
    }),
  );
});
