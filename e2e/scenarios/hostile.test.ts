// Whatever a peer sends, the ztunnel goes on: calls to its own ports, garbage, half handshakes and floods.
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../lab/eventually.ts';
import { hboneRequest, openSession } from '../lab/hbone-client.ts';
import { dialIn } from '../lab/http.ts';
import type { Pod } from '../lab/pod.ts';
import { hello, helloAnswered, type TwoNodes, twoNodes } from './two-nodes.ts';

const servers = { 8080: { kind: 'double-echo' }, 8082: { kind: 'source' } } as const;

let mesh: TwoNodes;
let pods: Record<'client' | 'server' | 'outside', Pod>;

beforeAll(async () => {
  mesh = await twoNodes();
  const [client, server, outside] = await Promise.all([
    mesh.a.pod({ name: 'client', captured: true }),
    mesh.b.pod({ name: 'server', captured: true, servers }),
    mesh.a.pod({ name: 'outside' }),
  ]);
  pods = { client, server, outside };
});
afterAll(() => mesh?.[Symbol.asyncDispose]());

afterEach(async () => {
  expect([mesh.tunnelA.child.exitCode, mesh.tunnelB.child.exitCode]).toEqual([undefined, undefined]);
  expect(await pods.client.call(`${pods.server.ip}:8080`, hello)).toMatchObject(helloAnswered);
});

const residentMiB = (pid: number): number => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1_024;

describe('calls to ports of the tunnel loop nowhere', () => {
  const nothing = /not-connected|closed|reset/;
  /** `http`: an HTTP server that answers garbage with 400. */
  const rows: readonly (readonly [
    from: 'client' | 'outside',
    to: 'itself' | 'localhost' | 'the ztunnel' | 'the server',
    port: number,
    want: 'nothing' | 'http',
  ])[] = [
    ...[15001, 15006, 15008, 15080, 15000, 15020, 15021].map((port) => ['client', 'itself', port, 'nothing'] as const),
    ...[15001, 15006, 15008, 15080, 15000, 15020, 15021].map((port) => ['client', 'localhost', port, 'nothing'] as const),
    ...[15001, 15006, 15008, 15080, 15000].map((port) => ['client', 'the ztunnel', port, 'nothing'] as const),
    ...[15001, 15006, 15008, 15080, 15000, 15020, 15021].map((port) => ['client', 'the server', port, 'nothing'] as const),
    ...[15001, 15006, 15008, 15080, 15000].map((port) => ['outside', 'the ztunnel', port, 'nothing'] as const),
    ...[15001, 15006, 15008, 15080, 15000, 15020, 15021].map((port) => ['outside', 'the server', port, 'nothing'] as const),
    ...(['client', 'outside'] as const).flatMap((from) => [15020, 15021].map((port) => [from, 'the ztunnel', port, 'http'] as const)),
  ];
  const addressOf = (from: 'client' | 'outside', to: string): string =>
    ({ itself: pods[from].ip, localhost: '127.0.0.1', 'the ztunnel': mesh.tunnelA.addresses.v4, 'the server': pods.server.ip })[to] ??
    expect.fail(to);

  for (const [from, to, port, want] of rows) {
    test(`${from} calls ${to}:${port}: ${want}`, async () => {
      const report = await pods[from].call(`${addressOf(from, to)}:${port}`, { send: 'garbage\r\n\r\n', end: true, timeoutMs: 3_000 });
      if (want === 'http') expect(report.text).toMatch(/^HTTP\/1\.1 400 /);
      else expect(report).toMatchObject({ outcome: expect.stringMatching(nothing), text: '' });
    });
  }

  test('nothing of it made more than a handful of connections', async () => {
    for (const tunnel of [mesh.tunnelA, mesh.tunnelB]) expect((await tunnel.metrics()).sum('istio_tcp_sockets_open')).toBeLessThan(50);
  });
});

/** Resolves when the peer closed; false when it still had not after the time. */
const closed = (socket: Socket, withinMs: number): Promise<boolean> =>
  new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), withinMs);
    socket.resume();
    socket.on('error', () => {});
    socket.once('end', () => socket.end());
    socket.once('close', () => {
      clearTimeout(timer);
      resolve(true);
    });
  });

