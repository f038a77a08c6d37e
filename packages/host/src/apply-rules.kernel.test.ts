// Rules of capture, with the real rules in a real pod's place: what is turned where, who is seen as the source, what is left afterwards.
// Beside apply-rules.ts; needs root and nft. The pod is the right of two joined namespaces, its client the left.
// The text of the rules is redirect-rules.test.ts.
import { createSocket, type Socket as UdpHandle } from 'node:dgram';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { canonicalIp, familyOf, type Ip, type SocketAddress } from '@ambient-mesh/model/address';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { applyRules, removeRules } from './apply-rules.ts';
import type { Netns } from './netns.ts';
import { originalDestination } from './original-destination.ts';
import type { Capture } from './redirect-rules.ts';
import { runIn } from './run-in.ts';
import { udpSocket } from './sockets.ts';
import * as connections from './testing/connections.ts';
import { type Joined, joinedNamespaces, leftIp, rightIp } from './testing/index.ts';
import { fdOf } from './testing/socket-state.ts';

const { answerOf, sayDestination, tunnelMark: mark } = connections;
const pod: Capture = { ipv6: true, dnsCapture: true, ingress: false, virtualInterfaces: [] };
const soon = () => AbortSignal.timeout(10_000);

let nets: Joined;
let parts: DisposableStack;
beforeEach(async () => {
  parts = new DisposableStack();
  nets = parts.use(await joinedNamespaces());
});
afterEach(() => parts.dispose());

const serve = (netns: Netns, port: number, on: (socket: Socket) => void, ours = false) =>
  connections.serve(parts, { netns, port, ours }, on);
const connect = (...rest: Parameters<typeof connections.connect> extends [unknown, ...infer Rest] ? Rest : never): Socket =>
  connections.connect(parts, ...rest);

const captured: readonly (readonly [rule: string, from: 'left' | 'right', to: SocketAddress, answer: string])[] = [
  ['IPv4 into the pod comes to 15006', 'left', { ip: rightIp.v4, port: 80 }, `in ${rightIp.v4} 80`],
  ['IPv6 into the pod comes to 15006', 'left', { ip: rightIp.v6, port: 80 }, `in ${rightIp.v6} 80`],
  ['IPv4 out of the pod comes to 15001', 'right', { ip: leftIp.v4, port: 80 }, `out ${leftIp.v4} 80`],
  ['IPv6 out of the pod comes to 15001', 'right', { ip: leftIp.v6, port: 80 }, `out ${leftIp.v6} 80`],
  ['addresses that no route knows better are captured too', 'right', { ip: '240.1.2.3' as Ip, port: 443 }, 'out 240.1.2.3 443'],
  ['HBONE is not turned: it comes to 15008 as it is', 'left', { ip: rightIp.v4, port: 15_008 }, `hbone ${rightIp.v4} 15008`],
  ['DNS over TCP comes to 15053', 'right', { ip: leftIp.v4, port: 53 }, `dns ${leftIp.v4} 53`],
  ['the pod to its own address is not captured', 'right', { ip: rightIp.v4, port: 8080 }, 'app'],
  ['the pod to its own IPv6 address is not captured', 'right', { ip: rightIp.v6, port: 8080 }, 'app'],
  ['loopback is not captured', 'right', { ip: '127.0.0.1' as Ip, port: 8080 }, 'app'],
  ['IPv6 loopback is not captured', 'right', { ip: '::1' as Ip, port: 8080 }, 'app'],
];
describe('capture', () => {
  test.each(captured)('%s', async (_, from, to, answer) => {
    await applyRules(nets.right, pod, soon());
    await serve(nets.right, 15_001, sayDestination('out'), true);
    await serve(nets.right, 15_006, sayDestination('in'), true);
    await serve(nets.right, 15_008, sayDestination('hbone'), true);
    await serve(nets.right, 15_053, sayDestination('dns'), true);
    await serve(nets.right, 8080, (socket) => socket.end('app'));
    expect(await answerOf(connect(nets[from], to))).toBe(answer);
  });

  test("the tunnel's own connections are not captured", async () => {
    await applyRules(nets.right, pod, soon());
    await serve(nets.left, 80, (socket) => socket.end('far'));
    expect(await answerOf(connect(nets.right, { ip: leftIp.v4, port: 80 }, { mark }))).toBe('far');
  });

  test('without the tunnel a captured connection fails; it does not slip past', async () => {
    await applyRules(nets.right, pod, soon());
    await serve(nets.right, 8080, (socket) => socket.end('app'));
    const [refusal] = await once(connect(nets.left, { ip: rightIp.v4, port: 8080 }), 'error');
    expect(refusal).toMatchObject({ code: 'ECONNREFUSED' });
  });

  test('a gateway pod takes its inbound connections itself', async () => {
    await applyRules(nets.right, { ...pod, ingress: true }, soon());
    await serve(nets.right, 8080, (socket) => socket.end('app'));
    expect(await answerOf(connect(nets.left, { ip: rightIp.v6, port: 8080 }))).toBe('app');
  });

  test('health probes reach the app without the tunnel', async () => {
    const probe = '169.254.7.127' as Ip;
    await runIn(nets.left, ['ip', 'addr', 'add', `${probe}/32`, 'dev', 'lo'], soon());
    await applyRules(nets.right, pod, soon());
    await serve(nets.right, 8080, (socket) => socket.end(canonicalIp(socket.remoteAddress ?? '')));
    expect(await answerOf(connect(nets.left, { ip: rightIp.v4, port: 8080 }, { from: probe }))).toBe(probe);
  });
});

