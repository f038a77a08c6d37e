// What clients can have: by name, by address, by service; and which changes are none.
import { service, workload } from '@ambient-mesh/model/testing';
import { DeltaDiscoveryResponseSchema } from '@ambient-mesh/wire/messages/discovery_pb';
import { encodeResponse } from '@ambient-mesh/wire/xds/resource';
import { fromBinary } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import { AddressCatalogue } from './address-catalogue.ts';

const key = 'default/web.default.svc.cluster.local';
const web = service({ namespace: 'default', hostname: 'web.default.svc.cluster.local', vips: ['10.1.0.1'] });
const serves = { [key]: { 80: 8080 } };
const one = workload({ name: 'one', ips: ['10.0.0.1', 'fd00::1'], node: 'a', serves });
const two = workload({ name: 'two', ips: ['10.0.0.2'], node: 'b', serves });
const host = workload({ name: 'host', ips: ['10.0.0.2'], node: 'b', networkMode: 'HostNetwork' });

function filled(): AddressCatalogue {
  const catalogue = new AddressCatalogue();
  for (const each of [one, two, host]) catalogue.setWorkload(each.uid, each);
  catalogue.setService(key, web);
  return catalogue;
}
const names = (resources: Iterable<{ readonly name: string }>): string[] => Array.from(resources, ({ name }) => name).sort();

test('[Sync] everything that was put is there, once', () => {
  expect(names(filled().all())).toEqual([key, host.uid, one.uid, two.uid].sort());
});

const rows: readonly (readonly [string, string, readonly string[]])[] = [
  ['a workload by its uid [LookupWorkloads]', one.uid, [one.uid]],
  ['a workload by any of its addresses [LookupWorkloads]', '/fd00::1', [one.uid]],
  ['all workloads that share an address, host network too [AddressInformation]', '/10.0.0.2', [host.uid, two.uid]],
  ['a service by its name, with all that back it [AddressInformation]', key, [key, one.uid, two.uid]],
  ['a service by its address, with all that back it [AddressInformation]', '/10.1.0.1', [key, one.uid, two.uid]],
  ['nothing for an address that nobody has [WorkloadNotFound]', '/10.9.9.9', []],
  ['nothing for an address on another network [WorkloadNotFound]', 'other/10.0.0.1', []],
];
test.each(rows)('look-up: %s', (_, name, found) => {
  expect(names(filled().lookUp(name))).toEqual([...found].sort());
});

test('a node is told of its own workloads; no node of none', () => {
  expect(names(filled().onNode('b'))).toEqual([host.uid, two.uid].sort());
  expect(filled().onNode('')).toEqual([]);
});

test('equal bytes are no change', () => {
  const catalogue = filled();
  expect(catalogue.setWorkload(one.uid, { ...one })).toBe(false);
  expect(catalogue.setWorkload(one.uid, { ...one, health: 'Unhealthy' })).toBe(true);
});

test('what changes its address, service and node is found there and no longer where it was', () => {
  const catalogue = filled();
  catalogue.setWorkload(one.uid, workload({ name: 'one', ips: ['10.0.0.9'], node: 'c' }));
  expect(names(catalogue.lookUp('/10.0.0.1'))).toEqual([]);
  expect(names(catalogue.lookUp('/10.0.0.9'))).toEqual([one.uid]);
  expect(names(catalogue.lookUp(key))).toEqual([key, two.uid].sort());
  expect([catalogue.onNode('a'), catalogue.onNode('c').length, catalogue.backs(one.uid)]).toEqual([[], 1, []]);
});

test('what is removed leaves nothing behind', () => {
  const catalogue = filled();
  for (const { uid } of [one, two, host]) expect(catalogue.setWorkload(uid, undefined)).toBe(true);
  catalogue.setService(key, undefined);
  expect(catalogue.setWorkload(one.uid, undefined)).toBe(false);
  expect([catalogue.size, ...['/10.0.0.1', '/10.1.0.1', key].map((name) => catalogue.lookUp(name).length)]).toEqual([0, 0, 0, 0]);
});

test('a resource carries its aliases only where they are asked for', () => {
  const [resource] = filled().lookUp(one.uid);
  if (resource === undefined) throw new Error('no such resource');
  const aliases = (withAliases: boolean): readonly string[] | undefined =>
    fromBinary(DeltaDiscoveryResponseSchema, encodeResponse({ typeUrl: 't', nonce: '1', resources: [resource], withAliases, removed: [] }))
      .resources[0]?.aliases;
  expect([aliases(true), aliases(false)]).toEqual([['/10.0.0.1', '/fd00::1'], []]);
});
