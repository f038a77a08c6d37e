// Rules of reading the addresses of a namespace (facts: control-plane §2.15, InterfaceAddrsContainAny).
// Beside interface-addresses.ts; needs root and ip.
import { expect, test } from 'vitest';
import { interfaceAddresses } from './interface-addresses.ts';
import { Netns } from './netns.ts';
import { runIn } from './run-in.ts';
import { joinedNamespaces, leftIp, rightIp } from './testing/index.ts';

const soon = () => AbortSignal.timeout(15_000);

test('those of both families, of the namespace that was asked', async () => {
  using nets = await joinedNamespaces();
  expect(interfaceAddresses(nets.left).sort()).toEqual([leftIp.v4, leftIp.v6]);
  expect(interfaceAddresses(nets.right).sort()).toEqual([rightIp.v4, rightIp.v6]);
});

test('each address of an interface with several', async () => {
  using nets = await joinedNamespaces();
  await runIn(nets.left, ['ip', 'addr', 'add', '10.78.0.1/32', 'dev', 'eth0'], soon());
  expect(interfaceAddresses(nets.left)).toEqual(expect.arrayContaining([leftIp.v4, '10.78.0.1']));
});

test("loopback and link-local addresses are nobody's own", async () => {
  using nets = await joinedNamespaces();
  await runIn(nets.left, ['ip', 'addr', 'add', '169.254.3.4/16', 'dev', 'eth0'], soon());
  await runIn(nets.left, ['ip', 'addr', 'add', '10.79.0.1/32', 'dev', 'lo'], soon());
  expect(interfaceAddresses(nets.left).sort()).toEqual([leftIp.v4, leftIp.v6]);
});

test('an empty namespace has none', () => {
  using empty = Netns.create();
  expect(interfaceAddresses(empty)).toEqual([]);
});

test('what is no network namespace cannot be asked', () => {
  using no = Netns.open('/proc/self/ns/mnt');
  expect(() => interfaceAddresses(no)).toThrow(/setns/);
});
