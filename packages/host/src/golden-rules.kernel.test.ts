// The rules as the kernel has them, rule by rule, for each kind of pod and for the node (facts: control-plane §2.15, PodOverrides and HostRules).
// testing/rules has them as files, one entry of the kernel's listing a line. Needs root and nft.
// Whoever changes a rule looks at the difference in those files, and updates them with `vitest -u`.
import type { Ip } from '@ambient-mesh/model/address';
import { describe, expect, test } from 'vitest';
import { applyRules } from './apply-rules.ts';
import { listRules } from './listed-rules.ts';
import { Netns } from './netns.ts';
import { probeRules, probeTable } from './probe-rules.ts';
import { type Capture, captureTables } from './redirect-rules.ts';
import { runIn } from './run-in.ts';

const soon = () => AbortSignal.timeout(15_000);
const probe = { v4: '169.254.7.127' as Ip, v6: 'e9ac:1e77:90ca:399f:4d6d:ece2:2f9b:3164' as Ip };
const virtualInterfaces = ['fake1s0f0', 'fake1s0f1'];
const plain: Omit<Capture, 'ipv6'> = { dnsCapture: true, ingress: false, virtualInterfaces: [], probe };

const families = [
  ['IPv4', false, ''],
  ['both families', true, '_ipv6'],
] as const;

/** Tables in the order of their names, since the kernel's own is that of their making. */
const listed = async (netns: Netns, tables: readonly string[]): Promise<string> => {
  const listing = await listRules(netns, tables, soon());
  const entries = tables.toSorted().flatMap((table) => listing[table] ?? []);
  return entries.map((entry) => `${JSON.stringify(entry)}\n`).join('');
};

const file = (name: string): string => new URL(`testing/rules/${name}.jsonl`, import.meta.url).pathname;

// What the node says of DNS and what the pod says of it are one answer by the time that rules are written: DNS capture or none.
const pods: readonly (readonly [name: string, capture: Omit<Capture, 'ipv6'>])[] = [
  ['default', plain],
  ['ingress', { ...plain, dnsCapture: false, ingress: true }],
  ['virtual_interfaces', { ...plain, dnsCapture: false, virtualInterfaces }],
  ['ingress_and_virtual_interfaces', { ...plain, dnsCapture: false, ingress: true, virtualInterfaces }],
  ['dns_pod_enabled_and_off_globally', { ...plain, dnsCapture: true }],
  ['dns_pod_disabled_and_on_globally', { ...plain, dnsCapture: false }],
];
describe.each(families)('%s', (_, ipv6, suffix) => {
  test.each(pods)('%s', async (name, capture) => {
    using pod = Netns.create();
    await applyRules(pod, { ...capture, ipv6 }, soon());
    await expect(await listed(pod, captureTables)).toMatchFileSnapshot(file(`${name}${suffix}`));
  });

  test.each([
    ['hostprobe', 1000],
    ['hostprobe_any_local_process', undefined],
  ])('%s', async (name, kubeletUid) => {
    using node = Netns.create();
    const addresses: [Ip, string][] = [
      ['10.0.0.7' as Ip, '6d0c4a53-2d6c-4b6f-9d0e-1f6f2c3b4a59'],
      ['fd00::7' as Ip, '6d0c4a53-2d6c-4b6f-9d0e-1f6f2c3b4a59'],
    ];
    const hostProbe = { v4: probe.v4, v6: 'fd16:9254:7127:1337:ffff:ffff:ffff:ffff' as Ip };
    const rules = probeRules({ kubeletUid, ipv6, probe: hostProbe }, new Map(addresses));
    await runIn(node, ['nft', '-f', '-'], soon(), { stdin: rules });
    await expect(await listed(node, [probeTable])).toMatchFileSnapshot(file(`${name}${suffix}`));
  });
});

test('IPv6NotAvailable: a pod whose loopback has none gets the rules of IPv4 alone', async () => {
  using pod = Netns.create();
  await runIn(pod, ['sysctl', '-qw', 'net.ipv6.conf.all.disable_ipv6=1', 'net.ipv6.conf.lo.disable_ipv6=1'], soon());
  await applyRules(pod, { ...plain, ipv6: true }, soon());
  await expect(await listed(pod, captureTables)).toMatchFileSnapshot(file('default'));
  expect(await runIn(pod, ['ip', '-6', 'rule', 'show', 'pref', '32764'], soon()).catch(() => '')).toBe('');
});
