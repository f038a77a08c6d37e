// Opening a connection: every stage has a limit and a name, and a peer that falls silent afterwards is noticed.
import { once } from 'node:events';
import { createSecureServer } from 'node:http2';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { testAuthority } from '@ambient-mesh/identity/testing';
import { fakeClock } from '@ambient-mesh/runtime/testing';
import { ms, systemClock } from '@ambient-mesh/runtime/time';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { openConnection } from './connection.ts';
import type { GrpcTarget } from './target.ts';

const credentials = testAuthority().custom({ subject: { commonName: 'localhost' }, uris: [] });
const keys = { cert: credentials.certChainPem, key: credentials.keyPem };
const rootPem = credentials.rootsPem.join('');
const never = new AbortController().signal;

let scene = new DisposableStack();
afterEach(() => {
  scene.dispose();
  scene = new DisposableStack();
});

async function listening(server: Server): Promise<GrpcTarget> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
  });
  scene.defer(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  await once(server.listen(0, 'localhost'), 'listening');
  return { host: 'localhost', port: (server.address() as AddressInfo).port, root: { literal: rootPem }, headers: [] };
}

const failsAt = (stage: string): object => ({ fault: { code: 'grpc.connect', stage } });

describe('opening fails', () => {
  test('at tcp when nobody listens', async () => {
    const target = { host: 'localhost', port: 1, root: { system: true }, headers: [] } as const;
    await expect(openConnection(target, rootPem, systemClock, never)).rejects.toMatchObject(failsAt('tcp'));
  });

  test('at tls when the server closes at once', async () => {
    const target = await listening(createServer((socket) => void socket.destroy()));
    await expect(openConnection(target, rootPem, systemClock, never)).rejects.toMatchObject(failsAt('tls'));
  });

  test('at tls when the server speaks no HTTP/2', async () => {
    const target = await listening(createTlsServer(keys));
    await expect(openConnection(target, rootPem, systemClock, never)).rejects.toMatchObject(failsAt('tls'));
  });

  const silent: readonly (readonly [stage: string, server: (onConnection: (socket: Socket) => void) => Server])[] = [
    ['tls', (onConnection) => createServer(onConnection)],
    ['http2', (onConnection) => createTlsServer({ ...keys, ALPNProtocols: ['h2'] }, onConnection)],
  ];
  test.each(silent)('at %s after 10 s of silence', async (stage, server) => {
    const clock = fakeClock();
    const reached = Promise.withResolvers<unknown>();
    const target = await listening(server((socket) => void socket.once('data', reached.resolve)));
    const opening = openConnection(target, rootPem, clock, never);
    opening.catch(() => {});
    await reached.promise;
    await clock.advance(ms(10_000));
    await expect(opening).rejects.toMatchObject(failsAt(stage));
  });

  test('with the reason of its signal', async () => {
    const target = await listening(createServer());
    const stopper = new AbortController();
    const opening = openConnection(target, rootPem, systemClock, stopper.signal);
    stopper.abort(new Error('stop'));
    await expect(opening).rejects.toThrow('stop');
  });
});

test('windows are wide: a stream may receive 1 MiB, the connection 4 MiB before it is read', async () => {
  const target = await listening(createSecureServer(keys));
  const session = await openConnection(target, rootPem, systemClock, never);
  scene.defer(() => session.destroy());
  if (session.pendingSettingsAck) await once(session, 'localSettings');
  expect(session.localSettings.initialWindowSize).toBe(1 << 20);
  expect(session.state.effectiveLocalWindowSize).toBe(4 << 20);
});

test('a peer that no longer answers pings loses the connection after 30 s and 10 s', async () => {
  const server = await listening(createSecureServer(keys));
  const relay = await listening(createServer((near) => bridge(near, server.port)));
  const clock = fakeClock();
  const session = await openConnection(relay, rootPem, clock, never);
  await clock.advance(ms(30_000));
  await vi.waitFor(() => expect(clock.pending).toBe(1));
  expect(session.destroyed).toBe(false);
  frozen = true;
  await vi.waitFor(async () => {
    await clock.advance(ms(30_000));
    expect(session.destroyed).toBe(true);
  });
  expect(clock.pending).toBe(0);
});

/** When true, relays swallow what passes. */
let frozen = false;

function bridge(near: Socket, port: number): void {
  const far = connect(port, 'localhost');
  scene.defer(() => void far.destroy());
  far.on('error', () => {});
  near.on('data', (chunk) => !frozen && far.write(chunk));
  far.on('data', (chunk) => !frozen && near.write(chunk));
}
