// Rules of the capture rules' text, and the whole text for the usual pods.
// Beside redirect-rules.ts; needs no privilege.
// That the kernel takes them and that they capture is in apply-rules.kernel.test.ts.
import type { Ip } from '@ambient-mesh/model/address';
import { describe, expect, test } from 'vitest';
import { type Capture, isInterfaceName, noRedirectRules, policyRoutes, redirectRules } from './redirect-rules.ts';

const probe = { v4: '169.254.7.127' as Ip, v6: 'e9ac:1e77:90ca:399f:4d6d:ece2:2f9b:3164' as Ip };
const plain: Capture = { ipv6: false, dnsCapture: true, ingress: false, virtualInterfaces: [], probe };
const virtualInterfaces = ['fake1s0f0', 'fake1s0f1'];

const first = 'tcp flags syn / fin,syn,rst,ack';

/** The rules of one chain, without the words that all share. */
const chain = (capture: Capture, table: 'nat' | 'mangle' | 'raw', name: string): string[] => {
  const start = `add rule inet istio-ambient-${table} ${name} `;
  return redirectRules(capture)
    .split('\n')
    .filter((line) => line.startsWith(start))
    .map((line) => line.slice(start.length));
};

describe('nat, into the pod', () => {
  const inbound = `ip daddr != 127.0.0.1/32 tcp dport != 15008 ${first} mark and 0xfff != 0x539 counter redirect to :15006`;
  const inbound6 = `ip6 daddr != ::1/128 tcp dport != 15008 ${first} mark and 0xfff != 0x539 counter redirect to :15006`;
  const probes = `meta l4proto tcp ip saddr ${probe.v4} counter accept`;
  const probes6 = `meta l4proto tcp ip6 saddr ${probe.v6} counter accept`;
  const virtual = virtualInterfaces.flatMap((name) => [
    `iifname "${name}" ${first} counter redirect to :15001`,
    `iifname "${name}" meta l4proto tcp counter return`,
  ]);
  const rows: readonly (readonly [rule: string, capture: Capture, rules: readonly string[]])[] = [
    ['probes pass, everything but HBONE is captured', plain, [probes, inbound]],
    ['each IPv4 rule is followed by its IPv6 twin', { ...plain, ipv6: true }, [probes, probes6, inbound, inbound6]],
    ['a gateway takes its inbound connections itself', { ...plain, ipv6: true, ingress: true }, []],
    ['virtual interfaces come first', { ...plain, virtualInterfaces }, [...virtual, probes, inbound]],
    ['virtual interfaces of a gateway are captured too', { ...plain, ingress: true, virtualInterfaces }, virtual],
  ];
  test.each(rows)('%s', (_, capture, rules) => {
    expect(chain(capture, 'nat', 'istio-prerouting')).toEqual(rules);
  });
});

describe('nat, out of the pod', () => {
  const rules = (both: readonly (readonly [string, string])[], ipv6: boolean) =>
    both.flatMap(([four, six]) => (ipv6 && six !== '' ? [four, six] : [four]));
  const replies = [
    `meta l4proto tcp ip daddr ${probe.v4} counter accept`,
    `meta l4proto tcp ip6 daddr ${probe.v6} counter accept`,
  ] as const;
  const dns = [
    ['oifname != lo udp dport 53 mark and 0xfff != 0x539 counter redirect to :15053', ''],
    [
      `ip daddr != 127.0.0.1/32 tcp dport 53 ${first} mark and 0xfff != 0x539 counter redirect to :15053`,
      `ip6 daddr != ::1/128 tcp dport 53 ${first} mark and 0xfff != 0x539 counter redirect to :15053`,
    ],
  ] as const;
  const rest = [
    ['meta l4proto tcp mark and 0xfff == 0x111 counter accept', ''],
    ['oifname lo ip daddr != 127.0.0.1/32 counter accept', 'oifname lo ip6 daddr != ::1/128 counter accept'],
    [
      `meta l4proto tcp ip daddr != 127.0.0.1/32 ${first} mark and 0xfff != 0x539 counter redirect to :15001`,
      `meta l4proto tcp ip6 daddr != ::1/128 ${first} mark and 0xfff != 0x539 counter redirect to :15001`,
    ],
  ] as const;
  for (const ipv6 of [false, true]) {
    const pod = { ...plain, ipv6 };
    const families = ipv6 ? 'both families' : 'IPv4';
    test(`probe replies, DNS, our own, the pod to itself, then capture: ${families}`, () => {
      expect(chain(pod, 'nat', 'istio-output')).toEqual(rules([replies, ...dns, ...rest], ipv6));
    });
    test(`without DNS capture no rule speaks of port 53: ${families}`, () => {
      expect(chain({ ...pod, dnsCapture: false }, 'nat', 'istio-output')).toEqual(rules([replies, ...rest], ipv6));
      expect(redirectRules({ ...pod, dnsCapture: false })).not.toMatch(/dport 53|15053/);
    });
    test(`a gateway's outbound is captured as any other's: ${families}`, () => {
      expect(chain({ ...pod, ingress: true }, 'nat', 'istio-output')).toEqual(chain(pod, 'nat', 'istio-output'));
    });
  }
});

test("mangle remembers the tunnel's connections and marks their replies", () => {
  expect(chain(plain, 'mangle', 'istio-prerouting')).toEqual([
    'mark and 0xfff == 0x539 counter ct mark set ct mark and 0xfffff000 or 0x111',
  ]);
  expect(chain(plain, 'mangle', 'istio-output')).toEqual(['ct mark and 0xfff == 0x111 counter meta mark set ct mark']);
});

test("raw keeps the tunnel's DNS queries apart from the pod's", () => {
  expect(chain(plain, 'raw', 'istio-output')).toEqual(['udp dport 53 mark and 0xfff == 0x539 counter ct zone set 1']);
  expect(chain(plain, 'raw', 'istio-prerouting')).toEqual(['udp sport 53 mark and 0xfff != 0x539 counter ct zone set 1']);
});

test('without DNS capture an earlier raw table is removed', () => {
  expect(redirectRules({ ...plain, dnsCapture: false })).toMatch(
    /add table inet istio-ambient-raw\ndelete table inet istio-ambient-raw\n$/,
  );
});

test('removal adds each table before it deletes it, so that it never fails', () => {
  const each = (name: string) => `add table inet istio-ambient-${name}\ndelete table inet istio-ambient-${name}\n`;
  expect(noRedirectRules()).toBe(each('nat') + each('mangle') + each('raw'));
});

test('the policy route is that of table 100 for mark 0x111, per family', () => {
  expect(policyRoutes(true).map(({ family, add }) => [family, ...add])).toEqual(
    ['-4', '-6'].map((family) => [
      family,
      'route replace local default dev lo scope host table 100',
      'rule add fwmark 0x111/0xfff lookup 100 pref 32764',
    ]),
  );
  expect(policyRoutes(false)).toHaveLength(1);
});

const names: readonly (readonly [name: string, valid: boolean])[] = [
  ['tap0', true],
  ['k6t-eth0.100', true],
  ['', false],
  ['sixteen-letters-', false],
  ['a b', false],
  ['a"; flush ruleset; "', false],
  ['a\nb', false],
  ['tap*', false],
];
test.each(names)('%j as a name of an interface: %j', (name, valid) => {
  expect(isInterfaceName(name)).toBe(valid);
  const rules = () => redirectRules({ ...plain, virtualInterfaces: [name] });
  if (valid) expect(rules()).toContain(`iifname "${name}"`);
  else expect(rules).toThrow(RangeError);
});
