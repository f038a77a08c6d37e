// What is a change: bytes decide, not the order in which fields were written.
import type { L7Resource } from '@ambient-mesh/model/l7/resource';
import { l7Type } from '@ambient-mesh/model/l7/resource';
import { policy } from '@ambient-mesh/model/testing';
import { encodePolicy } from '@ambient-mesh/wire/xds/encode';
import { authorizationType } from '@ambient-mesh/wire/xds/subscription';
import { expect, test } from 'vitest';
import { encodeL7 } from './encode-l7.ts';
import { NamedCatalogue } from './named-catalogue.ts';

test('policies: equal bytes are no change, and what is removed is gone', () => {
  const catalogue = new NamedCatalogue(authorizationType, encodePolicy);
  const deny = policy({ name: 'deny', namespace: 'default' });
  expect([catalogue.set(deny.key, deny), catalogue.set(deny.key, { ...deny }), catalogue.size]).toEqual([true, false, 1]);
  expect([catalogue.set(deny.key, { ...deny, dryRun: true }), catalogue.set(deny.key, undefined), catalogue.size]).toEqual([true, true, 0]);
});

const settings = { namespace: 'a', name: 'wp', class: 'istio-waypoint', includeClientIdentity: false };
const waypoint: L7Resource = { is: 'waypoint', settings };
const name = 'waypoint/a/wp';

test('L7: fields in another order are no change, another value is one', () => {
  const catalogue = new NamedCatalogue(l7Type, encodeL7);
  const turned: L7Resource = {
    settings: { includeClientIdentity: false, class: 'istio-waypoint', name: 'wp', namespace: 'a' },
    is: 'waypoint',
  };
  expect(catalogue.set(name, waypoint)).toBe(true);
  expect(catalogue.set(name, turned)).toBe(false);
  expect(catalogue.set(name, { is: 'waypoint', settings: { ...settings, includeClientIdentity: true } })).toBe(true);
  expect(catalogue.lookUp(name).map((each) => each.name)).toEqual([name]);
  expect([catalogue.set(name, undefined), catalogue.set(name, undefined), catalogue.lookUp(name)]).toEqual([true, false, []]);
});

test('L7: what is encoded reads as what it was', () => {
  expect(JSON.parse(Buffer.from(encodeL7(waypoint)).toString())).toEqual(waypoint);
});