// Together, because half a handshake is only given up after its 10 s.
describe.concurrent('garbage', () => {
  const kinds: readonly (readonly [name: string, bytes: () => Buffer])[] = [
    ['random bytes', () => randomBytes(64 + (randomBytes(1)[0] ?? 0) * 64)],
    ['zeros', () => Buffer.alloc(100_000)],
    ['a TLS record header with a huge length', () => Buffer.from('16030affff010000fc0303', 'hex')],
    ['half a client hello', () => Buffer.concat([Buffer.from('1603010200010001fc0303', 'hex'), randomBytes(200)])],
    ['an HTTP/2 preface in clear', () => Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')],
    ['a DNS message with a pointer loop', () => Buffer.from('001e123401000001000000000000c00cc00cc00c', 'hex')],
  ];
  for (const port of [15008, 15006, 15001, 15053]) {
    for (const [name, bytes] of kinds) {
      test(`${name} on ${port}`, async () => {
        const from = port === 15001 || port === 15053 ? pods.client : pods.outside;
        const host = port === 15053 ? '127.0.0.1' : port === 15001 ? pods.client.ip : pods.server.ip;
        const sockets = Array.from({ length: 20 }, () => dialIn(from.netns, host, port));
        for (const socket of sockets) socket.end(bytes());
        expect(await Promise.all(sockets.map((socket) => closed(socket, 12_000)))).not.toContain(false);
      });
    }
  }

  test('handshakes that never go on are closed, and do not hold up others', async () => {
    const sockets = Array.from({ length: 200 }, () => dialIn(pods.outside.netns, pods.server.ip, 15008));
    const ends = sockets.map((socket) => closed(socket, 20_000));
    expect(await pods.client.call(`${pods.server.ip}:8080`, hello)).toMatchObject(helloAnswered);
    expect(await Promise.all(ends)).not.toContain(false);
  });

  test('datagrams on 15053', async () => {
    const { createSocket } = await import('node:dgram');
    const socket = pods.client.netns.run(() => createSocket('udp4'));
    await new Promise<void>((resolve) => pods.client.netns.run(() => socket.bind(0, '127.0.0.1', () => resolve())));
    for (let n = 0; n < 200; n++) socket.send(randomBytes(1 + (n % 600)), 15053, '127.0.0.1');
    await new Promise<void>((resolve) => socket.send(Buffer.alloc(12), 15053, '127.0.0.1', () => resolve()));
    socket.close();
  });
});

test('a stranger without a certificate, or with one of another authority, is refused in the handshake', async () => {
  const { testAuthority } = await import('@ambient-mesh/identity/testing');
  const other = testAuthority();
  const { authority } = mesh.lab.controlPlane;
  const target = { netns: pods.outside.netns, to: pods.server.ip, authority: `${pods.server.ip}:8080`, rootsPem: authority.rootsPem };
  await expect(hboneRequest(target)).rejects.toThrow();
  await expect(hboneRequest({ ...target, credentials: other.credentials(other.id('default', 'client')) })).rejects.toThrow();
});

test('floods of streams and resets on one tunnel end that tunnel at most, in bounded memory', async () => {
  const { authority } = mesh.lab.controlPlane;
  const credentials = authority.credentials(authority.id('default', 'client'));
  const before = residentMiB(mesh.tunnelB.child.pid);
  for (let round = 0; round < 3; round++) {
    const session = await openSession({ netns: pods.outside.netns, to: pods.server.ip, credentials, rootsPem: authority.rootsPem });
    for (let n = 0; n < 3_000 && !session.destroyed && !session.closed; n++) {
      const stream = session.request({ ':method': 'CONNECT', ':authority': `${pods.server.ip}:8080` }, { endStream: false });
      stream.on('error', () => {});
      stream.close(8);
    }
    session.destroy();
  }
  expect(residentMiB(mesh.tunnelB.child.pid) - before).toBeLessThan(150);
});

test('ninety clients that never read stall nobody else, and memory stays bounded', async () => {
  const pids = [mesh.tunnelA.child.pid, mesh.tunnelB.child.pid];
  const before = pids.map(residentMiB);
  const stalled = Array.from({ length: 90 }, () => dialIn(pods.client.netns, pods.server.ip, 8082));
  for (const socket of stalled) socket.on('error', () => {}).pause();
  const open = async (): Promise<number> => (await mesh.tunnelA.metrics()).sum('istio_tcp_sockets_open', { reporter: 'source' });
  await eventually(async () => ((await open()) >= 90 ? true : undefined), { what: 'all of them open' });
  for (let n = 0; n < 20; n++) expect(await pods.client.call(`${pods.server.ip}:8080`, hello)).toMatchObject(helloAnswered);
  const grown = pids.map((pid, side) => residentMiB(pid) - (before[side] ?? 0));
  for (const socket of stalled) socket.destroy();
  await eventually(async () => ((await open()) < 3 ? true : undefined), { what: 'the end of all of them' });
  expect(Math.max(...grown)).toBeLessThan(300);
});

test('a header block beyond the limit is refused', async () => {
  const { authority } = mesh.lab.controlPlane;
  const credentials = authority.credentials(authority.id('default', 'client'));
  const giant = hboneRequest({
    netns: pods.outside.netns,
    to: pods.server.ip,
    authority: `${pods.server.ip}:8080`,
    credentials,
    rootsPem: authority.rootsPem,
    headers: { baggage: 'x'.repeat(60_000), forwarded: 'y'.repeat(60_000) },
  });
  await expect(giant.then(({ status }) => (status === 200 ? 'accepted' : Promise.reject(new Error(String(status)))))).rejects.toThrow();
});
