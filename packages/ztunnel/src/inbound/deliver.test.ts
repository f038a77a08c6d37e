// Where an admitted connection goes and in whose name: the pod or its loopback, the client's address or our own, with or without a header.
// Beside deliver.ts; that the kernel goes along is tested end to end.
// The header's bytes are tested in wire/proxy-protocol.
import type { Delivery } from '@ambient-mesh/model/inbound';
import { spiffeId } from '@ambient-mesh/model/spiffe';
import { ip } from '@ambient-mesh/model/testing';
import { proxyHeader } from '@ambient-mesh/wire/proxy-protocol';
import { describe, expect, test } from 'vitest';
import { appDial, spoofed } from './deliver.ts';

const identity = spiffeId('cluster.local', 'ns', 'client');
const arrived = (client = '10.0.0.1', podIp = '10.0.0.2') => ({ from: { ip: ip(client), port: 4000 }, identity, podIp: ip(podIp) });
const target = { ip: ip('10.9.0.1'), port: 80 };
const plain: Delivery = { port: 8080 };
const tunnelled: Delivery = { port: 15_088, tunnel: { protocol: 'PROXY', target } };

interface Given {
  readonly delivery: Delivery;
  readonly spoof?: boolean;
  readonly localhostTunnel?: boolean;
  readonly podIp?: string;
}
const rows: readonly (readonly [rule: string, given: Given, to: string, from: string | undefined])[] = [
  ["the pod's address, from the client's", { delivery: plain }, '10.0.0.2:8080', '10.0.0.1'],
  ["the pod's address, from our own where the kernel forbids more", { delivery: plain, spoof: false }, '10.0.0.2:8080', undefined],
  ['an application tunnel on loopback, from loopback', { delivery: tunnelled }, '127.0.0.1:15088', undefined],
  ['of the family of the pod', { delivery: tunnelled, podIp: 'fd00::2' }, '::1:15088', undefined],
  [
    "an application tunnel on the pod's address, from the client's",
    { delivery: tunnelled, localhostTunnel: false },
    '10.0.0.2:15088',
    '10.0.0.1',
  ],
  [
    "a port of the application's own without a tunnel stays on the pod's address",
    { delivery: { port: 15_088 } },
    '10.0.0.2:15088',
    '10.0.0.1',
  ],
];
test.each(rows)('%s', (_, { delivery, spoof = true, localhostTunnel = true, podIp }, to, from) => {
  const dial = appDial(delivery, arrived(undefined, podIp), { spoof, localhostTunnel });
  expect([`${dial.to.ip}:${dial.to.port}`, dial.from]).toEqual([to, from]);
});

describe('the first bytes for the app', () => {
  test('none without an application tunnel', () => {
    expect(appDial(plain, arrived(), { spoof: true, localhostTunnel: true }).header).toBeUndefined();
  });

  test('who comes, who it is, and where it wanted to go', () => {
    const { header } = appDial(tunnelled, arrived(), { spoof: true, localhostTunnel: true });
    expect(header).toEqual(proxyHeader({ source: arrived().from, destination: target, identity }));
  });
});

describe("the client's address", () => {
  const cases: readonly (readonly [rule: string, client: string, app: string, want: string | undefined])[] = [
    ['is shown', '10.0.0.1', '10.0.0.2', '10.0.0.1'],
    ['is shown in IPv6', 'fd00::1', 'fd00::2', 'fd00::1'],
    ['is our own already when the pod calls itself', '10.0.0.2', '10.0.0.2', undefined],
    ['cannot be shown in the other family', '10.0.0.1', 'fd00::2', undefined],
    ['cannot leave the loopback', '127.0.0.1', '10.0.0.2', undefined],
    ['may be another on the loopback', '127.0.0.6', '127.0.0.1', '127.0.0.6'],
  ];
  test.each(cases)('%s', (_, client, app, want) => {
    expect(spoofed(true, ip(client), ip(app))).toBe(want);
    expect(spoofed(false, ip(client), ip(app))).toBeUndefined();
  });
});
