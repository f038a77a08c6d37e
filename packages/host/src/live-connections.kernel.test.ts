// Rules of what happens to connections while a pod's rules come, change and go: open ones go on, and no new one gets past.
// Beside apply-rules.ts and open-rules.ts; needs root and nft. The pod is the right of two joined namespaces, its peer the left.
// What the rules turn where is apply-rules.kernel.test.ts.
import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { Ip } from '@ambient-mesh/model/address';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { applyRules, removeRules } from './apply-rules.ts';
import { openRules } from './open-rules.ts';
import type { Capture } from './redirect-rules.ts';
import { runIn } from './run-in.ts';
import { answerOf, connect, serve } from './testing/connections.ts';
import { type Joined, joinedNamespaces, leftIp, rightIp } from './testing/index.ts';
import { knock } from './testing/knocking.ts';

const pod: Capture = { ipv6: true, dnsCapture: true, ingress: false, virtualInterfaces: [] };
const port = 8080;
const soon = () => AbortSignal.timeout(20_000);

let nets: Joined;
let parts: DisposableStack;
beforeEach(async () => {
  parts = new DisposableStack();
  nets = parts.use(await joinedNamespaces());
});
afterEach(() => parts.dispose());

type Way = readonly [way: string, from: 'left' | 'right', to: 'left' | 'right', ip: Ip];
const ways: readonly Way[] = [
  ['into the pod, IPv4', 'left', 'right', rightIp.v4],
  ['into the pod, IPv6', 'left', 'right', rightIp.v6],
  ['out of the pod, IPv4', 'right', 'left', leftIp.v4],
  ['out of the pod, IPv6', 'right', 'left', leftIp.v6],
];

const echo = (name: string) => (socket: Socket) => socket.on('data', (said) => socket.write(`${name} ${said}`));

async function ask(socket: Socket, question: string): Promise<string> {
  socket.write(question);
  return answerOf(socket);
}

/** The app, and the tunnel's two listeners in the pod. */
async function listeners(to: 'left' | 'right'): Promise<void> {
  await serve(parts, { netns: nets[to], port }, echo('app'));
  for (const tunnel of [15_001, 15_006]) await serve(parts, { netns: nets.right, port: tunnel, ours: true }, echo('tunnel'));
}

describe('connections that were open before enrolment', () => {
  test.each(ways)('an idle one goes on as it was, new ones are captured: %s', async (_, from, to, ip) => {
    await listeners(to);
    const before = connect(parts, nets[from], { ip, port });
    const untouched = connect(parts, nets[from], { ip, port });
    await Promise.all([once(before, 'connect'), once(untouched, 'connect')]);
    expect(await ask(before, '1')).toBe('app 1');
    await applyRules(nets.right, pod, soon());
    expect(await ask(before, '2')).toBe('app 2');
    expect(await ask(connect(parts, nets[from], { ip, port }), '3')).toBe('tunnel 3');
    await applyRules(nets.right, { ...pod, dnsCapture: false }, soon());
    expect(await ask(before, '4')).toBe('app 4');
    // The first that the rules see of this one is a packet in the middle.
    expect(await ask(untouched, '5')).toBe('app 5');
    await removeRules(nets.right, soon());
    expect(await ask(before, '6')).toBe('app 6');
  });

  test.each(ways)('one that the server writes to goes on: %s', async (_, from, to, ip) => {
    const accepted: Socket[] = [];
    await serve(parts, { netns: nets[to], port }, (socket) => void accepted.push(socket));
    const client = connect(parts, nets[from], { ip, port });
    await once(client, 'connect');
    await expect.poll(() => accepted.length).toBe(1);
    await applyRules(nets.right, pod, soon());
    accepted[0]?.write('news');
    expect(await answerOf(client)).toBe('news');
  });

  test.each(ways)('a stream in both directions loses nothing: %s', async (_, from, to, ip) => {
    const total = 512 * 2 ** 20;
    const chunk = Buffer.alloc(2 ** 16, 'x');
    const received = { server: 0, client: 0 };
    const pour = (socket: Socket): void => {
      let left = total / chunk.length;
      const more = (): void => {
        while (left > 0) {
          left--;
          if (!socket.write(chunk)) return;
        }
      };
      socket.on('drain', more);
      more();
    };
    await serve(parts, { netns: nets[to], port }, (socket) => {
      socket.on('data', (part) => (received.server += part.length));
      pour(socket);
    });
    const client = connect(parts, nets[from], { ip, port }).on('data', (part) => (received.client += part.length));
    await once(client, 'connect');
    pour(client);
    await expect.poll(() => received.client).toBeGreaterThan(0);
    await applyRules(nets.right, pod, soon());
    const atEnrolment = received.client;
    expect(atEnrolment).toBeLessThan(total);
    await expect.poll(() => received, { timeout: 15_000 }).toEqual({ server: total, client: total });
  });
});

// Four threads that open connections without a pause leave little of a small machine for the writing.
describe('rules that are written anew', { timeout: 90_000 }, () => {
  const rewrites: readonly (readonly [name: string, times: number, rewrite: (i: number) => Promise<unknown>])[] = [
    ['the same', 100, () => applyRules(nets.right, pod, soon())],
    [
      'others each time',
      100,
      (i) => applyRules(nets.right, { ...pod, dnsCapture: i % 2 === 0, virtualInterfaces: i % 3 === 0 ? ['tap0'] : [] }, soon()),
    ],
    [
      'over those of an older layout',
      30,
      async () => {
        await runIn(nets.right, ['nft', 'add', 'chain', 'inet', 'istio-ambient-nat', 'older'], soon());
        await applyRules(nets.right, pod, soon());
      },
    ],
  ];
  test.each(rewrites)('no connection slips past while they change: %s', async (_, times, rewrite) => {
    await serve(parts, { netns: nets.left, port }, (socket) => socket.destroy());
    await serve(parts, { netns: nets.right, port }, (socket) => socket.destroy());
    await applyRules(nets.right, pod, soon());
    // Nobody listens where the rules turn to.
    const knockings = ways.map(([, from, , ip]) => knock(nets[from], { ip, port }));
    await expect.poll(() => knockings.every(({ count }) => count() > 0), { timeout: 10_000 }).toBe(true);
    for (let i = 0; i < times; i++) await rewrite(i);
    for (const { accepted, refused, other } of await Promise.all(knockings.map(({ stop }) => stop()))) {
      expect({ accepted, other }).toEqual({ accepted: 0, other: 0 });
      expect(refused).toBeGreaterThan(times);
    }
  });
});

describe('a pod that leaves', () => {
  test.each(ways)('what was redirected goes on through the tunnel, new connections go past it: %s', async (_, from, to, ip) => {
    await listeners(to);
    await applyRules(nets.right, pod, soon());
    const before = connect(parts, nets[from], { ip, port });
    expect(await ask(before, '1')).toBe('tunnel 1');
    await openRules(nets.right, soon());
    expect(await ask(before, '2')).toBe('tunnel 2');
    expect(await ask(connect(parts, nets[from], { ip, port }), '3')).toBe('app 3');
    expect(await ask(before, '4')).toBe('tunnel 4');
  });

  test('opening may be repeated, and needs no rules; nothing is left after removal', async () => {
    await openRules(nets.right, soon());
    await openRules(nets.right, soon());
    await removeRules(nets.right, soon());
    expect(await runIn(nets.right, ['nft', 'list', 'ruleset'], soon())).toBe('');
  });
});
