// What plugin and agent say to each other: what one end writes the other reads, Istio's own plugin included.

import { type Ip, parseIp } from '@ambient-mesh/model/address';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addVerdicts, readLines, readRequest, readVerdict, writeLine, writeRequest, writeVerdict } from './event.ts';

const ip = (text: string): Ip => parseIp(text) ?? expect.unreachable();

test('a request is written with the names and forms of Istio’s agent', () => {
  const text = writeRequest({ containerId: 'c1', netns: '/run/netns/a', pod: undefined }, { namespace: 'shop', name: 'web', uid: 'u1' }, [
    { ip: ip('10.0.0.5'), prefixLength: 20, interface: 2, gateway: '10.0.0.1' },
    { ip: ip('fd00::5'), prefixLength: 64, interface: undefined, gateway: undefined },
  ]);
  expect(JSON.parse(text)).toEqual({
    Netns: '/run/netns/a',
    PodName: 'web',
    PodNamespace: 'shop',
    PodUID: 'u1',
    ContainerID: 'c1',
    IPs: [
      { Interface: 2, Address: { IP: '10.0.0.5', Mask: '///wAA==' }, Gateway: '10.0.0.1' },
      { Address: { IP: 'fd00::5', Mask: '//////////8AAAAAAAAAAA==' } },
    ],
  });
  expect(readRequest(text)).toEqual({
    ok: { namespace: 'shop', pod: 'web', uid: 'u1', netns: '/run/netns/a', ips: ['10.0.0.5', 'fd00::5'] },
  });
});

const good = { Netns: '/n', PodName: 'p', PodNamespace: 'ns' };

describe('payloads', () => {
  const address = (text: unknown) => ({ Interface: null, Address: { IP: text, Mask: '/////w==' }, Gateway: '' });
  const rows: readonly (readonly [rule: string, body: unknown, want: unknown])[] = [
    ['good, from a plugin that knows no uid', good, { ok: { namespace: 'ns', pod: 'p', uid: undefined, netns: '/n', ips: [] } }],
    [
      'addresses are unmapped, and each is there once',
      { ...good, IPs: [address('::ffff:10.0.0.5'), address('10.0.0.5'), address('FD00::0:5')] },
      { ok: { ips: ['10.0.0.5', 'fd00::5'] } },
    ],
    ['no list of addresses is none, as Go writes it', { ...good, IPs: null }, { ok: { ips: [] } }],
    ['bad: no JSON', 'x', { mistake: 'the body is no JSON object' }],
    ['bad: a list', [], { mistake: 'the body is no JSON object' }],
    ['bad: no pod', { ...good, PodName: '' }, { mistake: expect.stringContaining('PodName') }],
    ['bad: no netns', { ...good, Netns: undefined }, { mistake: expect.stringContaining('Netns') }],
    ['bad: a name that is no text', { ...good, PodNamespace: 7 }, { mistake: expect.stringContaining('PodNamespace') }],
    ['bad: a path with a NUL', { ...good, Netns: '/n\0' }, { mistake: expect.stringContaining('Netns') }],
    ['bad: an address that is none', { ...good, IPs: [address('10.0.0')] }, { mistake: expect.stringContaining('IPs') }],
    ['bad: addresses that are no list', { ...good, IPs: {} }, { mistake: expect.stringContaining('IPs') }],
    [
      'bad: more addresses than anybody has',
      { ...good, IPs: Array(300).fill(address('10.0.0.5')) },
      { mistake: expect.stringContaining('IPs') },
    ],
  ];
  test.each(rows)('%s', (_, body, want) =>
    expect(readRequest(typeof body === 'string' ? body : JSON.stringify(body))).toMatchObject(want as object),
  );
});

test('verdicts come back; others are none', () => {
  expect(addVerdicts.map((each) => readVerdict(writeVerdict(each), addVerdicts))).toEqual(addVerdicts);
  expect(['', '{}', 'null', writeVerdict('enrolled')].map((text) => readVerdict(text, addVerdicts))).toEqual(Array(4).fill(undefined));
});

test('log lines come back; what is no line is a message, what is no list is refused', () => {
  const line = { level: 'warn', message: 'hm', fields: { pod: 'p' } } as const;
  expect(readLines(JSON.stringify([writeLine(line), 'oops', '{"level":"fatal"}']))).toEqual([
    line,
    { level: 'info', message: 'oops', fields: {} },
    { level: 'info', message: '', fields: {} },
  ]);
  for (const bad of ['', '{}', '[1]', '[{}]', JSON.stringify(Array(1_000).fill('x'))]) expect(readLines(bad)).toBeUndefined();
});

test('any text is read or refused', () => {
  const text = fc.oneof(
    fc.string(),
    fc.json(),
    fc.json().map((IPs) => `{"Netns":"/n","PodName":"p","PodNamespace":"n","IPs":${IPs}}`),
  );
  fc.assert(
    fc.property(text, (body) => {
      readRequest(body);
      readLines(body);
      readVerdict(body, addVerdicts);
    }),
  );
});
