// The annotations of a pod, against the node's defaults in both positions.
import type { Ip } from '@ambient-mesh/model/address';
import { expect, test } from 'vitest';
import { captureOf } from './capture.ts';

const probe = { v4: '169.254.7.127' as Ip, v6: 'fd16:9254:7127:1337:ffff:ffff:ffff:ffff' as Ip };
const decide = (wishes: Record<string, string>, dnsCapture = true) => captureOf({ wishes }, { ipv6: true, dnsCapture, probe });
const dns = 'ambient.istio.io/dns-capture';
const bypass = 'ambient.istio.io/bypass-inbound-capture';
const reroute = 'istio.io/reroute-virtual-interfaces';

test('nothing said: the defaults', () => {
  expect(decide({})).toEqual({ capture: { ipv6: true, dnsCapture: true, ingress: false, virtualInterfaces: [], probe }, mistakes: [] });
});

const flags: readonly (readonly [text: string, means: boolean | undefined])[] = [
  ...['1', 't', 'T', 'TRUE', 'true', 'True'].map((text) => [text, true] as const),
  ...['0', 'f', 'F', 'FALSE', 'false', 'False'].map((text) => [text, false] as const),
  ...['', 'yes', 'on', ' true', 'tRUE'].map((text) => [text, undefined] as const),
];
for (const [text, means] of flags)
  test(`${JSON.stringify(text)} means ${means ?? 'nothing, and says so'}`, () => {
    for (const otherwise of [true, false]) expect(decide({ [dns]: text }, otherwise).capture.dnsCapture).toBe(means ?? otherwise);
    expect(decide({ [bypass]: text }).capture.ingress).toBe(means ?? false);
    expect(decide({ [bypass]: text }).mistakes.length).toBe(means === undefined ? 1 : 0);
  });

test('names of interfaces are trimmed, and none twice', () => {
  expect(decide({ [reroute]: ' fake1s0f0, fake1s0f1 ,,fake1s0f0' }).capture.virtualInterfaces).toEqual(['fake1s0f0', 'fake1s0f1']);
});

test('a name that would mean something to nft is left out and said', () => {
  const { capture, mistakes } = decide({ [reroute]: 'eth0; flush ruleset,tap0' });
  expect(capture.virtualInterfaces).toEqual(['tap0']);
  expect(mistakes).toHaveLength(1);
});