test.each([
  ['IPv4', leftIp.v4, rightIp.v4],
  ['IPv6', leftIp.v6, rightIp.v6],
] as const)("through the tunnel the app sees the client's own address: %s", async (_, client, server) => {
  await applyRules(nets.right, pod, soon());
  await serve(nets.right, 8080, (app) =>
    app.on('data', (question) => app.end(`${canonicalIp(app.remoteAddress ?? '')} asked ${question}`)),
  );
  const relay = (inbound: Socket) => {
    const to = originalDestination(fdOf(inbound), familyOf(canonicalIp(inbound.localAddress ?? '')));
    if (to === undefined) throw new Error('no original destination');
    const onward = connect(nets.right, to, { mark, from: canonicalIp(inbound.remoteAddress ?? '') });
    inbound.pipe(onward).pipe(inbound);
  };
  await serve(nets.right, 15_006, relay, true);
  const socket = connect(nets.left, { ip: server, port: 8080 });
  socket.write('who am I');
  expect(await answerOf(socket)).toBe(`${client} asked who am I`);
});

describe('DNS over UDP', () => {
  const udp = (netns: Netns, port: number, ours = false): UdpHandle => {
    // The redirect turns to loopback, and an answer from any other address would not be turned back.
    const ip = (port === 15_053 ? '127.0.0.1' : '0.0.0.0') as Ip;
    const socket = createSocket('udp4').bind({ fd: udpSocket({ netns, ip, port, reusePort: false, mark: ours ? mark : undefined }) });
    parts.defer(() => void socket.close());
    return socket;
  };
  const answering = (socket: UdpHandle, name: string): void => {
    socket.on('message', (_, from) => socket.send(name, from.port, from.address));
  };
  const ask = async (socket: UdpHandle): Promise<[answer: string, from: string]> => {
    socket.send('?', 53, leftIp.v4);
    const [answer, from] = await once(socket, 'message');
    return [String(answer), `${from.address} ${from.port}`];
  };

  test("the pod's query comes to 15053, and the answer seems to come from the server that was asked", async () => {
    await applyRules(nets.right, pod, soon());
    answering(udp(nets.right, 15_053, true), 'tunnel');
    answering(udp(nets.left, 53), 'server');
    expect(await ask(udp(nets.right, 0))).toEqual(['tunnel', `${leftIp.v4} 53`]);
    expect(await ask(udp(nets.right, 0, true))).toEqual(['server', `${leftIp.v4} 53`]);
  });

  test('without DNS capture the query goes where it was sent', async () => {
    await applyRules(nets.right, { ...pod, dnsCapture: false }, soon());
    answering(udp(nets.left, 53), 'server');
    expect(await ask(udp(nets.right, 0))).toEqual(['server', `${leftIp.v4} 53`]);
  });
});

