// One response: what is applied, what is refused, what is claimed.
import { serviceKey } from '@ambient-mesh/model/service';
import { policy, service, workload } from '@ambient-mesh/model/testing';
import { create } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import { DeltaDiscoveryResponseSchema } from '../messages/generated/discovery_pb.js';
import { policyResource, serviceResource, type TestResource, workloadResource } from '../testing/index.ts';
import { Interner } from './interner.ts';
import { convertPush, type Push } from './push.ts';
import { addressType, authorizationType, tunnelTypes } from './subscription.ts';

function pushOf(typeUrl: string, resources: readonly TestResource[], removedResources: string[] = []): { push: Push; pauses: number } {
  const response = create(DeltaDiscoveryResponseSchema, {
    typeUrl,
    nonce: 'n',
    removedResources,
    resources: resources.map(({ name, version, body }) => ({
      name,
      version: version ?? '',
      ...(body && { resource: { typeUrl, value: body } }),
    })),
  });
  const work = convertPush(
    response,
    new Interner(),
    tunnelTypes.some((type) => type === response.typeUrl),
  );
  for (let pauses = 0; ; pauses++) {
    const step = work.next();
    if (step.done) return { push: step.value, pauses };
  }
}

const a = workload({ name: 'a' });
const s = service({ hostname: 'x.ns' });
const p = policy({ name: 'p' });

test('workloads and services of one response are one change', () => {
  const { push } = pushOf(addressType, [workloadResource(a, '1'), serviceResource(s, '2')], ['gone']);
  expect(push.delta).toMatchObject({ workloads: [a], services: [s], policies: [], removedAddresses: ['gone'], removedPolicies: [] });
  expect(push.outcome).toEqual({
    typeUrl: addressType,
    nonce: 'n',
    accepted: [
      { name: a.uid, version: '1' },
      { name: serviceKey(s), version: '2' },
    ],
    removed: ['gone'],
    rejected: [],
  });
});

test('policies and their removals', () => {
  const { push } = pushOf(authorizationType, [policyResource(p, '1')], ['ns/old']);
  expect(push.delta).toMatchObject({ workloads: [], services: [], policies: [p], removedAddresses: [], removedPolicies: ['ns/old'] });
});

test('a bad resource costs only itself', () => {
  const { push } = pushOf(addressType, [
    { name: 'none', body: undefined },
    workloadResource(a),
    { name: 'bad', body: new Uint8Array([255]) },
  ]);
  expect(push.delta.workloads).toEqual([a]);
  expect(push.outcome.rejected).toEqual([
    { name: 'none', reason: 'no resource body' },
    { name: 'bad', reason: expect.any(String) },
  ]);
  expect(push.outcome.accepted).toEqual([{ name: a.uid, version: '' }]);
});

test('a name that is also removed by the same response is gone', () => {
  const { push } = pushOf(addressType, [workloadResource(a)], [a.uid]);
  expect(push.delta).toMatchObject({ workloads: [], removedAddresses: [a.uid] });
  expect(push.outcome.accepted).toEqual([]);
});

test('a type that was not asked for changes nothing', () => {
  const { push } = pushOf('other', [workloadResource(a)], ['x']);
  expect(push.delta).toEqual({ workloads: [], services: [], policies: [], removedAddresses: [], removedPolicies: [] });
  expect(push.outcome).toMatchObject({ accepted: [], rejected: [], removed: [] });
});

test('the bytes counted are those of the bodies', () => {
  const resource = workloadResource(a);
  expect(pushOf(addressType, [resource, resource]).push.bodyBytes).toBe(2 * (resource.body?.length ?? 0));
});

test('a large push pauses on its way', () => {
  expect(
    pushOf(
      addressType,
      Array.from({ length: 1_000 }, () => workloadResource(a)),
    ).pauses,
  ).toBeGreaterThan(3);
});
