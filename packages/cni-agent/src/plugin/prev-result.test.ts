// What is read of a result, and how one version of it becomes another.

import { isObject } from '@ambient-mesh/kube/raw';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type CniVersion, cniVersions } from './cni.ts';
import { addressesOf, asVersion } from './prev-result.ts';

describe('addresses', () => {
  const none = { interface: undefined, gateway: undefined };
  const rows: readonly (readonly [rule: string, ips: unknown, want: unknown])[] = [
    ['none is fine', undefined, []],
    ['null, as Go writes an empty list, too', null, []],
    [
      'with interface and gateway',
      [{ address: '10.0.0.5/24', interface: 2, gateway: '10.0.0.1' }],
      [{ ip: '10.0.0.5', prefixLength: 24, interface: 2, gateway: '10.0.0.1' }],
    ],
    [
      'both families',
      [{ address: '10.0.0.5/32' }, { address: 'fd00::5/64' }],
      [
        { ip: '10.0.0.5', prefixLength: 32, ...none },
        { ip: 'fd00::5', prefixLength: 64, ...none },
      ],
    ],
    ['IPv4 in IPv6 is IPv4', [{ address: '::ffff:10.0.0.5/128' }], [{ ip: '10.0.0.5', prefixLength: 32, ...none }]],
    ['without a length it is one address', [{ address: 'fd00::5' }], [{ ip: 'fd00::5', prefixLength: 128, ...none }]],
    ['one that is none spoils them all', [{ address: '10.0.0.5/24' }, { address: 'web' }], undefined],
    ['no list', { address: '10.0.0.5' }, undefined],
    ['a list of something else', [null, 7], undefined],
  ];
  test.each(rows)('%s', (_, ips, want) => expect(addressesOf({ ips })).toEqual(want));
});

const rich = {
  cniVersion: '1.1.0',
  interfaces: [{ name: 'eth0', mtu: 1500, socketPath: '/s', pciID: 'p', sandbox: '/n' }],
  ips: [{ address: '10.0.0.5/24', interface: 0 }, { address: 'fd00::5/64' }],
  routes: [{ dst: '0.0.0.0/0', gw: '10.0.0.1', mtu: 1, advmss: 2, priority: 3, table: 4, scope: 5 }],
  dns: { nameservers: ['10.0.0.10'] },
  ours: true,
};
const plain = { interfaces: [{ name: 'eth0', sandbox: '/n' }], routes: [{ dst: '0.0.0.0/0', gw: '10.0.0.1' }], dns: rich.dns, ours: true };

describe('versions', () => {
  const rows: readonly (readonly [rule: string, result: Readonly<Record<string, unknown>>, version: CniVersion, want: unknown])[] = [
    ['the same stays', rich, '1.1.0', rich],
    ['one without a version stays', { ips: rich.ips }, '0.4.0', { ips: rich.ips, cniVersion: '0.4.0' }],
    ['1.1.0 to 1.0.0 loses what is new', rich, '1.0.0', { ...plain, ips: rich.ips, cniVersion: '1.0.0' }],
    [
      '1.1.0 to 0.3.1 says the family too',
      rich,
      '0.3.1',
      {
        ...plain,
        ips: [
          { version: '4', address: '10.0.0.5/24', interface: 0 },
          { version: '6', address: 'fd00::5/64' },
        ],
        cniVersion: '0.3.1',
      },
    ],
    [
      '0.4.0 to 1.0.0 says it no more',
      { cniVersion: '0.4.0', ips: [{ version: '4', address: '10.0.0.5/24' }] },
      '1.0.0',
      { cniVersion: '1.0.0', ips: [{ address: '10.0.0.5/24' }] },
    ],
  ];
  test.each(rows)('%s', (_, result, version, want) => expect(asVersion(result, version)).toEqual(want));
});

test('any result is read and rewritten without an exception', () => {
  fc.assert(
    fc.property(fc.json(), fc.constantFrom(...cniVersions), (text, version) => {
      const raw: unknown = JSON.parse(text);
      for (const result of [{ ips: raw, interfaces: raw, routes: raw, cniVersion: '1.0.1' }, isObject(raw) ? raw : {}]) {
        addressesOf(result);
        expect(asVersion(result, version).cniVersion).toBe(version);
      }
    }),
  );
});
