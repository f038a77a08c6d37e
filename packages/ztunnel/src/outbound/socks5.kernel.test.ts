// The SOCKS5 entry over sockets: where a named target leads, what rude clients get, and that no byte is lost at the seam.
// Beside socks5.ts; the messages are socks5-handshake.test.ts. Needs root: the entry is on a pod's loopback.
// One data plane serves all tests; its server pod echoes.
import type { Socket } from 'node:net';
import { delta, ip, service } from '@ambient-mesh/model/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { inProcess } from '../dataplane/in-process.ts';
import { clientPod, planeConfig, serverPod, type TwoPods, twoPods } from '../dataplane/testing/two-pods.ts';

let world: TwoPods;
const parts = new AsyncDisposableStack();
beforeAll(async () => {
  world = parts.use(await twoPods());
  const plane = parts.use(inProcess(planeConfig({ RUST_LOG: 'warn' }), world.ports));
  const echo = service({ hostname: 'echo.ns.svc.cluster.local', vips: ['10.9.0.1'], ports: { 80: world.app.port } });
  const pod = { ...serverPod, services: new Map([['ns/echo.ns.svc.cluster.local', new Map([[80, world.app.port]])]]) };
  await plane.send({ do: 'mesh', delta: delta({ workloads: [clientPod, pod], services: [echo] }) });
  await plane.send(world.enrol('client'));
  await plane.send(world.enrol('server'));
  await plane.send({ do: 'serve' });
});
afterAll(() => parts.disposeAsync());

const greeting = [5, 1, 0];
const welcome = '0500';
const success = '05000001000000000000';
const toName = (name: string, port: number) => [5, 1, 0, 3, name.length, ...Buffer.from(name), port >> 8, port & 255];
const toApp = () => [5, 1, 0, 1, ...world.app.ip.split('.').map(Number), world.app.port >> 8, world.app.port & 255];

const dial = (): Socket => world.dial('client', { ip: ip('127.0.0.1'), port: 15_080 });

/** Everything that comes until the entry lets go. */
function heard(socket: Socket): Promise<Buffer> {
  const { promise, resolve } = Promise.withResolvers<Buffer>();
  const chunks: Buffer[] = [];
  socket.on('data', (bytes: Buffer) => chunks.push(bytes)).on('close', () => resolve(Buffer.concat(chunks)));
  socket.on('end', () => socket.end());
  return promise;
}

const hex = (text: string): string => Buffer.from(text).toString('hex');

const served: readonly (readonly [rule: string, messages: () => readonly number[]])[] = [
  ['an address', () => [...greeting, ...toApp()]],
  ['a name of the mesh', () => [...greeting, ...toName('echo.ns.svc.cluster.local', 80)]],
  ['a name as short as in a pod', () => [...greeting, ...toName('echo', 80)]],
];
for (const [rule, messages] of served) {
  test(`${rule}, with the first bytes sent along`, async () => {
    const socket = dial();
    const all = heard(socket);
    socket.end(Buffer.from([...messages(), ...Buffer.from('hello world')]));
    expect((await all).toString('hex')).toBe(welcome + success + hex('hello world'));
  });
}

test('messages may come byte by byte', async () => {
  const socket = dial().setNoDelay();
  const all = heard(socket);
  for (const byte of [...greeting, ...toApp(), ...Buffer.from('hello')]) {
    await new Promise<void>((resolve) => socket.write(Buffer.of(byte), () => setImmediate(resolve)));
  }
  socket.end();
  expect((await all).toString('hex')).toBe(welcome + success + hex('hello'));
});

const refused: readonly (readonly [rule: string, messages: readonly number[], answer: string, logged: string])[] = [
  ['another protocol', [...Buffer.from('GET / HTTP/1.1\r\n')], '05070001000000000000', 'version 71 is not SOCKS5'],
  ['authentication', [5, 1, 2], '05ff', 'the client insists on authentication'],
  ['another command', [...greeting, 5, 2], `${welcome}05070001000000000000`, 'command 2 is not CONNECT'],
  [
    "the tunnel's own port",
    [...greeting, 5, 1, 0, 1, 127, 0, 0, 1, 0x3a, 0xa0],
    `${welcome}05020001000000000000`,
    'illegal call to 127.0.0.1:15008',
  ],
  ['a name that nobody knows', [...greeting, ...toName('nobody.invalid', 80)], `${welcome}05040001000000000000`, 'does not resolve'],
];
test.each(refused)('%s is refused with an answer and a log line', async (_, messages, answer, logged) => {
  const before = world.logged.length;
  const socket = dial();
  const all = heard(socket);
  socket.write(Buffer.from(messages));
  expect((await all).toString('hex')).toBe(answer);
  expect(world.logged.slice(before)).toEqual([expect.stringContaining(logged)]);
});

test('a client that goes away halfway leaves a log line and nothing else', async () => {
  const before = world.logged.length;
  const socket = dial();
  const all = heard(socket);
  socket.end(Buffer.from([5, 2, 0]));
  expect(await all).toHaveLength(0);
  expect(world.logged.slice(before)).toEqual([expect.stringContaining('the client went away before its request')]);
});

test('many bytes pass whole both ways', async () => {
  const socket = dial();
  const all = heard(socket);
  const bytes = Buffer.alloc(3_000_000, 'seventeen letters');
  socket.write(Buffer.from([...greeting, ...toApp()]));
  socket.end(bytes);
  expect((await all).subarray(12).equals(bytes)).toBe(true);
});