describe('the rules as the kernel reads them back', () => {
  /** Everything of the ruleset but counters and handles. */
  const ruleset = async (): Promise<string[]> => {
    const { nftables } = JSON.parse(await runIn(nets.right, ['nft', '-j', 'list', 'ruleset'], soon()));
    const meaningless = (key: string, value: unknown) => (['handle', 'packets', 'bytes', 'metainfo'].includes(key) ? undefined : value);
    return nftables.map((one: unknown) => JSON.stringify(one, meaningless));
  };
  const policy = async () => {
    const say = (...argv: string[]) => runIn(nets.right, ['ip', ...argv], soon()).catch(() => '');
    const texts = await Promise.all([
      say('-4', 'rule'),
      say('-6', 'rule'),
      say('-4', 'route', 'show', 'table', '100'),
      say('-6', 'route', 'show', 'table', '100'),
    ]);
    return texts.map((text) => text.split('\n').filter((line) => /0x111|^local default/.test(line)).length);
  };
  /** What each rule of a chain ends in. */
  const ends = (all: readonly string[], table: string, chain: string): string[] =>
    all.flatMap((one) => {
      const { rule } = JSON.parse(one);
      if (rule?.table !== `istio-ambient-${table}` || rule.chain !== chain) return [];
      const last = rule.expr.at(-1);
      return last.redirect ? [`to ${last.redirect.port}`] : Object.keys(last);
    });

  test.each([
    ['IPv4 alone', false, ['accept', 'to 15053', 'to 15053', 'accept', 'accept', 'to 15001']],
    ['both families', true, ['accept', 'accept', 'to 15053', 'to 15053', 'to 15053', 'accept', 'accept', 'accept', 'to 15001', 'to 15001']],
  ])('three tables with their chains: %s', async (_, ipv6, output) => {
    await applyRules(nets.right, { ...pod, ipv6, virtualInterfaces: ['tap0'] }, soon());
    const all = await ruleset();
    const twice = (what: string) => (ipv6 ? [what, what] : [what]);
    expect(ends(all, 'nat', 'istio-output')).toEqual(output);
    expect(ends(all, 'nat', 'istio-prerouting')).toEqual(['to 15001', 'return', ...twice('accept'), ...twice('to 15006')]);
    const chains = all.map((one) => JSON.parse(one).chain).filter((chain) => chain?.hook !== undefined);
    expect(chains.map(({ table, type, hook, prio }) => [table, type, hook, prio].join(' ')).sort()).toEqual([
      'istio-ambient-mangle filter prerouting -150',
      'istio-ambient-mangle route output -150',
      'istio-ambient-nat nat output -100',
      'istio-ambient-nat nat prerouting -100',
      'istio-ambient-raw filter output -300',
      'istio-ambient-raw filter prerouting -300',
    ]);
    expect(await policy()).toEqual(ipv6 ? [1, 1, 1, 1] : [1, 0, 1, 0]);
  });

  test('InvokedTwiceIsIdempotent: applying again changes nothing', async () => {
    await applyRules(nets.right, pod, soon());
    const once = [await ruleset(), await policy()];
    await applyRules(nets.right, pod, soon());
    expect([await ruleset(), await policy()]).toEqual(once);
  });

  test('IdempotentUnequalInPodRerun: applying other rules leaves nothing of the first', async () => {
    await applyRules(nets.right, { ...pod, dnsCapture: false }, soon());
    const wanted = await ruleset();
    await applyRules(nets.right, { ...pod, virtualInterfaces: ['tap0'] }, soon());
    await applyRules(nets.right, { ...pod, dnsCapture: false }, soon());
    expect((await ruleset()).toSorted()).toEqual(wanted.toSorted());
  });

  test('removing leaves nothing, and may be repeated', async () => {
    await applyRules(nets.right, pod, soon());
    await removeRules(nets.right, soon());
    await removeRules(nets.right, soon());
    expect((await ruleset()).filter((one) => one.includes('istio'))).toEqual([]);
    expect(await policy()).toEqual([0, 0, 0, 0]);
  });
});
